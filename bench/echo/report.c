/* SPDX-License-Identifier: MIT
 *
 * What a comparison is held to. The CPU target reads: the median may well be
 * 1.03 or less (the interval's lower end), and is surely not above 1.08 (its
 * upper end; 1.15 where 10,000 sessions make caches miss at random).
 */
#include "compare.h"

#define CPU_LOW_MAX 1.03
#define CPU_HIGH_MAX 1.08
#define CPU_HIGH_MAX_CROWDED 1.15
#define CROWDED 10000 /* sessions */
#define CALLS_MAX 2.00
#define CALLS_SMALL_MESSAGE 1024 /* up to here CALLS_MAX holds, whatever the baseline does */
#define CALLS_ABOVE_BASELINE_MAX 0.01
#define P99_MAX 1.5

static double median_of(const struct run *runs, int count, double (*figure)(const struct run *run))
{
    double values[COMPARE_PAIRS_MAX] = {0};
    for (int i = 0; i < count; i++)
        values[i] = figure(&runs[i]);
    return statistics_median(values, (size_t)count);
}

/* All calls over all messages of the cell: no run is left out. */
static double calls_of(const struct run *runs, int count)
{
    double calls = 0;
    double messages = 0;
    for (int i = 0; i < count; i++) {
        calls += (double)(runs[i].receives + runs[i].sends);
        messages += (double)runs[i].messages;
    }
    return calls / messages;
}

static void print_cell(const struct comparison *comparison)
{
    printf("%zu B x %d sessions x depth %d\n", comparison->cell.message_size, comparison->cell.sessions,
           comparison->cell.depth);
}

/* Returns 1 if the target was missed. */
static int print_target(bool met, const char *text)
{
    printf("    %s %s\n", met ? "ok    " : "MISSED", text);
    return !met;
}

static int report_cpu(const struct comparison *comparison)
{
    const struct statistics_ratio *cpu = &comparison->cpu;
    double high_max = comparison->cell.sessions >= CROWDED ? CPU_HIGH_MAX_CROWDED : CPU_HIGH_MAX;
    char text[160];

    printf("  server CPU per message: %.3f us, baseline %.3f us\n",
           median_of(comparison->measured, comparison->pairs, run_cpu_per_message) / 1e3,
           median_of(comparison->baseline, comparison->pairs, run_cpu_per_message) / 1e3);
    statistics_print_ratio(stdout, "  CPU per message", cpu);
    if (!compare_is_narrow(comparison))
        printf("    the interval is still wide after all pairs: the machine is too restless\n");
    if (cell_is_pipelined(&comparison->cell))
        return 0;
    snprintf(text, sizeof text, "CPU per message: lower end at most %.2f, upper at most %.2f", CPU_LOW_MAX, high_max);
    return print_target(cpu->low <= CPU_LOW_MAX && cpu->high <= high_max, text);
}

static int report_calls(const struct comparison *comparison)
{
    double measured = calls_of(comparison->measured, comparison->pairs);
    double baseline = calls_of(comparison->baseline, comparison->pairs);
    bool small = comparison->cell.message_size <= CALLS_SMALL_MESSAGE;
    double most = small ? CALLS_MAX : baseline + CALLS_ABOVE_BASELINE_MAX;
    char text[160];

    printf("  socket system calls per message: %.4f, baseline %.4f\n", measured, baseline);
    snprintf(text, sizeof text, "socket system calls per message: at most %.4f", most);
    return print_target(measured <= most, text);
}

static int report_latency(const struct comparison *comparison)
{
    char text[160];

    printf("  p99: %.0f us, baseline %.0f us\n", median_of(comparison->measured, comparison->pairs, run_p99) / 1e3,
           median_of(comparison->baseline, comparison->pairs, run_p99) / 1e3);
    statistics_print_ratio(stdout, "  p99", &comparison->p99);
    if (!cell_is_pipelined(&comparison->cell))
        return 0;
    snprintf(text, sizeof text, "p99: median ratio at most %.1f", P99_MAX);
    return print_target(comparison->p99.median <= P99_MAX, text);
}

int compare_report(const struct comparison *comparison)
{
    int missed;

    print_cell(comparison);
    missed = report_cpu(comparison) + report_calls(comparison) + report_latency(comparison);
    fflush(stdout);
    return missed;
}
