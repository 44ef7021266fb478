/* SPDX-License-Identifier: MIT
 *
 * Time as the scheduler sees it, by a clock of our own: sleepers wake in the
 * order of their deadlines, to the nanosecond and never early; a scope's limit
 * is one read of the clock and one store (the lazy timer).
 */
#include "support/virtual_time.h"
#include <errno.h>

#define SLEEPERS 5000

static struct sleeper {
    coir_time duration;
    coir_time deadline;
} sleepers[SLEEPERS];
static coir_time last_deadline;
static int woken;

static int sleep_as_told(void *arg)
{
    struct sleeper *sleeper = arg;

    sleeper->deadline = virtual_run.now + sleeper->duration;
    assert_int_equal(coir_sleep(sleeper->duration), 0);
    assert_int_equal(virtual_run.now, sleeper->deadline);
    assert_true(sleeper->deadline >= last_deadline);
    last_deadline = sleeper->deadline;
    woken++;
    return 0;
}

static int spawn_sleepers(void *arg)
{
    struct coir_scope *scope = virtual_scope(0);

    (void)arg;
    for (int i = 0; i < SLEEPERS; i++) {
        assert_int_equal(coir_spawn(scope, sleep_as_told, &sleepers[i], NULL), 0);
        if (i % 1000 == 0)
            assert_int_equal(coir_sleep(777), 0); /* not all begin at one moment */
    }
    return coir_scope_close(scope);
}

TEST(sleepers_wake_in_the_order_of_their_deadlines_and_never_early)
{
    struct test_random random;

    test_random_init(&random);
    for (int i = 0; i < SLEEPERS; i++)
        sleepers[i].duration = 1 + (coir_time)test_random_below(&random, 100000);
    assert_int_equal(run_virtually(spawn_sleepers, NULL), 0);
    assert_int_equal(woken, SLEEPERS);
}

static int move_limit(void *arg)
{
    struct coir_scope *scope = virtual_scope(10 * COIR_SECOND);
    struct scheduler *scheduler = &virtual_run.scheduler;
    coir_time first = scheduler_next_deadline(scheduler);

    (void)arg;
    for (int i = 0; i < 1000; i++) {
        unsigned int reads = virtual_run.clock_reads;

        virtual_run.now += COIR_MILLISECOND;
        coir_scope_set_limit(scope, 10 * COIR_SECOND);
        assert_int_equal(virtual_run.clock_reads, reads + 1);
        assert_int_equal(scheduler_next_deadline(scheduler), first); /* the timer was left alone */
    }
    return coir_scope_close(scope);
}

TEST(a_limit_moved_later_reads_the_clock_once_and_leaves_the_timer)
{
    assert_int_equal(run_virtually(move_limit, NULL), 0);
}

static int outlast_moved_limit(void *arg)
{
    struct coir_scope *scope = virtual_scope(COIR_SECOND);
    coir_time start = virtual_run.now;

    (void)arg;
    coir_scope_set_limit(scope, 3 * COIR_SECOND);
    assert_int_equal(coir_sleep(10 * COIR_SECOND), -ETIME); /* the early timer only looked again */
    assert_int_equal(virtual_run.now, start + 3 * COIR_SECOND);
    assert_int_equal(coir_scope_close(scope), 0);
    scope = virtual_scope(5 * COIR_SECOND);
    start = virtual_run.now;
    coir_scope_set_limit(scope, COIR_SECOND);
    assert_int_equal(coir_sleep(10 * COIR_SECOND), -ETIME);
    assert_int_equal(virtual_run.now, start + COIR_SECOND);
    assert_int_equal(coir_scope_close(scope), 0);
    return 0;
}

TEST(a_moved_limit_is_met_to_the_nanosecond)
{
    assert_int_equal(run_virtually(outlast_moved_limit, NULL), 0);
}

/* The earlier of two moments that are due at one look at the clock has happened first. */
static int race_deadlines(void *arg)
{
    struct coir_scope *scope;

    (void)arg;
    for (coir_time limit = 999; limit <= 1001; limit++) {
        scope = virtual_scope(limit);
        if (limit != 1000) /* of equal ones either may win */
            assert_int_equal(coir_sleep(1000), limit < 1000 ? -ETIME : 0);
        assert_int_equal(coir_scope_close(scope), 0);
    }
    return 0;
}

TEST(of_a_sleep_and_a_deadline_the_earlier_wins)
{
    assert_int_equal(run_virtually(race_deadlines, NULL), 0);
}

static int overflow_time(void *arg)
{
    struct coir_scope *scope = virtual_scope(COIR_FOREVER - 1); /* from now on: past the end of time */

    (void)arg;
    assert_int_equal(scheduler_next_deadline(&virtual_run.scheduler), COIR_FOREVER);
    assert_int_equal(coir_sleep(1), 0);
    return coir_scope_close(scope);
}

TEST(a_limit_past_the_end_of_time_is_none)
{
    assert_int_equal(run_virtually(overflow_time, NULL), 0);
}
