/* SPDX-License-Identifier: MIT
 *
 * Failing calls: "a thousand in a row without a success is counted, and
 * asserts in debug builds only"; and the turn budget, to the call.
 */
#include "support/virtual_time.h"
#include <errno.h>

static int fail_a_thousand_times(void *arg)
{
    struct coir_scope *scope = virtual_scope(0);
    int calls = *(int *)arg;

    coir_scope_cancel(scope);
    for (int i = 0; i < calls; i++)
        if (coir_yield() != -ECANCELED)
            return 1;
    *(int *)arg = (int)virtual_run.scheduler.livelocks;
    return coir_scope_close(scope);
}

#ifdef COIR_DEBUG

static void run_to_livelock(void *argument)
{
    (void)run_virtually(fail_a_thousand_times, argument);
}

TEST(a_thousand_failing_calls_in_a_row_assert)
{
    int calls = TASK_LIVELOCK;

    ASSERT_DIES(run_to_livelock, &calls, "failures_in_row");
}

#else

TEST(a_thousand_failing_calls_in_a_row_are_counted)
{
    int calls = 3 * TASK_LIVELOCK;

    assert_int_equal(run_virtually(fail_a_thousand_times, &calls), 0);
    assert_int_equal(calls, 3);
}

#endif

TEST(one_less_is_not)
{
    int calls = TASK_LIVELOCK - 1;

    assert_int_equal(run_virtually(fail_a_thousand_times, &calls), 0);
    assert_int_equal(calls, 0);
}

static int turns;

static int count_turns(void *arg)
{
    struct coir_scope *scope = arg;

    while (scope->child_count > 1) {
        turns++;
        if (coir_yield() < 0)
            return 1;
    }
    return 0;
}

static int spend_budget(void *arg)
{
    struct coir_scope *scope = virtual_scope(0);

    (void)arg;
    coir_scope_cancel(scope);
    for (int i = 0; i < 10 * TASK_TURN_BUDGET; i++)
        if (coir_yield() != -ECANCELED)
            return 1;
    return coir_scope_close(scope);
}

static int run_beside(void *arg)
{
    struct coir_scope *scope = virtual_scope(0);

    (void)arg;
    if (coir_spawn(scope, count_turns, scope, NULL) < 0 || coir_spawn(scope, spend_budget, NULL, NULL) < 0)
        return 1;
    return coir_scope_close(scope);
}

TEST(a_task_gives_way_when_its_turn_budget_is_spent)
{
    assert_int_equal(run_virtually(run_beside, NULL), 0);
    assert_in_range(turns, 10, 11); /* one a budget; and the last, which may find itself alone */
}
