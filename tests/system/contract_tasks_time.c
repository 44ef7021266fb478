/* SPDX-License-Identifier: MIT
 *
 * Tasks, time and turns: "coir_sleep(ns), coir_yield(), coir_now() (the clock
 * now, never the turn's; deadlines start from it)"; "rounding is always up";
 * timers that wake sleepers in deadline order, never early; first-in-first-out
 * fairness; a turn budget for every session.
 */
#include "support/tasks.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

TASK_TEST(now_is_the_clock_and_not_the_turn)
{
    coir_time first = coir_now(), second;

    do
        second = coir_now();
    while (second == first); /* ends: the case has a time limit */
    assert_true(second > first);
}

static int tell_time(void *arg)
{
    *(coir_time *)arg = coir_now();
    return 0;
}

TEST(now_may_be_asked_outside_a_task_and_is_the_same_clock)
{
    coir_time before = coir_now(), inside = 0;

    assert_int_equal(coir_run(tell_time, &inside, NULL), 0);
    assert_true(before > 0 && inside >= before && inside - before < 20 * COIR_SECOND);
    assert_true(coir_now() >= inside);
}

TASK_TEST(a_sleep_is_never_early)
{
    struct test_random random;

    test_random_init(&random);
    for (int i = 0; i < 200; i++) {
        coir_time duration = 1 + (coir_time)test_random_below(&random, 2 * COIR_MILLISECOND);
        coir_time start = coir_now();

        assert_int_equal(coir_sleep(duration), 0);
        assert_true(coir_now() - start >= duration);
    }
}

/* Were it counted from the turn's beginning, it would be over already. */
TASK_TEST(a_sleep_after_computation_counts_from_now)
{
    coir_time start;

    compute(3 * COIR_MILLISECOND);
    start = coir_now();
    assert_int_equal(coir_sleep(2 * COIR_MILLISECOND), 0);
    assert_true(coir_now() - start >= 2 * COIR_MILLISECOND);
}

TASK_TEST(a_deadline_after_computation_counts_from_now)
{
    struct coir_scope *scope;
    coir_time start;

    compute(3 * COIR_MILLISECOND);
    start = coir_now();
    scope = open_scope(&(struct coir_scope_options){.limit_ns = 2 * COIR_MILLISECOND});
    assert_int_equal(coir_sleep(COIR_SECOND), -ETIME);
    assert_true(coir_now() - start >= 2 * COIR_MILLISECOND);
    assert_int_equal(coir_scope_close(scope), 0);
}

static int note_turn(void *arg)
{
    *(bool *)arg = true;
    return 0;
}

TASK_TEST(a_sleep_of_nothing_only_yields)
{
    static const coir_time durations[] = {0, -1, INT64_MIN};

    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
        struct coir_scope *scope = open_scope(NULL);
        bool ran = false;

        spawn(scope, note_turn, &ran);
        assert_int_equal(coir_sleep(durations[i]), 0);
        assert_true(ran);
        assert_int_equal(coir_scope_close(scope), 0);
    }
}

#define SLEEPERS 1000
#define DEADLINES_APART (50 * COIR_MILLISECOND)

static struct sleeper {
    coir_time duration;
    coir_time deadline;
} sleepers[SLEEPERS];
static coir_time last_deadline;
static int woken, misplaced;

static int sleep_as_told(void *arg)
{
    struct sleeper *sleeper = arg;

    sleeper->deadline = coir_now() + sleeper->duration;
    assert_int_equal(coir_sleep(sleeper->duration), 0);
    assert_true(coir_now() >= sleeper->deadline);
    /* the library's look at the clock is not ours: a busy machine comes between the two now and then */
    misplaced += sleeper->deadline < last_deadline - DEADLINES_APART / 2;
    if (sleeper->deadline > last_deadline)
        last_deadline = sleeper->deadline;
    woken++;
    return 0;
}

/* To the nanosecond this is shown where time is ours, in unit/task_time.c. */
TASK_TEST(a_thousand_sleepers_wake_in_the_order_of_their_deadlines)
{
    struct coir_scope *scope = open_scope(NULL);
    struct test_random random;

    test_random_init(&random);
    for (int i = 0; i < SLEEPERS; i++) {
        sleepers[i].duration = (coir_time)(1 + test_random_below(&random, 8)) * DEADLINES_APART;
        spawn(scope, sleep_as_told, &sleepers[i]);
    }
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(woken, SLEEPERS);
    assert_in_range(misplaced, 0, SLEEPERS / 20);
}

#define RUNNERS 50

static struct runner {
    int number;
    int rounds;
} runners[RUNNERS];
static int order[RUNNERS * 20], ordered;

static int note_rounds(void *arg)
{
    struct runner *runner = arg;

    for (; runner->rounds > 0; runner->rounds--) {
        order[ordered++] = runner->number;
        assert_int_equal(coir_yield(), 0);
    }
    return 0;
}

TASK_TEST(tasks_take_turns_first_in_first_out)
{
    struct coir_scope *scope = open_scope(NULL);

    ordered = 0;
    for (int i = 0; i < RUNNERS; i++) {
        runners[i] = (struct runner){.number = i, .rounds = 20};
        spawn(scope, note_rounds, &runners[i]);
    }
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(ordered, RUNNERS * 20);
    for (int i = 0; i < ordered; i++)
        assert_int_equal(order[i], i % RUNNERS);
}

static struct coir_channel *line;

static int wait_in_line(void *arg)
{
    struct runner *runner = arg;
    char item;

    assert_int_equal(coir_channel_receive(line, &item), 1);
    order[ordered++] = runner->number;
    return 0;
}

TASK_TEST(woken_tasks_run_in_the_order_in_which_they_were_woken)
{
    struct coir_scope *scope = open_scope(NULL);
    char item = 0;

    line = open_channel(0, 1);
    ordered = 0;
    for (int i = 0; i < RUNNERS; i++) {
        runners[i].number = i;
        spawn(scope, wait_in_line, &runners[i]);
    }
    let_others_run(1);
    for (int i = 0; i < RUNNERS; i++)
        assert_int_equal(coir_channel_send(line, &item), 0);
    assert_int_equal(coir_scope_close(scope), 0);
    for (int i = 0; i < RUNNERS; i++)
        assert_int_equal(order[i], i);
    coir_channel_close(line);
}

static bool stop_hogging;

/* A call of each kind that always succeeds at once must not keep the thread. */
static int hog_channel(void *arg)
{
    struct coir_channel *channel = open_channel(1, 1);
    char item = 0;

    (void)arg;
    while (!stop_hogging) {
        assert_int_equal(coir_channel_send(channel, &item), 0);
        assert_int_equal(coir_channel_receive(channel, &item), 1);
    }
    coir_channel_close(channel);
    return 0;
}

static int hog_stream(void *arg)
{
    struct coir_stream *streams[2];
    int ends[2];
    char bytes[64] = {0};

    (void)arg;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(coir_adopt(ends[i], NULL, &streams[i]), 0);
    while (!stop_hogging) {
        assert_int_equal(coir_write(streams[0], bytes, sizeof(bytes)), 0);
        assert_int_equal(coir_read(streams[1], bytes, sizeof(bytes)), sizeof(bytes));
    }
    coir_abort(streams[0]);
    coir_abort(streams[1]);
    return 0;
}

static int hog_held_bytes(void *arg)
{
    struct coir_stream *stream;
    struct coir_slice slice;
    int ends[2];

    (void)arg;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(coir_adopt(ends[0], NULL, &stream), 0);
    assert_int_equal(send(ends[1], "abc", 3, 0), 3);
    while (!stop_hogging) {
        assert_int_equal(coir_receive(stream, &slice), 1);
        coir_release_used(&slice, 0);
    }
    coir_abort(stream);
    return 0;
}

static int hog_descriptor(void *arg)
{
    int ends[2];

    (void)arg;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    while (!stop_hogging)
        assert_int_equal(coir_wait_fd(ends[0], 4), 4); /* POLLOUT */
    return 0;
}

static int hog_with_failures(void *arg)
{
    struct coir_channel *channel = open_channel(1, 1);
    char item = 0;

    (void)arg;
    coir_channel_finish(channel);
    while (!stop_hogging)
        assert_int_equal(coir_channel_send(channel, &item), -EPIPE);
    coir_channel_close(channel);
    return 0;
}

static void check_hog(int (*hog)(void *arg))
{
    struct coir_scope *scope = open_scope(NULL);

    stop_hogging = false;
    spawn(scope, hog, NULL);
    for (int i = 0; i < 100; i++)
        assert_int_equal(coir_yield(), 0); /* returns only if the hog gives way */
    assert_int_equal(coir_sleep(COIR_MILLISECOND), 0);
    stop_hogging = true;
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(a_task_whose_calls_always_succeed_at_once_lets_others_run)
{
    check_hog(hog_channel);
    check_hog(hog_stream);
    check_hog(hog_held_bytes);
    check_hog(hog_descriptor);
}

TASK_TEST(a_task_whose_calls_always_fail_at_once_lets_others_run)
{
    check_hog(hog_with_failures);
}

/* Among those that are always ready, a sleeper's time comes too. */
TASK_TEST(a_sleeper_is_not_starved_by_tasks_that_are_always_ready)
{
    struct coir_scope *scope = open_scope(NULL);
    coir_time start = coir_now();

    stop_hogging = false;
    for (int i = 0; i < 10; i++)
        spawn(scope, hog_channel, NULL);
    assert_int_equal(coir_sleep(COIR_MILLISECOND), 0);
    assert_true(coir_now() - start < 10 * COIR_SECOND);
    stop_hogging = true;
    assert_int_equal(coir_scope_close(scope), 0);
}
