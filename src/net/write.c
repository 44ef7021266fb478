/* SPDX-License-Identifier: MIT
 *
 * The public calls that write: all of it, or an error that every later write
 * repeats, because nobody can tell any more what the peer has.
 */
#include "io/loop.h"
#include "net/net.h"
#include "net/stream.h"
#include <errno.h>
#include <string.h>

#define SEND_MAX ((size_t)1 << 30) /* at once: an operation's result is an int */

/* What every write call begins with. */
static int begin_write(struct coir_stream *stream)
{
    int rc;

    ASSERT(task_is_running());
    ASSERT(stream_is_live(stream));
    rc = task_enter(&stream->header);
    if (rc == -EBADF)
        return rc;
    if (stream->flags & STREAM_WRITING)
        return rc < 0 ? rc : -EBUSY;
    stream->last_out = 0;
    if (rc < 0)
        return rc;
    if (stream->write_error != 0)
        return stream->write_error;
    if (stream->flags & STREAM_FINISHED)
        return -EPIPE;
    stream->flags |= STREAM_WRITING;
    return 0;
}

/* What every write call that began ends with; only the owner's close ends it otherwise. */
static int end_write(struct coir_stream *stream, int rc)
{
    if (rc == OPERATION_GONE)
        return -EBADF;
    stream->flags &= (uint16_t)~STREAM_WRITING;
    if (rc < 0)
        stream->write_error = (int16_t)rc;
    return rc;
}

/* Counts what a send took, and asks the scope before the next one. */
static int count_sent(struct coir_stream *stream, int sent, bool more)
{
    if (sent < 0)
        return sent;
    stream->bytes_out += (uint64_t)sent;
    stream->last_out += (uint64_t)sent;
    return more ? task_proceed() : 0;
}

int coir_write(struct coir_stream *stream, const void *bytes, size_t size)
{
    int rc = begin_write(stream);

    ASSERT(bytes != NULL || size == 0);
    if (rc < 0)
        return rc;
    while (rc == 0 && stream->last_out < size) {
        size_t left = size - stream->last_out;

        rc = stream->kind->write(stream, (const char *)bytes + stream->last_out, left < SEND_MAX ? left : SEND_MAX);
        if (rc != OPERATION_GONE)
            rc = count_sent(stream, rc, rc >= 0 && (size_t)rc < left);
    }
    return end_write(stream, rc);
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
    int rc = count < 0 ? -EINVAL : begin_write(stream);

    ASSERT(pieces != NULL || count <= 0);
    if (rc < 0)
        return rc;
    advance_cursor(&cursor, 0); /* past empty pieces */
    while (rc == 0 && cursor.count > 0) {
        rc = stream->kind->write_pieces(stream, window, next_pieces(&cursor, window));
        if (rc == OPERATION_GONE)
            break;
        if (rc > 0)
            advance_cursor(&cursor, (size_t)rc);
        rc = count_sent(stream, rc, cursor.count > 0);
    }
    return end_write(stream, rc);
}
