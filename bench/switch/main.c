/* SPDX-License-Identifier: MIT
 *
 * What a switch costs through the public calls of libcoir.so, against a bare
 * pop-and-jump loop in the same program. A switch is half a round trip. The
 * two are timed in interleaved pairs. Exit code 1: the median ratio is above
 * the 2.0 that coir promises.
 */
#include "bare.h"
#include "clock.h"
#include "statistics.h"
#include <coir/coroutine.h>
#include <coir/error.h>
#include <stdio.h>
#include <stdlib.h>

#define PAIRS 31
#define ROUND_TRIPS 2000000
#define RATIO_MOST 2.0

static void *bare_main;
static void *bare_other;

static void bounce_bare(void)
{
    for (;;)
        bare_swap(&bare_other, bare_main);
}

static void *bounce(struct coir_coroutine *self, void *value, void *arg)
{
    (void)arg;
    for (;;)
        value = coir_coroutine_yield(self, value);
    return NULL;
}

static double per_switch(int64_t began)
{
    return (double)(clock_monotonic() - began) / (2.0 * ROUND_TRIPS);
}

static double time_bare(void)
{
    int64_t began = clock_monotonic();

    for (int i = 0; i < ROUND_TRIPS; i++)
        bare_swap(&bare_main, bare_other);
    return per_switch(began);
}

static double time_coroutine(struct coir_coroutine *coroutine)
{
    int64_t began = clock_monotonic();

    for (int i = 0; i < ROUND_TRIPS; i++)
        (void)coir_coroutine_resume(coroutine, NULL);
    return per_switch(began);
}

static int report(const double *measured, const double *bare)
{
    struct statistics_ratio ratio;

    if (statistics_ratio_of(measured, bare, PAIRS, &ratio) < 0)
        return EXIT_FAILURE;
    printf("bare pop and jump: %.2f ns a switch (median)\n", statistics_median(bare, PAIRS));
    printf("coir_coroutine_resume and _yield: %.2f ns a switch (median)\n", statistics_median(measured, PAIRS));
    statistics_print_ratio(stdout, "coroutine against bare", &ratio);
    return ratio.median > RATIO_MOST ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(void)
{
    static _Alignas(16) char bare_stack[16384];
    static double measured[PAIRS];
    static double bare[PAIRS];
    struct coir_coroutine *coroutine;
    int rc;

    if (bare_swap == NULL) {
        fprintf(stderr, "switch: no bare loop for this machine to compare with\n");
        return EXIT_FAILURE;
    }
    rc = coir_coroutine_create(bounce, NULL, NULL, &coroutine);
    if (rc < 0) {
        fprintf(stderr, "switch: creating a coroutine: %s\n", coir_error_text(rc));
        return EXIT_FAILURE;
    }
    bare_other = bare_prepare(bare_stack + sizeof bare_stack, bounce_bare);
    (void)time_bare(); /* warm */
    (void)time_coroutine(coroutine);
    for (int i = 0; i < PAIRS; i++) {
        bare[i] = time_bare();
        measured[i] = time_coroutine(coroutine);
    }
    coir_coroutine_destroy(coroutine);
    return report(measured, bare);
}
