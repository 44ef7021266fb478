/* SPDX-License-Identifier: MIT
 *
 * struct coir_address from inside. What is the same address has the same bytes:
 * IPv4 mapped into IPv6 becomes IPv4, and nothing is left undefined.
 */
#ifndef NET_PACKED_H
#define NET_PACKED_H

#include "net/address.h"
#include <coir/datagram.h>

/** Packs an address of `size` bytes, as the kernel gives it; 0, or a size without any name: none. */
void packed_write(const struct sockaddr *address, socklen_t size, struct coir_address *ret_packed);

/** Unpacks an address; its size is 0 where it is none. */
void packed_read(const struct coir_address *packed, struct address *ret_address);

/** Sets the port of an IP address. */
void packed_set_port(struct coir_address *packed, int port);

#endif
