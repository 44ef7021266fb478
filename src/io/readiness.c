/* SPDX-License-Identifier: MIT
 *
 * The order of things around attempt.c: starting, waiting for an event, trying
 * again, cancelling, closing. Opening and settings are in socket.c.
 */
#include "io/readiness.h"
#include "io/loop.h"
#include "kernel/kernel.h"
#include <errno.h>

/* How a task waits for an operation that `start` tries again when its turn has come. OPERATION_PENDING is
 * WAIT_UNSETTLED: the event was for nothing, and there will be another. */
#define DEFINE_SETTLE(start)                                                                                           \
    static int settle_by_##start(struct task *task)                                                                    \
    {                                                                                                                  \
        return start(loop_current()->engine, task->wait.item, task->wait.object);                                      \
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

/* A discard has no task: it goes on at once, and linger.c takes in what it brought. */
static void go_on_discarding(struct engine *engine, struct endpoint *endpoint)
{
    struct operation *discard = &endpoint->in;
    int result;

    if (discard->state != OPERATION_STARTED)
        return;
    result = engine->table->start[discard->kind](engine, endpoint, discard);
    if (result == OPERATION_PENDING)
        return;
    discard->result = result;
    linger_discarded(engine->loop, endpoint);
}

void readiness_unusual_event(struct engine *engine, struct endpoint *endpoint, uint32_t events)
{
    if (events & READINESS_INBOUND || endpoint->flags & ENDPOINT_FOREIGN)
        endpoint->flags |= ENDPOINT_INBOUND;
    if (events & READINESS_OUTBOUND)
        endpoint->flags |= ENDPOINT_OUTBOUND;
    if (events & READINESS_HANGUP)
        endpoint->flags |= ENDPOINT_HANGUP;
    if (endpoint->flags & ENDPOINT_LINGERS) {
        go_on_discarding(engine, endpoint);
        return;
    }
    readiness_try_later(engine, &endpoint->in);
    if (endpoint->flags & ENDPOINT_OUTBOUND)
        readiness_try_later(engine, &endpoint->out);
}

void readiness_wait_failed(int error)
{
    if (error == -EINTR)
        return;
    /* Else somebody closed our descriptor (-EBADF, -EINVAL), lowered RLIMIT_NOFILE below what is watched (-EINVAL), or
     * took the right to wait away (-EPERM, -ENOSYS): nothing would ever come. */
    ASSERT(error == -ENOMEM);
    (void)kernel_poll(NULL, 0, COIR_MILLISECOND); /* takes no memory; without it this would spin */
}

void readiness_cancel(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    operation->state = OPERATION_CANCELLING;
    operation_complete(engine->loop, endpoint, operation, -ECANCELED);
}

void readiness_close(struct engine *engine, struct endpoint *endpoint, enum endpoint_close how)
{
    static const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct loop *loop = engine->loop;

    operation_abandon(&endpoint->in);
    if (!(endpoint->flags & ENDPOINT_LINGERS))
        operation_abandon(&endpoint->out);
    readiness_hooks_of(engine)->unwatch(engine, endpoint);
    if (how == ENDPOINT_RESET)
        (void)kernel_set_option(endpoint->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    if (!(endpoint->flags & ENDPOINT_BORROWED))
        (void)kernel_close(endpoint->fd); /* never retried: the descriptor is gone whatever close(2) says */
    slab_give(&loop->endpoints, endpoint);
}

coir_time readiness_now(struct engine *engine)
{
    (void)engine;
    return kernel_clock();
}
