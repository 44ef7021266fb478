/* SPDX-License-Identifier: MIT
 *
 * One measured run: a fresh server process, the sessions, a warm-up, then a
 * window that begins and ends with nothing under way.
 */
#ifndef BENCH_ECHO_MEASURE_H
#define BENCH_ECHO_MEASURE_H

#include <stddef.h>
#include <stdint.h>

struct cell {
    size_t message_size;
    int sessions;
    int depth;
};

struct timing {
    int64_t warm_up_ns;
    int64_t window_ns;
};

/** What one run gave; everything is of the window alone. */
struct run {
    uint64_t messages;
    double wall_ns;
    double server_cpu_ns;
    double load_cpu_ns;
    uint64_t receives; /* the server's system calls on sessions */
    uint64_t sends;
    double p50_ns;
    double p99_ns;
    int repeats; /* runs thrown away before this one, because the machine was taken away */
};

/** Measures the server `name` once. 0, or -1 with a reason on standard error. */
int measure_run(const char *name, const struct cell *cell, const struct timing *timing, struct run *ret_run);

double run_cpu_per_message(const struct run *run);
double run_p99(const struct run *run);

#endif
