/* SPDX-License-Identifier: MIT
 *
 * bench/idle: what an idle session costs in user memory. N sessions each echo
 * one message and then say nothing; the growth of the server's resident memory
 * since before they came, divided by N. The plain epoll server stands beside
 * it: it keeps a few words per session, and no stack.
 *
 * usage: idle [SESSIONS [ENGINE]]      (10000, epoll)
 * Exit code: 0 within the target, 1 not, 2 a run failed.
 */
#include "echo/load.h"
#include "echo/process.h"
#include "echo/server.h"
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BYTES_PER_SESSION_MAX 4600
#define SESSIONS_MAX 19000
#define MESSAGE_SIZE 64
#define PATIENCE_SECONDS 10

struct memory {
    long resident;    /* bytes, all */
    long anonymous;   /* bytes of them that no file stands behind */
    long page_tables; /* bytes of the kernel's, for it */
};

/* A field "Name:   123 kB" of one of the process's files in /proc, in bytes; -1 if it is not there. */
static long read_field(const struct process *process, const char *file_name, const char *field)
{
    char path[64];
    char line[256];
    long kilobytes = -1;
    size_t length = strlen(field);
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)process->pid, file_name);
    file = fopen(path, "re");
    if (file == NULL)
        return -1;
    while (kilobytes < 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, field, length) == 0 && line[length] == ':')
            kilobytes = strtol(line + length + 1, NULL, 10);
    fclose(file);
    return kilobytes < 0 ? -1 : kilobytes * 1024;
}

static int read_memory(const struct process *process, struct memory *ret_memory)
{
    struct timespec pause = {.tv_nsec = 200000000}; /* what is done after the last answer is done then */
    struct memory memory;

    (void)nanosleep(&pause, NULL);
    memory.resident = read_field(process, "smaps_rollup", "Rss");
    memory.anonymous = read_field(process, "smaps_rollup", "Anonymous");
    memory.page_tables = read_field(process, "status", "VmPTE");
    if (memory.resident < 0 || memory.anonymous < 0 || memory.page_tables < 0) {
        fprintf(stderr, "idle: /proc/%d/smaps_rollup cannot be read\n", (int)process->pid);
        return -1;
    }
    *ret_memory = memory;
    return 0;
}

/* Memory that came with the sessions, in bytes for all of them. */
static int measure_growth(const struct process *server, int sessions, struct memory *ret_growth)
{
    struct load_plan plan = {
        .sessions = sessions, .message_size = MESSAGE_SIZE, .depth = 1, .patience = PATIENCE_SECONDS};
    struct memory before;
    struct memory after;
    struct load *load;
    int rc;

    if (read_memory(server, &before) < 0 || load_open(&plan, server->port, &load) < 0)
        return -1;
    rc = read_memory(server, &after);
    load_close(load);
    if (rc < 0)
        return -1;
    ret_growth->resident = after.resident - before.resident;
    ret_growth->anonymous = after.anonymous - before.anonymous;
    ret_growth->page_tables = after.page_tables - before.page_tables;
    return 0;
}

/* Returns resident bytes per session, or -1. */
static double report_server(const char *name, int sessions)
{
    struct process server;
    struct memory growth;
    int rc;

    if (process_start(name, NULL, &server) < 0)
        return -1;
    rc = measure_growth(&server, sessions, &growth);
    if (process_stop(&server) < 0 || rc < 0)
        return -1;
    printf("  %-8s %8.0f bytes a session (%.0f anonymous); page tables %.0f more\n", name,
           (double)growth.resident / sessions, (double)growth.anonymous / sessions,
           (double)growth.page_tables / sessions);
    return (double)growth.resident / sessions;
}

int main(int argc, char **argv)
{
    int sessions = argc > 1 ? atoi(argv[1]) : 10000;
    const char *engine = argc > 2 ? argv[2] : "epoll";
    double baseline;
    double measured;
    bool met;

    if (server_wanted(argc, argv))
        return server_main(argv);
    if (argc > 3 || sessions < 1 || sessions > SESSIONS_MAX) {
        fprintf(stderr, "usage: idle [SESSIONS [ENGINE]], at most %d sessions\n", SESSIONS_MAX);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    process_pin(PROCESS_LOAD_CPU);
    printf("idle: resident memory of %d sessions that have echoed once\n", sessions);
    baseline = report_server("baseline", sessions);
    measured = report_server(engine, sessions);
    if (baseline < 0 || measured < 0)
        return 2;
    met = measured <= BYTES_PER_SESSION_MAX;
    printf("    %s at most %d bytes a session: %.0f, %.0f more than the baseline\n", met ? "ok    " : "MISSED",
           BYTES_PER_SESSION_MAX, measured, measured - baseline);
    return !met;
}
