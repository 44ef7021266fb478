/* SPDX-License-Identifier: MIT
 *
 * The state of net/: see net.h.
 */
#include "net/net.h"
#include "net/datagram.h"
#include "net/listener.h"
#include "net/stream.h"

#define LISTENER_MAGIC 0x6c697374u
#define DATAGRAM_MAGIC 0x64617467u

void net_init(struct net *net, struct loop *loop, const struct scheme *const *schemes)
{
    slab_init(&loop->streams, sizeof(struct coir_stream), STREAM_MAGIC);
    slab_init(&net->listeners, sizeof(struct coir_listener), LISTENER_MAGIC);
    slab_init(&net->datagram_sockets, sizeof(struct coir_datagram_socket), DATAGRAM_MAGIC);
    net->schemes = schemes;
}

void net_done(struct net *net, struct loop *loop)
{
    slab_done(&loop->streams);
    slab_done(&net->listeners);
    slab_done(&net->datagram_sockets);
}
