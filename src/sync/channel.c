/* SPDX-License-Identifier: MIT
 *
 * Channels: a ring of items, and the tasks that wait to send or to receive.
 *
 * Receivers wait only while the ring is empty, senders only while it is full,
 * so never both at once, except that with capacity 0 an item goes straight from
 * a sender to a receiver. A waiting task's `item` is its item, or where it
 * wants one.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "task/task.h"
#include <coir/channel.h>
#include <errno.h>
#include <string.h>

struct coir_channel {
    struct slab_header header;
    bool finished;
    size_t capacity;
    size_t item_size;
    size_t first; /* index of the oldest item */
    size_t count; /* items in the ring */
    struct list senders;
    struct list receivers;
    unsigned char *items; /* the ring; NULL with capacity 0 */
};

_Static_assert(sizeof(struct coir_channel) <= SCHEDULER_WAITABLE_SIZE, "a channel fits the handles of sync/");

static void cancel_channel_wait(struct task *task)
{
    list_remove(&task->waiting);
    task_wake(task, WAIT_RECONSIDER);
}

static const struct wait_kind send_kind = {.name = "channel send", .cancel = cancel_channel_wait};
static const struct wait_kind receive_kind = {.name = "channel receive", .cancel = cancel_channel_wait};

static bool is_channel(const struct coir_channel *channel)
{
    return channel != NULL && slab_owns(&scheduler_current->waitables, channel);
}

int coir_channel_open(size_t capacity, size_t item_size, struct coir_channel **ret_channel)
{
    struct coir_channel *channel;
    size_t bytes;

    ASSERT(task_is_running());
    ASSERT(ret_channel != NULL);
    if (item_size == 0 || __builtin_mul_overflow(capacity, item_size, &bytes))
        return -EINVAL;
    channel = slab_take(&scheduler_current->waitables);
    if (channel == NULL)
        return -ENOMEM;
    channel->items = bytes > 0 ? alloc_bytes(bytes) : NULL;
    if (bytes > 0 && channel->items == NULL) {
        slab_give(&scheduler_current->waitables, channel);
        return -ENOMEM;
    }
    channel->finished = false;
    channel->capacity = capacity;
    channel->item_size = item_size;
    channel->first = 0;
    channel->count = 0;
    list_init(&channel->senders);
    list_init(&channel->receivers);
    *ret_channel = channel;
    return 0;
}

static unsigned char *item_at(struct coir_channel *channel, size_t position)
{
    return channel->items + (channel->first + position) % channel->capacity * channel->item_size;
}

/* Takes the first waiting task out of `waiters`; NULL when there is none. */
static struct task *take_waiter(struct list *waiters)
{
    struct task *task;

    if (list_empty(waiters))
        return NULL;
    task = CONTAINER_OF(waiters->next, struct task, waiting);
    list_remove(&task->waiting);
    return task;
}

static int wait_in_line(struct coir_channel *channel, struct list *waiters, const struct wait_kind *kind, void *item)
{
    struct task *task = scheduler_current->current;

    task->wait.item = item;
    list_append(waiters, &task->waiting);
    return task_park_for_tasks(kind, channel);
}

/* Puts the item where no waiting is needed. Returns 0, -EAGAIN or -EPIPE. */
static int put_now(struct coir_channel *channel, const void *item)
{
    struct task *receiver;

    if (channel->finished)
        return -EPIPE;
    receiver = take_waiter(&channel->receivers);
    if (receiver != NULL) {
        memcpy(receiver->wait.item, item, channel->item_size);
        task_wake(receiver, 1);
        return 0;
    }
    if (channel->count == channel->capacity)
        return -EAGAIN;
    memcpy(item_at(channel, channel->count++), item, channel->item_size);
    return 0;
}

int coir_channel_send(struct coir_channel *channel, const void *item)
{
    int rc;

    ASSERT(task_is_running());
    ASSERT(is_channel(channel));
    ASSERT(item != NULL);
    rc = task_enter(&channel->header);
    if (rc < 0)
        return rc;
    rc = put_now(channel, item);
    if (rc != -EAGAIN)
        return rc;
    return wait_in_line(channel, &channel->senders, &send_kind, (void *)(uintptr_t)item);
}

int coir_channel_offer(struct coir_channel *channel, const void *item)
{
    ASSERT(task_is_running());
    ASSERT(is_channel(channel));
    ASSERT(item != NULL);
    return put_now(channel, item);
}

/* A place in the ring is free: the sender that has waited longest gets it. */
static void admit_sender(struct coir_channel *channel)
{
    struct task *sender = take_waiter(&channel->senders);

    if (sender == NULL)
        return;
    memcpy(item_at(channel, channel->count++), sender->wait.item, channel->item_size);
    task_wake(sender, 0);
}

int coir_channel_receive(struct coir_channel *channel, void *ret_item)
{
    struct task *sender;
    int rc;

    ASSERT(task_is_running());
    ASSERT(is_channel(channel));
    ASSERT(ret_item != NULL);
    rc = task_enter(&channel->header);
    if (rc < 0)
        return rc;
    if (channel->count > 0) {
        memcpy(ret_item, item_at(channel, 0), channel->item_size);
        channel->first = (channel->first + 1) % channel->capacity;
        channel->count--;
        admit_sender(channel);
        return 1;
    }
    sender = take_waiter(&channel->senders); /* only with capacity 0 */
    if (sender != NULL) {
        memcpy(ret_item, sender->wait.item, channel->item_size);
        task_wake(sender, 0);
        return 1;
    }
    if (channel->finished)
        return 0;
    return wait_in_line(channel, &channel->receivers, &receive_kind, ret_item);
}

static void wake_all(struct list *waiters, int result)
{
    struct task *task;

    while ((task = take_waiter(waiters)) != NULL)
        task_wake(task, result);
}

void coir_channel_finish(struct coir_channel *channel)
{
    ASSERT(task_is_running());
    ASSERT(is_channel(channel));
    channel->finished = true;
    wake_all(&channel->senders, -EPIPE);
    wake_all(&channel->receivers, 0);
}

void coir_channel_close(struct coir_channel *channel)
{
    if (channel == NULL)
        return;
    ASSERT(task_is_running());
    ASSERT(is_channel(channel));
    wake_all(&channel->senders, -EBADF);
    wake_all(&channel->receivers, -EBADF);
    alloc_free(channel->items);
    slab_give(&scheduler_current->waitables, channel);
}
