/* SPDX-License-Identifier: MIT
 *
 * The two clocks of the bench programs, in nanoseconds: the monotonic one and
 * the process's own CPU time.
 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_read(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* cannot fail for these two */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t clock_monotonic(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

static inline int64_t clock_cpu(void)
{
    return clock_read(CLOCK_PROCESS_CPUTIME_ID);
}

#endif
