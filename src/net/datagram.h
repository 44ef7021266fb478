/* SPDX-License-Identifier: MIT
 *
 * Datagram sockets from inside.
 */
#ifndef NET_DATAGRAM_H
#define NET_DATAGRAM_H

#include "base/list.h"
#include "base/slab.h"
#include "io/endpoint.h"
#include "io/message.h"
#include "net/address.h"
#include "net/bound.h"
#include <coir/datagram.h>

struct coir_datagram_socket {
    struct slab_header header;
    struct endpoint *endpoint;
    struct socket_file *file; /* NULL = none */
    struct list senders;      /* tasks in line for the turn to send */
    bool sending;             /* a task has the turn */
    sa_family_t family;
    struct coir_address bound; /* port 0: not known yet */
    struct message incoming;   /* of the receive under way; here, as an idle task should keep little on its stack */
    uint64_t datagrams_in;
    uint64_t datagrams_out;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t truncated;
    uint64_t errors;
};

/** Opens a socket on `address`. Returns as coir_datagram_open(). */
int datagram_open(const struct address *address, const struct coir_datagram_options *options,
                  struct coir_datagram_socket **ret_socket);

/** Makes a socket of the datagram socket `fd`. Returns as coir_datagram_open(). */
int datagram_adopt(int fd, const struct coir_datagram_options *options, struct coir_datagram_socket **ret_socket);

/** Asks the kernel for the address that the socket is bound to, and keeps it and its family. Returns 0 or an error. */
int datagram_learn_address(struct coir_datagram_socket *socket);

/** Wakes the tasks in line: the socket is no more. */
void datagram_dismiss_senders(struct coir_datagram_socket *socket);

#endif
