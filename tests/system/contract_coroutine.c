/* SPDX-License-Identifier: MIT
 *
 * Names and headers: "coir/coroutine.h is the bare mechanism, usable without
 * any scheduler: create, resume, yield with a value each way (generators,
 * parsers)". Through libcoir.so; its own tests are unit/coroutine_*.c.
 */
#include "support/tasks.h"

struct range {
    int first, count;
};

static void *generate(struct coir_coroutine *self, void *value, void *arg)
{
    const struct range *range = arg;
    int sum = 0;

    for (int i = 0; i < range->count; i++) {
        int number = range->first + i;

        sum += *(const int *)value;
        value = coir_coroutine_yield(self, &number);
    }
    *(int *)value = sum;
    return NULL;
}

/* Takes all numbers of `coroutine`, calling `between` after each; says with each resume which it is. */
static void drain_generator(struct coir_coroutine *coroutine, int first, int count, int (*between)(void))
{
    int turn = 0;

    for (; turn < count; turn++) {
        const int *number = coir_coroutine_resume(coroutine, &turn);

        assert_int_equal(*number, first + turn);
        assert_int_equal(coir_coroutine_status(coroutine), COIR_COROUTINE_SUSPENDED);
        assert_int_equal(between(), 0);
    }
    assert_null(coir_coroutine_resume(coroutine, &turn));
    assert_int_equal(turn, count * (count - 1) / 2);
    assert_int_equal(coir_coroutine_status(coroutine), COIR_COROUTINE_FINISHED);
}

static int do_nothing(void)
{
    return 0;
}

static void run_generator(int first, int (*between)(void))
{
    struct range range = {.first = first, .count = 20};
    struct coir_coroutine *coroutine;

    assert_int_equal(coir_coroutine_create(generate, &range, NULL, &coroutine), 0);
    drain_generator(coroutine, first, range.count, between);
    coir_coroutine_destroy(coroutine);
}

TEST(coroutines_need_no_scheduler)
{
    run_generator(100, do_nothing);
}

static int generate_in_task(void *arg)
{
    run_generator(*(int *)arg, coir_yield);
    return 0;
}

TASK_TEST(coroutines_can_be_used_in_tasks_that_suspend_in_between)
{
    struct coir_scope *scope = open_scope(NULL);
    int firsts[] = {1, 1000, 100000};

    for (int i = 0; i < 3; i++)
        spawn(scope, generate_in_task, &firsts[i]);
    assert_int_equal(coir_scope_close(scope), 0);
}
