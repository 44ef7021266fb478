/* SPDX-License-Identifier: MIT
 *
 * The order of things around attempt.c: what events lead to, cancelling,
 * closing. Opening and settings are in socket.c.
 */
#include "io/readiness.h"
#include "io/loop.h"
#include "kernel/kernel.h"
#include <errno.h>

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
