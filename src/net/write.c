/* SPDX-License-Identifier: MIT
 *
 * The public calls that write: all of it, or an error that every later write
 * repeats, because nobody can tell any more what the peer has.
 */
#include "io/loop.h"
#include "net/net.h"
#include "net/pause.h"
#include "net/socket_stream.h"
#include "net/stream.h"
#include <errno.h>
#include <string.h>

/* At once. A reader on another core makes room as fast as the kernel sends: of one large send no task would see the
 * end. */
#define SEND_MAX ((size_t)1 << 18)

/* Where the kernel has no memory for a send, which passes and which no event announces, each pause before the next try
 * is twice as long as the one before; a second of them in all, then it is said. */
#define SHORTAGE_PAUSE_MIN_NS COIR_MILLISECOND
#define SHORTAGE_PAUSE_MAX_NS (100 * COIR_MILLISECOND)
#define SHORTAGE_NS COIR_SECOND

/* What a write that sends nothing returns; it must not be taken for the one before it. */
static int refuse_write(struct coir_stream *stream, int rc)
{
    if (rc != -EBADF && stream->write_refusal != -EBUSY)
        stream->last_out = 0;
    return rc;
}

/* What every write call begins with. */
static inline __attribute__((always_inline)) int begin_write(struct coir_stream *stream)
{
    int rc;

    ASSERT_STREAM(stream);
    rc = task_enter(&stream->header);
    if (LIKELY(rc == 0 && stream->write_refusal == 0))
        return 0;
    return refuse_write(stream, rc < 0 ? rc : stream->write_refusal);
}

/* What every write call that began and did not end at once ends with; only the owner's close ends the stream
 * meanwhile. */
static int end_write(struct coir_stream *stream, int rc)
{
    if (rc == OPERATION_GONE)
        return -EBADF;
    stream->write_refusal = (int16_t)rc;
    return rc;
}

static inline void count_sent(struct coir_stream *stream, int sent)
{
    stream->bytes_out += (uint64_t)sent;
    stream->last_out += (uint64_t)sent;
}

/* Between the operations of a write call: the scope may have been stopped, and others want their turn. Returns 0,
 * -ECANCELED, -ETIME, or OPERATION_GONE: the stream is no more. */
static int give_others_a_turn(struct coir_stream *stream, int sent)
{
    int rc;

    socket_charge(loop_current(), sent, 0);
    rc = task_enter(&stream->header);
    return rc == -EBADF ? OPERATION_GONE : rc;
}

static coir_time next_pause(coir_time pause_ns)
{
    if (pause_ns == 0)
        return SHORTAGE_PAUSE_MIN_NS;
    return pause_ns < SHORTAGE_PAUSE_MAX_NS / 2 ? 2 * pause_ns : SHORTAGE_PAUSE_MAX_NS;
}

/* Where a write call is in a shortage; all zero = in none. */
struct shortage {
    coir_time pause_ns; /* the last */
    coir_time paused_ns;
};

/* Waits a little for memory, if not for too long already. Returns as give_others_a_turn(), or `error`. */
static int wait_out(struct shortage *shortage, struct coir_stream *stream, int error)
{
    static const struct wait_kind pause_kind = {.name = "pause in write", .cancel = pause_cancel};
    struct slab_header before = stream->header;
    int rc;

    if (shortage->paused_ns >= SHORTAGE_NS)
        return error;
    shortage->pause_ns = next_pause(shortage->pause_ns);
    shortage->paused_ns += shortage->pause_ns;
    rc = pause_for(&pause_kind, shortage->pause_ns);
    if (stream->header.magic != before.magic || stream->header.generation != before.generation)
        return OPERATION_GONE;
    return rc;
}

/* After an operation that did not end the call: is it on to the next one? Returns 0, or the error that the call ends
 * with. */
static int proceed_writing(struct coir_stream *stream, int sent, struct shortage *shortage)
{
    if (sent == -ENOMEM || sent == -ENOBUFS)
        return wait_out(shortage, stream, sent);
    if (sent < 0)
        return sent;
    *shortage = (struct shortage){.pause_ns = 0};
    return give_others_a_turn(stream, sent);
}

/* Sends what a first send left, which took `sent` bytes, failed, or waits. Not inline: most writes are taken whole. */
static __attribute__((noinline)) int write_rest(struct coir_stream *stream, const char *bytes, size_t size, int sent)
{
    struct shortage shortage = {.pause_ns = 0};

    stream->write_refusal = -EBUSY;
    stream->last_out = 0;
    if (sent == OPERATION_PENDING)
        sent = operation_wait(loop_current(), stream->endpoint, &stream->endpoint->out, COIR_FOREVER);
    for (;;) {
        size_t left;
        int rc;

        if (sent >= 0)
            count_sent(stream, sent);
        if (sent >= 0 && stream->last_out == size)
            return end_write(stream, 0);
        rc = proceed_writing(stream, sent, &shortage);
        if (rc < 0)
            return end_write(stream, rc);
        left = size - (size_t)stream->last_out;
        sent = stream->kind->write(stream, bytes + stream->last_out, left < SEND_MAX ? left : SEND_MAX);
    }
}

int coir_write(struct coir_stream *stream, const void *bytes, size_t size)
{
    struct loop *loop = loop_current();
    int rc = begin_write(stream);

    if (UNLIKELY(rc < 0))
        return rc;
    ASSERT(bytes != NULL || size == 0);
    if (UNLIKELY(size - 1 >= SEND_MAX)) /* none, or more than goes at once */
        return write_rest(stream, bytes, size, 0);
    rc = stream_begin_write(loop, stream, bytes, size);
    if (UNLIKELY(rc != (int)size))
        return write_rest(stream, bytes, size, rc);
    stream->bytes_out += size;
    stream->last_out = size;
    return 0;
}

/* Where in the pieces a write is. */
struct piece_cursor {
    const struct iovec *pieces;
    size_t count; /* left, the one begun included */
    size_t done;  /* bytes of the first one */
};

static void advance_cursor(struct piece_cursor *cursor, size_t bytes)
{
    cursor->done += bytes;
    while (cursor->count > 0 && cursor->done >= cursor->pieces->iov_len) {
        cursor->done -= cursor->pieces->iov_len;
        cursor->pieces++;
        cursor->count--;
    }
}

/* Copies the next pieces that go in one system call; returns how many. */
static size_t next_pieces(const struct piece_cursor *cursor, struct iovec window[WRITE_PIECES_MAX])
{
    size_t count = cursor->count < WRITE_PIECES_MAX ? cursor->count : WRITE_PIECES_MAX;
    size_t room = SEND_MAX;

    memcpy(window, cursor->pieces, count * sizeof(*window));
    window[0].iov_base = (char *)window[0].iov_base + cursor->done;
    window[0].iov_len -= cursor->done;
    for (size_t i = 0; i < count; i++) {
        if (window[i].iov_len >= room) {
            window[i].iov_len = room;
            return i + 1;
        }
        room -= window[i].iov_len;
    }
    return count;
}

int coir_writev(struct coir_stream *stream, const struct iovec *pieces, int count)
{
    struct piece_cursor cursor = {.pieces = pieces, .count = count > 0 ? (size_t)count : 0};
    struct iovec window[WRITE_PIECES_MAX];
    struct shortage shortage = {.pause_ns = 0};
    int rc = count < 0 ? -EINVAL : begin_write(stream);

    ASSERT(pieces != NULL || count <= 0);
    if (rc < 0)
        return rc;
    stream->last_out = 0;
    stream->write_refusal = -EBUSY;
    advance_cursor(&cursor, 0); /* past empty pieces */
    while (cursor.count > 0) {
        rc = stream->kind->write_pieces(stream, window, next_pieces(&cursor, window));
        if (rc >= 0) {
            count_sent(stream, rc);
            advance_cursor(&cursor, (size_t)rc);
        }
        if (cursor.count > 0)
            rc = proceed_writing(stream, rc, &shortage);
        if (rc < 0)
            return end_write(stream, rc);
    }
    return end_write(stream, 0);
}
