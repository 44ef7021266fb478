/* SPDX-License-Identifier: MIT
 *
 * `coir load`: sends to an echo server and checks what comes back. Here is what
 * belongs to the process, and how it tells what it found; the load itself is in
 * swarm.c.
 */
#include "command.h"
#include "load/options.h"
#include "load/page/page.h"
#include "load/result/json.h"
#include "load/result/summary.h"
#include "load/session/swarm.h"
#include "whole_file.h"
#include <coir.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/** Descriptors that are no connection's: the engine's, standard ones, and some to spare. */
#define DESCRIPTORS_SPARE 32

/* Raises the limit of descriptors as far as we may. Returns false if it does not suffice. */
static bool fit_connections(uint64_t connections)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return true; /* then a connection will tell */
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (connections + DESCRIPTORS_SPARE <= limit.rlim_max)
        return true;
    command_complain("load",
                     "%" PRIu64 " connections need %" PRIu64 " descriptors, and the hard limit is %" PRIu64
                     ": raise that (ulimit -Hn), or run several `coir load` and --merge their results",
                     connections, connections + DESCRIPTORS_SPARE, (uint64_t)limit.rlim_max);
    return false;
}

static void describe(const struct load_options *options, struct load_result *result)
{
    struct utsname system;

    result->settings = options->settings;
    result->processes = 1;
    result->began = (int64_t)time(NULL);
    result->server_cpu_ns = -1;
    histogram_clear(&result->latency);
    (void)snprintf(result->version, sizeof(result->version), "%s", coir_version());
    if (uname(&system) == 0)
        (void)snprintf(result->machine, sizeof(result->machine), "%.40s %.60s %.30s, %ld processors", system.sysname,
                       system.release, system.machine, sysconf(_SC_NPROCESSORS_ONLN));
}

/* Writes a page to `path`, or to standard output where that is "-". */
static int write_page(const char *path, const struct load_result *result, const char *name,
                      const struct load_result *other, const char *other_name)
{
    struct whole_file file;
    int rc = whole_file_open(path, &file);

    if (rc == 0) {
        page_write(file.stream, result, name, other, other_name);
        rc = whole_file_keep(&file);
    }
    if (rc < 0)
        command_complain("load", "cannot write '%s': %s", path, strerror(-rc));
    return rc < 0 ? COMMAND_FAILED : COMMAND_DONE;
}

/* Can the file be written? Better known before a long run than after it. */
static bool check_file(const char *path)
{
    int rc = path == NULL ? 0 : whole_file_check(path);

    if (rc < 0)
        command_complain("load", "cannot write '%s': %s", path, strerror(-rc));
    return rc == 0;
}

/* Writes the files that were asked for. */
static int write_files(const struct load_options *options, const struct load_result *result)
{
    char reason[RESULT_JSON_REASON_SIZE];
    int code = COMMAND_DONE;

    if (options->json != NULL && !result_json_write(result, options->json, reason)) {
        command_complain("load", "%s", reason);
        code = COMMAND_FAILED;
    }
    if (options->report != NULL && write_page(options->report, result, "this run", NULL, NULL) != COMMAND_DONE)
        code = COMMAND_FAILED;
    return code;
}

/* True if what people read must stay out of the way of what programs read. */
static bool takes_output(const struct load_options *options)
{
    return (options->json != NULL && strcmp(options->json, "-") == 0) ||
           (options->report != NULL && strcmp(options->report, "-") == 0);
}

/* Tells the result everywhere. Returns an exit code. */
static int tell(const struct load_options *options, const struct load_result *result)
{
    FILE *people = takes_output(options) ? stderr : stdout;
    int code = write_files(options, result);

    if (!options->quiet)
        summary_print(people, result);
    if (fflush(people) != 0 && people == stdout) {
        command_complain("load", "cannot write to standard output: %s", strerror(errno));
        return COMMAND_FAILED;
    }
    return code;
}

/* What the result itself says. */
static int judge(const struct load_result *result)
{
    if (load_result_wrong(result) > 0)
        return COMMAND_WRONG;
    /* The network may lose datagrams, but not all of them. */
    if ((result->errors[LOAD_ERROR_DATAGRAM_LOST] > 0 && result->messages == 0) || result->unsent > 0)
        return COMMAND_FAILED;
    if (load_result_errors(result) > result->errors[LOAD_ERROR_DATAGRAM_LOST])
        return COMMAND_FAILED;
    return result->interrupted ? COMMAND_CUT_OFF : COMMAND_DONE;
}

/* Wrong bytes are worse than a result that cannot be written. Returns an exit code. */
static int conclude(const struct load_options *options, const struct load_result *result)
{
    int told = tell(options, result);
    int code = judge(result);

    return told == COMMAND_DONE || code == COMMAND_WRONG ? code : told;
}

/* Is the address of ours that connection `number` would come from one of this host? */
static bool check_source(const struct sources *sources, uint64_t number)
{
    char uri[COIR_ADDRESS_SIZE];

    sources_print(sources, number, "tcp", uri);
    if (sources_are_here(sources, number))
        return true;
    command_complain("load", "cannot connect from '%s': not an address of this host", uri);
    return false;
}

/* The ends of the range stand for the rest. */
static bool check_sources(const struct sources *sources)
{
    return sources->count == 0 || (check_source(sources, 0) && check_source(sources, sources->count - 1));
}

/* The load waits for them; before and after that they must not cost the result. */
static void block_signals(void)
{
    sigset_t signals;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

static int run(const struct load_options *options, struct load_result *result)
{
    int rc;

    if (!fit_connections(options->settings.connections) || !check_sources(&options->sources) ||
        !check_file(options->json) || !check_file(options->report))
        return COMMAND_FAILED;
    (void)signal(SIGPIPE, SIG_IGN); /* whoever reads our messages may leave */
    block_signals();
    describe(options, result);
    rc = swarm_run(options, result);
    if (rc < 0) {
        command_complain_of_run("load", options->engine, rc);
        return COMMAND_FAILED;
    }
    return conclude(options, result);
}

static bool read_result(const char *path, struct load_result *ret_result)
{
    char reason[RESULT_JSON_REASON_SIZE];

    if (result_json_read(path, ret_result, reason))
        return true;
    command_complain("load", "%s", reason);
    return false;
}

static int merge(const struct load_options *options, struct load_result *result, struct load_result *other)
{
    if (!read_result(options->files[0], result))
        return COMMAND_FAILED;
    for (size_t i = 1; i < options->file_count; i++) {
        const char *flaw;

        if (!read_result(options->files[i], other))
            return COMMAND_FAILED;
        flaw = load_result_merge(result, other);
        if (flaw == NULL)
            continue;
        command_complain("load", "'%s' does not go with '%s': %s", options->files[i], options->files[0], flaw);
        return COMMAND_FAILED;
    }
    return conclude(options, result);
}

static int compare(const struct load_options *options, struct load_result *result, struct load_result *other)
{
    if (!read_result(options->files[0], result) || !read_result(options->files[1], other))
        return COMMAND_FAILED;
    return write_page(options->report, result, options->files[0], other, options->files[1]);
}

static int begin(const struct load_options *options)
{
    struct load_result *results = calloc(2, sizeof(*results));
    int code = COMMAND_FAILED;

    if (results == NULL)
        command_complain("load", "no memory");
    else if (options->request == LOAD_RUN)
        code = run(options, &results[0]);
    else if (options->request == LOAD_MERGE)
        code = merge(options, &results[0], &results[1]);
    else
        code = compare(options, &results[0], &results[1]);
    free(results);
    return code;
}

int load_main(int count, char **arguments)
{
    static struct load_options options;

    if (!load_options_read(count, arguments, &options))
        return COMMAND_MISUSED;
    if (options.request == LOAD_HELP)
        return command_print("%s", load_options_help());
    if (options.request == LOAD_VERSION)
        return command_print("coir %s\n", coir_version());
    return begin(&options);
}
