/* SPDX-License-Identifier: MIT
 *
 * One try of each kind of operation, with what it tells of the descriptor's
 * readiness. The rules for doing without needless tries are here: no read after
 * a short one, unless a hangup was seen or the socket is a Unix one, where a
 * short read may have more behind it and no further event (data with a FIN,
 * urgent data, boundaries of passed descriptors).
 */
#include "io/loop.h"
#include "io/readiness.h"
#include "kernel/kernel.h"
#include <errno.h>
#include <limits.h>
#include <sys/signalfd.h>

/* For TCP the kernel throws bytes away without copying them. */
#define DISCARD_AT_ONCE ((size_t)1 << 20)

static bool is_fatal(int error)
{
    return error != -ENOBUFS && error != -ENOMEM && error != -EFAULT && error != -EINVAL;
}

/* Keeps the first error that ends both directions. */
static int keep_error(struct endpoint *endpoint, int error)
{
    if (endpoint->error == 0 && is_fatal(error))
        endpoint->error = (int16_t)error;
    return endpoint->error != 0 ? endpoint->error : error;
}

/* What a receive of up to `asked` bytes says; returns the operation's result. */
static int take_received(struct endpoint *endpoint, ssize_t got, size_t asked)
{
    if (got == -EAGAIN) {
        endpoint->flags &= (uint16_t) ~(ENDPOINT_INBOUND | ENDPOINT_HANGUP);
        return endpoint->error != 0 ? endpoint->error : -EAGAIN; /* of a Unix socket: TCP's reads fail by themselves */
    }
    if (got < 0)
        return keep_error(endpoint, (int)got);
    if (got == 0) {
        /* The kernel reports a reset once, and says 0 ever after. */
        if (endpoint->error != 0)
            return endpoint->error;
        endpoint->flags |= ENDPOINT_ENDED;
        return 0;
    }
    if ((size_t)got < asked && !(endpoint->flags & (ENDPOINT_HANGUP | ENDPOINT_LOCAL)))
        endpoint->flags &= (uint16_t)~ENDPOINT_INBOUND;
    else
        endpoint->flags |= ENDPOINT_INBOUND;
    return (int)got;
}

static ssize_t receive_once(struct loop *loop, struct endpoint *endpoint, void *bytes, size_t size, int flags)
{
    ssize_t got;

    do {
        loop->receive_calls++;
        got = kernel_receive(endpoint->fd, bytes, size, flags);
    } while (got == -EINTR);
    return got;
}

static int attempt_receive(struct loop *loop, struct endpoint *endpoint, struct operation *operation)
{
    ssize_t got = receive_once(loop, endpoint, operation->memory, operation->size, 0);

    return take_received(endpoint, got, operation->size);
}

static int attempt_lend(struct loop *loop, struct endpoint *endpoint, struct operation *operation)
{
    struct buffer *buffer;
    int got = buffer_lend(&loop->buffers, endpoint->class, &buffer);

    if (got < 0)
        return got;
    got = take_received(endpoint, receive_once(loop, endpoint, buffer->bytes, buffer->capacity, 0), buffer->capacity);
    if (got <= 0) {
        buffer_release(buffer);
        return got;
    }
    endpoint->class = buffer_next_class(endpoint->class, (size_t)got, &endpoint->small_in_a_row);
    operation->memory = buffer;
    return got;
}

static int attempt_discard(struct loop *loop, struct endpoint *endpoint)
{
    unsigned char bytes[4096];
    ssize_t got;

    if (endpoint->flags & ENDPOINT_LOCAL) {
        got = receive_once(loop, endpoint, bytes, sizeof(bytes), 0);
        return take_received(endpoint, got, sizeof(bytes));
    }
    got = receive_once(loop, endpoint, NULL, DISCARD_AT_ONCE, MSG_TRUNC);
    return take_received(endpoint, got, DISCARD_AT_ONCE);
}

static ssize_t send_once(struct loop *loop, struct endpoint *endpoint, const struct operation *operation)
{
    ssize_t sent;

    do {
        loop->send_calls++;
        if (operation->kind == OPERATION_SEND)
            sent = kernel_send(endpoint->fd, operation->memory, operation->size);
        else
            sent = kernel_send_pieces(endpoint->fd, operation->memory, operation->size);
    } while (sent == -EINTR);
    return sent;
}

/* Where a Unix peer reads no more, no event tells a receive that waits. */
static int end_by_sending(struct loop *loop, struct endpoint *endpoint, int error)
{
    if (endpoint->in.state == OPERATION_STARTED)
        operation_try_later(loop, endpoint, &endpoint->in);
    return keep_error(endpoint, error);
}

static int attempt_send(struct loop *loop, struct endpoint *endpoint, struct operation *operation)
{
    ssize_t sent;

    if (endpoint->error != 0)
        return endpoint->error;
    sent = send_once(loop, endpoint, operation);
    if (sent == -EAGAIN)
        endpoint->flags |= ENDPOINT_FULL;
    else if (sent < 0)
        return end_by_sending(loop, endpoint, (int)sent);
    else if (operation->kind == OPERATION_SEND && (size_t)sent < operation->size && !(endpoint->flags & ENDPOINT_LOCAL))
        endpoint->flags |= ENDPOINT_FULL;
    return (int)sent;
}

static int attempt_accept(struct loop *loop, struct endpoint *endpoint)
{
    int fd;

    do {
        loop->accept_calls++;
        fd = kernel_accept(endpoint->fd);
    } while (fd == -EINTR);
    if (fd == -EAGAIN && endpoint->flags & ENDPOINT_LOCAL && endpoint->flags & ENDPOINT_HANGUP)
        return -EINVAL; /* somebody has shut it down, which accept(2) does not say of a Unix listener */
    if (fd == -EAGAIN)
        endpoint->flags &= (uint16_t)~ENDPOINT_INBOUND;
    return fd;
}

/* Has the kernel decided about the connection? SO_ERROR alone cannot tell "connected" from "not yet". */
static int attempt_connected(struct endpoint *endpoint)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof(int);
    int error = 0;
    int rc = kernel_get_option(endpoint->fd, SOL_SOCKET, SO_ERROR, &error, &size);

    if (rc < 0)
        return rc;
    if (error != 0)
        return -error;
    size = sizeof(peer);
    rc = kernel_peer_address(endpoint->fd, (struct sockaddr *)&peer, &size);
    return rc == -ENOTCONN ? -EAGAIN : rc;
}

/* A Unix socket is connected at once; nobody watches it yet. */
static int watch_connected(struct engine *engine, struct endpoint *endpoint)
{
    return CONTAINER_OF(engine, struct readiness, engine)->hooks->watch(engine, endpoint);
}

static int attempt_connect(struct loop *loop, struct endpoint *endpoint, const struct operation *operation)
{
    int rc;

    if (operation->state == OPERATION_STARTED)
        return attempt_connected(endpoint);
    rc = kernel_connect(endpoint->fd, operation->memory, operation->size);
    if (rc == 0)
        return watch_connected(loop->engine, endpoint);
    if (rc == -EAGAIN && endpoint->flags & ENDPOINT_LOCAL)
        return -EBUSY; /* the listener's queue is full, and no event will tell when it is not */
    return rc == -EINPROGRESS || rc == -EINTR ? -EAGAIN : rc;
}

static int attempt_ready(struct endpoint *endpoint, const struct operation *operation)
{
    struct pollfd descriptor = {.fd = endpoint->fd, .events = (short)operation->size};
    int rc;

    do
        rc = kernel_poll(&descriptor, 1, 0);
    while (rc == -EINTR);
    if (rc <= 0)
        return rc == 0 ? -EAGAIN : rc;
    return descriptor.revents & POLLNVAL ? -EBADF : descriptor.revents;
}

static int attempt_signal(struct endpoint *endpoint)
{
    struct signalfd_siginfo information;
    ssize_t got;

    do
        got = kernel_read(endpoint->fd, &information, sizeof(information));
    while (got == -EINTR);
    return got < 0 ? (int)got : (int)information.ssi_signo;
}

int readiness_attempt(struct loop *loop, struct endpoint *endpoint, struct operation *operation)
{
    loop->working = true;
    switch ((enum operation_kind)operation->kind) {
    case OPERATION_RECEIVE:
        return attempt_receive(loop, endpoint, operation);
    case OPERATION_LEND:
        return attempt_lend(loop, endpoint, operation);
    case OPERATION_DISCARD:
        return attempt_discard(loop, endpoint);
    case OPERATION_SEND:
    case OPERATION_SEND_PIECES:
        return attempt_send(loop, endpoint, operation);
    case OPERATION_ACCEPT:
        return attempt_accept(loop, endpoint);
    case OPERATION_CONNECT:
        return attempt_connect(loop, endpoint, operation);
    case OPERATION_READY:
        return attempt_ready(endpoint, operation);
    case OPERATION_SIGNAL:
        return attempt_signal(endpoint);
    }
    ASSERT(!"an operation of no known kind");
}
