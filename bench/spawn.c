/* SPDX-License-Identifier: MIT
 *
 * bench/spawn: what it costs to spawn a task, run it and reap it, on stacks
 * that are recycled, against one switch of a bare pop-and-jump loop in the
 * same program. Two shapes are held to the target: crowds of 64 that are alive
 * together, and each task alone in a scope that stays open. A scope opened and
 * closed for every task is printed too: that times more than the target names.
 *
 * Exit code: 0 within the target, 1 not, 2 it could not be run.
 */
#include "bare.h"
#include "clock.h"
#include "statistics.h"
#include <coir.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#define PAIRS 31
#define TASKS 256000
#define SWITCHES 2000000
#define CROWD 64
#define RATIO_MOST 16.0

static void *bare_main;
static void *bare_other;
static int tasks_run;

struct samples {
    double bare[PAIRS];
    double single[PAIRS];
    double scoped[PAIRS];
    double crowd[PAIRS];
};

static void bounce_bare(void)
{
    for (;;)
        bare_swap(&bare_other, bare_main);
}

/* Nanoseconds a switch, half a round trip. */
static double time_bare(void)
{
    int64_t began = clock_monotonic();

    for (int i = 0; i < SWITCHES / 2; i++)
        bare_swap(&bare_main, bare_other);
    return (double)(clock_monotonic() - began) / SWITCHES;
}

static int run_nothing(void *arg)
{
    (void)arg;
    tasks_run++;
    return 0;
}

static int spawn_and_await(int crowd)
{
    struct coir_scope *scope;
    int rc = coir_scope_open(NULL, &scope);

    if (rc < 0)
        return rc;
    for (int i = 0; i < crowd && rc == 0; i++)
        rc = coir_spawn(scope, run_nothing, NULL, NULL);
    int ended = coir_scope_close(scope); /* returns when the last one has been reaped */
    return rc < 0 ? rc : ended;
}

/* The task is reaped when the yield returns: nobody else is there to run. */
static int spawn_and_yield(struct coir_scope *scope)
{
    int rc = coir_spawn(scope, run_nothing, NULL, NULL);

    return rc < 0 ? rc : coir_yield();
}

/* Nanoseconds a task, each alone, all in one scope that stays open. */
static int time_single(double *ret_ns)
{
    struct coir_scope *scope;
    int rc = coir_scope_open(NULL, &scope);
    int64_t began = clock_monotonic();

    if (rc < 0)
        return rc;
    for (int i = 0; i < TASKS && rc == 0; i++)
        rc = spawn_and_yield(scope);
    *ret_ns = (double)(clock_monotonic() - began) / TASKS;
    int ended = coir_scope_close(scope);
    return rc < 0 ? rc : ended;
}

/* Nanoseconds a task, its share of opening and closing the scope included. */
static int time_tasks(int crowd, double *ret_ns)
{
    int64_t began = clock_monotonic();

    for (int i = 0; i < TASKS / crowd; i++) {
        int rc = spawn_and_await(crowd);
        if (rc < 0)
            return rc;
    }
    *ret_ns = (double)(clock_monotonic() - began) / TASKS;
    return 0;
}

static int measure_pairs(void *arg)
{
    struct samples *samples = arg;
    double ignored;
    int rc = time_tasks(CROWD, &ignored); /* now there are stacks to recycle */

    (void)time_bare();
    for (int i = 0; i < PAIRS && rc == 0; i++) {
        samples->bare[i] = time_bare();
        rc = time_single(&samples->single[i]);
        if (rc == 0)
            rc = time_tasks(1, &samples->scoped[i]);
        if (rc == 0)
            rc = time_tasks(CROWD, &samples->crowd[i]);
    }
    return rc;
}

/* Returns the median ratio. */
static double report(const char *text, const double *measured, const double *bare)
{
    struct statistics_ratio ratio;

    if (statistics_ratio_of(measured, bare, PAIRS, &ratio) < 0)
        return (double)INFINITY;
    printf("%s: %.1f ns a task (median)\n", text, statistics_median(measured, PAIRS));
    statistics_print_ratio(stdout, text, &ratio);
    return ratio.median;
}

/* Returns whether the target was met. */
static bool check(const char *text, const double *measured, const double *bare)
{
    bool met = report(text, measured, bare) <= RATIO_MOST;

    printf("    %s median ratio at most %.1f\n", met ? "ok    " : "MISSED", RATIO_MOST);
    return met;
}

int main(void)
{
    static _Alignas(16) char bare_stack[16384];
    static struct samples samples;
    bool met;
    int rc;

    if (bare_swap == NULL)
        return fprintf(stderr, "spawn: no bare loop for this machine to compare with\n"), 2;
    bare_other = bare_prepare(bare_stack + sizeof bare_stack, bounce_bare);
    rc = coir_run(measure_pairs, &samples, NULL);
    if (rc < 0)
        return fprintf(stderr, "spawn: %s\n", coir_error_text(rc)), 2;
    if (tasks_run != TASKS + 3 * PAIRS * TASKS)
        return fprintf(stderr, "spawn: %d tasks ran\n", tasks_run), 2;
    printf("bare pop and jump: %.2f ns a switch (median)\n", statistics_median(samples.bare, PAIRS));
    met = check("spawn, run, reap in crowds of 64", samples.crowd, samples.bare);
    met = check("spawn, run, reap one at a time", samples.single, samples.bare) && met;
    (void)report("the same with a scope for each", samples.scoped, samples.bare);
    return !met;
}
