/* SPDX-License-Identifier: MIT
 *
 * Channels: bounded queues of fixed-size items between tasks of one scheduler.
 */
#ifndef COIR_CHANNEL_H
#define COIR_CHANNEL_H

#include <coir/types.h>

COIR_BEGIN_DECLARATIONS

struct coir_channel;

/**
 * Makes a channel that holds up to `capacity` items of `item_size` bytes.
 * With capacity 0 a send waits until a receiver takes its item.
 *
 * Returns: 0 and the channel.
 * Errors:  -EINVAL `item_size` is 0, or the two multiply past SIZE_MAX;
 *          -ENOMEM.
 * Owns:    the caller, who closes it.
 */
COIR_EXPORT COIR_MUST_USE int coir_channel_open(size_t capacity, size_t item_size, struct coir_channel **ret_channel);

/**
 * Puts a copy of `*item` at the end of the channel. Senders that wait go in
 * the order in which they came.
 *
 * Suspends: while the channel is full; else only to give way.
 * Returns:  0: the item is in the channel, or with a receiver.
 * Errors:   -EPIPE the channel was finished; -ECANCELED, -ETIME the scope;
 *           -EBADF its owner closed it meanwhile. On an error nobody gets the
 *           item.
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_channel_send(struct coir_channel *channel, const void *item);

/**
 * Puts a copy of `*item` at the end of the channel if nobody need wait for it:
 * for a sender that must not depend on a slow receiver. Never suspends, and
 * asks no scope; receivers first run when the caller suspends.
 *
 * Returns: 0: the item is in the channel, or with a receiver.
 * Errors:  -EAGAIN the channel is full (with capacity 0: nobody waits for an
 *          item); -EPIPE the channel was finished.
 */
COIR_EXPORT COIR_MUST_USE int coir_channel_offer(struct coir_channel *channel, const void *item);

/**
 * Takes the first item of the channel.
 *
 * Suspends: while the channel is empty and not finished; else only to give way.
 * Returns:  1 and the item; 0 the channel is finished and empty.
 * Errors:   -ECANCELED, -ETIME the scope; -EBADF its owner closed it meanwhile.
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_channel_receive(struct coir_channel *channel, void *ret_item);

/**
 * Says that nothing more will be sent: receivers get what is in the channel,
 * then 0; sends that wait, and later ones, fail with -EPIPE. Once more changes
 * nothing.
 */
COIR_EXPORT void coir_channel_finish(struct coir_channel *channel);

/**
 * Ends the channel; items left in it are dropped, tasks that wait on it get
 * -EBADF. NULL is ignored.
 */
COIR_EXPORT void coir_channel_close(struct coir_channel *channel);

COIR_END_DECLARATIONS

#endif
