/* SPDX-License-Identifier: MIT
 *
 * The kind of stream that is a socket: one operation of the endpoint per call.
 * Inline, because every message goes through here twice: stream_receive() and
 * stream_write() call these directly, and other kinds through their table.
 */
#ifndef NET_SOCKET_STREAM_H
#define NET_SOCKET_STREAM_H

#include "io/loop.h"
#include "net/stream.h"

extern const struct stream_kind socket_kind;

/** Counts bytes against the task's turn: of a receive that left some behind, or of a send that is not the last. */
void socket_charge(int bytes);

/** One receive that ends with -ESHUTDOWN when the stream has been quiet for long enough in a drain. */
int socket_receive_in_drain(struct coir_stream *stream);

/** True if a drain of the calling task's scope concerns the stream. */
static inline bool socket_drains(const struct coir_stream *stream)
{
    return UNLIKELY(scope_drains(scheduler_current->current->scope)) && (stream->flags & STREAM_ACCEPTED);
}

/** As a kind's receive(). */
static inline int socket_receive(struct coir_stream *stream, void *bytes, size_t size)
{
    struct endpoint *endpoint = stream->endpoint;
    struct operation *operation = &endpoint->in;
    int rc = WAIT_RECONSIDER;

    operation->kind = bytes == NULL ? OPERATION_LEND : OPERATION_RECEIVE;
    operation->memory = bytes;
    operation->size = (uint32_t)size;
    if (LIKELY(!socket_drains(stream)))
        rc = operation_await(endpoint, operation, COIR_FOREVER);
    if (UNLIKELY(rc <= 0)) {
        if (rc == WAIT_RECONSIDER)
            rc = socket_receive_in_drain(stream);
        if (rc <= 0)
            return rc;
    }
    if (bytes == NULL) {
        struct buffer *held = operation->memory; /* what a LEND brings */

        held->end = (uint32_t)rc; /* NOLINT(clang-analyzer-core.NullDereference): bytes came, so it is there */
        stream->held = held;
    }
    stream->bytes_in += (uint64_t)rc;
    if (UNLIKELY(endpoint->flags & ENDPOINT_INBOUND))
        socket_charge(rc);
    return rc;
}

/** Begins to send. Returns as a kind's write() and write_pieces(), or OPERATION_PENDING. */
static inline int socket_begin_send(struct coir_stream *stream, enum operation_kind kind, const void *memory,
                                    size_t size)
{
    struct operation *operation = &stream->endpoint->out;

    operation->memory = (void *)(uintptr_t)memory;
    operation->size = (uint32_t)size;
    return operation_begin(stream->endpoint, operation, kind);
}

/** Receives once, whatever the kind. */
static inline int stream_receive(struct coir_stream *stream, void *bytes, size_t size)
{
    if (LIKELY(stream->kind == &socket_kind))
        return socket_receive(stream, bytes, size);
    return stream->kind->receive(stream, bytes, size);
}

/** Sends some of `bytes`, whatever the kind. Returns as a kind's write(); or OPERATION_PENDING: the endpoint's
 * operation is to be waited for. */
static inline int stream_begin_write(struct coir_stream *stream, const void *bytes, size_t size)
{
    if (LIKELY(stream->kind == &socket_kind))
        return socket_begin_send(stream, OPERATION_SEND, bytes, size);
    return stream->kind->write(stream, bytes, size);
}

#endif
