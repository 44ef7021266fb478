/* SPDX-License-Identifier: MIT
 *
 * Servers under callgrind and strace. The tool writes a file when the server
 * has ended; one number is taken from it.
 */
#include "exact.h"

#include "load.h"
#include "process.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGES 20000 /* of the shorter run; the longer has twice as many */
#define PATIENCE_SECONDS 60
#define INSTRUCTIONS_ABOVE_BASELINE_MAX 400

/* A tool in front of a server, and how to read what it wrote. */
struct tool {
    const char *words[8]; /* NULL-terminated; the last word ends with the name of the file */
    double (*read_total)(FILE *file);
};

/* What one run under a tool gave. */
struct reading {
    double total;    /* the tool's */
    double reported; /* the server's own count of calls */
};

static double read_instructions(FILE *file)
{
    char line[512];
    double total = -1;
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "summary: %lf", &total) == 1 || sscanf(line, "totals: %lf", &total) == 1)
            break;
    return total;
}

/* Rows of strace -c: "% time, seconds, usecs/call, calls, [errors,] name". */
static double read_calls(FILE *file)
{
    char line[512];
    double total = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        double calls;
        if (strstr(line, "total") == NULL && sscanf(line, "%*f %*f %*f %lf", &calls) == 1)
            total += calls;
    }
    return total;
}

static int serve_messages(const struct process *server, const struct cell *cell, uint64_t messages,
                          struct process_counts *ret_counts)
{
    struct load_plan plan = {.sessions = cell->sessions,
                             .message_size = cell->message_size,
                             .depth = cell->depth,
                             .patience = PATIENCE_SECONDS};
    struct load_limit limit = {.duration_ns = INT64_MAX / 2, .messages = messages};
    struct load_tally tally;
    struct load *load;
    int rc;

    if (load_open(&plan, server->port, &load) < 0)
        return -1;
    rc = load_run(load, &limit, &tally);
    if (rc == 0)
        rc = process_counts(server, ret_counts);
    load_close(load);
    return rc;
}

static int read_total(const struct tool *tool, const char *path, double *ret_total)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return perror(path), -1;
    *ret_total = tool->read_total(file);
    fclose(file);
    return *ret_total >= 0 ? 0 : -1;
}

static int run_under(const struct tool *tool, const char *path, const char *name, const struct cell *cell,
                     uint64_t messages, struct reading *ret_reading)
{
    struct process server;
    struct process_counts counts = {0};
    int rc;

    if (process_start(name, tool->words, &server) < 0)
        return -1;
    rc = serve_messages(&server, cell, messages, &counts);
    if (process_stop(&server) < 0)
        rc = -1;
    if (rc < 0 || read_total(tool, path, &ret_reading->total) < 0)
        return -1;
    ret_reading->reported = (double)(counts.receives + counts.sends);
    return 0;
}

/* Per message, between a run of MESSAGES and one of twice as many. */
static int difference_of(const struct tool *tool, const char *path, const char *name, const struct cell *cell,
                         struct reading *ret_difference)
{
    struct reading once;
    struct reading twice;

    if (run_under(tool, path, name, cell, MESSAGES, &once) < 0 ||
        run_under(tool, path, name, cell, 2 * (uint64_t)MESSAGES, &twice) < 0)
        return -1;
    ret_difference->total = (twice.total - once.total) / MESSAGES;
    ret_difference->reported = (twice.reported - once.reported) / MESSAGES;
    return 0;
}

static int make_output_path(char path[static 64])
{
    int fd;
    snprintf(path, 64, "/tmp/bench-echo-XXXXXX");
    fd = mkstemp(path);
    if (fd < 0)
        return perror(path), -1;
    return close(fd);
}

int exact_report_instructions(const char *server, const struct cell *cell)
{
    char path[64];
    char option[128];
    struct reading baseline;
    struct reading measured;
    int rc;

    if (make_output_path(path) < 0)
        return -1;
    snprintf(option, sizeof option, "--callgrind-out-file=%s", path);
    struct tool callgrind = {{"valgrind", "-q", "--log-file=/dev/null", "--tool=callgrind", option, NULL},
                             read_instructions};
    rc = difference_of(&callgrind, path, "baseline", cell, &baseline);
    if (rc == 0)
        rc = difference_of(&callgrind, path, server, cell, &measured);
    unlink(path);
    if (rc < 0)
        return -1;
    bool met = measured.total <= baseline.total + INSTRUCTIONS_ABOVE_BASELINE_MAX;
    printf("%zu B x %d sessions x depth %d, under callgrind, %d against %d messages\n", cell->message_size,
           cell->sessions, cell->depth, MESSAGES, 2 * MESSAGES);
    printf("  user instructions per message: %.1f, baseline %.1f: %.1f more\n", measured.total, baseline.total,
           measured.total - baseline.total);
    printf("    %s user instructions per message: at most %d above the baseline\n", met ? "ok    " : "MISSED",
           INSTRUCTIONS_ABOVE_BASELINE_MAX);
    return !met;
}

static int report_calls_of(const struct tool *strace, const char *path, const char *name, const struct cell *cell)
{
    struct reading difference;
    bool equal;

    if (difference_of(strace, path, name, cell, &difference) < 0)
        return -1;
    equal = (long)(difference.total * MESSAGES) == (long)(difference.reported * MESSAGES);
    printf("    %s %s: strace sees %.4f socket calls per message, the server says %.4f\n", equal ? "ok    " : "MISSED",
           name, difference.total, difference.reported);
    return !equal;
}

int exact_report_calls(const char *server, const struct cell *cell)
{
    char path[64];
    int missed;
    int missed_baseline;

    if (make_output_path(path) < 0)
        return -1;
    struct tool strace = {
        {"strace", "-f", "-c", "-e", "trace=recvfrom,recvmsg,readv,sendto,sendmsg,writev", "-o", path, NULL},
        read_calls,
    };
    printf("%zu B x %d sessions x depth %d, under strace, %d against %d messages\n", cell->message_size, cell->sessions,
           cell->depth, MESSAGES, 2 * MESSAGES);
    missed_baseline = report_calls_of(&strace, path, "baseline", cell);
    missed = report_calls_of(&strace, path, server, cell);
    unlink(path);
    return missed < 0 || missed_baseline < 0 ? -1 : missed + missed_baseline;
}
