/* SPDX-License-Identifier: MIT
 *
 * Cases that run inside a task, and what such cases say over and over:
 *
 *     TASK_TEST(sleep_is_never_early) { assert_int_equal(coir_sleep(5), 0); }
 *
 * Uses the public headers alone. A failed assertion ends the case from inside
 * the task: after one, nothing more can be run in that process.
 */
#ifndef SUPPORT_TASKS_H
#define SUPPORT_TASKS_H

#include "support/test.h"
#include <coir.h>

/** Defines a case whose body is the first task of a coir_run(). */
#define TASK_TEST(case_name)                                                                                           \
    static void body_##case_name(void);                                                                                \
    static int run_##case_name(void *arg)                                                                              \
    {                                                                                                                  \
        (void)arg;                                                                                                     \
        body_##case_name();                                                                                            \
        return 0;                                                                                                      \
    }                                                                                                                  \
    TEST(case_name)                                                                                                    \
    {                                                                                                                  \
        assert_int_equal(coir_run(run_##case_name, NULL, NULL), 0);                                                    \
    }                                                                                                                  \
    static void body_##case_name(void)

/** Passes if a run whose first task is `fn(arg)` dies of a misuse that is reported with `text`. */
#define ASSERT_TASK_DIES(fn, arg, text)                                                                                \
    do {                                                                                                               \
        struct test_run test_run_ = {(fn), (arg)};                                                                     \
        ASSERT_DIES(test_run_to_death, &test_run_, text);                                                              \
    } while (0)

/** For ASSERT_TASK_DIES() alone. */
struct test_run {
    int (*fn)(void *arg);
    void *arg;
};

static inline void test_run_to_death(void *argument)
{
    const struct test_run *run = argument;

    (void)!coir_run(run->fn, run->arg, NULL);
}

static inline struct coir_scope *open_scope(const struct coir_scope_options *options)
{
    struct coir_scope *scope = NULL;

    assert_int_equal(coir_scope_open(options, &scope), 0);
    assert_non_null(scope);
    return scope;
}

static inline struct coir_scope *open_independent(void)
{
    return open_scope(&(struct coir_scope_options){.policy = COIR_SCOPE_INDEPENDENT});
}

static inline void spawn(struct coir_scope *scope, int (*fn)(void *arg), void *arg)
{
    assert_int_equal(coir_spawn(scope, fn, arg, NULL), 0);
}

static inline struct coir_channel *open_channel(size_t capacity, size_t item_size)
{
    struct coir_channel *channel = NULL;

    assert_int_equal(coir_channel_open(capacity, item_size, &channel), 0);
    assert_non_null(channel);
    return channel;
}

/** Lets every other task that is ready run, `turns` times. */
static inline void let_others_run(int turns)
{
    while (turns-- > 0)
        assert_int_equal(coir_yield(), 0);
}

/** Computes, without suspending, until `duration_ns` have passed. */
static inline void compute(coir_time duration_ns)
{
    coir_time end = coir_now() + duration_ns;

    while (coir_now() < end)
        ;
}

/* Task functions. */

static inline int sleep_for_ever(void *arg)
{
    (void)arg;
    return coir_sleep(1000 * COIR_SECOND);
}

/** Returns the int that `arg` points to, at its first turn. */
static inline int return_it(void *arg)
{
    return *(int *)arg;
}

#endif
