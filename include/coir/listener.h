/* SPDX-License-Identifier: MIT
 *
 * Listeners: where streams come from.
 */
#ifndef COIR_LISTENER_H
#define COIR_LISTENER_H

#include <coir/stream.h>
#include <coir/types.h>

COIR_BEGIN_DECLARATIONS

struct coir_listener;

struct coir_listen_options {
    struct coir_stream_options stream; /* of the streams it accepts */
    int backlog;                       /* 0 = 4096; the kernel caps it at net.core.somaxconn */
    bool free_bind;                    /* TCP: also an address that this host does not have yet */
};

struct coir_listener_info {
    char local[COIR_ADDRESS_SIZE]; /* the bound address, with the port that was picked */
    uint64_t accepted;             /* streams it has given out */
    uint64_t lost;                 /* connections that failed in the queue, or for want of memory */
    uint64_t shortages;            /* times it waited for descriptors, for memory, or for a system
                                      that refused many in a row */
};

/**
 * Listens on the address `uri`: "tcp://:7" (every address, IPv6 and IPv4),
 * "tcp://127.0.0.1:0" (the kernel picks a port), "unix:///run/x.sock" (a stale
 * socket file is replaced, and the listener's own removed at its close),
 * "unix://@abstract", "fd://3" (a listening socket we were given).
 *
 * Returns: 0 and the listener.
 * Errors:  COIR_ERROR_ADDRESS, COIR_ERROR_HOST_NAME the address; -EADDRINUSE
 *          somebody listens there; -EADDRNOTAVAIL not an address of this host
 *          (see `free_bind`); -EACCES, -EPERM not allowed; -EAFNOSUPPORT no such
 *          family here, or the fd's is neither IP nor Unix; -ENAMETOOLONG a Unix
 *          path over 107 bytes; -ENOENT, -ENOTDIR, -EROFS, -ELOOP the Unix path;
 *          -EBADF, -ENOTSOCK, -EINVAL (not listening), -ESOCKTNOSUPPORT the fd;
 *          -EEXIST it is in use here already (which the poll engine does not
 *          notice); -EINVAL an option's value; -EMFILE, -ENFILE, -ENOMEM,
 *          -ENOBUFS, -ENOSPC limits.
 * Owns:    the caller, who closes the listener.
 * Source:  listen(2), ip(7), ipv6(7), unix(7).
 */
COIR_EXPORT COIR_MUST_USE int coir_listen(const char *uri, const struct coir_listen_options *options,
                                          struct coir_listener **ret_listener);

/**
 * Waits for the next connection. Never returns a transient error: connections
 * that die in the queue are skipped, and while descriptors or memory are short
 * it waits for them. coir_listener_info() counts both.
 *
 * Suspends: until a connection is there, or the scope ends.
 * Returns:  0 and the stream.
 * Errors:   -ECANCELED, -ETIME the scope; -ESHUTDOWN the scope drains and the
 *           queue is empty ("fd://" listeners: at once, as others hold the
 *           queue too); -EBUSY another task accepts; -EBADF its owner closed
 *           it; -EINVAL it no longer listens: somebody shut it down.
 * Owns:     the caller, who closes or aborts the stream.
 * Source:   accept4(2).
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_accept(struct coir_listener *listener,
                                                        struct coir_stream **ret_stream);

/** Stops listening; connections still queued are reset. A task that waits in
 * coir_accept() gets -EBADF. NULL is ignored. */
COIR_EXPORT COIR_SUSPENDS void coir_listener_close(struct coir_listener *listener);

/**
 * Tells about the listener.
 *
 * Returns: 0.
 */
COIR_EXPORT int coir_listener_info(const struct coir_listener *listener, struct coir_listener_info *ret_info);

COIR_END_DECLARATIONS

#endif
