/* SPDX-License-Identifier: MIT
 *
 * The log-linear histogram. Bucket b < 64 holds the duration b; above, an
 * octave is cut into 64 equal steps, so that the bucket's number is the
 * leading seven bits and the shift, and finding it takes no search.
 */
#include "histogram.h"

#include <string.h>

void histogram_clear(struct histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
}

static unsigned int find_bucket(uint64_t duration)
{
    if (duration < HISTOGRAM_STEPS)
        return (unsigned int)duration;
    unsigned int shift = 57U - (unsigned int)__builtin_clzll(duration);
    unsigned int bucket = shift * HISTOGRAM_STEPS + (unsigned int)(duration >> shift);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static double middle_of(unsigned int bucket)
{
    if (bucket < 2 * HISTOGRAM_STEPS)
        return bucket;
    unsigned int shift = bucket / HISTOGRAM_STEPS - 1;
    uint64_t lowest = (uint64_t)(bucket - shift * HISTOGRAM_STEPS) << shift;
    return (double)lowest + (double)(1ULL << shift) / 2;
}

void histogram_add(struct histogram *histogram, int64_t duration_ns)
{
    histogram->buckets[find_bucket(duration_ns > 0 ? (uint64_t)duration_ns : 0)]++;
    histogram->total++;
}

double histogram_quantile(const struct histogram *histogram, double quantile)
{
    double wanted = (double)histogram->total * quantile;
    double seen = 0;
    for (unsigned int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += (double)histogram->buckets[bucket];
        if (seen >= wanted && seen > 0)
            return middle_of(bucket);
    }
    return 0;
}
