/* SPDX-License-Identifier: MIT
 *
 * What the servers in plain C do before their idea begins: listen, say where,
 * and take the next connection, in listener.c.
 */
#ifndef EXAMPLES_ECHO_LISTENER_H
#define EXAMPLES_ECHO_LISTENER_H

/** How much a session reads at once. */
#define BUFFER_SIZE 65536

/** How long to leave the listener alone after a shortage: no event tells when that is over. */
#define SHORTAGE_PAUSE_MS 50

/** What listener_accept() returns in place of a descriptor. */
enum {
    LISTENER_EMPTY = -1,    /* nobody waits */
    LISTENER_SHORTAGE = -2, /* somebody may wait, but there is no descriptor or no memory for him */
};

/**
 * Listens on 127.0.0.1, at the port that is the first argument of main(), and
 * prints where on standard error: 0 lets the kernel pick one. Ends the program
 * where that fails. `flags`: 0, or SOCK_NONBLOCK for accepting without waiting.
 */
int listener_open(int argc, char **argv, int flags);

/** Accepts a connection, with `flags` for its socket. Returns the descriptor, or one of the above. */
int listener_accept(int listener, int flags);

#endif
