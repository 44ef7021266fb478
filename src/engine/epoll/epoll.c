/* SPDX-License-Identifier: MIT
 *
 * The epoll engine: see epoll.h.
 *
 * An event names its endpoint by address and by the low bits of its
 * generation: an event fetched together with one that closed its endpoint is
 * recognised as stale, because endpoints' memory is never anything else.
 */
#include "engine/epoll/epoll.h"
#include "base/alloc.h"
#include "io/loop.h"
#include "kernel/kernel.h"
#include <errno.h>

#define EVENTS_AT_ONCE 64
#define BATCHES_MAX 16 /* of events, before tasks have their turn again */
#define ADDRESS_BITS 48
#define WATCHED (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET)

struct epoll_engine {
    struct readiness readiness;
    int epoll_fd;
    int wake_fd;          /* an eventfd */
    bool has_nanoseconds; /* epoll_pwait2 works: Linux 5.11 */
    struct endpoint wake; /* what wake_fd's events name: always of another generation, so no endpoint */
    struct epoll_event events[EVENTS_AT_ONCE];
};

static struct epoll_engine *self(struct engine *engine)
{
    return CONTAINER_OF(engine, struct epoll_engine, readiness.engine);
}

static uint64_t tag_of(const struct endpoint *endpoint)
{
    return (uint64_t)(uintptr_t)endpoint | (uint64_t)endpoint->header.generation << ADDRESS_BITS;
}

static struct endpoint *endpoint_of(uint64_t tag)
{
    return (struct endpoint *)(uintptr_t)(tag & (((uint64_t)1 << ADDRESS_BITS) - 1));
}

/* False: it names one that was closed since, or none. */
static bool is_fresh(uint64_t tag, const struct endpoint *endpoint)
{
    return (uint16_t)(tag >> ADDRESS_BITS) == (uint16_t)endpoint->header.generation;
}

static uint64_t wake_tag(const struct epoll_engine *epoll)
{
    return tag_of(&epoll->wake) ^ (uint64_t)1 << ADDRESS_BITS;
}

static int add_descriptor(struct epoll_engine *epoll, int fd, uint32_t events, uint64_t tag)
{
    struct epoll_event event = {.events = events, .data.u64 = tag};

    return kernel_epoll_control(epoll->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* A descriptor of somebody else may be registered here already, as a stream's: a copy of it can be registered too. */
static int watch_borrowed(struct epoll_engine *epoll, struct endpoint *endpoint)
{
    uint32_t events = endpoint->in.size;
    int rc = add_descriptor(epoll, endpoint->fd, events, tag_of(endpoint));

    if (rc != -EEXIST)
        return rc;
    rc = kernel_duplicate(endpoint->fd);
    if (rc < 0)
        return rc;
    endpoint->fd = rc;
    endpoint->flags &= (uint16_t)~ENDPOINT_BORROWED;
    endpoint->flags |= ENDPOINT_EXPOSED; /* the original keeps the registration alive past our close */
    return add_descriptor(epoll, endpoint->fd, events, tag_of(endpoint));
}

static int watch_endpoint(struct engine *engine, struct endpoint *endpoint)
{
    int rc;

    engine->loop->register_calls++;
    if (endpoint->flags & ENDPOINT_BORROWED)
        rc = watch_borrowed(self(engine), endpoint);
    else
        rc = add_descriptor(self(engine), endpoint->fd, WATCHED, tag_of(endpoint));
    if (rc == 0)
        endpoint->slot = 0;
    return rc;
}

/* close(2) ends the registration of a descriptor that nobody else has a copy of. */
static void unwatch_endpoint(struct engine *engine, struct endpoint *endpoint)
{
    if (endpoint->slot == UINT32_MAX || !(endpoint->flags & (ENDPOINT_BORROWED | ENDPOINT_EXPOSED)))
        return;
    engine->loop->register_calls++;
    (void)kernel_epoll_control(self(engine)->epoll_fd, EPOLL_CTL_DEL, endpoint->fd, NULL);
}

static const struct readiness_hooks epoll_hooks = {.watch = watch_endpoint, .unwatch = unwatch_endpoint};

static void close_descriptors(struct epoll_engine *epoll)
{
    if (epoll->wake_fd >= 0)
        (void)kernel_close(epoll->wake_fd);
    if (epoll->epoll_fd >= 0)
        (void)kernel_close(epoll->epoll_fd);
}

/* Whether waiting works, which a sandbox may forbid, is found out before anybody relies on it. */
static int try_waiting(struct epoll_engine *epoll)
{
    int rc = kernel_epoll_wait(epoll->epoll_fd, epoll->events, 1, 0);

    epoll->has_nanoseconds = kernel_epoll_wait_ns(epoll->epoll_fd, epoll->events, 1, 0) >= 0;
    return rc == -EINTR ? 0 : rc;
}

static int open_descriptors(struct epoll_engine *epoll)
{
    epoll->epoll_fd = kernel_epoll_create();
    if (epoll->epoll_fd < 0)
        return epoll->epoll_fd;
    epoll->wake_fd = kernel_eventfd();
    if (epoll->wake_fd < 0)
        return epoll->wake_fd;
    return add_descriptor(epoll, epoll->wake_fd, EPOLLIN | EPOLLET, wake_tag(epoll));
}

static int init_epoll(struct engine *engine)
{
    struct epoll_engine *epoll = self(engine);
    int rc;

    epoll->wake.header = (struct slab_header){.magic = 0, .generation = 0};
    epoll->epoll_fd = -1;
    epoll->wake_fd = -1;
    rc = open_descriptors(epoll);
    if (rc == 0)
        rc = try_waiting(epoll);
    if (rc < 0)
        close_descriptors(epoll);
    return rc;
}

static void end_epoll(struct engine *engine)
{
    close_descriptors(self(engine));
}

/* Rounds up: a wait that ends early would only be followed by another. */
static int in_milliseconds(coir_time timeout_ns)
{
    coir_time milliseconds = timeout_ns / COIR_MILLISECOND + (timeout_ns % COIR_MILLISECOND != 0);

    return milliseconds > INT32_MAX ? INT32_MAX : (int)milliseconds;
}

static int fetch_events(struct epoll_engine *epoll, coir_time timeout_ns)
{
    if (timeout_ns == 0 || timeout_ns == COIR_FOREVER || !epoll->has_nanoseconds)
        return kernel_epoll_wait(epoll->epoll_fd, epoll->events, EVENTS_AT_ONCE,
                                 timeout_ns == COIR_FOREVER ? -1 : in_milliseconds(timeout_ns));
    return kernel_epoll_wait_ns(epoll->epoll_fd, epoll->events, EVENTS_AT_ONCE, timeout_ns);
}

static void take_event(struct engine *engine, const struct epoll_event *event)
{
    uint64_t tag = event->data.u64;
    struct endpoint *endpoint = endpoint_of(tag);

    if (LIKELY(is_fresh(tag, endpoint)))
        readiness_event(engine, endpoint, event->events);
    else if (endpoint != &self(engine)->wake) /* which is edge-triggered: its counter need not be read */
        engine->loop->stale_events++;
}

/* Takes in events; returns true if there may be more. */
static bool take_batch(struct engine *engine, coir_time timeout_ns)
{
    struct epoll_engine *epoll = self(engine);
    int count = fetch_events(epoll, timeout_ns);

    if (UNLIKELY(count < 0))
        readiness_wait_failed(count);
    for (int i = 0; i < count; i++)
        take_event(engine, &epoll->events[i]);
    return count == EVENTS_AT_ONCE;
}

/* Tasks that are ready already have had a turn and gave way: they are not to have another before everybody who has
 * something by now. Otherwise a batch at a time is better, for the caches. */
static void wait_for_events(struct engine *engine, coir_time timeout_ns)
{
    bool alone = queue_empty(&engine->loop->scheduler.ready);
    bool more = take_batch(engine, timeout_ns);

    for (int batches = 1; more && !alone && batches < BATCHES_MAX; batches++)
        more = take_batch(engine, 0);
}

static void wake_waiter(struct engine *engine)
{
    static const uint64_t one = 1;

    (void)kernel_write(self(engine)->wake_fd, &one, sizeof(one)); /* full means: woken often enough */
}

static const struct engine_table epoll_table = {
    .name = "epoll",
    .init = init_epoll,
    .done = end_epoll,
    .wait = wait_for_events,
    .wake = wake_waiter,
    .start = READINESS_START,
    READINESS_FUNCTIONS,
};

struct engine *epoll_engine_create(void)
{
    struct epoll_engine *epoll = alloc_bytes(sizeof(*epoll));

    if (epoll == NULL)
        return NULL;
    epoll->readiness.hooks = &epoll_hooks;
    epoll->readiness.engine = (struct engine){.table = &epoll_table};
    return &epoll->readiness.engine;
}

void epoll_engine_destroy(struct engine *engine)
{
    alloc_free(self(engine));
}
