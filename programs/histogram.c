/* SPDX-License-Identifier: MIT
 *
 * The log-linear histogram. Bucket b < 128 holds the duration b; above, an
 * octave is cut into 128 equal steps, so that a bucket's number is the leading
 * eight bits and the shift, and finding it takes no search.
 */
#include "histogram.h"
#include <string.h>

#define LEADING_BITS 8
#define LAST_BUCKET (HISTOGRAM_BUCKETS - 1)
/* In binary 0.99 is a little more, and 99 of a hundred would be too few of them. */
#define BINARY_SLACK (1 - 1e-12)

void histogram_clear(struct histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
    histogram->least_ns = INT64_MAX;
}

static unsigned int find_bucket(uint64_t duration)
{
    unsigned int shift, bucket;

    if (duration < HISTOGRAM_STEPS)
        return (unsigned int)duration;
    shift = 64 - LEADING_BITS - (unsigned int)__builtin_clzll(duration);
    bucket = shift * HISTOGRAM_STEPS + (unsigned int)(duration >> shift);
    return bucket < LAST_BUCKET ? bucket : LAST_BUCKET;
}

/* In the first two octaves, which go from 0, a bucket is a nanosecond wide. */
static unsigned int shift_of(unsigned int bucket)
{
    return bucket < 2 * HISTOGRAM_STEPS ? 0 : bucket / HISTOGRAM_STEPS - 1;
}

int64_t histogram_bucket_least(unsigned int bucket)
{
    unsigned int shift = shift_of(bucket);

    return (int64_t)(bucket - shift * HISTOGRAM_STEPS) << shift;
}

int64_t histogram_bucket_end(unsigned int bucket)
{
    return histogram_bucket_least(bucket) + ((int64_t)1 << shift_of(bucket));
}

void histogram_add(struct histogram *histogram, int64_t duration_ns)
{
    int64_t duration = duration_ns > 0 ? duration_ns : 0;

    histogram->buckets[find_bucket((uint64_t)duration)]++;
    histogram->total++;
    if (duration < histogram->least_ns)
        histogram->least_ns = duration;
    if (duration > histogram->most_ns)
        histogram->most_ns = duration;
}

void histogram_merge(struct histogram *histogram, const struct histogram *other)
{
    for (unsigned int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
        histogram->buckets[bucket] += other->buckets[bucket];
    histogram->total += other->total;
    if (other->least_ns < histogram->least_ns)
        histogram->least_ns = other->least_ns;
    if (other->most_ns > histogram->most_ns)
        histogram->most_ns = other->most_ns;
}

/* A bucket's middle; what is known better than that is the least and the greatest of all. */
static double middle_of(const struct histogram *histogram, unsigned int bucket)
{
    double middle = (double)(histogram_bucket_least(bucket) + histogram_bucket_end(bucket) - 1) / 2;

    if (middle < (double)histogram->least_ns)
        return (double)histogram->least_ns;
    return middle < (double)histogram->most_ns ? middle : (double)histogram->most_ns;
}

double histogram_quantile(const struct histogram *histogram, double quantile)
{
    double wanted = (double)histogram->total * quantile * BINARY_SLACK;
    uint64_t seen = 0;

    if (histogram->total == 0)
        return 0;
    if (wanted <= 1)
        return (double)histogram->least_ns;
    if (quantile >= 1)
        return (double)histogram->most_ns;
    for (unsigned int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->buckets[bucket];
        if (seen == histogram->total && wanted > (double)(seen - 1))
            break;
        if ((double)seen >= wanted)
            return middle_of(histogram, bucket);
    }
    return (double)histogram->most_ns;
}
