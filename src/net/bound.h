/* SPDX-License-Identifier: MIT
 *
 * Sockets that are bound to an address, listening or for datagrams: what an
 * empty host means, and the files of Unix sockets.
 */
#ifndef NET_BOUND_H
#define NET_BOUND_H

#include "io/endpoint.h"
#include "net/address.h"

/** A socket file that we made, to be removed at the close if it is still ours. */
struct socket_file;

/**
 * Opens at `address` what `plan` says, which need not name the address. Every
 * address means IPv6 and IPv4 by one socket, or IPv4 alone on a host without
 * IPv6. A stale file is replaced; on failure none is left that was not there.
 *
 * Returns: 0, the endpoint, and its file (NULL = it has none); as coir_listen().
 */
int bound_open(const struct address *address, const struct endpoint_plan *plan, struct socket_file **ret_file,
               struct endpoint **ret_endpoint);

/** Removes the file, if it is still ours, before its socket is closed: afterwards the path may already be somebody
 * else's. NULL is ignored. */
void bound_remove_file(struct socket_file *file);

#endif
