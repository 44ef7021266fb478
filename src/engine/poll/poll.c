/* SPDX-License-Identifier: MIT
 *
 * The poll engine: see poll.h. An array of descriptors for poll(2), beside it
 * the endpoints; an endpoint knows its place. One that waits for nothing keeps
 * its place, with a negative descriptor, which poll(2) passes over.
 */
#include "engine/poll/poll.h"
#include "base/alloc.h"
#include "io/loop.h"
#include "kernel/kernel.h"
#include <errno.h>
#include <string.h>

struct poll_engine {
    struct readiness readiness;
    int wake_fd; /* an eventfd; its place is 0 */
    struct pollfd *descriptors;
    struct endpoint **endpoints; /* NULL at place 0 */
    uint32_t count;
    uint32_t room;
};

static struct poll_engine *self(struct engine *engine)
{
    return CONTAINER_OF(engine, struct poll_engine, readiness.engine);
}

/* Makes room for one more. Both arrays move together, or neither. */
static int grow(struct poll_engine *poll)
{
    uint32_t room = poll->room * 2;
    struct pollfd *descriptors;
    struct endpoint **endpoints;

    if (poll->count < poll->room)
        return 0;
    descriptors = alloc_zeroed(room, sizeof(*descriptors));
    endpoints = alloc_zeroed(room, sizeof(struct endpoint *));
    if (descriptors == NULL || endpoints == NULL) {
        alloc_free(descriptors);
        alloc_free(endpoints);
        return -ENOMEM;
    }
    memcpy(descriptors, poll->descriptors, poll->count * sizeof(*descriptors));
    memcpy(endpoints, poll->endpoints, poll->count * sizeof(struct endpoint *));
    alloc_free(poll->descriptors);
    alloc_free(poll->endpoints);
    poll->descriptors = descriptors;
    poll->endpoints = endpoints;
    poll->room = room;
    return 0;
}

static short inward_events(const struct operation *operation)
{
    if (operation->state != OPERATION_STARTED)
        return 0;
    return operation->kind == OPERATION_READY ? (short)operation->size : POLLIN | POLLRDHUP;
}

static short outward_events(const struct endpoint *endpoint)
{
    if (endpoint->flags & ENDPOINT_LINGERS || endpoint->out.state != OPERATION_STARTED)
        return 0;
    return POLLOUT;
}

static void update_interest(struct engine *engine, struct endpoint *endpoint)
{
    struct pollfd *descriptor = &self(engine)->descriptors[endpoint->slot];

    descriptor->events = (short)(inward_events(&endpoint->in) | outward_events(endpoint));
    descriptor->fd = descriptor->events != 0 ? endpoint->fd : -1;
}

/* poll(2) takes no more places than the process may have descriptors, but each wait on one descriptor takes its own. */
static int check_limit(const struct poll_engine *poll)
{
    int limit = kernel_descriptor_limit(); /* which the program may have changed */

    if (limit < 0)
        return limit;
    return poll->count < (uint32_t)limit ? 0 : -EMFILE;
}

static int watch_endpoint(struct engine *engine, struct endpoint *endpoint)
{
    struct poll_engine *poll = self(engine);
    int rc = check_limit(poll);

    if (rc == 0)
        rc = grow(poll);
    if (rc < 0)
        return rc;
    endpoint->slot = poll->count++;
    poll->endpoints[endpoint->slot] = endpoint;
    update_interest(engine, endpoint);
    return 0;
}

/* The last one moves to the free place. */
static void unwatch_endpoint(struct engine *engine, struct endpoint *endpoint)
{
    struct poll_engine *poll = self(engine);
    uint32_t last = poll->count - 1;

    if (endpoint->slot == UINT32_MAX)
        return;
    poll->descriptors[endpoint->slot] = poll->descriptors[last];
    poll->endpoints[endpoint->slot] = poll->endpoints[last];
    poll->endpoints[endpoint->slot]->slot = endpoint->slot;
    poll->count = last;
}

static const struct readiness_hooks poll_hooks = {.watch = watch_endpoint, .unwatch = unwatch_endpoint};

/* What waits must be asked for. */
static int start_and_ask(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    static int (*const start[OPERATION_KIND_COUNT])(struct engine *, struct endpoint *, struct operation *) =
        READINESS_START;
    int result = start[operation->kind](engine, endpoint, operation);

    if (result == OPERATION_PENDING)
        update_interest(engine, endpoint);
    return result;
}

static void end_poll(struct engine *engine)
{
    struct poll_engine *poll = self(engine);

    alloc_free(poll->descriptors);
    alloc_free(poll->endpoints);
    if (poll->wake_fd >= 0)
        (void)kernel_close(poll->wake_fd);
}

/* Whether waiting works, which a sandbox may forbid, is found out before anybody relies on it. */
static int try_waiting(struct poll_engine *poll)
{
    int rc = kernel_poll(poll->descriptors, poll->count, 0);

    return rc == -EINTR ? 0 : rc;
}

static int init_poll(struct engine *engine)
{
    struct poll_engine *poll = self(engine);
    int rc;

    poll->room = 64;
    poll->descriptors = alloc_zeroed(poll->room, sizeof(*poll->descriptors));
    poll->endpoints = alloc_zeroed(poll->room, sizeof(struct endpoint *));
    poll->wake_fd = kernel_eventfd();
    if (poll->wake_fd < 0) {
        rc = poll->wake_fd;
    } else if (poll->descriptors == NULL || poll->endpoints == NULL) {
        rc = -ENOMEM;
    } else {
        poll->descriptors[0] = (struct pollfd){.fd = poll->wake_fd, .events = POLLIN};
        poll->count = 1;
        rc = try_waiting(poll);
    }
    if (rc < 0)
        end_poll(engine);
    return rc;
}

static void take_wake(struct poll_engine *poll)
{
    uint64_t times;

    if (poll->descriptors[0].revents != 0)
        (void)kernel_read(poll->wake_fd, &times, sizeof(times));
}

/* What nobody waits for any more is not asked for again. */
static void take_event(struct engine *engine, struct endpoint *endpoint, const struct pollfd *descriptor)
{
    uint32_t events = (uint32_t)(unsigned short)descriptor->revents;

    update_interest(engine, endpoint);
    readiness_event(engine, endpoint, events);
}

/* Backwards, as an endpoint that ends meanwhile has the last one, already seen, take its place. */
static void take_events(struct engine *engine, struct poll_engine *poll)
{
    for (uint32_t place = poll->count - 1; place > 0; place--) {
        struct pollfd *descriptor = &poll->descriptors[place];

        if (descriptor->fd >= 0 && descriptor->revents != 0)
            take_event(engine, poll->endpoints[place], descriptor);
    }
}

static void wait_for_events(struct engine *engine, coir_time timeout_ns)
{
    struct poll_engine *poll = self(engine);
    int count = kernel_poll(poll->descriptors, poll->count, timeout_ns == COIR_FOREVER ? -1 : timeout_ns);

    if (UNLIKELY(count < 0))
        readiness_wait_failed(count);
    if (count <= 0)
        return;
    take_wake(poll);
    take_events(engine, poll);
}

static void wake_waiter(struct engine *engine)
{
    static const uint64_t one = 1;

    (void)kernel_write(self(engine)->wake_fd, &one, sizeof(one)); /* full means: woken often enough */
}

static const struct engine_table poll_table = {
    .name = "poll",
    .init = init_poll,
    .done = end_poll,
    .wait = wait_for_events,
    .wake = wake_waiter,
    .start = {[0 ... OPERATION_KIND_COUNT - 1] = start_and_ask},
    READINESS_FUNCTIONS,
};

struct engine *poll_engine_create(void)
{
    struct poll_engine *poll = alloc_bytes(sizeof(*poll));

    if (poll == NULL)
        return NULL;
    poll->readiness.hooks = &poll_hooks;
    poll->readiness.engine = (struct engine){.table = &poll_table};
    return &poll->readiness.engine;
}

void poll_engine_destroy(struct engine *engine)
{
    alloc_free(self(engine));
}
