/* SPDX-License-Identifier: MIT
 *
 * One measured run. CPU time is read while the server sleeps, because the
 * kernel brings it up to date only when a task leaves its CPU; that is one
 * reason why the window begins and ends with nothing under way.
 */
#include "measure.h"

#include "load.h"
#include "process.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PATIENCE_SECONDS 10
#define REPEATS_MAX 2
#define CROWD 64  /* sessions from which on one of the two sides is always busy */
#define BUSY 0.75 /* of its CPU */

struct snapshot {
    int64_t cpu_ns;
    struct process_counts counts;
};

static void let_server_sleep(void)
{
    struct timespec pause = {.tv_nsec = 2000000};
    (void)nanosleep(&pause, NULL);
}

static int take_snapshot(const struct process *server, struct snapshot *ret_snapshot)
{
    struct snapshot snapshot;
    if (process_counts(server, &snapshot.counts) < 0)
        return -1;
    let_server_sleep();
    if (process_cpu_ns(server, &snapshot.cpu_ns) < 0)
        return -1;
    *ret_snapshot = snapshot;
    return 0;
}

/* The answer to a snapshot costs the server some microseconds, in each window once. */
static int measure_window(const struct process *server, struct load *load, int64_t window_ns, struct run *ret_run)
{
    struct load_limit limit = {.duration_ns = window_ns, .messages = UINT64_MAX};
    struct load_tally tally;
    struct snapshot before;
    struct snapshot after;

    if (take_snapshot(server, &before) < 0 || load_run(load, &limit, &tally) < 0 || take_snapshot(server, &after) < 0)
        return -1;
    *ret_run = (struct run){
        .messages = tally.messages,
        .wall_ns = (double)tally.wall_ns,
        .server_cpu_ns = (double)(after.cpu_ns - before.cpu_ns),
        .load_cpu_ns = (double)tally.cpu_ns,
        .receives = after.counts.receives - before.counts.receives,
        .sends = after.counts.sends - before.counts.sends,
        .p50_ns = tally.p50_ns,
        .p99_ns = tally.p99_ns,
    };
    return 0;
}

static int warm_up_and_measure(const struct process *server, const struct cell *cell, const struct timing *timing,
                               struct run *ret_run)
{
    struct load_plan plan = {.sessions = cell->sessions,
                             .message_size = cell->message_size,
                             .depth = cell->depth,
                             .patience = PATIENCE_SECONDS};
    struct load_limit limit = {.duration_ns = timing->warm_up_ns, .messages = UINT64_MAX};
    struct load_tally ignored;
    struct load *load;
    int rc;

    if (load_open(&plan, server->port, &load) < 0)
        return -1;
    rc = load_run(load, &limit, &ignored);
    if (rc == 0)
        rc = measure_window(server, load, timing->window_ns, ret_run);
    load_close(load);
    return rc;
}

static int measure_once(const char *name, const struct cell *cell, const struct timing *timing, struct run *ret_run)
{
    struct process server;
    int rc;

    if (process_start(name, NULL, &server) < 0)
        return -1;
    rc = warm_up_and_measure(&server, cell, timing, ret_run);
    if (process_stop(&server) < 0)
        rc = -1;
    return rc;
}

static int was_undisturbed(const struct run *run, const struct cell *cell)
{
    if (cell->sessions * cell->depth < CROWD)
        return 1; /* a few sessions leave both sides waiting for each other */
    return run->server_cpu_ns > BUSY * run->wall_ns || run->load_cpu_ns > BUSY * run->wall_ns;
}

int measure_run(const char *name, const struct cell *cell, const struct timing *timing, struct run *ret_run)
{
    for (int repeats = 0;; repeats++) {
        if (measure_once(name, cell, timing, ret_run) < 0) {
            fprintf(stderr, "echo: FAILED RUN of %s, %zu B x %d sessions x depth %d\n", name, cell->message_size,
                    cell->sessions, cell->depth);
            return -1;
        }
        ret_run->repeats = repeats;
        if (was_undisturbed(ret_run, cell) || repeats == REPEATS_MAX)
            return 0;
        fprintf(stderr, "echo: the machine was taken away (server %.0f %% busy, load %.0f %%): once more\n",
                100 * ret_run->server_cpu_ns / ret_run->wall_ns, 100 * ret_run->load_cpu_ns / ret_run->wall_ns);
    }
}

double run_cpu_per_message(const struct run *run)
{
    return run->server_cpu_ns / (double)run->messages;
}

double run_p99(const struct run *run)
{
    return run->p99_ns;
}
