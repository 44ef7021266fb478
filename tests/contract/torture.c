/* SPDX-License-Identifier: MIT
 *
 * The n-th call that can fail does fail, for every n of a whole life of a
 * server and its clients (torture_script.h), with every error that this call
 * plausibly gives: once, or from there on for ever. After each run nothing is
 * left behind, nobody has waited in vain, and the error was told by a call or a
 * counter; those that are absorbed are listed, with the reason.
 *
 * What failed is printed as COIR_TORTURE=..., which runs that one plan alone.
 * Time limit: 300 s
 */
#include "contract/torture_script.h"
#include "contract/torture_tables.h"
#include "io/loop.h"
#include "support/faults.h"
#include "support/test.h"
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#define CALLS_MAX 2000
#define SEVERAL_MAX 20 /* in one run */
#define SEVERAL_RUNS 500

static unsigned absorbed_calls[ABSORBED_COUNT];
static bool absorbed_seen[ABSORBED_COUNT][CALLS_MAX]; /* by the call's number among those of its function */

enum plan_kind {
    PLAN_NONE,
    PLAN_ONCE,        /* the nth call, with its `variant`th error */
    PLAN_DESCRIPTORS, /* from the nth call on there are no descriptors */
    PLAN_MEMORY,      /* likewise no memory */
    PLAN_SEVERAL,     /* calls here and there, by random numbers with the seed `nth` */
};

static const char *const plan_names[] = {"none", "once", "descriptors", "memory", "several"};

struct plan {
    enum plan_kind kind;
    unsigned nth;
    unsigned variant;
};

/* A run, as the observer sees it. */
struct torture {
    struct plan plan;
    unsigned calls;       /* that can fail, so far */
    const char *function; /* the first that was failed */
    int error;
    bool lingering; /* it was about a stream that its owner has closed: there is nobody to be told */
    const char *failing[CAUSE_COUNT];
    size_t failing_count;
    struct test_random random;
    long allocations; /* more than were freed */
    long mappings;
    const char *names[CALLS_MAX]; /* of calls[1..] */
};

static struct torture torture;
static char path[64];

static const int *errors_of(const char *function)
{
    for (size_t i = 0; i < CAUSE_COUNT; i++)
        if (strcmp(causes[i].function, function) == 0)
            return causes[i].errors;
    fail_msg("%s has no errors to fail with", function);
    return NULL;
}

static bool can_fail_with(const char *function, int error)
{
    const int *errors = errors_of(function);

    while (*errors != 0 && *errors != error)
        errors++;
    return *errors != 0;
}

static bool can_fail(const char *function)
{
    return strcmp(function, "kernel_clock") != 0 && strcmp(function, "alloc_free") != 0;
}

/* Where it fails at the end of a run, signal handlers still need what it was to take away. */
static bool keeps_memory(const char *function)
{
    return strcmp(function, "kernel_signal_stack") == 0;
}

/* One call in a hundred fails, with any of its errors. */
static int pick_error(const int *errors)
{
    size_t count = 0;

    if (torture.failing_count == SEVERAL_MAX || test_random_below(&torture.random, 100) != 0)
        return 0;
    while (errors[count] != 0)
        count++;
    torture.failing_count++;
    return errors[test_random_below(&torture.random, count)];
}

/* The error that the plan has for this call; 0 = none. */
static int planned_error(const char *function)
{
    const struct plan *plan = &torture.plan;
    const int *errors = errors_of(function);

    switch (plan->kind) {
    case PLAN_ONCE:
        for (unsigned i = 0; i < plan->variant && *errors != 0; i++)
            errors++;
        return torture.calls == plan->nth ? *errors : 0;
    case PLAN_DESCRIPTORS:
        return torture.calls >= plan->nth && can_fail_with(function, EMFILE) ? EMFILE : 0;
    case PLAN_MEMORY:
        return torture.calls >= plan->nth && can_fail_with(function, ENOMEM) ? ENOMEM : 0;
    case PLAN_SEVERAL:
        return keeps_memory(function) ? 0 : pick_error(errors);
    default:
        return 0;
    }
}

static bool lasts(enum plan_kind kind)
{
    return kind == PLAN_DESCRIPTORS || kind == PLAN_MEMORY;
}

/* Where a fault lasts, the first call of each function plans it for the later ones. */
static bool fails_already(const char *function)
{
    for (size_t i = 0; i < torture.failing_count; i++)
        if (strcmp(torture.failing[i], function) == 0)
            return true;
    torture.failing[torture.failing_count++] = function;
    return false;
}

static bool lingers(int fd)
{
    const struct endpoint *endpoint = NULL;

    if (fd < 0 || scheduler_current == NULL)
        return false;
    while ((endpoint = slab_next(&loop_current()->endpoints, endpoint)) != NULL)
        if (endpoint->fd == fd && endpoint->flags & ENDPOINT_LINGERS)
            return true;
    return false;
}

/* Only what epoll_ctl(2) adds takes memory. */
static bool is_harmless(const struct fault_call *call)
{
    return strcmp(call->function, "kernel_epoll_control") == 0 && call->size == EPOLL_CTL_DEL;
}

static void fail_as_planned(const struct fault_call *call, void *context)
{
    int error;

    (void)context;
    if (!can_fail(call->function))
        return;
    if (++torture.calls < CALLS_MAX)
        torture.names[torture.calls] = call->function;
    error = is_harmless(call) ? 0 : planned_error(call->function);
    if (error == 0 || (lasts(torture.plan.kind) && fails_already(call->function)))
        return;
    fault_fail(call->function, 1, error, lasts(torture.plan.kind) ? FAULT_ALWAYS : FAULT_ONCE);
    if (torture.function == NULL) {
        torture.function = call->function;
        torture.error = error;
        torture.lingering = lingers(call->fd);
    }
}

static void keep_books(const struct fault_call *call, void *context)
{
    (void)context;
    if (strcmp(call->function, "alloc_free") == 0)
        torture.allocations -= (long)call->result;
    else if (strncmp(call->function, "alloc_", 6) == 0)
        torture.allocations += (long)call->result;
    else if (strcmp(call->function, "kernel_map") == 0)
        torture.mappings += call->result == 0;
    else if (strcmp(call->function, "kernel_unmap") == 0)
        torture.mappings--; /* what cannot be given back is lost, not forgotten */
}

/* What would tell somebody else's run from ours. */
static void clean_up_signals(void)
{
    const struct timespec at_once = {0, 0};
    sigset_t set;

    test_free_handler_stack();
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    while (sigtimedwait(&set, NULL, &at_once) == SIGUSR1)
        ;
}

static void prepare_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
    assert_int_equal(raise(SIGUSR1), 0);
}

/* Whether the limits are such that nobody meets them without a fault. */
static bool is_patient(enum plan_kind kind)
{
    return kind == PLAN_NONE || kind == PLAN_ONCE;
}

/* Plays the script once under the plan. */
static struct script play(struct plan plan)
{
    struct script script = {.path = path, .patient = is_patient(plan.kind)};
    int rc;

    torture.plan = plan;
    torture.calls = 0;
    torture.function = NULL;
    torture.failing_count = 0;
    test_random_seed(&torture.random, plan.nth);
    torture.allocations = 0;
    torture.mappings = 0;
    prepare_signals();
    fault_clear();
    fault_observe(fail_as_planned, keep_books, NULL);
    rc = coir_run(script_run, &script, NULL);
    fault_clear();
    clean_up_signals();
    (void)script_failed(&script, "run", rc);
    return script;
}

/* Which of its function's calls was failed. A slow machine may shift the numbers of all calls, as some are repeated. */
static size_t number_of_call(void)
{
    size_t number = 0;

    for (unsigned nth = 1; nth < torture.plan.nth; nth++)
        number += strcmp(torture.names[nth], torture.function) == 0;
    return number;
}

/* Counts a call once, whatever the number of its errors. */
static bool note_absorbed(size_t i)
{
    bool *seen = &absorbed_seen[i][number_of_call()];

    absorbed_calls[i] += !*seen;
    *seen = true;
    return absorbed_calls[i] <= absorbed[i].calls_max;
}

/* Whether it is right that nobody was told; counts how often. */
static bool is_absorbed(void)
{
    if (torture.lingering)
        return true;
    for (size_t i = 0; i < ABSORBED_COUNT; i++)
        if (strcmp(absorbed[i].function, torture.function) == 0 &&
            (absorbed[i].error == 0 || absorbed[i].error == torture.error))
            return torture.plan.kind != PLAN_ONCE || note_absorbed(i);
    return false;
}

static const char *print_plan(void)
{
    static char text[160];

    snprintf(text, sizeof(text), "COIR_TORTURE=%s:%u:%u (%s fails with %s)", plan_names[torture.plan.kind],
             torture.plan.nth, torture.plan.variant, torture.function != NULL ? torture.function : "nothing",
             torture.function != NULL ? coir_error_name(torture.error) : "nothing");
    return text;
}

/* For the ends of a process that no check of ours sees. */
static void say_plan(void)
{
    const char *text = print_plan();

    if (write(STDERR_FILENO, text, strlen(text)) < 0 || write(STDERR_FILENO, "\n", 1) < 0)
        return;
}

static void say_plan_and_die(int signal_number)
{
    say_plan();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* Present in builds with a sanitizer. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static bool is_about_files(void)
{
    return torture.function != NULL &&
           (strcmp(torture.function, "kernel_unlink") == 0 || strcmp(torture.function, "kernel_lstat") == 0 ||
            torture.plan.kind != PLAN_ONCE);
}

/* What a fault left lying; in a run without one there is nothing. */
static void remove_files(void)
{
    char second[sizeof(path) + 2];
    int removed;

    snprintf(second, sizeof(second), "%s.d", path);
    removed = (unlink(path) == 0) + (unlink(second) == 0);
    if (removed > 0 && !is_about_files())
        fail_msg("%s: a socket's file was left", print_plan());
}

static void see(struct plan plan)
{
    int descriptors = count_descriptors();
    struct script script = play(plan);

    if (count_descriptors() != descriptors)
        fail_msg("%s: %d descriptors were left", print_plan(), count_descriptors() - descriptors);
    if (torture.allocations != 0 && (torture.function == NULL || !keeps_memory(torture.function)))
        fail_msg("%s: %ld allocations were left", print_plan(), torture.allocations);
    if (torture.mappings != 0)
        fail_msg("%s: %ld mappings were left", print_plan(), torture.mappings);
    if (script.late)
        fail_msg("%s: somebody waited in vain; first told: %s, %d", print_plan(), script.first_place,
                 script.first_error);
    if (script.wrong || (script.cut_short && script.told == 0))
        fail_msg("%s: bytes were wrong", print_plan());
    remove_files();
    if (torture.function == NULL && script.told > 0 && is_patient(plan.kind))
        fail_msg("%s: an error without a fault: %s, %s", print_plan(), script.first_place,
                 coir_error_name(script.first_error));
    if (torture.function != NULL && script.told == 0 && !is_absorbed())
        fail_msg("%s: nobody was told", print_plan());
}

static bool plan_of_environment(struct plan *ret_plan)
{
    const char *text = getenv("COIR_TORTURE");
    const char *numbers = text != NULL ? strchr(text, ':') : NULL;

    if (text == NULL)
        return false;
    *ret_plan = (struct plan){.kind = PLAN_NONE};
    for (size_t kind = 0; kind < sizeof(plan_names) / sizeof(plan_names[0]); kind++)
        if (strncmp(text, plan_names[kind], strlen(plan_names[kind])) == 0)
            ret_plan->kind = (enum plan_kind)kind;
    if (numbers == NULL || sscanf(numbers, ":%u:%u", &ret_plan->nth, &ret_plan->variant) != 2)
        fail_msg("COIR_TORTURE=KIND:CALL:ERROR, as it was printed");
    return true;
}

/* Learns the calls of a life without faults; the very first also finds out what is kept for the process. */
static unsigned learn_calls(void)
{
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS};

    snprintf(path, sizeof(path), "/tmp/coir-torture-%d", (int)getpid());
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        signal(signals[i], say_plan_and_die);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(say_plan);
    see((struct plan){.kind = PLAN_NONE});
    see((struct plan){.kind = PLAN_NONE});
    assert_in_range(torture.calls, 100, CALLS_MAX - 1);
    return torture.calls;
}

static void see_all(enum plan_kind kind, int error)
{
    static const char *names[CALLS_MAX];
    struct plan plan = {.kind = kind};
    unsigned count = learn_calls();
    unsigned runs = 0;

    if (plan_of_environment(&plan)) {
        see(plan);
        return;
    }
    memcpy(names, torture.names, sizeof(names));
    for (plan.nth = 1; plan.nth <= count; plan.nth++) {
        const int *errors = errors_of(names[plan.nth]);

        if (kind != PLAN_ONCE && !can_fail_with(names[plan.nth], error))
            continue; /* the same as from the next one that can */
        for (plan.variant = 0; plan.variant == 0 || (kind == PLAN_ONCE && errors[plan.variant] != 0); plan.variant++) {
            see(plan);
            runs++;
        }
    }
    print_message("%u calls, %u runs\n", count, runs);
}

TEST(every_call_fails_once)
{
    see_all(PLAN_ONCE, 0);
}

TEST(descriptors_run_out_at_every_call)
{
    see_all(PLAN_DESCRIPTORS, EMFILE);
}

TEST(memory_runs_out_at_every_call)
{
    see_all(PLAN_MEMORY, ENOMEM);
}

TEST(calls_fail_here_and_there)
{
    struct test_random random;
    struct plan plan;

    (void)learn_calls();
    if (plan_of_environment(&plan)) {
        see(plan);
        return;
    }
    test_random_init(&random);
    for (int i = 0; i < SEVERAL_RUNS; i++)
        see((struct plan){.kind = PLAN_SEVERAL, .nth = (unsigned)test_random_below(&random, UINT32_MAX)});
}
