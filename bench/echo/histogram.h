/* SPDX-License-Identifier: MIT
 *
 * A log-linear histogram of durations: 64 buckets an octave, so that any
 * quantile is right within 1.6 %, in a fixed 18 KiB.
 */
#ifndef BENCH_ECHO_HISTOGRAM_H
#define BENCH_ECHO_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 64   /* buckets an octave */
#define HISTOGRAM_OCTAVES 36 /* up to 2^41 ns, 36 minutes */
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * HISTOGRAM_OCTAVES)

struct histogram {
    uint64_t total;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *histogram);

/** Counts one duration; what is longer than the last bucket counts there. */
void histogram_add(struct histogram *histogram, int64_t duration_ns);

/** The duration below which the fraction `quantile` of all lies; 0 if there is none. */
double histogram_quantile(const struct histogram *histogram, double quantile);

#endif
