/* SPDX-License-Identifier: MIT
 *
 * Lingering: see linger.h. Progress is looked at four times per quiet time, so
 * that a byte or an acknowledgement costs no timer.
 */
#include "io/linger.h"
#include "io/loop.h"
#include <errno.h>

#define LOOKS 4

static void end_linger(struct loop *loop, struct endpoint *endpoint, enum endpoint_close how)
{
    timer_clear(&loop->scheduler, &endpoint->linger.timer);
    loop->lingering--;
    loop->engine->table->close(loop->engine, endpoint, how);
}

/* Takes in what a discard brought. Returns false: the endpoint has ended. */
static bool take_in(struct loop *loop, struct endpoint *endpoint, int result)
{
    struct linger_state *linger = &endpoint->linger;

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

static void discard_more(struct loop *loop, struct endpoint *endpoint)
{
    int result;

    do {
        endpoint->in = (struct operation){.kind = OPERATION_DISCARD, .state = OPERATION_IDLE};
        result = loop->engine->table->start[OPERATION_DISCARD](loop->engine, endpoint, &endpoint->in);
    } while (result != OPERATION_PENDING && take_in(loop, endpoint, result));
}

void linger_discarded(struct loop *loop, struct endpoint *endpoint)
{
    endpoint->in.state = OPERATION_IDLE;
    if (take_in(loop, endpoint, endpoint->in.result))
        discard_more(loop, endpoint);
}

static void look_at_progress(struct scheduler *scheduler, struct timer *timer);

static void look_later(struct loop *loop, struct endpoint *endpoint)
{
    coir_time quiet_ns = endpoint->linger.quiet_ms * COIR_MILLISECOND;

    timer_set(&loop->scheduler, &endpoint->linger.timer, coir_now() + (quiet_ns + LOOKS - 1) / LOOKS, look_at_progress);
}

static void look_at_progress(struct scheduler *scheduler, struct timer *timer)
{
    struct loop *loop = CONTAINER_OF(scheduler, struct loop, scheduler);
    struct linger_state *linger = CONTAINER_OF(timer, struct linger_state, timer);
    struct endpoint *endpoint = CONTAINER_OF(linger, struct endpoint, linger);
    int unsent_bytes = 0;

    if (loop->engine->table->unsent(loop->engine, endpoint, &unsent_bytes) == 0 && unsent_bytes < linger->unsent_bytes)
        endpoint->looks_without_progress = 0;
    linger->unsent_bytes = unsent_bytes;
    if (endpoint->looks_without_progress++ >= LOOKS)
        end_linger(loop, endpoint, ENDPOINT_RESET);
    else
        look_later(loop, endpoint);
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
    discard_more(loop, endpoint);
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
