/* SPDX-License-Identifier: MIT
 *
 * Listeners from inside.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "base/slab.h"
#include "io/endpoint.h"
#include "net/address.h"
#include "net/bound.h"
#include "net/options.h"
#include <coir/listener.h>

struct coir_listener {
    struct slab_header header;
    struct endpoint *endpoint;
    struct socket_file *file; /* NULL = none */
    struct linger_limits linger;
    uint64_t accepted;
    uint64_t lost;
    uint64_t shortages;
    coir_time last_accept; /* or when the drain began */
    uint64_t turn;         /* in which round of turns it has spared what follows */
    uint64_t spared;       /* calls that did not count */
    bool accepting;        /* a task is in coir_accept() */
    bool adopted;          /* the queue also belongs to whoever gave us the descriptor */
    bool refusing;         /* in a drain: no further connection can begin */
};

/** Opens a socket that listens on `address`. Returns as coir_listen(). */
int listener_open(const struct address *address, const struct coir_listen_options *options,
                  struct coir_listener **ret_listener);

/** Makes a listener of the listening socket `fd`. Returns as coir_listen(). */
int listener_adopt(int fd, const struct coir_listen_options *options, struct coir_listener **ret_listener);

#endif
