/* SPDX-License-Identifier: MIT
 *
 * The sessions whose latency is measured while others misbehave: each sends a
 * small message at a fixed rate, and not before the last one has come back.
 * What comes back is compared.
 */
#ifndef BENCH_STORM_PULSE_H
#define BENCH_STORM_PULSE_H

#include "histogram.h"
#include <stdint.h>

struct pulse_plan {
    uint16_t port; /* on 127.0.0.1 */
    int sessions;
    int64_t interval_ns; /* between two messages of one session */
};

struct pulse_tally {
    uint64_t messages; /* echoed */
    uint64_t put_off;  /* not sent: the one before had not come back */
    uint64_t served;   /* sessions that had something echoed */
    double p50_ns;     /* from sending to having it back */
    double p99_ns;
    double longest_ns;
};

struct pulse;

/** Connects. 0, or -1 with a reason on standard error. */
int pulse_open(const struct pulse_plan *plan, struct pulse **ret_pulse);

/** Goes on for so long, then waits for what is under way. 0 or -1. */
int pulse_run(struct pulse *pulse, int64_t duration_ns, struct pulse_tally *ret_tally);

/** Closes every connection. NULL is ignored. */
void pulse_close(struct pulse *pulse);

#endif
