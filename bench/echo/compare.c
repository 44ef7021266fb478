/* SPDX-License-Identifier: MIT
 *
 * Interleaved pairs. The order within a pair alternates, so that a drift of
 * the machine favours neither side.
 */
#include "compare.h"

#include <string.h>

#define WIDTH_WANTED 0.08 /* of the 95 % interval of the median ratio */

bool cell_is_pipelined(const struct cell *cell)
{
    return cell->depth > 1;
}

void compare_print_columns(FILE *rows)
{
    fprintf(rows, "message_bytes,sessions,depth,pair,position,server,messages,wall_ns,server_cpu_ns,load_cpu_ns,"
                  "receive_calls,send_calls,p50_ns,p99_ns,repeats\n");
}

static void print_row(FILE *rows, const struct comparison *comparison, int position, const char *server,
                      const struct run *run)
{
    if (rows == NULL)
        return;
    fprintf(rows, "%zu,%d,%d,%d,%d,%s,%llu,%.0f,%.0f,%.0f,%llu,%llu,%.0f,%.0f,%d\n", comparison->cell.message_size,
            comparison->cell.sessions, comparison->cell.depth, comparison->pairs, position, server,
            (unsigned long long)run->messages, run->wall_ns, run->server_cpu_ns, run->load_cpu_ns,
            (unsigned long long)run->receives, (unsigned long long)run->sends, run->p50_ns, run->p99_ns, run->repeats);
    fflush(rows);
}

static int measure_side(const struct compare_plan *plan, struct comparison *comparison, int position, bool baseline)
{
    const char *server = baseline ? "baseline" : plan->server;
    struct run *run = (baseline ? comparison->baseline : comparison->measured) + comparison->pairs;

    if (measure_run(server, &comparison->cell, &plan->timing, run) < 0)
        return -1;
    print_row(plan->rows, comparison, position, server, run);
    return 0;
}

static int measure_pair(const struct compare_plan *plan, struct comparison *comparison)
{
    bool baseline_first = comparison->pairs % 2 == 0;

    if (measure_side(plan, comparison, 0, baseline_first) < 0 || measure_side(plan, comparison, 1, !baseline_first) < 0)
        return -1;
    comparison->pairs++;
    return 0;
}

static int compute_ratio(const struct comparison *comparison, double (*figure)(const struct run *run),
                         struct statistics_ratio *ret_ratio)
{
    double measured[COMPARE_PAIRS_MAX] = {0};
    double baseline[COMPARE_PAIRS_MAX] = {0};
    size_t pairs = (size_t)comparison->pairs;

    for (size_t i = 0; i < pairs; i++) {
        measured[i] = figure(&comparison->measured[i]);
        baseline[i] = figure(&comparison->baseline[i]);
    }
    return statistics_ratio_of(measured, baseline, pairs, ret_ratio);
}

bool compare_is_narrow(const struct comparison *comparison)
{
    const struct statistics_ratio *ratio = cell_is_pipelined(&comparison->cell) ? &comparison->p99 : &comparison->cpu;
    return ratio->high - ratio->low < WIDTH_WANTED;
}

int compare_servers(const struct compare_plan *plan, const struct cell *cell, struct comparison *ret_comparison)
{
    memset(ret_comparison, 0, sizeof *ret_comparison);
    ret_comparison->cell = *cell;
    while (ret_comparison->pairs < plan->pairs_max) {
        if (measure_pair(plan, ret_comparison) < 0)
            return -1;
        if (ret_comparison->pairs < plan->pairs_min)
            continue;
        if (compute_ratio(ret_comparison, run_cpu_per_message, &ret_comparison->cpu) < 0 ||
            compute_ratio(ret_comparison, run_p99, &ret_comparison->p99) < 0)
            return -1;
        if (compare_is_narrow(ret_comparison))
            break;
    }
    return 0;
}
