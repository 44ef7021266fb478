/* SPDX-License-Identifier: MIT
 *
 * The kind of stream that is a socket: one operation of the endpoint per call.
 */
#include "net/socket_stream.h"
#include "io/loop.h"
#include "net/address.h"
#include "net/net.h"
#include "net/stream.h"
#include <errno.h>

/* When a drain ends a read that gets nothing. */
static coir_time quiet_deadline(const struct coir_stream *stream)
{
    const struct coir_scope *scope = scheduler_current->current->scope;
    coir_time from = stream->quiet_from > scope->drain_from ? stream->quiet_from : scope->drain_from;

    return time_after(from, scope->drain_quiet_ns);
}

int socket_receive_in_drain(struct coir_stream *stream, enum operation_kind kind)
{
    struct endpoint *endpoint = stream->endpoint;

    for (;;) {
        coir_time deadline = COIR_FOREVER;
        bool late = false;
        int rc = task_proceed();

        if (rc < 0)
            return rc;
        if (socket_drains(loop_current(), stream)) {
            deadline = quiet_deadline(stream);
            late = coir_now() >= deadline;
            endpoint->flags |= ENDPOINT_INBOUND; /* what is there already comes before the verdict */
        }
        endpoint->in.kind = (uint8_t)kind;
        rc = operation_await(endpoint, &endpoint->in, deadline);
        if (rc > 0)
            stream->quiet_from = coir_now();
        if (rc != WAIT_RECONSIDER)
            return rc;
        if (late) /* else a byte may have come, and the deadline with it */
            return -ESHUTDOWN;
    }
}

static int send_to_socket(struct coir_stream *stream, enum operation_kind kind, const void *memory, size_t size)
{
    struct loop *loop = loop_current();
    int rc = socket_begin_send(loop, stream, kind, memory, size);

    return rc != OPERATION_PENDING ? rc : operation_wait(loop, stream->endpoint, &stream->endpoint->out, COIR_FOREVER);
}

static int receive_from_socket(struct coir_stream *stream, void *bytes, size_t size)
{
    struct loop *loop = loop_current();
    struct operation *operation = &stream->endpoint->in;
    int got;

    if (bytes == NULL)
        return socket_receive_lent(loop, stream);
    operation->memory = bytes;
    operation->size = (uint32_t)size;
    got = socket_await_receive(loop, stream, OPERATION_RECEIVE);
    if (got > 0)
        socket_count_received(loop, stream, got);
    return got;
}

static int write_to_socket(struct coir_stream *stream, const void *bytes, size_t size)
{
    return send_to_socket(stream, OPERATION_SEND, bytes, size);
}

static int write_pieces_to_socket(struct coir_stream *stream, const struct iovec *pieces, size_t count)
{
    return send_to_socket(stream, OPERATION_SEND_PIECES, pieces, count);
}

static int finish_socket(struct coir_stream *stream)
{
    struct endpoint *endpoint = stream->endpoint;
    struct engine *engine = loop_current()->engine;

    if (endpoint->error != 0)
        return endpoint->error;
    return engine->table->finish(engine, endpoint);
}

static void abort_socket(struct coir_stream *stream)
{
    struct engine *engine = loop_current()->engine;

    engine->table->close(engine, stream->endpoint, ENDPOINT_RESET);
}

static void close_socket(struct coir_stream *stream)
{
    struct loop *loop = loop_current();
    struct endpoint *endpoint = stream->endpoint;

    if (endpoint->error != 0 || endpoint->flags & ENDPOINT_ENDED)
        loop->engine->table->close(loop->engine, endpoint, ENDPOINT_CLOSE);
    else
        linger_start(loop, endpoint, stream->linger);
}

static void print_address(const struct coir_stream *stream, enum endpoint_address which, char *ret_text)
{
    struct engine *engine = loop_current()->engine;
    struct sockaddr_storage address;

    ret_text[0] = '\0';
    if (engine->table->address(engine, stream->endpoint, which, &address) == 0)
        address_print("tcp", &address, ret_text);
}

static uint64_t count_unsent(const struct coir_stream *stream)
{
    struct engine *engine = loop_current()->engine;
    int bytes;

    if (engine->table->unsent(engine, stream->endpoint, &bytes) < 0)
        return 0;
    return (uint64_t)bytes < stream->bytes_out ? (uint64_t)bytes : stream->bytes_out;
}

static void tell_connection(const struct coir_stream *stream, struct coir_stream_info *info)
{
    info->unsent = count_unsent(stream);
    print_address(stream, ENDPOINT_OUR_ADDRESS, info->local);
    print_address(stream, ENDPOINT_PEER_ADDRESS, info->peer);
}

static int expose_descriptor(struct coir_stream *stream)
{
    stream->endpoint->flags |= ENDPOINT_EXPOSED;
    return stream->endpoint->fd;
}

const struct stream_kind socket_kind = {
    .name = "socket",
    .receive = receive_from_socket,
    .write = write_to_socket,
    .write_pieces = write_pieces_to_socket,
    .finish = finish_socket,
    .close = close_socket,
    .abort = abort_socket,
    .info = tell_connection,
    .descriptor = expose_descriptor,
};

struct coir_stream *socket_stream_open(struct endpoint *endpoint, struct linger_limits linger, uint16_t flags)
{
    struct coir_stream *stream = slab_take(&loop_current()->streams);

    if (stream == NULL)
        return NULL;
    stream->kind = &socket_kind;
    stream->endpoint = endpoint;
    stream->bytes_in = 0;
    stream->bytes_out = 0;
    stream->last_in = 0;
    stream->last_out = 0;
    stream->held = NULL;
    stream->quiet_from = 0;
    stream->linger = linger;
    stream->write_refusal = 0;
    stream->flags = flags;
    return stream;
}
