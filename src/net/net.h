/* SPDX-License-Identifier: MIT
 *
 * What net/ keeps per scheduler: its handles, and the URI schemes it may use.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/slab.h"
#include "io/loop.h"
#include "net/scheme.h"

struct net {
    struct slab streams;
    struct slab listeners;
    const struct scheme *const *schemes; /* ends with NULL; runtime/ chooses them */
};

void net_init(struct net *net, const struct scheme *const *schemes);
void net_done(struct net *net);

#define STREAM_MAGIC 0x73747265u

/** The calling thread's. */
static inline struct net *net_current(void)
{
    return loop_current()->net;
}

/** True if `stream` is a live stream of the calling thread. */
static inline bool stream_is_live(const struct coir_stream *stream)
{
    return stream != NULL && slab_owns(&net_current()->streams, stream);
}

#endif
