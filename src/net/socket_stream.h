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

/* Where more is to come, so many bytes cost a task a part of its turn, and the largest receive all of it: the others
 * wait. */
#define SOCKET_BYTES_PER_CALL 4096

/** Counts bytes against the task's turn: of a receive that left some behind, of a send that is not the last. So many
 * calls are `spared`: what was received is warm now, and would be held while others have their turn. */
static inline void socket_charge(struct loop *loop, int bytes, int spared)
{
    int calls = bytes / SOCKET_BYTES_PER_CALL;

    task_charge(&loop->scheduler, calls < TASK_TURN_BUDGET ? calls : TASK_TURN_BUDGET, spared);
}

/** One receive that ends with -ESHUTDOWN when the stream has been quiet for long enough in a drain. */
int socket_receive_in_drain(struct coir_stream *stream, enum operation_kind kind);

/** True if a drain of the calling task's scope concerns the stream. */
static inline bool socket_drains(const struct loop *loop, const struct coir_stream *stream)
{
    return UNLIKELY(scope_drains(loop->scheduler.current->scope)) && (stream->flags & STREAM_ACCEPTED);
}

/** What follows a receive of `got` bytes. */
static inline void socket_count_received(struct loop *loop, struct coir_stream *stream, int got)
{
    stream->bytes_in += (uint64_t)got;
    if (UNLIKELY(stream->endpoint->flags & ENDPOINT_INBOUND))
        socket_charge(loop, got, 1);
}

/** Performs the receive whose operation is prepared. Returns as a kind's receive(). */
static inline int socket_await_receive(struct loop *loop, struct coir_stream *stream, enum operation_kind kind)
{
    int rc = WAIT_RECONSIDER;

    if (LIKELY(!socket_drains(loop, stream))) {
        rc = operation_begin(loop, stream->endpoint, &stream->endpoint->in, kind);
        if (rc == OPERATION_PENDING)
            rc = operation_wait(loop, stream->endpoint, &stream->endpoint->in, COIR_FOREVER);
    }
    if (LIKELY(rc > 0))
        return rc;
    return rc == WAIT_RECONSIDER ? socket_receive_in_drain(stream, kind) : rc;
}

/** Receives into a lent buffer, which becomes what the stream holds. Returns as a kind's receive(). */
static inline int socket_receive_lent(struct loop *loop, struct coir_stream *stream)
{
    int got = socket_await_receive(loop, stream, OPERATION_LEND);

    if (LIKELY(got > 0)) {
        struct buffer *held = stream->endpoint->in.memory; /* what a LEND brings */

        held->end = (uint32_t)got;
        stream->held = held;
        socket_count_received(loop, stream, got);
    }
    return got;
}

/** Begins to send. Returns as a kind's write() and write_pieces(), or OPERATION_PENDING. */
static inline int socket_begin_send(struct loop *loop, struct coir_stream *stream, enum operation_kind kind,
                                    const void *memory, size_t size)
{
    struct operation *operation = &stream->endpoint->out;

    operation->memory = (void *)(uintptr_t)memory;
    operation->size = (uint32_t)size;
    return operation_begin(loop, stream->endpoint, operation, kind);
}

/** Receives once into a lent buffer, whatever the kind. */
static inline int stream_receive_lent(struct loop *loop, struct coir_stream *stream)
{
    return LIKELY(stream->kind == &socket_kind) ? socket_receive_lent(loop, stream)
                                                : stream->kind->receive(stream, NULL, 0);
}

/** Sends some of `bytes`, whatever the kind. Returns as a kind's write(); or OPERATION_PENDING: the endpoint's
 * operation is to be waited for. */
static inline int stream_begin_write(struct loop *loop, struct coir_stream *stream, const void *bytes, size_t size)
{
    return LIKELY(stream->kind == &socket_kind) ? socket_begin_send(loop, stream, OPERATION_SEND, bytes, size)
                                                : stream->kind->write(stream, bytes, size);
}

#endif
