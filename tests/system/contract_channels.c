/* SPDX-License-Identifier: MIT
 *
 * Channels: "in sync/ one bounded channel (send, receive, close), so that tasks
 * can talk", with the contract of coir/channel.h sentence by sentence; that of
 * offers is in contract_channels_offer.c. That nothing allocates on the path is
 * in unit/sync_allocation.c.
 */
#include "support/channels.h"
#include <errno.h>
#include <string.h>

TASK_TEST(items_come_out_in_the_order_in_which_they_went_in)
{
    struct coir_channel *channel = open_channel(5, sizeof(int));

    for (int round = 0; round < 7; round++) { /* around the ring's end too */
        for (int i = 0; i < 5; i++)
            put(channel, round * 10 + i);
        for (int i = 0; i < 3; i++)
            assert_int_equal(take(channel), round * 10 + i);
        put(channel, round * 10 + 5);
        for (int i = 3; i < 6; i++)
            assert_int_equal(take(channel), round * 10 + i);
    }
    coir_channel_close(channel);
}

TASK_TEST(an_item_is_copied_whatever_its_size)
{
    static const size_t sizes[] = {1, 3, 8, 100, 5000};
    char sent[5000], received[5001];
    struct test_random random;

    test_random_init(&random);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct coir_channel *channel = open_channel(2, sizes[i]);

        test_random_fill(&random, sent, sizeof(sent));
        memset(received, 0x5a, sizeof(received));
        assert_int_equal(coir_channel_send(channel, sent), 0);
        assert_int_equal(coir_channel_receive(channel, received), 1);
        assert_memory_equal(sent, received, sizes[i]);
        assert_int_equal(received[sizes[i]], 0x5a);
        coir_channel_close(channel);
    }
}

TASK_TEST(impossible_channels_are_refused)
{
    struct coir_channel *channel;

    assert_int_equal(coir_channel_open(1, 0, &channel), -EINVAL);
    assert_int_equal(coir_channel_open(SIZE_MAX, 2, &channel), -EINVAL);
    assert_int_equal(coir_channel_open(SIZE_MAX / 4, 3, &channel), -ENOMEM);
}

TASK_TEST(a_send_waits_while_the_channel_is_full)
{
    struct coir_scope *scope = open_scope(NULL);
    struct coir_channel *channel = open_channel(2, sizeof(int));
    struct trade trade = start_trade(channel, 3);

    put(channel, 1);
    put(channel, 2);
    spawn(scope, send_one, &trade);
    let_others_run(5);
    assert_int_equal(trade.result, PENDING);
    assert_int_equal(take(channel), 1);
    let_others_run(1);
    assert_int_equal(trade.result, 0);
    assert_int_equal(take(channel), 2);
    assert_int_equal(take(channel), 3);
    coir_channel_close(channel);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(a_receive_waits_while_the_channel_is_empty)
{
    struct coir_scope *scope = open_scope(NULL);
    struct coir_channel *channel = open_channel(2, sizeof(int));
    struct trade trade = start_trade(channel, 0);

    spawn(scope, receive_one, &trade);
    let_others_run(5);
    assert_int_equal(trade.result, PENDING);
    put(channel, 5);
    let_others_run(1);
    assert_int_equal(trade.result, 1);
    assert_int_equal(trade.item, 5);
    coir_channel_close(channel);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(with_capacity_zero_a_send_waits_for_its_receiver)
{
    struct coir_scope *scope = open_scope(NULL);
    struct coir_channel *channel = open_channel(0, sizeof(int));
    struct trade sender = start_trade(channel, 9), receiver = start_trade(channel, 0);

    spawn(scope, send_one, &sender);
    let_others_run(5);
    assert_int_equal(sender.result, PENDING);
    assert_int_equal(take(channel), 9);
    let_others_run(1);
    assert_int_equal(sender.result, 0);
    spawn(scope, receive_one, &receiver); /* and where the receiver waits, a send does not */
    let_others_run(1);
    put(channel, 10);
    let_others_run(1);
    assert_int_equal(receiver.item, 10);
    coir_channel_close(channel);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(senders_that_wait_go_in_the_order_in_which_they_came)
{
    struct coir_scope *scope = open_scope(NULL);

    for (size_t capacity = 0; capacity < 3; capacity++) {
        struct coir_channel *channel = open_channel(capacity, sizeof(int));
        struct trade trades[10];

        for (int i = 0; i < 10; i++) {
            trades[i] = start_trade(channel, i);
            spawn(scope, send_one, &trades[i]);
        }
        let_others_run(1);
        for (int i = 0; i < 10; i++)
            assert_int_equal(take(channel), i);
        let_others_run(1);
        for (int i = 0; i < 10; i++)
            assert_int_equal(trades[i].result, 0);
        coir_channel_close(channel);
    }
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(after_finish_receivers_get_the_rest_and_then_zero)
{
    struct coir_channel *channel = open_channel(3, sizeof(int));
    int item = 0;

    put(channel, 1);
    put(channel, 2);
    coir_channel_finish(channel);
    coir_channel_finish(channel); /* once more changes nothing */
    assert_int_equal(take(channel), 1);
    assert_int_equal(take(channel), 2);
    assert_int_equal(coir_channel_receive(channel, &item), 0);
    assert_int_equal(coir_channel_receive(channel, &item), 0);
    coir_channel_close(channel);
}

TASK_TEST(after_finish_sends_fail_those_that_wait_and_later_ones)
{
    struct coir_scope *scope = open_scope(NULL);
    struct coir_channel *channel = open_channel(1, sizeof(int));
    struct trade waiting = start_trade(channel, 2);
    int item = 3;

    put(channel, 1);
    spawn(scope, send_one, &waiting);
    let_others_run(1);
    coir_channel_finish(channel);
    let_others_run(1);
    assert_int_equal(waiting.result, -EPIPE);
    assert_int_equal(coir_channel_send(channel, &item), -EPIPE);
    assert_int_equal(take(channel), 1); /* nobody gets an item whose send failed */
    assert_int_equal(coir_channel_receive(channel, &item), 0);
    coir_channel_close(channel);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(a_finish_wakes_receivers_with_zero)
{
    struct coir_scope *scope = open_scope(NULL);
    struct coir_channel *channel = open_channel(1, sizeof(int));
    struct trade trades[3];

    for (int i = 0; i < 3; i++) {
        trades[i] = start_trade(channel, 5);
        spawn(scope, receive_one, &trades[i]);
    }
    let_others_run(1);
    coir_channel_finish(channel);
    assert_int_equal(coir_scope_close(scope), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(trades[i].result, 0);
        assert_int_equal(trades[i].item, 5);
    }
    coir_channel_close(channel);
}

TASK_TEST(a_close_ends_the_waits_on_the_channel)
{
    struct coir_scope *scope = open_scope(NULL);
    struct coir_channel *full = open_channel(1, sizeof(int)), *empty = open_channel(1, sizeof(int));
    struct trade sender = start_trade(full, 1), receiver = start_trade(empty, 5);

    put(full, 0);
    spawn(scope, send_one, &sender);
    spawn(scope, receive_one, &receiver);
    let_others_run(1);
    coir_channel_close(full);
    coir_channel_close(empty);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(sender.result, -EBADF);
    assert_int_equal(receiver.result, -EBADF);
    assert_int_equal(receiver.item, 5);
    coir_channel_close(NULL);
}

static int send_until_refused(void *arg)
{
    int item = 0;
    int rc;

    while ((rc = coir_channel_send(arg, &item)) == 0)
        item++;
    return rc;
}

static int close_it(void *arg)
{
    coir_channel_close(arg);
    return 0;
}

/* The channel goes while a sender that could go on at once has only given way. */
TASK_TEST(a_close_while_a_sender_gave_way_is_told_to_it)
{
    struct coir_scope *scope = open_independent();
    struct coir_channel *channel = open_channel(1000, sizeof(int));
    int result = 0;
    struct coir_task_options options = {.ret_result = &result};

    assert_int_equal(coir_spawn(scope, send_until_refused, channel, &options), 0);
    spawn(scope, close_it, channel);
    assert_int_equal(coir_scope_close(scope), -EBADF);
    assert_int_equal(result, -EBADF);
}

TASK_TEST(a_cancelled_wait_leaves_the_line)
{
    struct coir_scope *cancelled = open_scope(NULL);
    struct coir_channel *channel = open_channel(0, sizeof(int));
    struct trade first = start_trade(channel, 1), second = start_trade(channel, 2);
    struct coir_scope *scope;

    spawn(cancelled, send_one, &first);
    let_others_run(1);
    coir_scope_cancel(cancelled);
    assert_int_equal(coir_scope_close(cancelled), 0);
    assert_int_equal(first.result, -ECANCELED);
    scope = open_scope(NULL);
    spawn(scope, send_one, &second);
    let_others_run(1);
    assert_int_equal(take(channel), 2);
    assert_int_equal(coir_scope_close(scope), 0);
    coir_channel_close(channel);
}

/* Random tasks, capacities and cancels: each item whose send succeeded is received once, and none else. */
#define ITEMS 2000

static struct market {
    struct coir_channel *channel;
    struct test_random random;
    int offered, sent, received;
    bool was_sent[ITEMS], was_received[ITEMS];
} market;

static int trade_out(void *arg)
{
    (void)arg;
    while (market.offered < ITEMS) {
        int item = market.offered++;
        struct coir_scope *own = open_scope(&(struct coir_scope_options){
            .limit_ns = 1 + (coir_time)test_random_below(&market.random, 100) * COIR_MICROSECOND});
        int rc = coir_channel_send(market.channel, &item);

        assert_int_equal(coir_scope_close(own), 0);
        assert_true(rc == 0 || rc == -ETIME);
        market.was_sent[item] = rc == 0;
        market.sent += rc == 0;
        if (test_random_below(&market.random, 4) == 0)
            (void)!coir_yield();
    }
    return 0;
}

static int trade_in(void *arg)
{
    int rc = 1;

    (void)arg;
    while (rc != 0) {
        struct coir_scope *own = open_scope(&(struct coir_scope_options){
            .limit_ns = 1 + (coir_time)test_random_below(&market.random, 100) * COIR_MICROSECOND});
        int item = -1;

        rc = coir_channel_receive(market.channel, &item);
        assert_int_equal(coir_scope_close(own), 0);
        assert_true(rc >= 0 || rc == -ETIME);
        if (rc == 1) {
            assert_in_range(item, 0, ITEMS - 1);
            assert_false(market.was_received[item]);
            market.was_received[item] = true;
            market.received++;
        } else {
            assert_int_equal(item, -1);
        }
        if (rc < 0)
            assert_int_equal(coir_yield(), 0);
    }
    return 0;
}

TASK_TEST(no_item_is_lost_or_doubled_whatever_is_cancelled)
{
    test_random_init(&market.random);
    for (size_t capacity = 0; capacity < 4; capacity++) {
        struct coir_scope *receivers = open_scope(NULL);
        struct coir_scope *senders = open_scope(NULL);
        uint64_t seed = market.random.state;

        market = (struct market){.channel = open_channel(capacity, sizeof(int)), .random = {seed}};
        for (int i = 0; i < 5; i++) {
            spawn(senders, trade_out, NULL);
            spawn(receivers, trade_in, NULL);
        }
        assert_int_equal(coir_scope_close(senders), 0);
        coir_channel_finish(market.channel);
        assert_int_equal(coir_scope_close(receivers), 0);
        assert_true(market.sent > 0);
        assert_int_equal(market.sent, market.received);
        assert_memory_equal(market.was_sent, market.was_received, sizeof(market.was_sent));
        coir_channel_close(market.channel);
    }
}
