/* SPDX-License-Identifier: MIT
 *
 * For cases about channels of ints: items put and taken at once, and trades,
 * which are tasks that send or receive one item and may wait for it.
 */
#ifndef SUPPORT_CHANNELS_H
#define SUPPORT_CHANNELS_H

#include "support/tasks.h"

/** Sends, where that must succeed. */
static inline void put(struct coir_channel *channel, int item)
{
    assert_int_equal(coir_channel_send(channel, &item), 0);
}

/** Receives, where there must be an item. */
static inline int take(struct coir_channel *channel)
{
    int item = -1;

    assert_int_equal(coir_channel_receive(channel, &item), 1);
    return item;
}

/** A task that sends or receives one item. */
struct trade {
    struct coir_channel *channel;
    int item;
    int result;
};

static inline int send_one(void *arg)
{
    struct trade *trade = arg;

    trade->result = coir_channel_send(trade->channel, &trade->item);
    return 0;
}

static inline int receive_one(void *arg)
{
    struct trade *trade = arg;

    trade->result = coir_channel_receive(trade->channel, &trade->item);
    return 0;
}

/** The result of a trade that has not happened. */
#define PENDING 77

static inline struct trade start_trade(struct coir_channel *channel, int item)
{
    return (struct trade){.channel = channel, .item = item, .result = PENDING};
}

#endif
