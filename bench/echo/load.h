/* SPDX-License-Identifier: MIT
 *
 * The load loop: one thread, raw epoll, N connections, closed loop. Each
 * connection keeps `depth` messages under way and sends the next when one has
 * come back. Every byte that comes back is compared; a wrong byte, an end or a
 * silent server makes the run fail, and is said on standard error.
 *
 * A run begins and ends with nothing under way, so that messages, calls and
 * CPU time of a server can be counted for exactly the same messages.
 */
#ifndef BENCH_ECHO_LOAD_H
#define BENCH_ECHO_LOAD_H

#include "histogram.h"
#include <stddef.h>
#include <stdint.h>

struct load_plan {
    int sessions;
    size_t message_size;
    int depth;    /* messages a session keeps under way */
    int patience; /* seconds without any event while an answer is owed, then the run has failed */
};

/** When a run sends nothing new: the first of the two that is reached. */
struct load_limit {
    int64_t duration_ns;
    uint64_t messages;
};

struct load_tally {
    uint64_t messages;
    int64_t wall_ns; /* until the last answer was back */
    int64_t cpu_ns;  /* of the load itself */
    double p50_ns;
    double p99_ns;
};

struct load;

/** Connects, in waves so that no backlog overflows; each session has echoed one message then. 0 or -1. */
int load_open(const struct load_plan *plan, uint16_t port, struct load **ret_load);

/** Runs the closed loop up to `limit`, then waits until all is back. 0 or -1. */
int load_run(struct load *load, const struct load_limit *limit, struct load_tally *ret_tally);

/** Resets every connection (no TIME_WAIT is left to use up the ports). NULL is ignored. */
void load_close(struct load *load);

#endif
