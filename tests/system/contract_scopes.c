/* SPDX-License-Identifier: MIT
 *
 * Scopes, lifetime and policy: "The opener is inside from open to close
 * (innermost closes first): its calls obey the scope, and a fail-fast failure
 * cancels it too. Options: policy, limit_ns (0 = none), shield, name. Policy:
 * zero = fail-fast (first failure cancels the siblings); COIR_SCOPE_INDEPENDENT
 * counts failures, keeps the first, cancels nobody. A child's -ECANCELED,
 * -ETIME or -ESHUTDOWN is no failure if its scope or one around it was
 * cancelled, expired or drained; positive returns are results.
 * coir_scope_close always waits for every child, cannot itself be cancelled,
 * and returns the first failure, else 0, also after a cancel or expiry."
 */
#include "support/tasks.h"
#include <errno.h>

TASK_TEST(options_are_kept_and_checked)
{
    struct coir_scope *scope = open_scope(&(struct coir_scope_options){.name = "sessions"});
    struct coir_scope_options wrong[] = {
        {.policy = (enum coir_scope_policy)2},
        {.limit_ns = -1},
        {.shield = true},
        {.shield = true, .limit_ns = COIR_FOREVER},
    };
    struct coir_scope_info info;

    assert_int_equal(coir_scope_info(scope, &info), 0);
    assert_string_equal(info.name, "sessions");
    assert_int_equal(info.deadline, COIR_FOREVER); /* a limit of 0 is none */
    assert_int_equal(info.children, 0);
    assert_int_equal(info.state, 0);
    assert_int_equal(coir_scope_close(scope), 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(coir_scope_open(&wrong[i], &scope), -EINVAL);
}

TASK_TEST(the_opener_is_inside_from_open_to_close)
{
    struct coir_scope *scope = open_scope(NULL);

    assert_int_equal(coir_sleep(1), 0);
    coir_scope_cancel(scope);
    assert_int_equal(coir_sleep(1), -ECANCELED);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(coir_sleep(1), 0);
}

static int sleep_and_note(void *arg)
{
    int *result = arg;

    *result = coir_sleep(1000 * COIR_SECOND);
    return *result;
}

TASK_TEST(fail_fast_is_the_default_and_cancels_siblings_and_opener)
{
    struct coir_scope *scope = open_scope(NULL);
    int failure = -EIO, siblings[3] = {0};
    struct coir_scope_info info;

    for (int i = 0; i < 3; i++)
        spawn(scope, sleep_and_note, &siblings[i]);
    spawn(scope, return_it, &failure);
    assert_int_equal(coir_sleep(1000 * COIR_SECOND), -ECANCELED);
    assert_int_equal(coir_scope_state(scope), COIR_SCOPE_CANCELLED);
    assert_int_equal(coir_scope_close(scope), -EIO);
    for (int i = 0; i < 3; i++)
        assert_int_equal(siblings[i], -ECANCELED);

    scope = open_scope(&(struct coir_scope_options){.policy = COIR_SCOPE_FAIL_FAST});
    spawn(scope, return_it, &failure);
    assert_int_equal(coir_sleep(1000 * COIR_SECOND), -ECANCELED);
    assert_int_equal(coir_scope_info(scope, &info), 0);
    assert_int_equal(info.failures, 1);
    assert_int_equal(info.first_failure, -EIO);
    assert_int_equal(coir_scope_close(scope), -EIO);
}

static int fail_when_cancelled(void *arg)
{
    int rc = coir_sleep(1000 * COIR_SECOND);

    assert_int_equal(rc, -ECANCELED);
    return *(int *)arg;
}

/* What comes of the first failure is not the first failure. */
TASK_TEST(fail_fast_returns_the_first_failure)
{
    struct coir_scope *scope = open_scope(NULL);
    int first = -EIO, second = -EPIPE;

    spawn(scope, fail_when_cancelled, &second);
    spawn(scope, return_it, &first);
    assert_int_equal(coir_scope_close(scope), -EIO);
}

static int sleep_shortly(void *arg)
{
    (void)arg;
    return coir_sleep(50 * COIR_MILLISECOND);
}

TASK_TEST(independent_counts_failures_keeps_the_first_and_cancels_nobody)
{
    struct coir_scope *scope = open_independent();
    int failures[] = {-EIO, -EPIPE, -ENOENT}, sleeper = 77;
    struct coir_task_options options = {.ret_result = &sleeper};
    struct coir_scope_info info;

    assert_int_equal(coir_spawn(scope, sleep_shortly, NULL, &options), 0);
    for (int i = 0; i < 3; i++)
        spawn(scope, return_it, &failures[i]);
    let_others_run(2);
    assert_int_equal(coir_scope_info(scope, &info), 0);
    assert_int_equal(info.failures, 3);
    assert_int_equal(info.first_failure, -EIO);
    assert_int_equal(info.children, 1);
    assert_int_equal(info.state, 0);
    assert_int_equal(coir_scope_close(scope), -EIO);
    assert_int_equal(sleeper, 0);
}

TASK_TEST(a_failure_inside_does_not_reach_the_scope_around)
{
    struct coir_scope *outer = open_scope(NULL);
    struct coir_scope *inner = open_scope(NULL);
    int failure = -EIO;

    spawn(inner, return_it, &failure);
    assert_int_equal(coir_scope_close(inner), -EIO);
    assert_int_equal(coir_sleep(1), 0);
    assert_int_equal(coir_scope_state(outer), 0);
    assert_int_equal(coir_scope_close(outer), 0);
}

TASK_TEST(positive_returns_are_results)
{
    struct coir_scope *scope = open_scope(NULL);
    int values[] = {0, 1, 12345678}, results[3] = {77, 77, 77};
    struct coir_scope_info info;

    for (int i = 0; i < 3; i++) {
        struct coir_task_options options = {.ret_result = &results[i]};

        assert_int_equal(coir_spawn(scope, return_it, &values[i], &options), 0);
    }
    let_others_run(2);
    assert_int_equal(coir_scope_info(scope, &info), 0);
    assert_int_equal(info.failures, 0);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_memory_equal(results, values, sizeof(values));
}

/* What a child returns, in a scope to which `what` was done: is that a failure? */
enum deed { NOTHING, CANCEL, EXPIRE, DRAIN };

static void do_deed(struct coir_scope *scope, enum deed deed)
{
    if (deed == CANCEL)
        coir_scope_cancel(scope);
    else if (deed == EXPIRE)
        coir_scope_set_limit(scope, 0);
    else if (deed == DRAIN)
        coir_scope_drain(scope, 0);
}

static int close_after(int result, enum deed inside, enum deed around)
{
    struct coir_scope *outer = open_independent();
    struct coir_scope *inner = open_independent();
    int rc;

    spawn(inner, return_it, &result);
    do_deed(outer, around);
    do_deed(inner, inside);
    rc = coir_scope_close(inner);
    assert_int_equal(coir_scope_close(outer), 0);
    return rc;
}

TASK_TEST(obedience_of_a_child_is_no_failure_and_everything_else_is)
{
    static const int obedient[] = {-ECANCELED, -ETIME, -ESHUTDOWN};

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(close_after(obedient[i], NOTHING, NOTHING), obedient[i]);
        for (enum deed deed = CANCEL; deed <= DRAIN; deed++) {
            assert_int_equal(close_after(obedient[i], deed, NOTHING), 0);
            assert_int_equal(close_after(obedient[i], NOTHING, deed), 0);
            assert_int_equal(close_after(obedient[i], deed, deed), 0);
        }
    }
    for (enum deed deed = CANCEL; deed <= DRAIN; deed++) {
        assert_int_equal(close_after(-ETIMEDOUT, deed, NOTHING), -ETIMEDOUT);
        assert_int_equal(close_after(-EIO, deed, deed), -EIO);
    }
}

/* A child's own deadline is its own affair: its scope was told nothing. */
static int outlast_own_limit(void *arg)
{
    struct coir_scope *own = open_scope(&(struct coir_scope_options){.limit_ns = COIR_MILLISECOND});
    int rc = coir_sleep(1000 * COIR_SECOND);

    (void)arg;
    assert_int_equal(coir_scope_close(own), 0);
    return rc;
}

TASK_TEST(time_run_out_in_a_scope_of_the_child_is_a_failure)
{
    struct coir_scope *scope = open_scope(NULL);

    spawn(scope, outlast_own_limit, NULL);
    assert_int_equal(coir_scope_close(scope), -ETIME);
}

static int end_late(void *arg)
{
    int *ended = arg;

    while (coir_sleep(1000 * COIR_SECOND) == 0)
        ;
    for (int i = 0; i < 100; i++) /* it may take its time to leave */
        (void)!coir_yield();
    ++*ended;
    return 0;
}

TASK_TEST(close_waits_for_every_child)
{
    struct coir_scope *scope = open_independent();
    int ended = 0;

    for (int i = 0; i < 100; i++)
        spawn(scope, end_late, &ended);
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(ended, 100);
}

struct cancelled_close {
    struct coir_scope *outer;
    bool ended;
};

static int cancel_outer_and_linger(void *arg)
{
    struct cancelled_close *both = arg;
    struct coir_scope *shield;

    coir_scope_cancel(both->outer);
    coir_scope_set_limit(both->outer, 0);
    shield = open_scope(&(struct coir_scope_options){.shield = true, .limit_ns = 10 * COIR_SECOND});
    assert_int_equal(coir_sleep(3 * COIR_MILLISECOND), 0);
    assert_int_equal(coir_scope_close(shield), 0);
    both->ended = true;
    return 0;
}

TASK_TEST(close_cannot_be_cancelled)
{
    struct cancelled_close both = {.outer = open_scope(NULL)};
    struct coir_scope *inner = open_scope(NULL);

    spawn(inner, cancel_outer_and_linger, &both);
    assert_int_equal(coir_scope_close(inner), 0);
    assert_true(both.ended);
    assert_int_equal(coir_scope_state(both.outer), COIR_SCOPE_CANCELLED | COIR_SCOPE_EXPIRED);
    assert_int_equal(coir_scope_close(both.outer), 0);
}

TASK_TEST(close_returns_zero_after_a_cancel_or_expiry_and_state_tells)
{
    struct coir_scope *cancelled = open_scope(NULL);
    struct coir_scope *expired;

    spawn(cancelled, sleep_for_ever, NULL);
    coir_scope_cancel(cancelled);
    assert_int_equal(coir_scope_state(cancelled), COIR_SCOPE_CANCELLED);
    assert_int_equal(coir_scope_close(cancelled), 0);

    expired = open_scope(NULL);
    spawn(expired, sleep_for_ever, NULL);
    coir_scope_set_limit(expired, COIR_MILLISECOND);
    assert_int_equal(coir_sleep(1000 * COIR_SECOND), -ETIME);
    assert_int_equal(coir_scope_state(expired), COIR_SCOPE_EXPIRED);
    assert_int_equal(coir_scope_close(expired), 0);
}

TASK_TEST(close_returns_a_real_failure_also_after_a_cancel)
{
    struct coir_scope *scope = open_independent();
    int failure = -EIO;

    spawn(scope, fail_when_cancelled, &failure);
    spawn(scope, sleep_for_ever, NULL);
    let_others_run(1);
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), -EIO);
}

/* A million scopes, one after another, cost no more memory than one: they come from a slab. */
TASK_TEST(scopes_are_recycled)
{
    struct coir_scope *first = open_scope(NULL);
    uintptr_t lowest = (uintptr_t)first, highest = (uintptr_t)first;

    assert_int_equal(coir_scope_close(first), 0);
    for (int i = 0; i < 100000; i++) {
        struct coir_scope *scope = open_scope(NULL);

        lowest = (uintptr_t)scope < lowest ? (uintptr_t)scope : lowest;
        highest = (uintptr_t)scope > highest ? (uintptr_t)scope : highest;
        assert_int_equal(coir_scope_close(scope), 0);
    }
    assert_true(highest - lowest < 65536);
}

/* Each child opens a scope of its own in ours, one of them two, and waits there. */
static int sleep_in_own_scope(void *arg)
{
    int *result = arg;
    struct coir_scope *scope = open_scope(NULL);
    struct coir_scope *inner = *result > 0 ? open_scope(NULL) : NULL;

    *result = coir_sleep(1000 * COIR_SECOND);
    if (inner != NULL)
        assert_int_equal(coir_scope_close(inner), 0);
    assert_int_equal(coir_scope_close(scope), 0);
    return *result;
}

TASK_TEST(a_cancel_reaches_every_scope_inside)
{
    struct coir_scope *scope = open_scope(NULL);
    int results[4] = {0, 1, 0, 1};

    for (int i = 0; i < 4; i++)
        spawn(scope, sleep_in_own_scope, &results[i]);
    let_others_run(1);
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(results[i], -ECANCELED);
}

static int cancel_it(void *arg)
{
    coir_scope_cancel(arg);
    return 0;
}

TASK_TEST(any_task_of_the_scheduler_may_cancel_and_once_more_changes_nothing)
{
    struct coir_scope *outer = open_independent();
    struct coir_scope *inner = open_scope(NULL);

    spawn(outer, cancel_it, inner); /* from outside of it */
    assert_int_equal(coir_sleep(1000 * COIR_SECOND), -ECANCELED);
    coir_scope_cancel(inner);
    assert_int_equal(coir_scope_state(inner), COIR_SCOPE_CANCELLED);
    assert_int_equal(coir_scope_state(outer), 0);
    assert_int_equal(coir_scope_close(inner), 0);
    assert_int_equal(coir_sleep(1), 0);
    assert_int_equal(coir_scope_close(outer), 0);
}
