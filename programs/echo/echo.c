/* SPDX-License-Identifier: MIT
 *
 * `coir echo`: the server of RFC 862. Here is what belongs to the process: its
 * options, limits and supervisor. The service itself is in server.c.
 */
#include "command.h"
#include "doors.h"
#include "options.h"
#include "server.h"
#include "supervisor.h"
#include <coir.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>

/** Descriptors that are not a session's: the engine's, standard ones, the log's, and some to spare. */
#define DESCRIPTORS_SPARE 32

/* How many descriptors there may be, once the limit is raised as far as we may. */
static uint64_t raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return UINT32_MAX;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur;
}

/* Sets how many sessions there may be. Returns an exit code. */
static int fit_sessions(struct echo_options *options)
{
    uint64_t spare = DESCRIPTORS_SPARE + 2 * options->uri_count; /* a door, and a client that waits in it */
    uint64_t wanted = options->max_sessions > 0 ? options->max_sessions : 1;
    uint64_t limit = raise_descriptors();

    if (wanted + spare > limit) {
        command_complain("echo",
                         "%" PRIu64 " sessions need %" PRIu64 " descriptors, and the hard limit is %" PRIu64
                         ": raise that (ulimit -Hn, or LimitNOFILE= of the unit), or ask for less",
                         wanted, wanted + spare, limit);
        return COMMAND_FAILED;
    }
    if (options->max_sessions == 0)
        options->max_sessions = limit - spare;
    return COMMAND_DONE;
}

static int serve(const struct echo_options *options, const struct supervisor *supervisor)
{
    int code;
    int rc = server_run(options, supervisor, &code);

    if (rc == 0)
        return code;
    command_complain_of_run("echo", options->engine, rc);
    return COMMAND_FAILED;
}

/* Prepares what belongs to the process, and serves. */
static int begin(struct echo_options *options)
{
    struct supervisor supervisor;
    const char *reason;
    int result = doors_take_given(options);

    if (result == COMMAND_DONE)
        result = fit_sessions(options);
    if (result != COMMAND_DONE)
        return result;
    if (supervisor_attach(&supervisor, &reason) < 0) {
        command_complain("echo", "cannot talk to the supervisor: %s", reason);
        return COMMAND_FAILED;
    }
    result = serve(options, &supervisor);
    supervisor_detach(&supervisor);
    return result;
}

int echo_main(int count, char **arguments)
{
    static struct echo_options options;

    if (!echo_options_read(count, arguments, &options))
        return COMMAND_MISUSED;
    switch (options.request) {
    case ECHO_HELP:
        return command_print("%s", echo_options_help());
    case ECHO_VERSION:
        return command_print("coir %s\n", coir_version());
    case ECHO_SERVE:
        break;
    }
    return begin(&options);
}
