/* SPDX-License-Identifier: MIT
 *
 * A log-linear histogram of durations: 128 buckets an octave, so that any
 * quantile is right within HISTOGRAM_PRECISION, in a fixed 37 KiB. The least and the
 * greatest duration are kept as they are.
 */
#ifndef PROGRAMS_HISTOGRAM_H
#define PROGRAMS_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 128  /* buckets an octave */
#define HISTOGRAM_OCTAVES 36 /* up to 2^42 ns, more than an hour */
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * HISTOGRAM_OCTAVES)
/** No quantile is further off than this fraction of it: half a bucket. */
#define HISTOGRAM_PRECISION 0.004

struct histogram {
    uint64_t total;
    int64_t least_ns; /* INT64_MAX while there is none */
    int64_t most_ns;  /* 0 while there is none */
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/** Forgets everything; to be called first. */
void histogram_clear(struct histogram *histogram);

/** Counts one duration; what is longer than the last bucket counts there, a negative one as 0. */
void histogram_add(struct histogram *histogram, int64_t duration_ns);

/** Counts all of `other`, too. */
void histogram_merge(struct histogram *histogram, const struct histogram *other);

/** The duration below which the fraction `quantile` of all lies, from 0 to 1; 0 if there is none. */
double histogram_quantile(const struct histogram *histogram, double quantile);

/** The bounds of a bucket: from `least_ns`, below `end_ns`. */
int64_t histogram_bucket_least(unsigned int bucket);
int64_t histogram_bucket_end(unsigned int bucket);

#endif
