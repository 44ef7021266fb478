/* SPDX-License-Identifier: MIT
 *
 * The sockets that serve at an address of this host, by their inodes, from what
 * proc(5) lists of the network.
 */
#ifndef PROGRAMS_LOAD_SERVER_SOCKETS_H
#define PROGRAMS_LOAD_SERVER_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

#define SERVER_SOCKETS 1024 /* more of one server are not taken, and then none is */

struct server_sockets {
    int rank;     /* how well their address fits; what fits worse is another server's */
    size_t count; /* may be over SERVER_SOCKETS while they are counted */
    unsigned long inodes[SERVER_SOCKETS];
};

/** Finds those that take what is sent to `uri`: several, where they share the port. None, if that is another host. */
void server_sockets_find(struct server_sockets *sockets, const char *uri);

bool server_sockets_have(const struct server_sockets *sockets, unsigned long inode);

#endif
