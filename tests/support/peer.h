/* SPDX-License-Identifier: MIT
 *
 * The other end of a connection, by plain blocking sockets of the C library:
 * what tests talk to coir with. Whatever fails fails the test.
 *
 * A loopback connection completes, and bytes that fit into its buffers arrive,
 * within the call that makes or sends them; so a peer can live in the thread
 * of the scheduler that it talks to.
 */
#ifndef SUPPORT_PEER_H
#define SUPPORT_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Listens on a port of 127.0.0.1 that the kernel picks; the port goes to `ret_port`. */
int peer_listen(int backlog, uint16_t *ret_port);

/** Listens on a Unix path. */
int peer_listen_path(const char *path, int backlog);

int peer_accept(int listener);

/** Connects to 127.0.0.1. */
int peer_connect(uint16_t port);

/** The port that an IPv4 socket has on its own side. */
uint16_t peer_port(int fd);

/** Connects to [::1]. */
int peer_connect6(uint16_t port);

/** Connects to "/path" or "@abstract". */
int peer_connect_path(const char *path);

/** A connection of two Unix sockets. */
void peer_pair(int ret_ends[2]);

/** Sends all of it. */
void peer_send(int fd, const void *bytes, size_t size);

/** Reads until `size` bytes are there or the end is. Returns how many; a negative errno if it failed before. */
ssize_t peer_read(int fd, void *bytes, size_t size);

/** Reads until the end and forgets it. Returns how many bytes there were; the error or 0 goes to `ret_error`. */
size_t peer_drain(int fd, int *ret_error);

/** Says that nothing more will come. */
void peer_finish(int fd);

/** Closes the socket so that a TCP peer gets a reset. */
void peer_reset(int fd);

/** An option of the socket as a number. */
int peer_option(int fd, int level, int name);

/** Makes the kernel keep little: at most about `bytes` on their way. */
void peer_shrink(int fd, int bytes);

/** How many descriptors this process has open. */
unsigned peer_count_descriptors(void);

/** Whether this host has [::1]. */
bool peer_has_ip6(void);

/** A new directory under /tmp for socket files. */
const char *peer_make_directory(void);
void peer_remove_directory(const char *path);

/** Blocks the whole thread, so that time passes for nobody in it. */
void peer_block_ms(unsigned milliseconds);

#endif
