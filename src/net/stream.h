/* SPDX-License-Identifier: MIT
 *
 * Streams from inside: a small table of functions per kind, and what the
 * public calls (stream.c, read.c, write.c) keep for all kinds.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/slab.h"
#include "io/buffer.h"
#include "io/endpoint.h"
#include "io/linger.h"
#include <coir/stream.h>

struct coir_stream;

/** What a kind of stream does for the public calls. */
struct stream_kind {
    const char *name;
    /** Receives once: into `bytes`, or where that is NULL into a lent buffer that becomes `held`. Returns bytes, 0 =
     * the end, an error, or OPERATION_GONE: the stream is no more. */
    int (*receive)(struct coir_stream *stream, void *bytes, size_t size);
    /** Sends some of `bytes`. Returns how many; an error; or OPERATION_GONE. */
    int (*write)(struct coir_stream *stream, const void *bytes, size_t size);
    /** Sends some of `count` pieces, at most WRITE_PIECES_MAX. Returns as write(). */
    int (*write_pieces)(struct coir_stream *stream, const struct iovec *pieces, size_t count);
    /** Ends our half. Returns 0 or an error. */
    int (*finish)(struct coir_stream *stream);
    /** Lets the connection go, so that what was written arrives; or resets it. */
    void (*close)(struct coir_stream *stream);
    void (*abort)(struct coir_stream *stream);
    /** Fills in the addresses, and what is unsent. */
    void (*info)(const struct coir_stream *stream, struct coir_stream_info *info);
    /** The descriptor, which from now on others may copy. */
    int (*descriptor)(struct coir_stream *stream);
};

#define STREAM_ACCEPTED (1u << 0) /* by a listener: its reads heed drains */
#define STREAM_FINISHED (1u << 1) /* our half has ended */

struct coir_stream {
    struct slab_header header;
    const struct stream_kind *kind;
    struct endpoint *endpoint;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t last_in;
    uint64_t last_out;
    struct buffer *held;  /* received and not consumed; NULL = none */
    coir_time quiet_from; /* its accept, or in a drain its last byte */
    struct linger_limits linger;
    int16_t write_refusal; /* what the next write call returns at once: -EBUSY while one is under way, -EPIPE once our
                              half has ended, or the error of one that failed; 0 = none */
    uint16_t flags;        /* STREAM_... */
};

_Static_assert(sizeof(struct coir_stream) <= 88, "a stream and its endpoint are promised to take at most 200 bytes");

/** More pieces than these are sent in several system calls. */
#define WRITE_PIECES_MAX 16

/** True while a task is in a read call. */
static inline bool stream_is_reading(const struct coir_stream *stream)
{
    return stream->endpoint->in.state != OPERATION_IDLE;
}

/** True while bytes are lent and not released. */
static inline bool stream_lends(const struct coir_stream *stream)
{
    return stream->held != NULL && stream->held->lent > 0;
}

/** A stream over the connected socket `endpoint`, which it then owns. Returns NULL when there is no memory. */
struct coir_stream *socket_stream_open(struct endpoint *endpoint, struct linger_limits linger, uint16_t flags);

/** Gives back what the stream holds, before it is closed. A slice that is out stays valid. */
void stream_drop_held(struct coir_stream *stream);

/** Consumes `size` bytes of `held`, which is what the stream holds. */
static inline void stream_consume(struct coir_stream *stream, struct buffer *held, size_t size)
{
    uint32_t first = held->first + (uint32_t)size;

    if (first != held->end) {
        held->first = first;
        return;
    }
    stream->held = NULL;
    buffer_release(held);
}

/** Bytes held and not consumed. */
static inline size_t stream_held_size(const struct coir_stream *stream)
{
    return stream->held == NULL ? 0 : stream->held->end - stream->held->first;
}

#endif
