/* SPDX-License-Identifier: MIT
 *
 * Medians and bootstrap intervals (statistics.h).
 */
#include "statistics.h"
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define RESAMPLES 4000 /* the ends of the interval then move by less than the noise of any bench here */

static int compare_values(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

static double take_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_values);
    if (count % 2 == 1)
        return values[count / 2];
    return (values[count / 2 - 1] + values[count / 2]) / 2;
}

double statistics_median(const double *values, size_t count)
{
    double *copy = malloc(count * sizeof *copy);
    double median;

    if (copy == NULL)
        return (double)NAN;
    memcpy(copy, values, count * sizeof *copy);
    median = take_median(copy, count);
    free(copy);
    return median;
}

/* The upper half of a 64-bit linear congruential step: even enough to draw samples with. */
static size_t draw_index(uint64_t *state, size_t count)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)((*state >> 32) % count);
}

static void fill_medians(const double *ratios, size_t count, double *sample, double *ret_medians)
{
    uint64_t state = 1;

    for (size_t i = 0; i < RESAMPLES; i++) {
        for (size_t j = 0; j < count; j++)
            sample[j] = ratios[draw_index(&state, count)];
        ret_medians[i] = take_median(sample, count);
    }
    qsort(ret_medians, RESAMPLES, sizeof *ret_medians, compare_values);
}

int statistics_ratio_of(const double *measured, const double *baseline, size_t pairs,
                        struct statistics_ratio *ret_ratio)
{
    double *ratios = malloc((2 * pairs + RESAMPLES) * sizeof *ratios);
    double *medians;

    if (ratios == NULL)
        return -ENOMEM;
    medians = ratios + 2 * pairs;
    for (size_t i = 0; i < pairs; i++)
        ratios[i] = measured[i] / baseline[i];
    fill_medians(ratios, pairs, ratios + pairs, medians);
    ret_ratio->median = take_median(ratios, pairs);
    ret_ratio->low = medians[RESAMPLES * 25 / 1000];
    ret_ratio->high = medians[RESAMPLES * 975 / 1000 - 1];
    ret_ratio->pairs = pairs;
    free(ratios);
    return 0;
}

void statistics_print_ratio(FILE *file, const char *label, const struct statistics_ratio *ratio)
{
    fprintf(file, "%s: ratio %.3f [%.3f, %.3f] (%zu pairs)\n", label, ratio->median, ratio->low, ratio->high,
            ratio->pairs);
}
