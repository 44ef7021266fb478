/* SPDX-License-Identifier: MIT
 *
 * What net/ keeps per scheduler: its handles, and the URI schemes it may use.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/slab.h"
#include "io/loop.h"
#include "net/scheme.h"
#include <stddef.h>
#include <stdint.h>

struct net {
    struct slab listeners;
    struct slab datagram_sockets;
    const struct scheme *const *schemes; /* ends with NULL; runtime/ chooses them */
};

void net_init(struct net *net, struct loop *loop, const struct scheme *const *schemes);
void net_done(struct net *net, struct loop *loop);

#define STREAM_MAGIC 0x73747265u

/** The calling thread's. */
static inline struct net *net_current(void)
{
    return loop_current()->net;
}

/** True if `stream` is a live stream of the calling thread; then a task is running. */
static inline bool stream_is_live(const struct coir_stream *stream)
{
    return stream != NULL && slab_owns_known(LOOP_MEMBER(streams), STREAM_MAGIC, stream);
}

/** What every call on a stream may expect of its caller. */
#define ASSERT_STREAM(stream)                                                                                          \
    do {                                                                                                               \
        if (UNLIKELY(!stream_is_live(stream))) {                                                                       \
            ASSERT(task_is_running());                                                                                 \
            ASSERT(stream_is_live(stream));                                                                            \
        }                                                                                                              \
    } while (0)

#endif
