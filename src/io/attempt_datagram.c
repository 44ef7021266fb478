/* SPDX-License-Identifier: MIT
 *
 * One try to receive or send a datagram. After each that was received there
 * may be another: only -EAGAIN proves that the next one brings an event. What
 * fails says nothing about the socket, which goes on.
 */
#include "io/loop.h"
#include "io/message.h"
#include "io/readiness.h"
#include "kernel/kernel.h"
#include <errno.h>
#include <string.h>

/* Nothing says how long the next one is. */
#define ROOM buffer_class_size(BUFFER_CLASS_LARGEST)
/* A datagram of at most so many bytes is copied out of that room: it may be kept, and many with it. */
#define COPIED_MAX (ROOM / 4)

static struct buffer *fit_buffer(struct loop *loop, struct buffer *room, size_t size)
{
    struct buffer *fitting = NULL;

    if (size > COPIED_MAX || (size > 0 && buffer_lend_size(&loop->buffers, size, &fitting) < 0))
        return room;
    if (fitting != NULL)
        memcpy(fitting->bytes, room->bytes, size);
    buffer_release(room);
    return fitting;
}

static ssize_t receive_message(struct loop *loop, const struct endpoint *endpoint, struct message *message,
                               struct buffer *room)
{
    struct message_frame frame;
    ssize_t got;

    do {
        message_lay_receive(&frame, message, room, endpoint->flags & ENDPOINT_LOCAL);
        loop->receive_calls++;
        loop->scheduler.look_at = 0;
        got = kernel_receive_message(endpoint->fd, &frame.header);
    } while (got == -EINTR);
    if (got >= 0)
        message_take(message, &frame);
    return got;
}

/* Nothing is there, and a hangup was seen: of a socket that somebody has shut down it stays, and recvmsg(2) says
 * nothing of it; a report of the network is taken by now. */
static bool is_shut_down(const struct endpoint *endpoint)
{
    struct pollfd descriptor = {.fd = endpoint->fd, .events = POLLRDHUP};
    int rc;

    do
        rc = kernel_poll(&descriptor, 1, 0);
    while (rc == -EINTR);
    return rc > 0 && descriptor.revents & POLLRDHUP;
}

int readiness_receive_from(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    struct loop *loop = engine->loop;
    struct message *message = operation->memory;
    struct buffer *room;
    ssize_t got;

    if (!(endpoint->flags & ENDPOINT_INBOUND))
        return readiness_wait_for_event(operation);
    got = buffer_lend_size(&loop->buffers, ROOM, &room);
    if (got < 0)
        return (int)got;
    got = receive_message(loop, endpoint, message, room);
    if (got >= 0) {
        message->buffer = fit_buffer(loop, room, (size_t)got);
        return (int)got;
    }
    buffer_release(room);
    if (got != -EAGAIN)
        return (int)got;
    if (endpoint->flags & ENDPOINT_HANGUP && is_shut_down(endpoint))
        return -EINVAL; /* as of a listener; with the flags as they are, for whoever asks again */
    endpoint->flags &= (uint16_t) ~(ENDPOINT_INBOUND | ENDPOINT_HANGUP);
    return readiness_wait_for_event(operation);
}

int readiness_send_to(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    struct loop *loop = engine->loop;
    struct message_frame frame;
    ssize_t sent;

    if (!(endpoint->flags & ENDPOINT_OUTBOUND))
        return readiness_wait_for_event(operation);
    message_lay_send(&frame, operation->memory);
    do {
        loop->send_calls++;
        loop->scheduler.look_at = 0;
        sent = kernel_send_message(endpoint->fd, &frame.header);
    } while (sent == -EINTR);
    if (sent != -EAGAIN)
        return (int)sent;
    /* That the queue of a Unix receiver has room again is told to nobody, and room in ours is not enough. */
    if (endpoint->flags & ENDPOINT_LOCAL)
        return -EBUSY;
    endpoint->flags &= (uint16_t)~ENDPOINT_OUTBOUND;
    return readiness_wait_for_event(operation);
}
