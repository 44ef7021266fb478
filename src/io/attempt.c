/* SPDX-License-Identifier: MIT
 *
 * One try of each kind of operation, with what it tells of the descriptor's
 * readiness, and how a task waits for another. The rules for doing without
 * needless tries are here: no read after a short one, unless a hangup was seen
 * or the socket is a Unix one, where a short read may have more behind it and
 * no further event (data with a FIN, urgent data, boundaries of passed
 * descriptors).
 */
#include "context/valgrind.h"
#include "io/loop.h"
#include "io/readiness.h"
#include "kernel/kernel.h"
#include <errno.h>
#include <limits.h>
#include <sys/signalfd.h>

/* For TCP the kernel throws bytes away without copying them. */
#define DISCARD_AT_ONCE ((size_t)1 << 20)

/* As readiness_wait_for_event(), for a descriptor that is watched only now. */
static int watch_and_wait(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    int rc = operation->state == OPERATION_STARTED ? 0 : readiness_hooks_of(engine)->watch(engine, endpoint);

    return rc < 0 ? rc : readiness_wait_for_event(operation);
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
        /* There is an answer for everybody who asks, for good; a send asks for it where it would wait. */
        endpoint->flags |= ENDPOINT_INBOUND | ENDPOINT_HANGUP;
        endpoint->flags &= (uint16_t)~ENDPOINT_OUTBOUND;
    }
    return endpoint->error != 0 ? endpoint->error : error;
}

/* What a receive that brought no bytes says; returns the operation's result, or OPERATION_PENDING. */
static int receive_nothing(struct endpoint *endpoint, int got)
{
    if (got < 0 && got != -EAGAIN)
        return keep_error(endpoint, got);
    /* The kernel reports a reset once, and says 0 ever after; of a Unix socket's other half it says nothing. */
    if (endpoint->error != 0)
        return endpoint->error;
    if (got == 0) {
        endpoint->flags |= ENDPOINT_ENDED;
        return 0;
    }
    endpoint->flags &= (uint16_t) ~(ENDPOINT_INBOUND | ENDPOINT_HANGUP);
    return readiness_wait_for_event(&endpoint->in);
}

static inline void count_receive(struct loop *loop)
{
    loop->receive_calls++;
    loop->scheduler.look_at = 0;
}

static ssize_t receive_bytes(struct loop *loop, const struct endpoint *endpoint, void *bytes, size_t size, int flags)
{
    count_receive(loop);
    return kernel_receive(endpoint->fd, bytes, size, flags);
}

/* Less than was asked for is all there was: the next byte brings an event. */
static inline void note_received(struct endpoint *endpoint, size_t got, size_t size)
{
    if (got < size && !(endpoint->flags & (ENDPOINT_HANGUP | ENDPOINT_LOCAL)))
        endpoint->flags &= (uint16_t)~ENDPOINT_INBOUND;
}

static int receive_once(struct loop *loop, struct endpoint *endpoint, void *bytes, size_t size, int flags)
{
    ssize_t got;

    do
        got = receive_bytes(loop, endpoint, bytes, size, flags);
    while (got == -EINTR);
    if (got <= 0)
        return receive_nothing(endpoint, (int)got);
    note_received(endpoint, (size_t)got, size);
    return (int)got;
}

int readiness_receive(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    if (!(endpoint->flags & ENDPOINT_INBOUND))
        return readiness_wait_for_event(operation);
    return receive_once(engine->loop, endpoint, operation->memory, operation->size, 0);
}

static int try_lend(struct loop *loop, struct endpoint *endpoint);

/* There is no memory for what may have come. An end or a reset takes none, and must not wait for any: those that have
 * gone would pile up. */
static int lend_without_memory(struct loop *loop, struct endpoint *endpoint, int error)
{
    char byte;
    ssize_t got;

    do
        got = receive_bytes(loop, endpoint, &byte, 1, MSG_PEEK);
    while (got == -EINTR);
    return got > 0 ? error : receive_nothing(endpoint, (int)got);
}

/* The cases of try_lend() that are rare are functions of their own, so that the usual one keeps little in registers. */
static __attribute__((noinline)) int stock_and_lend(struct loop *loop, struct endpoint *endpoint)
{
    int rc = buffer_stock(&loop->buffers, endpoint->class);

    return rc < 0 ? lend_without_memory(loop, endpoint, rc) : try_lend(loop, endpoint);
}

static __attribute__((noinline)) int lend_nothing(struct endpoint *endpoint, struct buffer *buffer, int got)
{
    buffer_release(buffer);
    return got == -EINTR ? try_lend(loop_current(), endpoint) : receive_nothing(endpoint, got);
}

static __attribute__((noinline)) int lend_misfit(struct endpoint *endpoint, const struct buffer *buffer, int got)
{
    endpoint->class = buffer_other_class(buffer, (size_t)got, &endpoint->small_in_a_row);
    return got;
}

static __attribute__((noinline)) int try_lend(struct loop *loop, struct endpoint *endpoint)
{
    struct buffer *buffer;
    ssize_t got;

    if (UNLIKELY(!buffer_is_stocked(&loop->buffers, endpoint->class)))
        return stock_and_lend(loop, endpoint);
    count_receive(loop);
    buffer = buffer_lend_free(&loop->buffers, endpoint->class);
    got = kernel_receive(endpoint->fd, buffer->bytes, buffer->capacity, 0);
    if (UNLIKELY(got <= 0))
        return lend_nothing(endpoint, buffer, (int)got);
    note_received(endpoint, (size_t)got, buffer->capacity);
    endpoint->in.memory = buffer;
    if (UNLIKELY(buffer_misfits(buffer, (size_t)got)))
        return lend_misfit(endpoint, buffer, (int)got);
    endpoint->small_in_a_row = 0;
    return (int)got;
}

int readiness_lend(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    if (!(endpoint->flags & ENDPOINT_INBOUND))
        return readiness_wait_for_event(operation);
    return try_lend(engine->loop, endpoint);
}

int readiness_discard(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    unsigned char bytes[4096];

    if (!(endpoint->flags & ENDPOINT_INBOUND))
        return readiness_wait_for_event(operation);
    if (endpoint->flags & ENDPOINT_LOCAL || valgrind_watches_memory()) /* which takes NULL for a mistake */
        return receive_once(engine->loop, endpoint, bytes, sizeof(bytes), 0);
    return receive_once(engine->loop, endpoint, NULL, DISCARD_AT_ONCE, MSG_TRUNC);
}

/* Where a Unix peer reads no more, no event tells a receive that waits. */
static int end_by_sending(struct endpoint *endpoint, int error)
{
    readiness_try_later(loop_current()->engine, &endpoint->in);
    return keep_error(endpoint, error);
}

/* What a send that failed says; returns the operation's result. Only -EAGAIN is proof that the kernel is full, and
 * followed by an event. */
static __attribute__((noinline)) int send_nothing(struct endpoint *endpoint, int error)
{
    struct operation *operation = &endpoint->out;
    struct engine *engine = loop_current()->engine;

    if (error == -EINTR)
        return engine->table->start[operation->kind](engine, endpoint, operation);
    if (error != -EAGAIN)
        return end_by_sending(endpoint, error);
    endpoint->flags &= (uint16_t)~ENDPOINT_OUTBOUND;
    return readiness_wait_for_event(operation);
}

static inline __attribute__((always_inline)) int send_once(struct engine *engine, struct endpoint *endpoint,
                                                           struct operation *operation, bool pieces)
{
    ssize_t sent;

    if (UNLIKELY(!(endpoint->flags & ENDPOINT_OUTBOUND)))
        return endpoint->error != 0 ? endpoint->error : readiness_wait_for_event(operation);
    engine->loop->send_calls++;
    engine->loop->scheduler.look_at = 0;
    sent = pieces ? kernel_send_pieces(endpoint->fd, operation->memory, operation->size)
                  : kernel_send(endpoint->fd, operation->memory, operation->size);
    return LIKELY(sent >= 0) ? (int)sent : send_nothing(endpoint, (int)sent);
}

int readiness_send(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    return send_once(engine, endpoint, operation, false);
}

int readiness_send_pieces(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    return send_once(engine, endpoint, operation, true);
}

int readiness_accept(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    int fd;

    if (!(endpoint->flags & ENDPOINT_INBOUND))
        return readiness_wait_for_event(operation);
    do {
        engine->loop->accept_calls++;
        engine->loop->scheduler.look_at = 0;
        fd = kernel_accept(endpoint->fd);
    } while (fd == -EINTR);
    if (fd == -EAGAIN && endpoint->flags & ENDPOINT_LOCAL && endpoint->flags & ENDPOINT_HANGUP)
        return -EINVAL; /* somebody has shut it down, which accept(2) does not say of a Unix listener */
    if (fd != -EAGAIN)
        return fd;
    endpoint->flags &= (uint16_t)~ENDPOINT_INBOUND;
    return readiness_wait_for_event(operation);
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

int readiness_connect(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    int rc;

    if (operation->state == OPERATION_STARTED) {
        rc = attempt_connected(endpoint);
        return rc == -EAGAIN ? OPERATION_PENDING : rc;
    }
    rc = kernel_connect(endpoint->fd, operation->memory, operation->size);
    if (rc == 0) /* a Unix socket is connected at once; nobody watches it yet */
        return readiness_hooks_of(engine)->watch(engine, endpoint);
    if (rc == -EAGAIN) /* nothing has begun, and no event will tell when it could: a Unix listener's queue is full, or
                          the kernel's table of routes */
        return endpoint->flags & ENDPOINT_LOCAL ? -EBUSY : -ENOBUFS;
    /* Watched only now: before its connect, a socket would report a hangup. */
    return rc == -EINPROGRESS || rc == -EINTR ? watch_and_wait(engine, endpoint, operation) : rc;
}

/* Watched only while it waits: a borrowed descriptor must not stay registered. */
int readiness_ready(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    struct pollfd descriptor = {.fd = endpoint->fd, .events = (short)operation->size};
    int rc;

    do
        rc = kernel_poll(&descriptor, 1, 0);
    while (rc == -EINTR);
    if (rc == 0)
        return watch_and_wait(engine, endpoint, operation);
    if (rc < 0)
        return rc;
    return descriptor.revents & POLLNVAL ? -EBADF : descriptor.revents;
}

int readiness_signal(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    struct signalfd_siginfo information;
    ssize_t got;

    (void)engine;
    do
        got = kernel_read(endpoint->fd, &information, sizeof(information));
    while (got == -EINTR);
    if (got == -EAGAIN)
        return readiness_wait_for_event(operation);
    return got < 0 ? (int)got : (int)information.ssi_signo;
}

/* How a task waits for an operation that `start` tries again when its turn has come. OPERATION_PENDING is
 * WAIT_UNSETTLED: the event was for nothing, and there will be another. */
#define DEFINE_SETTLE(start)                                                                                           \
    static int settle_by_##start(struct scheduler *scheduler, struct task *task)                                       \
    {                                                                                                                  \
        struct loop *loop = CONTAINER_OF(scheduler, struct loop, scheduler);                                           \
                                                                                                                       \
        return start(loop->engine, task->wait.item, task->wait.object);                                                \
    }

DEFINE_SETTLE(readiness_accept)
DEFINE_SETTLE(readiness_connect)
DEFINE_SETTLE(readiness_receive)
DEFINE_SETTLE(readiness_lend)
DEFINE_SETTLE(readiness_send)
DEFINE_SETTLE(readiness_send_pieces)
DEFINE_SETTLE(readiness_ready)
DEFINE_SETTLE(readiness_signal)
DEFINE_SETTLE(readiness_receive_from)
DEFINE_SETTLE(readiness_send_to)

#define READINESS_WAIT(title, start, drains)                                                                           \
    {                                                                                                                  \
        .name = (title), .cancel = operation_cancel_wait, .settle = settle_by_##start, .heeds_drain = (drains)         \
    }

const struct wait_kind readiness_waits[OPERATION_KIND_COUNT] = {
    [OPERATION_ACCEPT] = READINESS_WAIT("accept", readiness_accept, true),
    [OPERATION_CONNECT] = READINESS_WAIT("connect", readiness_connect, false),
    [OPERATION_RECEIVE] = READINESS_WAIT("read", readiness_receive, true),
    [OPERATION_LEND] = READINESS_WAIT("receive", readiness_lend, true),
    [OPERATION_SEND] = READINESS_WAIT("write", readiness_send, false),
    [OPERATION_SEND_PIECES] = READINESS_WAIT("writev", readiness_send_pieces, false),
    [OPERATION_READY] = READINESS_WAIT("wait for a descriptor", readiness_ready, false),
    [OPERATION_SIGNAL] = READINESS_WAIT("wait for a signal", readiness_signal, false),
    [OPERATION_RECEIVE_FROM] = READINESS_WAIT("receive a datagram", readiness_receive_from, true),
    [OPERATION_SEND_TO] = READINESS_WAIT("send a datagram", readiness_send_to, false),
};
