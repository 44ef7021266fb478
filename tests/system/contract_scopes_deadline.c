/* SPDX-License-Identifier: MIT
 *
 * Scopes, deadlines: "Deadlines nest: the nearest wins. coir_scope_set_limit
 * counts from now: <= 0 expires, COIR_FOREVER lifts; expired stays expired. It
 * reads the clock once and stores (lazy timer). -ECANCELED outranks -ETIME;
 * coir_scope_state(scope) tells whether *this* scope expired."
 */
#include "support/tasks.h"
#include <errno.h>

#define LONG (1000 * COIR_SECOND)

static struct coir_scope *open_limited(coir_time limit_ns)
{
    return open_scope(&(struct coir_scope_options){.limit_ns = limit_ns});
}

/* Sleeps for very long; passes if the scope ends that after `limit_ns`, not before. */
static void check_expires_after(coir_time start, coir_time limit_ns)
{
    assert_int_equal(coir_sleep(LONG), -ETIME);
    assert_true(coir_now() - start >= limit_ns);
    assert_true(coir_now() - start < limit_ns + 20 * COIR_SECOND);
}

TASK_TEST(a_limit_ends_calls_when_it_has_passed_and_not_before)
{
    coir_time start = coir_now();
    struct coir_scope *scope = open_limited(3 * COIR_MILLISECOND);
    int rc = coir_sleep(COIR_MICROSECOND);

    assert_true(rc == 0 || coir_now() - start >= 3 * COIR_MILLISECOND);
    check_expires_after(start, 3 * COIR_MILLISECOND);
    assert_int_equal(coir_scope_state(scope), COIR_SCOPE_EXPIRED);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(the_nearest_deadline_wins)
{
    for (int outer_is_nearer = 0; outer_is_nearer < 2; outer_is_nearer++) {
        coir_time start = coir_now();
        struct coir_scope *outer = open_limited(outer_is_nearer ? 2 * COIR_MILLISECOND : LONG);
        struct coir_scope *middle = open_scope(NULL);
        struct coir_scope *inner = open_limited(outer_is_nearer ? LONG : 2 * COIR_MILLISECOND);

        check_expires_after(start, 2 * COIR_MILLISECOND);
        assert_int_equal(coir_scope_state(outer), outer_is_nearer ? COIR_SCOPE_EXPIRED : 0);
        assert_int_equal(coir_scope_state(middle), 0);
        assert_int_equal(coir_scope_state(inner), outer_is_nearer ? 0 : COIR_SCOPE_EXPIRED);
        assert_int_equal(coir_scope_close(inner), 0);
        assert_int_equal(coir_sleep(1), outer_is_nearer ? -ETIME : 0);
        assert_int_equal(coir_scope_close(middle), 0);
        assert_int_equal(coir_scope_close(outer), 0);
        assert_int_equal(coir_sleep(1), 0);
    }
}

/* Nobody else turns the loop, so that both deadlines are found at one entry check. */
TASK_TEST(deadlines_that_pass_together_expire_each_its_own_scope)
{
    struct coir_scope *outer = open_limited(2 * COIR_MILLISECOND);
    struct coir_scope *middle = open_scope(NULL);
    struct coir_scope *inner = open_limited(COIR_MILLISECOND);

    compute(3 * COIR_MILLISECOND);
    assert_int_equal(coir_yield(), -ETIME);
    assert_int_equal(coir_scope_state(inner), COIR_SCOPE_EXPIRED);
    assert_int_equal(coir_scope_state(middle), 0);
    assert_int_equal(coir_scope_state(outer), COIR_SCOPE_EXPIRED);
    assert_int_equal(coir_scope_close(inner), 0);
    assert_int_equal(coir_scope_close(middle), 0);
    assert_int_equal(coir_scope_close(outer), 0);
}

TASK_TEST(a_limit_set_later_counts_from_now)
{
    struct coir_scope *scope = open_limited(20 * COIR_SECOND);
    coir_time start;

    compute(4 * COIR_MILLISECOND);
    start = coir_now();
    coir_scope_set_limit(scope, 8 * COIR_MILLISECOND);
    check_expires_after(start, 8 * COIR_MILLISECOND);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(a_limit_set_earlier_ends_the_wait_earlier)
{
    struct coir_scope *scope = open_limited(LONG);
    coir_time start = coir_now();

    coir_scope_set_limit(scope, 2 * COIR_MILLISECOND);
    check_expires_after(start, 2 * COIR_MILLISECOND);
    assert_int_equal(coir_scope_close(scope), 0);
}

static int shorten(void *arg)
{
    coir_scope_set_limit(arg, COIR_MILLISECOND);
    return 0;
}

TASK_TEST(a_limit_set_while_others_wait_reaches_them)
{
    struct coir_scope *around = open_independent();
    struct coir_scope *outer = open_limited(LONG);
    struct coir_scope *inner = open_scope(NULL);
    coir_time start = coir_now();

    spawn(around, shorten, outer);
    check_expires_after(start, COIR_MILLISECOND);
    assert_int_equal(coir_scope_state(outer), COIR_SCOPE_EXPIRED);
    assert_int_equal(coir_scope_close(inner), 0);
    assert_int_equal(coir_scope_close(outer), 0);
    assert_int_equal(coir_scope_close(around), 0);
}

TASK_TEST(a_limit_of_zero_or_less_expires_at_once)
{
    static const coir_time limits[] = {0, -1, INT64_MIN};

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct coir_scope *scope = open_scope(NULL);

        coir_scope_set_limit(scope, limits[i]);
        assert_int_equal(coir_scope_state(scope), COIR_SCOPE_EXPIRED);
        assert_int_equal(coir_yield(), -ETIME);
        assert_int_equal(coir_scope_close(scope), 0);
    }
}

TASK_TEST(forever_lifts_the_limit)
{
    struct coir_scope *scope = open_limited(200 * COIR_MILLISECOND); /* enough to lift it in time */
    struct coir_scope_info info;

    coir_scope_set_limit(scope, COIR_FOREVER);
    assert_int_equal(coir_sleep(201 * COIR_MILLISECOND), 0);
    assert_int_equal(coir_scope_state(scope), 0);
    assert_int_equal(coir_scope_info(scope, &info), 0);
    assert_int_equal(info.deadline, COIR_FOREVER);
    coir_scope_set_limit(scope, COIR_FOREVER - 1); /* past the end of time: never */
    assert_int_equal(coir_sleep(COIR_MILLISECOND), 0);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(expired_stays_expired)
{
    static const coir_time limits[] = {COIR_SECOND, COIR_FOREVER, 0};
    struct coir_scope *scope = open_limited(COIR_MILLISECOND);

    assert_int_equal(coir_sleep(LONG), -ETIME);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        coir_scope_set_limit(scope, limits[i]);
        assert_int_equal(coir_yield(), -ETIME);
        assert_int_equal(coir_scope_state(scope), COIR_SCOPE_EXPIRED);
        assert_int_equal(coir_spawn(scope, sleep_for_ever, NULL, NULL), -ETIME);
    }
    assert_int_equal(coir_scope_close(scope), 0);
}

/* With a limit of 20 ms, which was moved before it could pass: a machine that stands still so long is tried again. */
static struct coir_scope *open_moved(void)
{
    struct coir_scope *scope;
    coir_time start;
    bool was_late;

    do {
        start = coir_now();
        scope = open_limited(20 * COIR_MILLISECOND);
        coir_scope_set_limit(scope, 20 * COIR_SECOND);
        was_late = coir_now() - start >= 20 * COIR_MILLISECOND;
        if (was_late)
            assert_int_equal(coir_scope_close(scope), 0);
    } while (was_late);
    return scope;
}

/* The idle time-out of a session: set before each read, it never passes while there is something to read. */
TASK_TEST(a_limit_moved_again_and_again_never_passes)
{
    struct coir_scope *scope = open_moved();
    coir_time start = coir_now();
    int times = 0;

    while (coir_now() - start < 60 * COIR_MILLISECOND) {
        coir_scope_set_limit(scope, 20 * COIR_SECOND);
        assert_int_equal(coir_sleep(COIR_MILLISECOND), 0);
        times++;
    }
    assert_true(times > 0);
    start = coir_now();
    coir_scope_set_limit(scope, 2 * COIR_MILLISECOND);
    check_expires_after(start, 2 * COIR_MILLISECOND);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(canceled_outranks_time)
{
    for (int cancel_first = 0; cancel_first < 2; cancel_first++) {
        struct coir_scope *outer = open_scope(NULL);
        struct coir_scope *inner = open_scope(NULL);

        if (cancel_first)
            coir_scope_cancel(outer);
        coir_scope_set_limit(inner, 0);
        if (!cancel_first)
            coir_scope_cancel(outer);
        assert_int_equal(coir_yield(), -ECANCELED);
        assert_int_equal(coir_scope_state(inner), COIR_SCOPE_EXPIRED);
        assert_int_equal(coir_scope_state(outer), COIR_SCOPE_CANCELLED);
        assert_int_equal(coir_scope_close(inner), 0);
        assert_int_equal(coir_scope_close(outer), 0);
    }
}

static int sleep_and_note(void *arg)
{
    int *result = arg;

    *result = coir_sleep(LONG);
    return *result;
}

/* Expired first, and before the sleeper has run again also cancelled. */
TASK_TEST(canceled_outranks_time_for_a_wait_that_both_ended)
{
    struct coir_scope *scope = open_scope(NULL);
    int result = 0;

    spawn(scope, sleep_and_note, &result);
    let_others_run(1);
    coir_scope_set_limit(scope, 0);
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(result, -ECANCELED);
}

TASK_TEST(state_tells_of_this_scope_alone)
{
    struct coir_scope *outer = open_scope(NULL);
    struct coir_scope *inner = open_scope(NULL);

    coir_scope_cancel(inner);
    assert_int_equal(coir_scope_state(outer), 0);
    assert_int_equal(coir_scope_close(inner), 0);
    inner = open_scope(NULL);
    coir_scope_set_limit(outer, 0);
    coir_scope_drain(outer, 0);
    coir_scope_cancel(outer);
    assert_int_equal(coir_scope_state(inner), 0);
    assert_int_equal(coir_scope_state(outer), COIR_SCOPE_EXPIRED | COIR_SCOPE_DRAINING | COIR_SCOPE_CANCELLED);
    assert_int_equal(coir_scope_close(inner), 0);
    assert_int_equal(coir_scope_close(outer), 0);
}

/* Whatever is done to a nest of scopes, what a call inside says is decided by the nearest deadline and the cancels. */
TASK_TEST(random_nests_obey_the_nearest)
{
    struct test_random random;

    test_random_init(&random);
    for (int round = 0; round < 300; round++) {
        struct coir_scope *nest[6];
        bool cancelled = false, expired = false;
        size_t depth = 1 + test_random_below(&random, 6);

        for (size_t i = 0; i < depth; i++)
            nest[i] = open_limited(test_random_below(&random, 2) ? LONG : 0);
        for (uint64_t deeds = test_random_below(&random, 4); deeds > 0; deeds--) {
            struct coir_scope *scope = nest[test_random_below(&random, depth)];

            switch (test_random_below(&random, 4)) {
            case 0:
                coir_scope_cancel(scope);
                cancelled = true;
                break;
            case 1:
                coir_scope_set_limit(scope, 0);
                expired = true;
                break;
            case 2:
                coir_scope_set_limit(scope, COIR_FOREVER);
                break;
            default:
                coir_scope_set_limit(scope, LONG / 2);
            }
        }
        assert_int_equal(coir_yield(), cancelled ? -ECANCELED : expired ? -ETIME : 0);
        while (depth > 0)
            assert_int_equal(coir_scope_close(nest[--depth]), 0);
    }
}
