/* SPDX-License-Identifier: MIT
 *
 * What `coir echo` counts. At all times
 *
 *     accepted = finished + reset + timed_out + shed + cancelled + live
 *
 * which echo_counters_add_up() checks: a session that is not in the sum was
 * lost.
 */
#ifndef PROGRAMS_ECHO_COUNTERS_H
#define PROGRAMS_ECHO_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

/** How a session ended. */
enum echo_outcome {
    ECHO_FINISHED,  /* the client finished, or was quiet in a drain */
    ECHO_RESET,     /* its connection broke */
    ECHO_TIMED_OUT, /* idle for too long, or it did not read */
    ECHO_SHED,      /* turned away: too many of them */
    ECHO_CANCELLED, /* the server had to go */
};
#define ECHO_OUTCOME_COUNT 5

struct echo_counters {
    uint64_t accepted;
    uint64_t live;
    uint64_t ended[ECHO_OUTCOME_COUNT]; /* by outcome */
    uint64_t empty;                     /* of those that finished or were reset: the client never sent a byte */
    uint64_t messages;                  /* echoed, datagrams included */
    uint64_t bytes;                     /* echoed */
    uint64_t waits_for_memory;          /* receives put off as the byte budget was spent */
    uint64_t datagrams_refused;         /* by policy: an answer could start a loop, or reach many */
    uint64_t datagrams_lost;            /* answers that could not be sent */
    uint64_t shortages;                 /* times that a client had to wait for a descriptor or memory of ours */
    uint64_t connections_lost;          /* connections that broke before they were accepted, or for want of memory */
};

static inline bool echo_counters_add_up(const struct echo_counters *counters)
{
    uint64_t known = counters->live;

    for (int i = 0; i < ECHO_OUTCOME_COUNT; i++)
        known += counters->ended[i];
    return known == counters->accepted;
}

#endif
