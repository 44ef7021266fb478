/* SPDX-License-Identifier: MIT
 *
 * coir_channel_offer(): an item put without waiting, or not at all.
 */
#include "support/channels.h"
#include <errno.h>
#include <string.h>

static int offer(struct coir_channel *channel, int item)
{
    return coir_channel_offer(channel, &item);
}

static uint64_t count_switches(void)
{
    struct coir_run_info info;

    assert_int_equal(coir_run_info(&info), 0);
    return info.switches;
}

TASK_TEST(an_offer_puts_a_copy_at_the_end_and_fails_when_the_channel_is_full)
{
    struct coir_channel *channel = open_channel(3, sizeof(int));

    for (int round = 0; round < 5; round++) { /* around the ring's end too */
        put(channel, 1);
        assert_int_equal(offer(channel, 2), 0);
        assert_int_equal(offer(channel, 3), 0);
        assert_int_equal(offer(channel, 4), -EAGAIN);
        assert_int_equal(take(channel), 1);
        assert_int_equal(offer(channel, 5), 0);
        assert_int_equal(offer(channel, 6), -EAGAIN);
        assert_int_equal(take(channel), 2);
        assert_int_equal(take(channel), 3);
        assert_int_equal(take(channel), 5);
    }
    coir_channel_close(channel);
}

TASK_TEST(an_offer_does_not_go_before_a_sender_that_waits)
{
    struct coir_scope *scope = open_scope(NULL);
    struct coir_channel *channel = open_channel(1, sizeof(int));
    struct trade waiting = start_trade(channel, 2);

    put(channel, 1);
    spawn(scope, send_one, &waiting);
    let_others_run(1);
    assert_int_equal(offer(channel, 3), -EAGAIN);
    assert_int_equal(take(channel), 1);
    assert_int_equal(offer(channel, 3), -EAGAIN); /* the place that came free is the sender's */
    assert_int_equal(take(channel), 2);
    assert_int_equal(offer(channel, 3), 0);
    coir_channel_close(channel);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(waiting.result, 0);
}

TASK_TEST(after_finish_an_offer_fails_with_room_and_without)
{
    struct coir_channel *channel = open_channel(2, sizeof(int));
    int item = 0;

    assert_int_equal(offer(channel, 1), 0);
    coir_channel_finish(channel);
    assert_int_equal(offer(channel, 2), -EPIPE);
    assert_int_equal(take(channel), 1);
    assert_int_equal(coir_channel_receive(channel, &item), 0); /* nobody gets an item that was refused */
    coir_channel_close(channel);
    channel = open_channel(1, sizeof(int));
    assert_int_equal(offer(channel, 1), 0);
    coir_channel_finish(channel);
    assert_int_equal(offer(channel, 2), -EPIPE);
    coir_channel_close(channel);
}

/* Of two receivers the one that came first gets the first item; with capacity 0 there must be one. */
TASK_TEST(an_offer_goes_to_a_receiver_that_waits)
{
    for (size_t capacity = 0; capacity < 3; capacity++) {
        struct coir_scope *scope = open_scope(NULL);
        struct coir_channel *channel = open_channel(capacity, sizeof(int));
        struct trade first = start_trade(channel, 0), second = start_trade(channel, 0);

        spawn(scope, receive_one, &first);
        spawn(scope, receive_one, &second);
        let_others_run(1);
        assert_int_equal(offer(channel, 1), 0);
        assert_int_equal(offer(channel, 2), 0);
        assert_int_equal(first.result, PENDING); /* it runs once the caller suspends */
        assert_int_equal(coir_scope_close(scope), 0);
        assert_int_equal(first.result, 1);
        assert_int_equal(first.item, 1);
        assert_int_equal(second.result, 1);
        assert_int_equal(second.item, 2);
        coir_channel_close(channel);
    }
}

TASK_TEST(with_capacity_zero_an_offer_fails_unless_a_receiver_waits)
{
    struct coir_scope *scope = open_scope(NULL);
    struct coir_channel *channel = open_channel(0, sizeof(int));
    struct trade sender = start_trade(channel, 1);

    assert_int_equal(offer(channel, 5), -EAGAIN);
    spawn(scope, send_one, &sender);
    let_others_run(1);
    assert_int_equal(offer(channel, 5), -EAGAIN);
    assert_int_equal(take(channel), 1);
    assert_int_equal(offer(channel, 5), -EAGAIN);
    assert_int_equal(coir_scope_close(scope), 0);
    coir_channel_finish(channel);
    assert_int_equal(offer(channel, 5), -EPIPE);
    coir_channel_close(channel);
}

/* A receiver that was cancelled does not take an item with it. */
TASK_TEST(an_offer_is_not_lost_on_a_receiver_that_has_left)
{
    struct coir_scope *cancelled = open_scope(NULL);
    struct coir_channel *channel = open_channel(0, sizeof(int));
    struct trade receiver = start_trade(channel, 0);

    spawn(cancelled, receive_one, &receiver);
    let_others_run(1);
    coir_scope_cancel(cancelled);
    assert_int_equal(offer(channel, 1), -EAGAIN);
    assert_int_equal(coir_scope_close(cancelled), 0);
    assert_int_equal(receiver.result, -ECANCELED);
    coir_channel_close(channel);
}

static int count_turns(void *arg)
{
    ++*(int *)arg;
    return 0;
}

/* However many are made in a row, and whatever they return; as many sends do give way. */
TASK_TEST(an_offer_never_suspends)
{
    enum { MANY = 2000 };
    struct coir_scope *scope = open_scope(NULL);
    struct coir_channel *channel = open_channel(MANY / 2, sizeof(int));
    uint64_t before;
    int turns = 0;

    spawn(scope, count_turns, &turns);
    before = count_switches();
    for (int i = 0; i < MANY; i++)
        assert_int_equal(offer(channel, i), i < MANY / 2 ? 0 : -EAGAIN);
    coir_channel_finish(channel);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(offer(channel, i), -EPIPE);
    assert_int_equal(count_switches(), before);
    assert_int_equal(turns, 0);
    coir_channel_close(channel);
    channel = open_channel(MANY, sizeof(int));
    for (int i = 0; i < MANY; i++)
        put(channel, i);
    assert_true(count_switches() > before); /* so the count above could have failed */
    assert_int_equal(turns, 1);
    coir_channel_close(channel);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(an_offer_asks_no_scope)
{
    struct coir_channel *channel = open_channel(3, sizeof(int));
    struct coir_scope *scope = open_scope(NULL);
    int item = 0;

    coir_scope_cancel(scope);
    assert_int_equal(offer(channel, 1), 0);
    assert_int_equal(coir_channel_send(channel, &item), -ECANCELED);
    assert_int_equal(coir_scope_close(scope), 0);
    scope = open_scope(NULL);
    coir_scope_set_limit(scope, 0);
    assert_int_equal(offer(channel, 2), 0);
    assert_int_equal(coir_channel_send(channel, &item), -ETIME);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(take(channel), 1);
    assert_int_equal(take(channel), 2);
    coir_channel_close(channel);
}

static int offer_nothing(void *arg)
{
    struct coir_channel *channel = NULL;

    (void)arg;
    return coir_channel_open(1, 1, &channel) < 0 ? 1 : coir_channel_offer(channel, NULL);
}

static int offer_to_nobody(void *arg)
{
    (void)arg;
    return coir_channel_offer(NULL, "x");
}

static int offer_to_a_closed_one(void *arg)
{
    struct coir_channel *channel = NULL;

    (void)arg;
    if (coir_channel_open(1, 1, &channel) < 0)
        return 1;
    coir_channel_close(channel);
    return coir_channel_offer(channel, "x");
}

static void offer_outside(void *arg)
{
    (void)!coir_channel_offer(arg, "x");
}

TEST(misuse_of_an_offer_is_caught)
{
    ASSERT_TASK_DIES(offer_nothing, NULL, "coir: misuse: item != NULL");
    ASSERT_TASK_DIES(offer_to_nobody, NULL, "coir: misuse: is_channel(channel)");
    ASSERT_TASK_DIES(offer_to_a_closed_one, NULL, "coir: misuse: is_channel(channel)");
    assert_non_null(strstr(test_last_words(), "in coir_channel_offer, task \"main\""));
    ASSERT_DIES(offer_outside, NULL, "coir: misuse: task_is_running()");
}
