/* SPDX-License-Identifier: MIT
 *
 * A server against the baseline in one cell: interleaved pairs of runs until
 * the interval of the median ratio is narrow enough, and the targets that the
 * result is held to.
 */
#ifndef BENCH_ECHO_COMPARE_H
#define BENCH_ECHO_COMPARE_H

#include "measure.h"
#include "statistics.h"
#include <stdbool.h>
#include <stdio.h>

#define COMPARE_PAIRS_MAX 400

struct compare_plan {
    const char *server; /* measured against "baseline"; may be "baseline" too */
    struct timing timing;
    int pairs_min;
    int pairs_max;
    FILE *rows; /* takes every run as a line of CSV; NULL = nobody wants them */
};

struct comparison {
    struct cell cell;
    int pairs;
    struct run baseline[COMPARE_PAIRS_MAX];
    struct run measured[COMPARE_PAIRS_MAX];
    struct statistics_ratio cpu; /* CPU time per message */
    struct statistics_ratio p99; /* latency */
};

/** Measures the pairs of `cell`. 0, or -1 if a run failed. */
int compare_servers(const struct compare_plan *plan, const struct cell *cell, struct comparison *ret_comparison);

/** Writes the names of the columns of `rows`. */
void compare_print_columns(FILE *rows);

/** Prints what was found, and a line for each target. Returns how many were missed. */
int compare_report(const struct comparison *comparison);

/** True if the interval that the cell's target looks at is as narrow as the rule wants it. */
bool compare_is_narrow(const struct comparison *comparison);

/** True for the cell whose latency has a target, instead of its CPU time. */
bool cell_is_pipelined(const struct cell *cell);

#endif
