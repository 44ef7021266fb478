/* SPDX-License-Identifier: MIT
 *
 * The public calls that read: all of them consult what is held first, and
 * receive only when that does not do.
 */
#include "io/loop.h"
#include "net/net.h"
#include "net/socket_stream.h"
#include "net/stream.h"
#include <errno.h>
#include <string.h>

#define RECEIVE_MAX ((size_t)1 << 30) /* at once: an operation's result is an int */

/* What a read that delivers nothing returns; it must not be taken for the one before it. */
static int deliver_nothing(struct coir_stream *stream, int rc)
{
    if (rc != -EBADF && !stream_is_reading(stream))
        stream->last_in = 0;
    return rc;
}

/* What every read call begins with. */
static inline __attribute__((always_inline)) int begin_read(struct coir_stream *stream)
{
    int rc;

    ASSERT_STREAM(stream);
    rc = task_enter(&stream->header);
    if (LIKELY(rc == 0) && UNLIKELY(stream_is_reading(stream) || stream_lends(stream)))
        rc = -EBUSY;
    return LIKELY(rc == 0) ? 0 : deliver_nothing(stream, rc);
}

/* What a read call says of a receive that brought nothing; only the owner's close ends the stream meanwhile. */
static inline int end_read(int rc)
{
    return rc == OPERATION_GONE ? -EBADF : rc;
}

static int receive_bytes(struct coir_stream *stream, void *bytes, size_t size)
{
    return stream->kind->receive(stream, bytes, size < RECEIVE_MAX ? size : RECEIVE_MAX);
}

/* Lends the first `size` bytes that are held. */
static inline void lend_held(struct loop *loop, struct coir_stream *stream, size_t size, struct coir_slice *slice)
{
    struct buffer *held = stream->held;

    held->holder = stream;
    held->lent = (uint32_t)size;
    buffer_hide_rest(held);
    stream->last_in = size;
    loop->slices_out++;
    *slice = (struct coir_slice){.bytes = held->bytes + held->first, .size = size, .origin = held};
}

int coir_receive(struct coir_stream *stream, struct coir_slice *ret_slice)
{
    struct loop *loop = loop_current();
    int rc = begin_read(stream);

    ASSERT(ret_slice != NULL);
    if (UNLIKELY(rc < 0))
        return rc;
    if (LIKELY(stream->held == NULL)) {
        rc = stream_receive_lent(loop, stream);
        if (UNLIKELY(rc <= 0))
            return deliver_nothing(stream, end_read(rc));
        lend_held(loop, stream, (size_t)rc, ret_slice);
    } else {
        lend_held(loop, stream, stream_held_size(stream), ret_slice);
    }
    return 1;
}

/* Ends the slice's loan, its first `used` bytes consumed. */
static inline void end_loan(struct coir_slice *slice, struct buffer *buffer, size_t used)
{
    struct coir_stream *holder = buffer->holder;

    /* A slice that is out, of this thread; then a task is running. */
    ASSERT(buffer->shelf->pool == LOOP_MEMBER(buffers) && buffer->lent > 0);
    buffer_show_rest(buffer);
    buffer->lent = 0;
    loop_current()->slices_out--;
    *slice = (struct coir_slice){.bytes = NULL};
    if (UNLIKELY(holder == NULL)) {
        buffer_release(buffer);
        return;
    }
    stream_consume(holder, buffer, used);
}

void coir_release_used(struct coir_slice *slice, size_t used)
{
    if (slice == NULL || slice->origin == NULL)
        return;
    ASSERT(used <= ((const struct buffer *)slice->origin)->lent);
    end_loan(slice, slice->origin, used);
}

void coir_release(struct coir_slice *slice)
{
    if (slice == NULL || slice->origin == NULL)
        return;
    end_loan(slice, slice->origin, ((const struct buffer *)slice->origin)->lent);
}

/* Moves what is held to `bytes`; returns how much. */
static size_t take_held(struct coir_stream *stream, void *bytes, size_t size)
{
    size_t held = stream_held_size(stream);
    size_t taken = size < held ? size : held;

    if (taken == 0)
        return 0;
    memcpy(bytes, stream->held->bytes + stream->held->first, taken);
    stream_consume(stream, stream->held, taken);
    return taken;
}

ssize_t coir_read(struct coir_stream *stream, void *bytes, size_t size)
{
    int rc = begin_read(stream);

    ASSERT(bytes != NULL);
    if (rc < 0)
        return rc;
    if (size == 0)
        return deliver_nothing(stream, -EINVAL);
    stream->last_in = 0;
    if (stream->held != NULL)
        rc = (int)take_held(stream, bytes, size < RECEIVE_MAX ? size : RECEIVE_MAX);
    else
        rc = receive_bytes(stream, bytes, size);
    if (rc > 0)
        stream->last_in = (uint64_t)rc;
    return end_read(rc);
}

/* Between the operations of a read call: the scope may have been stopped, and others want their turn. Returns 0,
 * -ECANCELED, -ETIME, or OPERATION_GONE: the stream is no more. */
static int proceed_reading(struct coir_stream *stream)
{
    int rc;

    stream->endpoint->in.state = OPERATION_RESERVED;
    rc = task_enter(&stream->header);
    if (rc == -EBADF)
        return OPERATION_GONE;
    stream->endpoint->in.state = OPERATION_IDLE;
    return rc;
}

/* Reads until `size` bytes are there or the peer has finished. Returns 0 or an error; last_in counts. */
static int read_all(struct coir_stream *stream, unsigned char *bytes, size_t size)
{
    stream->last_in = take_held(stream, bytes, size);
    while (stream->last_in < size) {
        int rc = receive_bytes(stream, bytes + stream->last_in, size - (size_t)stream->last_in);

        if (rc <= 0)
            return rc;
        stream->last_in += (uint64_t)rc;
        if (stream->last_in < size) {
            rc = proceed_reading(stream);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

ssize_t coir_read_exact(struct coir_stream *stream, void *bytes, size_t size)
{
    int rc = begin_read(stream);

    ASSERT(bytes != NULL || size == 0);
    if (rc < 0)
        return rc;
    rc = end_read(read_all(stream, bytes, size));
    return rc < 0 ? rc : (ssize_t)stream->last_in;
}

/* Makes room behind what is held, up to `max` bytes of it in all. */
static int make_room(struct coir_stream *stream, size_t max)
{
    struct buffer *held = stream->held;
    size_t size = held->end - held->first;
    struct buffer *larger;
    int rc;

    if (held->end < held->capacity)
        return 0;
    if (held->first > 0) {
        memmove(held->bytes, held->bytes + held->first, size);
        held->first = 0;
        held->end = (uint32_t)size;
        buffer_fill_rest(held);
        return 0;
    }
    rc = buffer_lend_size(&loop_current()->buffers, size < max / 2 ? 2 * size : max, &larger);
    if (rc < 0)
        return rc;
    memcpy(larger->bytes, held->bytes, size);
    larger->end = (uint32_t)size;
    stream->held = larger;
    buffer_release(held);
    return 0;
}

/* Receives once more behind what is held. Returns as a receive. */
static int hold_more(struct coir_stream *stream, size_t max)
{
    int rc;

    if (stream->held == NULL)
        return receive_bytes(stream, NULL, 0);
    rc = make_room(stream, max);
    if (rc < 0)
        return rc;
    rc = receive_bytes(stream, stream->held->bytes + stream->held->end, stream->held->capacity - stream->held->end);
    if (rc > 0)
        stream->held->end += (uint32_t)rc;
    return rc;
}

/* The size of the first piece of what is held that ends with the delimiter; 0 = there is none within `max`. `seen`
 * bytes were searched before. */
static size_t find_delimited(const struct coir_stream *stream, const void *delimiter, size_t delimiter_size, size_t max,
                             size_t seen)
{
    size_t held = stream_held_size(stream);
    size_t from = seen >= delimiter_size ? seen - delimiter_size + 1 : 0;
    size_t end = held < max ? held : max;
    const unsigned char *bytes;
    const unsigned char *found;

    if (end <= from)
        return 0;
    bytes = stream->held->bytes + stream->held->first;
    found = memmem(bytes + from, end - from, delimiter, delimiter_size);
    return found == NULL ? 0 : (size_t)(found - bytes) + delimiter_size;
}

/* Receives until the delimiter is held. Returns 1 and the size up to and with it, 0 = the peer finished, or an error.
 */
static int hold_delimited(struct coir_stream *stream, const void *delimiter, size_t delimiter_size, size_t max,
                          size_t *ret_size)
{
    size_t seen = 0;

    for (;;) {
        size_t size = find_delimited(stream, delimiter, delimiter_size, max, seen);
        int rc;

        if (size > 0) {
            *ret_size = size;
            return 1;
        }
        seen = stream_held_size(stream);
        if (seen >= max)
            return -EMSGSIZE;
        rc = seen > 0 ? proceed_reading(stream) : 0;
        if (rc == 0)
            rc = hold_more(stream, max);
        if (rc <= 0)
            return rc;
    }
}

int coir_read_until(struct coir_stream *stream, const void *delimiter, size_t delimiter_size, size_t max,
                    struct coir_slice *ret_slice)
{
    int rc = begin_read(stream);
    size_t size;

    ASSERT(delimiter != NULL && ret_slice != NULL);
    if (rc < 0)
        return rc;
    if (delimiter_size == 0 || delimiter_size > max)
        return deliver_nothing(stream, -EINVAL);
    stream->last_in = 0;
    rc = hold_delimited(stream, delimiter, delimiter_size, max, &size);
    if (rc == 1)
        lend_held(loop_current(), stream, size, ret_slice);
    return end_read(rc);
}
