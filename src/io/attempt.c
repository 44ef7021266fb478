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

/* What every attempt ends with: one that would block goes on to wait. */
static inline int result_or_wait(struct engine *engine, struct endpoint *endpoint, struct operation *operation,
                                 int result)
{
    return LIKELY(result != -EAGAIN) ? result : readiness_wait(engine, endpoint, operation);
}

static bool is_fatal(int error)
{
    return error != -ENOBUFS && error != -ENOMEM && error != -EFAULT && error != -EINVAL;
}

/* Keeps the first error that ends both directions. */
static int keep_error(struct endpoint *endpoint, int error)
{
    if (endpoint->error == 0 && is_fatal(error)) {
        endpoint->error = (int16_t)error;
        /* There is an answer for everybody who asks, for good. */
        endpoint->flags |= ENDPOINT_INBOUND | ENDPOINT_OUTBOUND | ENDPOINT_HANGUP;
    }
    return endpoint->error != 0 ? endpoint->error : error;
}

/* What a receive of up to `asked` bytes says; returns the operation's result. */
static inline int take_received(struct endpoint *endpoint, ssize_t got, size_t asked)
{
    if (UNLIKELY(got == -EAGAIN)) {
        if (endpoint->error != 0)
            return endpoint->error; /* of a Unix socket: TCP's reads fail by themselves */
        endpoint->flags &= (uint16_t) ~(ENDPOINT_INBOUND | ENDPOINT_HANGUP);
        return -EAGAIN;
    }
    if (UNLIKELY(got < 0))
        return keep_error(endpoint, (int)got);
    if (UNLIKELY(got == 0)) {
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

static inline ssize_t receive_once(struct loop *loop, struct endpoint *endpoint, void *bytes, size_t size, int flags)
{
    ssize_t got;

    do {
        loop->receive_calls++;
        loop->scheduler.look_at = 0;
        got = kernel_receive(endpoint->fd, bytes, size, flags);
    } while (UNLIKELY(got == -EINTR));
    return got;
}

static int attempt_receive(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    ssize_t got = receive_once(engine->loop, endpoint, operation->memory, operation->size, 0);

    return result_or_wait(engine, endpoint, operation, take_received(endpoint, got, operation->size));
}

static int attempt_lend(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    struct loop *loop = engine->loop;
    struct buffer *buffer = buffer_lend_free(&loop->buffers, endpoint->class);
    int got;

    if (UNLIKELY(buffer == NULL)) {
        got = buffer_make(&loop->buffers, buffer_class_size(endpoint->class), endpoint->class, &buffer);
        if (got < 0)
            return got;
    }
    got = take_received(endpoint, receive_once(loop, endpoint, buffer->bytes, buffer->capacity, 0), buffer->capacity);
    if (UNLIKELY(got <= 0)) {
        buffer_release(buffer);
        return result_or_wait(engine, endpoint, operation, got);
    }
    operation->memory = buffer;
    endpoint->class = buffer_next_class(endpoint->class, (size_t)got, &endpoint->small_in_a_row);
    return got;
}

static int attempt_discard(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    unsigned char bytes[4096];
    ssize_t got;

    if (endpoint->flags & ENDPOINT_LOCAL) {
        got = receive_once(engine->loop, endpoint, bytes, sizeof(bytes), 0);
        return result_or_wait(engine, endpoint, operation, take_received(endpoint, got, sizeof(bytes)));
    }
    got = receive_once(engine->loop, endpoint, NULL, DISCARD_AT_ONCE, MSG_TRUNC);
    return result_or_wait(engine, endpoint, operation, take_received(endpoint, got, DISCARD_AT_ONCE));
}

/* Where a Unix peer reads no more, no event tells a receive that waits. */
static int end_by_sending(struct endpoint *endpoint, int error)
{
    readiness_try_later(&endpoint->in);
    return keep_error(endpoint, error);
}

/* What a send says; returns the operation's result. One that took less than it was given is no proof that the kernel is
 * full, and only that is followed by an event. */
static inline int take_sent(struct endpoint *endpoint, ssize_t sent)
{
    if (UNLIKELY(sent == -EAGAIN))
        endpoint->flags &= (uint16_t)~ENDPOINT_OUTBOUND;
    else if (UNLIKELY(sent < 0))
        return end_by_sending(endpoint, (int)sent);
    return (int)sent;
}

static int attempt_send(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    ssize_t sent;

    if (UNLIKELY(endpoint->error != 0))
        return endpoint->error;
    do {
        engine->loop->send_calls++;
        engine->loop->scheduler.look_at = 0;
        sent = kernel_send(endpoint->fd, operation->memory, operation->size);
    } while (UNLIKELY(sent == -EINTR));
    return result_or_wait(engine, endpoint, operation, take_sent(endpoint, sent));
}

static int attempt_send_pieces(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    ssize_t sent;

    if (UNLIKELY(endpoint->error != 0))
        return endpoint->error;
    do {
        engine->loop->send_calls++;
        engine->loop->scheduler.look_at = 0;
        sent = kernel_send_pieces(endpoint->fd, operation->memory, operation->size);
    } while (UNLIKELY(sent == -EINTR));
    return result_or_wait(engine, endpoint, operation, take_sent(endpoint, sent));
}

static int attempt_accept(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    int fd;

    do {
        engine->loop->accept_calls++;
        engine->loop->scheduler.look_at = 0;
        fd = kernel_accept(endpoint->fd);
    } while (fd == -EINTR);
    if (fd == -EAGAIN && endpoint->flags & ENDPOINT_LOCAL && endpoint->flags & ENDPOINT_HANGUP)
        return -EINVAL; /* somebody has shut it down, which accept(2) does not say of a Unix listener */
    if (fd == -EAGAIN)
        endpoint->flags &= (uint16_t)~ENDPOINT_INBOUND;
    return result_or_wait(engine, endpoint, operation, fd);
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
    return readiness_hooks_of(engine)->watch(engine, endpoint);
}

static int attempt_connect(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    int rc;

    if (operation->state == OPERATION_STARTED)
        return result_or_wait(engine, endpoint, operation, attempt_connected(endpoint));
    rc = kernel_connect(endpoint->fd, operation->memory, operation->size);
    if (rc == 0)
        return watch_connected(engine, endpoint);
    if (rc == -EAGAIN && endpoint->flags & ENDPOINT_LOCAL)
        return -EBUSY; /* the listener's queue is full, and no event will tell when it is not */
    return result_or_wait(engine, endpoint, operation, rc == -EINPROGRESS || rc == -EINTR ? -EAGAIN : rc);
}

static int attempt_ready(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    struct pollfd descriptor = {.fd = endpoint->fd, .events = (short)operation->size};
    int rc;

    do
        rc = kernel_poll(&descriptor, 1, 0);
    while (rc == -EINTR);
    if (rc <= 0)
        return result_or_wait(engine, endpoint, operation, rc == 0 ? -EAGAIN : rc);
    return descriptor.revents & POLLNVAL ? -EBADF : descriptor.revents;
}

static int attempt_signal(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    struct signalfd_siginfo information;
    ssize_t got;

    do
        got = kernel_read(endpoint->fd, &information, sizeof(information));
    while (got == -EINTR);
    if (got < 0)
        return result_or_wait(engine, endpoint, operation, (int)got);
    return (int)information.ssi_signo;
}

const struct readiness_method readiness_methods[OPERATION_KIND_COUNT] = {
    [OPERATION_ACCEPT] = {.attempt = attempt_accept, .needs = ENDPOINT_INBOUND},
    /* Before its connect, a socket would report a hangup. */
    [OPERATION_CONNECT] = {.attempt = attempt_connect, .watched_late = true},
    [OPERATION_RECEIVE] = {.attempt = attempt_receive, .needs = ENDPOINT_INBOUND},
    [OPERATION_LEND] = {.attempt = attempt_lend, .needs = ENDPOINT_INBOUND},
    [OPERATION_SEND] = {.attempt = attempt_send, .needs = ENDPOINT_OUTBOUND},
    [OPERATION_SEND_PIECES] = {.attempt = attempt_send_pieces, .needs = ENDPOINT_OUTBOUND},
    /* A borrowed descriptor must not stay registered. */
    [OPERATION_READY] = {.attempt = attempt_ready, .watched_late = true},
    [OPERATION_SIGNAL] = {.attempt = attempt_signal, .needs = ENDPOINT_INBOUND},
    [OPERATION_DISCARD] = {.attempt = attempt_discard, .needs = ENDPOINT_INBOUND},
};
