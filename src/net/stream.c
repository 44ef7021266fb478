/* SPDX-License-Identifier: MIT
 *
 * The public calls on a stream as a whole; reads are in read.c, writes in
 * write.c.
 */
#include "net/stream.h"
#include "io/loop.h"
#include "net/net.h"
#include <errno.h>

void stream_drop_held(struct coir_stream *stream)
{
    struct buffer *held = stream->held;

    stream->held = NULL;
    if (held == NULL)
        return;
    if (held->lent > 0)
        held->holder = NULL; /* coir_release() gives it back */
    else
        buffer_release(held);
}

int coir_finish(struct coir_stream *stream)
{
    int rc;

    ASSERT_STREAM(stream);
    rc = task_enter(&stream->header);
    if (rc < 0)
        return rc;
    if (stream->flags & STREAM_FINISHED)
        return 0;
    if (stream->write_refusal != 0)
        return stream->write_refusal;
    rc = stream->kind->finish(stream);
    if (rc < 0)
        return rc;
    stream->flags |= STREAM_FINISHED;
    stream->write_refusal = -EPIPE;
    return 0;
}

/* The connection first: who waits on it is woken before the handle is gone. */
static void end_stream(struct coir_stream *stream, void (*let_go)(struct coir_stream *stream))
{
    let_go(stream);
    stream_drop_held(stream);
    slab_give(&loop_current()->streams, stream);
}

void coir_close(struct coir_stream *stream)
{
    if (stream == NULL)
        return;
    ASSERT_STREAM(stream);
    end_stream(stream, stream->kind->close);
}

void coir_abort(struct coir_stream *stream)
{
    if (stream == NULL)
        return;
    ASSERT_STREAM(stream);
    end_stream(stream, stream->kind->abort);
}

int coir_stream_info(const struct coir_stream *stream, struct coir_stream_info *ret_info)
{
    ASSERT_STREAM(stream);
    ASSERT(ret_info != NULL);
    *ret_info = (struct coir_stream_info){
        .bytes_in = stream->bytes_in,
        .bytes_out = stream->bytes_out,
        .last_in = stream->last_in,
        .last_out = stream->last_out,
        .held = stream_held_size(stream),
    };
    stream->kind->info(stream, ret_info);
    return 0;
}

int coir_fd(struct coir_stream *stream)
{
    ASSERT_STREAM(stream);
    if (stream_held_size(stream) > 0)
        return -EBUSY;
    return stream->kind->descriptor(stream);
}
