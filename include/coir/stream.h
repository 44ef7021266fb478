/* SPDX-License-Identifier: MIT
 *
 * Streams: connected byte streams over TCP and Unix sockets.
 *
 * A stream has one owner, who alone closes it. At any time at most one task
 * reads and one writes: another gets -EBUSY. A fatal error in either direction
 * is kept: bytes already received are delivered first, then both directions
 * report it, every time, and never a clean end. A write that failed after it
 * had started makes every later write fail with the same code.
 *
 * Nobody notices a reset while no task reads or writes. Where none does, as in
 * a session that works for long or a proxy that has read the peer's end, a task
 * may wait, with nothing held, in coir_wait_fd(coir_fd(stream), POLLPRI). That
 * gives POLLERR when the connection breaks, POLLHUP alone when both sides have
 * finished or a Unix peer has closed; bytes and the peer's finish do not end it.
 *
 * All reads consult first what is *held*: bytes received and not consumed. A
 * byte that a TCP peer sends as urgent is no part of the stream: where it is the
 * last urgent one, no read delivers it. Descriptors that a Unix peer sends are
 * closed at once.
 */
#ifndef COIR_STREAM_H
#define COIR_STREAM_H

#include <coir/types.h>
#include <sys/uio.h>

COIR_BEGIN_DECLARATIONS

struct coir_stream;

/** Bytes lent by the runtime: valid until released, even after the stream's close. */
struct coir_slice {
    unsigned char *bytes; /* may be changed in place */
    size_t size;
    void *origin; /* whose they are; not for callers */
};

/** How a stream behaves; zero is the default of every field. */
struct coir_stream_options {
    const char *local;         /* connect only: address URI to connect from; NULL = any */
    coir_time linger_ns;       /* after close, reset after so long without progress; 0 = 30 s */
    uint64_t linger_bytes;     /* after close, reset after discarding so much; 0 = 64 MiB */
    coir_time user_timeout_ns; /* TCP: sent bytes unacknowledged so long end the stream with
                                  -ETIMEDOUT, also when the peer is alive and reads nothing;
                                  0 = 120 s, COIR_FOREVER = off */
    coir_time keepalive_ns;    /* TCP: first probe after so much silence (then 6, 10 s apart);
                                  0 = 60 s, COIR_FOREVER = off */
    bool delay_small_writes;   /* TCP: leave Nagle's algorithm on */
};

struct coir_stream_info {
    uint64_t bytes_in;             /* received since opening, held ones included */
    uint64_t bytes_out;            /* given to the kernel since opening */
    uint64_t unsent;               /* of these, what the peer has not taken yet: acknowledged by TCP, read
                                      from a Unix socket (there estimated, and rather too much) */
    uint64_t last_in;              /* bytes that the last read call delivered, also if it failed */
    uint64_t last_out;             /* bytes that the last write call sent, also if it failed */
    uint64_t held;                 /* received and not yet consumed */
    char local[COIR_ADDRESS_SIZE]; /* "tcp://127.0.0.1:7007"; "" where the kernel knows none */
    char peer[COIR_ADDRESS_SIZE];  /* likewise; "" also once the connection is gone */
};

/**
 * Connects to the address `uri`: "tcp://127.0.0.1:7", "tcp://[::1]:7",
 * "unix:///run/x.sock", "unix://@abstract". For a time-out, see
 * coir_scope_set_limit().
 *
 * Suspends: until the peer has answered.
 * Returns:  0 and the stream.
 * Errors:   COIR_ERROR_ADDRESS, COIR_ERROR_HOST_NAME the address; -ECONNREFUSED
 *           nobody listens there; -EHOSTUNREACH, -ENETUNREACH, -ETIMEDOUT the
 *           network; -EADDRNOTAVAIL no local port is left, or `local` is not
 *           ours; -EACCES, -EPERM not allowed; -EMFILE, -ENFILE, -ENOMEM,
 *           -ENOBUFS, -ENOSPC limits; -EAFNOSUPPORT no such family here; -EINVAL an
 *           option's value; -ENOENT no such Unix path; -ENAMETOOLONG one over
 *           107 bytes; -ECANCELED, -ETIME the scope.
 * Owns:     the caller, who closes or aborts the stream.
 * Source:   connect(2), tcp(7), unix(7).
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_connect(const char *uri, const struct coir_stream_options *options,
                                                         struct coir_stream **ret_stream);

/**
 * Makes a stream of the connected stream socket `fd`.
 *
 * Returns: 0 and the stream.
 * Errors:  -EBADF not open; -ENOTSOCK not a socket; -ESOCKTNOSUPPORT not a
 *          stream socket; -EAFNOSUPPORT neither TCP nor Unix; -ENOTCONN not
 *          connected; -EEXIST a stream of this scheduler has it already (which
 *          the poll engine does not notice); -EINVAL an option's value; -EMFILE,
 *          -ENOMEM, -ENOSPC limits.
 * Owns:    the stream owns `fd` on success; on failure the caller keeps it.
 */
COIR_EXPORT COIR_MUST_USE int coir_adopt(int fd, const struct coir_stream_options *options,
                                         struct coir_stream **ret_stream);

/**
 * Waits for bytes and lends them: no buffer of the caller's is needed, and an
 * idle session holds none. One slice of a stream may be out at a time.
 *
 * Suspends: until a byte arrives, the peer finishes, or the scope ends.
 * Shape:    1 to 65,536 bytes, as they come; more only where coir_read_until()
 *           has held more.
 * Returns:  1 and a slice; 0 the peer has finished.
 * Errors:   -EBUSY another task reads, or a slice is out; -ECONNRESET,
 *           -ETIMEDOUT, ... the connection broke; -ENOBUFS the byte budget is
 *           spent; -ENOMEM; -EBADF its owner closed it; -ECANCELED, -ETIME the
 *           scope; -ESHUTDOWN the scope drains (accepted streams alone).
 * Owns:     the caller, until coir_release().
 * Source:   recv(2); RFC 9293 section 3.9.1.
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_receive(struct coir_stream *stream, struct coir_slice *ret_slice);

/** Gives the slice's bytes back and empties it; an empty one is ignored, NULL too. */
COIR_EXPORT void coir_release(struct coir_slice *slice);

/**
 * Gives the slice back with its first `used` bytes consumed; the rest is what
 * the next read of its stream gets first.
 *
 * Misuse: `used` is more than the slice's size.
 */
COIR_EXPORT void coir_release_used(struct coir_slice *slice, size_t used);

/**
 * Reads some bytes from `stream` into `bytes`.
 *
 * Suspends: until a byte arrives, the peer finishes, or the scope ends.
 * Shape:    `bytes` has room for `size` >= 1; partial results are normal.
 * Returns:  > 0 bytes stored; 0 the peer has finished.
 * Errors:   -EINVAL `size` is 0; otherwise as coir_receive().
 * Owns:     `bytes` is lent to the kernel until return, even when cancelled.
 * Source:   recv(2); RFC 9293 section 3.9.1.
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE ssize_t coir_read(struct coir_stream *stream, void *bytes, size_t size);

/**
 * Reads exactly `size` bytes, or fewer only if the peer finishes first.
 *
 * Suspends: until all are there, the peer finishes, or the scope ends.
 * Returns:  `size`; less, also 0, if the peer finished first.
 * Errors:   as coir_read(). What came before the error is in `bytes`;
 *           coir_stream_info() says how much (`last_in`).
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE ssize_t coir_read_exact(struct coir_stream *stream, void *bytes, size_t size);

/**
 * Reads up to and including the first `delimiter`, and lends it as one slice.
 * Nothing is consumed unless the delimiter is found; what follows it stays for
 * the next read.
 *
 * Suspends: until the delimiter arrives, the peer finishes, or the scope ends.
 * Shape:    `max` bounds the slice, delimiter included.
 * Returns:  1 and a slice that ends with the delimiter; 0 the peer finished
 *           first: what it sent since the last delimiter can still be read.
 * Errors:   -EMSGSIZE no delimiter within `max` bytes, all of which are still
 *           held: any read goes on from there, this one with a larger `max`;
 *           -EINVAL an empty delimiter, or one longer than `max`; otherwise
 *           as coir_receive().
 * Owns:     the caller, until coir_release().
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_read_until(struct coir_stream *stream, const void *delimiter,
                                                            size_t delimiter_size, size_t max,
                                                            struct coir_slice *ret_slice);

/**
 * Writes all of `bytes`.
 *
 * Suspends: while the kernel's send queue is full, or, for up to a second, it
 *           has no memory.
 * Returns:  0: the kernel has taken every byte. A size of 0 does nothing.
 * Errors:   -EBUSY another task writes; -ECONNRESET the peer reset the
 *           connection; -EPIPE it did so after it had finished, or is a Unix
 *           peer that reads no more, or we have called coir_finish();
 *           -ETIMEDOUT, ... the network; -ENOMEM, -ENOBUFS the kernel is still
 *           short of memory; -EBADF its owner closed it; -ECANCELED, -ETIME
 *           the scope. `last_out` of coir_stream_info() says how much was sent.
 * Owns:     `bytes` is lent to the kernel until return, even when cancelled.
 * Source:   send(2), never with SIGPIPE.
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_write(struct coir_stream *stream, const void *bytes, size_t size);

/**
 * Writes all bytes of `count` pieces, in order; otherwise as coir_write().
 *
 * Errors: -EINVAL a negative `count`.
 * Source: sendmsg(2).
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_writev(struct coir_stream *stream, const struct iovec *pieces,
                                                        int count);

/**
 * Says that we write nothing more: the peer reads what was written, then the
 * end. Reading goes on. Once more changes nothing.
 *
 * Returns: 0.
 * Errors:  -EBUSY another task writes; the stream's own error, if it broke;
 *          -ECANCELED, -ETIME the scope.
 * Source:  shutdown(2), SHUT_WR.
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_finish(struct coir_stream *stream);

/**
 * Closes the stream; what was written still arrives. Never fails, and ignores
 * cancellation. NULL is ignored.
 *
 * Where the peer has not finished yet, the runtime goes on by itself, without
 * the stream and without a stack: it finishes our half, discards what the peer
 * still sends, and resets the connection after `linger_ns`, up to a quarter
 * more, without progress (a byte in, or unsent ones gone) or `linger_bytes`
 * discarded. A plain close(2) would reset the connection and destroy what is on
 * its way.
 *
 * coir_run() waits for that. A client that gives up calls coir_abort() instead,
 * or its program lives on for `linger_ns` where the peer is silent.
 *
 * A task that waits on the stream gets -EBADF. A slice that is out stays valid.
 *
 * Suspends: only while the kernel still owns memory of an operation.
 */
COIR_EXPORT COIR_SUSPENDS void coir_close(struct coir_stream *stream);

/** Closes the stream and resets the connection now: the peer gets -ECONNRESET,
 * and bytes on their way are lost. NULL is ignored. */
COIR_EXPORT COIR_SUSPENDS void coir_abort(struct coir_stream *stream);

/**
 * Tells about the stream.
 *
 * Returns: 0.
 */
COIR_EXPORT int coir_stream_info(const struct coir_stream *stream, struct coir_stream_info *ret_info);

/**
 * The stream's descriptor, for options that coir does not set. It stays the
 * stream's: do not close it, nor read or write while a task does.
 *
 * Returns: the descriptor.
 * Errors:  -EBUSY bytes are held that a reader of the descriptor would miss.
 */
COIR_EXPORT COIR_MUST_USE int coir_fd(struct coir_stream *stream);

COIR_END_DECLARATIONS

#endif
