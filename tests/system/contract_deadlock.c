/* SPDX-License-Identifier: MIT
 *
 * Deadlock: "Nothing runnable, no timer, no engine operation pending, tasks
 * alive: misuse: every task's wait reason on standard error, then abort. Waits
 * marked background by their caller (none is by default) do not count as hope;
 * with engine operations pending nothing is claimed." And: a planted deadlock
 * (two tasks, two channels) is reported at once.
 */
#include "support/tasks.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

struct crossing {
    struct coir_channel *from, *to;
};

/* Each waits for what the other would send after it. */
static int receive_then_send(void *arg)
{
    const struct crossing *crossing = arg;
    int item;

    if (coir_channel_receive(crossing->from, &item) != 1)
        return 1;
    return coir_channel_send(crossing->to, &item);
}

static int cross_over(void *arg)
{
    static struct crossing crossings[2];
    struct coir_task_options left = {.name = "left"}, right = {.name = "right"};
    struct coir_scope *scope;

    (void)arg;
    if (coir_channel_open(1, sizeof(int), &crossings[0].from) < 0 ||
        coir_channel_open(1, sizeof(int), &crossings[0].to) < 0 || coir_scope_open(NULL, &scope) < 0)
        return 1;
    crossings[1] = (struct crossing){.from = crossings[0].to, .to = crossings[0].from};
    if (coir_spawn(scope, receive_then_send, &crossings[0], &left) < 0 ||
        coir_spawn(scope, receive_then_send, &crossings[1], &right) < 0)
        return 1;
    return coir_scope_close(scope);
}

TEST(two_tasks_and_two_channels_are_reported_at_once)
{
    coir_time start = coir_now();

    ASSERT_TASK_DIES(cross_over, NULL, "coir: deadlock: 3 task(s)");
    assert_true(coir_now() - start < 20 * COIR_SECOND);
    assert_non_null(strstr(test_last_words(), "task \"left\" waits: channel receive\n"));
    assert_non_null(strstr(test_last_words(), "task \"right\" waits: channel receive\n"));
    assert_non_null(strstr(test_last_words(), "task \"main\" waits: scope close\n"));
}

static int fill_channel(void *arg)
{
    struct coir_channel *channel;
    char item = 0;

    (void)arg;
    if (coir_channel_open(0, 1, &channel) < 0)
        return 1;
    return coir_channel_send(channel, &item);
}

TEST(a_task_alone_can_be_a_deadlock)
{
    ASSERT_TASK_DIES(fill_channel, NULL, "coir: deadlock: 1 task(s)");
    assert_non_null(strstr(test_last_words(), "task \"main\" waits: channel send\n"));
}

static int receive_for_ever(void *arg)
{
    char item;

    return coir_channel_receive(arg, &item);
}

static int deadlock_unnamed(void *arg)
{
    struct coir_channel *channel;
    struct coir_scope *scope;

    if (coir_channel_open(0, 1, &channel) < 0 || coir_scope_open(NULL, &scope) < 0)
        return 1;
    for (int i = 0; i < *(int *)arg; i++)
        if (coir_spawn(scope, receive_for_ever, channel, NULL) < 0)
            return 1;
    return coir_scope_close(scope);
}

TEST(unnamed_tasks_are_told_too)
{
    static int count = 5;
    const char *rest;

    ASSERT_TASK_DIES(deadlock_unnamed, &count, "coir: deadlock: 6 task(s)");
    rest = test_last_words();
    for (int i = 0; i < count; i++) {
        rest = strstr(rest, "(unnamed)");
        assert_non_null(rest);
        rest++;
    }
}

/* A deadlock that comes after work, and after time has passed. */
static int deadlock_late(void *arg)
{
    if (coir_sleep(2 * COIR_MILLISECOND) < 0)
        return 1;
    return cross_over(arg);
}

TEST(a_deadlock_that_comes_late_is_reported)
{
    ASSERT_TASK_DIES(deadlock_late, NULL, "coir: deadlock: 3 task(s)");
}

static int send_after_sleep(void *arg)
{
    char item = 'x';

    if (coir_sleep(3 * COIR_MILLISECOND) < 0)
        return 1;
    return coir_channel_send(arg, &item);
}

TASK_TEST(a_timer_is_hope)
{
    struct coir_scope *scope = open_scope(NULL);
    struct coir_channel *channel = open_channel(0, 1);
    char item;

    spawn(scope, send_after_sleep, channel);
    assert_int_equal(coir_channel_receive(channel, &item), 1);
    assert_int_equal(coir_scope_close(scope), 0);
    coir_channel_close(channel);
}

TASK_TEST(a_deadline_is_hope)
{
    struct coir_scope *scope = open_scope(&(struct coir_scope_options){.limit_ns = 3 * COIR_MILLISECOND});
    struct coir_channel *channel = open_channel(0, 1);

    assert_int_equal(receive_for_ever(channel), -ETIME);
    assert_int_equal(coir_scope_close(scope), 0);
    coir_channel_close(channel);
}

struct relay {
    struct coir_channel *channel;
    int ends[2];
};

static int relay_byte(void *arg)
{
    const struct relay *relay = arg;
    char item;

    if (coir_wait_fd(relay->ends[0], POLLIN) != POLLIN || recv(relay->ends[0], &item, 1, 0) != 1)
        return 1;
    return coir_channel_send(relay->channel, &item);
}

static void *write_from_outside(void *arg)
{
    struct timespec moment = {.tv_nsec = 20000000};
    const struct relay *relay = arg;

    nanosleep(&moment, NULL);
    return send(relay->ends[1], "x", 1, 0) == 1 ? NULL : arg;
}

TASK_TEST(with_operations_pending_nothing_is_claimed)
{
    struct coir_scope *scope = open_scope(NULL);
    struct relay relay = {.channel = open_channel(0, 1)};
    pthread_t thread;
    void *failure;
    char item;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, relay.ends), 0);
    spawn(scope, relay_byte, &relay);
    assert_int_equal(pthread_create(&thread, NULL, write_from_outside, &relay), 0);
    assert_int_equal(coir_channel_receive(relay.channel, &item), 1);
    assert_int_equal(pthread_join(thread, &failure), 0);
    assert_null(failure);
    assert_int_equal(coir_scope_close(scope), 0);
    coir_channel_close(relay.channel);
}

static int accept_for_ever(void *arg)
{
    struct coir_listener *listener;
    struct coir_stream *stream;
    int rc;

    (void)arg;
    if (coir_listen("tcp://127.0.0.1:0", NULL, &listener) < 0)
        return 1;
    rc = coir_accept(listener, &stream);
    coir_listener_close(listener);
    return rc;
}

struct background {
    int (*fn)(void *arg);
};

static int deadlock_before_background(void *arg)
{
    struct coir_task_options options = {.name = "metrics", .background = true};
    const struct background *background = arg;
    struct coir_scope *scope;

    if (coir_scope_open(NULL, &scope) < 0 || coir_spawn(scope, background->fn, NULL, &options) < 0)
        return 1;
    return cross_over(NULL);
}

TEST(a_background_operation_is_no_hope)
{
    struct background background = {accept_for_ever};

    ASSERT_TASK_DIES(deadlock_before_background, &background, "coir: deadlock: 4 task(s)");
    assert_non_null(strstr(test_last_words(), "task \"metrics\" waits: accept (background)\n"));
    assert_non_null(strstr(test_last_words(), "task \"left\" waits: channel receive\n"));
}

static int sleep_again_and_again(void *arg)
{
    (void)arg;
    while (coir_sleep(COIR_MILLISECOND) == 0)
        ;
    return 0;
}

TEST(a_background_sleep_is_no_hope)
{
    struct background background = {sleep_again_and_again};

    ASSERT_TASK_DIES(deadlock_before_background, &background, "coir: deadlock: 4 task(s)");
    assert_non_null(strstr(test_last_words(), "task \"metrics\" waits: sleep (background)\n"));
}

static int sleep_past_the_end_of_time(void *arg)
{
    (void)arg;
    return coir_sleep(COIR_FOREVER);
}

static int stop_sleeping(void *arg)
{
    if (coir_sleep(3 * COIR_MILLISECOND) < 0)
        return 1;
    coir_scope_cancel(arg);
    return 0;
}

/* The work goes on beside it, and the background task is cancelled in the end, as it should be. */
TASK_TEST(a_background_task_is_no_deadlock_while_others_have_hope)
{
    struct coir_task_options options = {.name = "metrics", .background = true};
    struct coir_scope *scope = open_scope(NULL);

    assert_int_equal(coir_spawn(scope, accept_for_ever, NULL, &options), 0);
    assert_int_equal(coir_spawn(scope, sleep_again_and_again, NULL, &options), 0);
    assert_int_equal(coir_spawn(scope, sleep_past_the_end_of_time, NULL, &options), 0);
    spawn(scope, stop_sleeping, scope);
    assert_int_equal(coir_scope_close(scope), 0);
}
