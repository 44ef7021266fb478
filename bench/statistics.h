/* SPDX-License-Identifier: MIT
 *
 * What the bench programs say about their samples: medians, and the median of
 * paired ratios with its 95 % bootstrap interval. Pairs are measured one right
 * after the other, so that what disturbs the machine disturbs both.
 */
#ifndef BENCH_STATISTICS_H
#define BENCH_STATISTICS_H

#include <stddef.h>
#include <stdio.h>

/** The median of paired ratios, and between what it lies with 95 % confidence. */
struct statistics_ratio {
    double median;
    double low;
    double high;
    size_t pairs;
};

/** The median of `count` >= 1 values, which stay in their order; NAN if there is no memory. */
double statistics_median(const double *values, size_t count);

/**
 * The median of measured[i] / baseline[i], with its percentile bootstrap
 * interval. The resampling is seeded: equal samples give equal intervals.
 *
 * Returns: 0, or -ENOMEM.
 */
int statistics_ratio_of(const double *measured, const double *baseline, size_t pairs,
                        struct statistics_ratio *ret_ratio);

/** Prints `label: ratio 1.23 [1.20, 1.26] (31 pairs)` and a newline. */
void statistics_print_ratio(FILE *file, const char *label, const struct statistics_ratio *ratio);

#endif
