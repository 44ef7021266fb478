/* SPDX-License-Identifier: MIT
 *
 * Lingering: see linger.h. Progress is looked at four times per quiet time, so
 * that a byte or an acknowledgement costs no timer; the same timer, due at once,
 * is how a discard that was long enough goes on.
 */
#include "io/linger.h"
#include "io/loop.h"
#include <errno.h>

#define LOOKS 4
/** Bytes that are discarded before others have their turn. */
#define DISCARD_AT_ONCE 65536

static void end_linger(struct loop *loop, struct endpoint *endpoint, enum endpoint_close how)
{
    timer_clear(&loop->scheduler, &endpoint->linger.timer);
    loop->lingering--;
    loop->engine->table->close(loop->engine, endpoint, how);
}

/* Takes in what a discard brought. Returns false: the endpoint has ended, or the next look at its progress tries again,
 * as it is the kernel's memory that is short. */
static bool take_in(struct loop *loop, struct endpoint *endpoint, int result)
{
    struct linger_state *linger = &endpoint->linger;

    if (result == -ENOMEM || result == -ENOBUFS)
        return false;
    if (result <= 0) {
        end_linger(loop, endpoint, ENDPOINT_CLOSE);
        return false;
    }
    endpoint->looks_without_progress = 0;
    if ((uint64_t)result > linger->discard_left) {
        end_linger(loop, endpoint, ENDPOINT_RESET);
        return false;
    }
    linger->discard_left -= (uint64_t)result;
    return true;
}

static void look_at_progress(struct scheduler *scheduler, struct timer *timer);
static void go_on_discarding(struct scheduler *scheduler, struct timer *timer);

static void look_later(struct loop *loop, struct endpoint *endpoint)
{
    coir_time quiet_ns = endpoint->linger.quiet_ms * COIR_MILLISECOND;

    timer_set(&loop->scheduler, &endpoint->linger.timer, coir_now() + (quiet_ns + LOOKS - 1) / LOOKS, look_at_progress);
}

/* At the loop's next look at the clock; no event will come for what is there already. */
static void discard_later(struct loop *loop, struct endpoint *endpoint)
{
    timer_clear(&loop->scheduler, &endpoint->linger.timer);
    timer_set(&loop->scheduler, &endpoint->linger.timer, loop->scheduler.now + 1, go_on_discarding);
}

/* Discards what is there, up to a limit: a peer may send faster than this throws away. */
static void discard_some(struct loop *loop, struct endpoint *endpoint)
{
    int left = DISCARD_AT_ONCE;

    while (left > 0) {
        int result;

        endpoint->in = (struct operation){.kind = OPERATION_DISCARD, .state = OPERATION_IDLE};
        result = loop->engine->table->start[OPERATION_DISCARD](loop->engine, endpoint, &endpoint->in);
        if (result == OPERATION_PENDING || !take_in(loop, endpoint, result))
            return;
        left -= result;
    }
    discard_later(loop, endpoint);
}

void linger_discarded(struct loop *loop, struct endpoint *endpoint)
{
    endpoint->in.state = OPERATION_IDLE;
    if (take_in(loop, endpoint, endpoint->in.result))
        discard_some(loop, endpoint);
}

static struct endpoint *endpoint_of(struct timer *timer)
{
    struct linger_state *linger = CONTAINER_OF(timer, struct linger_state, timer);

    return CONTAINER_OF(linger, struct endpoint, linger);
}

static void go_on_discarding(struct scheduler *scheduler, struct timer *timer)
{
    struct loop *loop = CONTAINER_OF(scheduler, struct loop, scheduler);
    struct endpoint *endpoint = endpoint_of(timer);

    look_later(loop, endpoint);
    discard_some(loop, endpoint);
}

static void look_at_progress(struct scheduler *scheduler, struct timer *timer)
{
    struct loop *loop = CONTAINER_OF(scheduler, struct loop, scheduler);
    struct endpoint *endpoint = endpoint_of(timer);
    struct linger_state *linger = &endpoint->linger;
    int unsent_bytes = 0;

    if (loop->engine->table->unsent(loop->engine, endpoint, &unsent_bytes) == 0 && unsent_bytes < linger->unsent_bytes)
        endpoint->looks_without_progress = 0;
    linger->unsent_bytes = unsent_bytes;
    if (endpoint->looks_without_progress++ >= LOOKS) {
        end_linger(loop, endpoint, ENDPOINT_RESET);
        return;
    }
    look_later(loop, endpoint);
    if (endpoint->in.state == OPERATION_IDLE) /* the last discard met a shortage: no event will come for it */
        discard_some(loop, endpoint);
}

void linger_start(struct loop *loop, struct endpoint *endpoint, struct linger_limits limits)
{
    int rc;

    operation_abandon(&endpoint->in);
    operation_abandon(&endpoint->out);
    rc = loop->engine->table->finish(loop->engine, endpoint);
    endpoint->flags |= ENDPOINT_LINGERS | ENDPOINT_INBOUND; /* something may be there that nobody read */
    endpoint->looks_without_progress = 0;
    endpoint->linger =
        (struct linger_state){.quiet_ms = limits.quiet_ms, .discard_left = limits.discard_kib * (uint64_t)1024};
    loop->lingering++;
    if (rc < 0) {
        end_linger(loop, endpoint, ENDPOINT_CLOSE); /* there is no connection any more */
        return;
    }
    if (loop->engine->table->unsent(loop->engine, endpoint, &endpoint->linger.unsent_bytes) < 0)
        endpoint->linger.unsent_bytes = 0;
    look_later(loop, endpoint);
    discard_some(loop, endpoint);
}

void linger_stop_all(struct loop *loop)
{
    struct endpoint *endpoint = slab_next(&loop->endpoints, NULL);

    while (endpoint != NULL) {
        struct endpoint *next = slab_next(&loop->endpoints, endpoint);

        if (endpoint->flags & ENDPOINT_LINGERS)
            end_linger(loop, endpoint, ENDPOINT_RESET);
        endpoint = next;
    }
}
