/* SPDX-License-Identifier: MIT
 *
 * The order of things around attempt.c: starting, waiting for an event, trying
 * again, cancelling, closing. Opening and settings are in socket.c.
 */
#include "io/readiness.h"
#include "io/loop.h"
#include "kernel/kernel.h"
#include <errno.h>
#include <poll.h>

#define INBOUND_EVENTS (POLLIN | POLLPRI | POLLRDHUP | POLLHUP | POLLERR)
#define HANGUP_EVENTS (POLLPRI | POLLRDHUP | POLLHUP | POLLERR)
#define OUTBOUND_EVENTS (POLLOUT | POLLHUP | POLLERR)

static const struct readiness_hooks *hooks_of(const struct engine *engine)
{
    return CONTAINER_OF(engine, struct readiness, engine)->hooks;
}

static void tell_interest(struct engine *engine, struct endpoint *endpoint)
{
    if (hooks_of(engine)->interest != NULL)
        hooks_of(engine)->interest(engine, endpoint);
}

/* Is there any sense in trying before an event has come? */
static bool is_hopeful(const struct endpoint *endpoint, const struct operation *operation)
{
    switch ((enum operation_kind)operation->kind) {
    case OPERATION_RECEIVE:
    case OPERATION_LEND:
    case OPERATION_DISCARD:
    case OPERATION_ACCEPT:
    case OPERATION_SIGNAL:
        return (endpoint->flags & ENDPOINT_INBOUND) != 0 || endpoint->error != 0;
    case OPERATION_SEND:
    case OPERATION_SEND_PIECES:
        return !(endpoint->flags & ENDPOINT_FULL) || endpoint->error != 0;
    case OPERATION_CONNECT:
    case OPERATION_READY:
        return true;
    }
    ASSERT(!"an operation of no known kind");
}

static bool finish_with(struct operation *operation, int result)
{
    operation->result = result;
    operation->state = OPERATION_DONE;
    return true;
}

/* These descriptors are watched only while they are waited for: a socket that is not yet connecting would report a
 * hangup, and a borrowed descriptor must not stay registered. */
static bool is_watched_late(const struct operation *operation)
{
    return operation->kind == OPERATION_CONNECT || operation->kind == OPERATION_READY;
}

bool readiness_start(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    int result = -EAGAIN;

    if (is_hopeful(endpoint, operation))
        result = readiness_attempt(engine->loop, endpoint, operation);
    if (result == -EAGAIN && is_watched_late(operation)) {
        int rc = hooks_of(engine)->watch(engine, endpoint);

        if (rc < 0)
            result = rc;
    }
    if (result != -EAGAIN)
        return finish_with(operation, result);
    operation->state = OPERATION_STARTED;
    tell_interest(engine, endpoint);
    return false;
}

bool readiness_retry(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    int result = readiness_attempt(engine->loop, endpoint, operation);

    if (result == -EAGAIN) {
        tell_interest(engine, endpoint);
        return false;
    }
    finish_with(operation, result);
    tell_interest(engine, endpoint);
    return true;
}

void readiness_cancel(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    operation->state = OPERATION_CANCELLING;
    tell_interest(engine, endpoint);
    operation_complete(engine->loop, endpoint, operation, -ECANCELED);
}

void readiness_event(struct engine *engine, struct endpoint *endpoint, uint32_t events)
{
    bool lingers = (endpoint->flags & ENDPOINT_LINGERS) != 0; /* its own event may end the endpoint */

    if (endpoint->in.kind == OPERATION_READY && endpoint->in.state == OPERATION_STARTED) {
        operation_try_later(engine->loop, endpoint, &endpoint->in);
        return;
    }
    if (events & HANGUP_EVENTS)
        endpoint->flags |= ENDPOINT_HANGUP;
    if (events & INBOUND_EVENTS) {
        endpoint->flags |= ENDPOINT_INBOUND;
        if (endpoint->in.state == OPERATION_STARTED)
            operation_try_later(engine->loop, endpoint, &endpoint->in);
    }
    if (lingers)
        return; /* there is no outward operation in such an endpoint */
    if (events & OUTBOUND_EVENTS) {
        endpoint->flags &= (uint16_t)~ENDPOINT_FULL;
        if (endpoint->out.state == OPERATION_STARTED)
            operation_try_later(engine->loop, endpoint, &endpoint->out);
    }
}

void readiness_close(struct engine *engine, struct endpoint *endpoint, enum endpoint_close how)
{
    static const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct loop *loop = engine->loop;

    operation_abandon(&endpoint->in);
    if (!(endpoint->flags & ENDPOINT_LINGERS))
        operation_abandon(&endpoint->out);
    hooks_of(engine)->unwatch(engine, endpoint);
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
