/* SPDX-License-Identifier: MIT
 *
 * The histogram of durations: buckets that cover everything, quantiles within
 * the precision that is promised, extremes that are exact.
 */
#include "histogram.h"
#include "support/test.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 20000
#define LONGEST (INT64_C(1) << 42)

static struct histogram histogram, other;

/* Durations of all magnitudes, as many short ones as long ones. */
static int64_t draw(struct test_random *random)
{
    return (int64_t)(test_random_next(random) >> (22 + test_random_below(random, 42)));
}

static unsigned int find_only_bucket(void)
{
    unsigned int found = HISTOGRAM_BUCKETS;

    for (unsigned int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        if (histogram.buckets[bucket] == 0)
            continue;
        assert_int_equal(histogram.buckets[bucket], 1);
        assert_int_equal(found, HISTOGRAM_BUCKETS);
        found = bucket;
    }
    assert_true(found < HISTOGRAM_BUCKETS);
    return found;
}

static void expect_in_bounds(int64_t duration)
{
    unsigned int bucket;

    histogram_clear(&histogram);
    histogram_add(&histogram, duration);
    bucket = find_only_bucket();
    if (duration < histogram_bucket_least(bucket) || duration >= histogram_bucket_end(bucket))
        fail_msg("%lld is in bucket %u", (long long)duration, bucket);
}

TEST(buckets_adjoin_and_are_as_narrow_as_promised)
{
    assert_int_equal(histogram_bucket_least(0), 0);
    assert_int_equal(histogram_bucket_end(HISTOGRAM_BUCKETS - 1), LONGEST);
    for (unsigned int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        int64_t least = histogram_bucket_least(bucket), end = histogram_bucket_end(bucket);

        if (bucket + 1 < HISTOGRAM_BUCKETS)
            assert_int_equal(end, histogram_bucket_least(bucket + 1));
        assert_true((double)(end - 1 - least) / 2 <= (double)least * HISTOGRAM_PRECISION);
    }
}

TEST(each_duration_is_in_the_bucket_of_its_bounds)
{
    struct test_random random;

    for (int bit = 0; bit < 42; bit++)
        for (int64_t step = -1; step <= 1; step++)
            expect_in_bounds((INT64_C(1) << bit) + step);
    expect_in_bounds(LONGEST - 1);
    test_random_init(&random);
    for (int i = 0; i < test_scaled(2000); i++)
        expect_in_bounds(draw(&random));
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

TEST(quantiles_are_within_the_precision)
{
    static int64_t durations[COUNT];
    struct test_random random;

    test_random_init(&random);
    histogram_clear(&histogram);
    for (int i = 0; i < COUNT; i++) {
        durations[i] = draw(&random);
        histogram_add(&histogram, durations[i]);
    }
    qsort(durations, COUNT, sizeof(durations[0]), compare);
    for (int rank = 1; rank <= COUNT; rank += 7) {
        double exact = (double)durations[rank - 1];
        double got = histogram_quantile(&histogram, ((double)rank - 0.5) / COUNT);

        if (fabs(got - exact) > exact * HISTOGRAM_PRECISION)
            fail_msg("rank %d: got %f, wanted %f", rank, got, exact);
    }
}

TEST(the_least_and_the_greatest_are_exact)
{
    histogram_clear(&histogram);
    histogram_add(&histogram, 1000003);
    assert_true(histogram_quantile(&histogram, 0.5) == 1000003);
    for (int i = 0; i < 98; i++)
        histogram_add(&histogram, 2000000);
    histogram_add(&histogram, 3000017);
    assert_int_equal(histogram.least_ns, 1000003);
    assert_int_equal(histogram.most_ns, 3000017);
    assert_true(histogram_quantile(&histogram, 0) == 1000003);
    assert_true(histogram_quantile(&histogram, 0.01) == 1000003);
    assert_true(histogram_quantile(&histogram, 0.995) == 3000017);
    assert_true(histogram_quantile(&histogram, 1) == 3000017);
    assert_true(fabs(histogram_quantile(&histogram, 0.99) - 2000000) < 2000000 * HISTOGRAM_PRECISION);
}

TEST(nothing_has_no_quantile)
{
    histogram_clear(&histogram);
    assert_int_equal(histogram.total, 0);
    assert_int_equal(histogram.least_ns, INT64_MAX);
    assert_int_equal(histogram.most_ns, 0);
    assert_true(histogram_quantile(&histogram, 0.5) == 0);
}

TEST(what_is_out_of_range_counts_at_the_ends)
{
    histogram_clear(&histogram);
    histogram_add(&histogram, -5);
    histogram_add(&histogram, INT64_MIN);
    histogram_add(&histogram, LONGEST);
    histogram_add(&histogram, INT64_MAX);
    assert_int_equal(histogram.buckets[0], 2);
    assert_int_equal(histogram.buckets[HISTOGRAM_BUCKETS - 1], 2);
    assert_int_equal(histogram.least_ns, 0);
    assert_int_equal(histogram.most_ns, INT64_MAX);
    assert_true(histogram_quantile(&histogram, 1) > 9.2e18);
}

TEST(a_merged_one_is_as_if_all_had_been_counted_in_it)
{
    static struct histogram all;
    struct test_random random;

    test_random_init(&random);
    histogram_clear(&histogram);
    histogram_clear(&other);
    histogram_clear(&all);
    for (int i = 0; i < 1000; i++) {
        int64_t duration = draw(&random);

        histogram_add(&all, duration);
        histogram_add(i % 3 == 0 ? &histogram : &other, duration);
    }
    histogram_merge(&histogram, &other);
    assert_memory_equal(&histogram, &all, sizeof(all));
    histogram_clear(&other);
    histogram_merge(&histogram, &other);
    assert_memory_equal(&histogram, &all, sizeof(all));
}

TEST(a_merged_one_has_the_extremes_of_both)
{
    histogram_clear(&histogram);
    histogram_clear(&other);
    histogram_add(&histogram, 5);
    histogram_add(&other, 3);
    histogram_add(&other, 9);
    histogram_merge(&histogram, &other);
    assert_int_equal(histogram.least_ns, 3);
    assert_int_equal(histogram.most_ns, 9);
}
