/* SPDX-License-Identifier: MIT
 *
 * The order of things around attempt.c: starting, waiting for an event, trying
 * again, cancelling, closing. Opening and settings are in socket.c.
 */
#include "io/readiness.h"
#include "io/loop.h"
#include "kernel/kernel.h"
#include <errno.h>

static inline void tell_interest(struct engine *engine, struct endpoint *endpoint)
{
    void (*interest)(struct engine *, struct endpoint *) = readiness_hooks_of(engine)->interest;

    if (UNLIKELY(interest != NULL))
        interest(engine, endpoint);
}

/* Some descriptors are watched only now. */
static __attribute__((noinline)) int watch_and_wait(struct engine *engine, struct endpoint *endpoint,
                                                    struct operation *operation)
{
    int rc = operation->state == OPERATION_STARTED ? 0 : readiness_hooks_of(engine)->watch(engine, endpoint);

    if (rc < 0)
        return rc;
    operation->state = OPERATION_STARTED;
    tell_interest(engine, endpoint);
    return OPERATION_PENDING;
}

static inline int begin_waiting(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    operation->state = OPERATION_STARTED;
    tell_interest(engine, endpoint);
    return OPERATION_PENDING;
}

int readiness_wait(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    if (readiness_methods[operation->kind].watched_late)
        return watch_and_wait(engine, endpoint, operation);
    return begin_waiting(engine, endpoint, operation);
}

int readiness_start(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    const struct readiness_method *method = &readiness_methods[operation->kind];

    if ((endpoint->flags & method->needs) == method->needs)
        return method->attempt(engine, endpoint, operation);
    return begin_waiting(engine, endpoint, operation);
}

/* OPERATION_PENDING is WAIT_UNSETTLED: the event was for nothing, and there will be another. */
static int settle_by_trying(struct task *task)
{
    struct operation *operation = task->wait.object;

    return readiness_methods[operation->kind].attempt(loop_current()->engine, task->wait.item, operation);
}

#define READINESS_WAIT(title, drains)                                                                                  \
    {                                                                                                                  \
        .name = (title), .cancel = operation_cancel_wait, .settle = settle_by_trying, .heeds_drain = (drains)          \
    }

const struct wait_kind readiness_waits[OPERATION_KIND_COUNT] = {
    [OPERATION_ACCEPT] = READINESS_WAIT("accept", true),
    [OPERATION_CONNECT] = READINESS_WAIT("connect", false),
    [OPERATION_RECEIVE] = READINESS_WAIT("read", true),
    [OPERATION_LEND] = READINESS_WAIT("receive", true),
    [OPERATION_SEND] = READINESS_WAIT("write", false),
    [OPERATION_SEND_PIECES] = READINESS_WAIT("writev", false),
    [OPERATION_READY] = READINESS_WAIT("wait for a descriptor", false),
    [OPERATION_SIGNAL] = READINESS_WAIT("wait for a signal", false),
};

/* A discard has no task: it goes on at once, and linger.c takes in what it brought. */
void readiness_linger_event(struct engine *engine, struct endpoint *endpoint)
{
    struct operation *discard = &endpoint->in;
    int result;

    if (discard->state != OPERATION_STARTED || !(endpoint->flags & ENDPOINT_INBOUND))
        return;
    result = readiness_methods[discard->kind].attempt(engine, endpoint, discard);
    if (result == -EAGAIN)
        return;
    discard->result = result;
    linger_discarded(engine->loop, endpoint);
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
