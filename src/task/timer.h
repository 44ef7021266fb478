/* SPDX-License-Identifier: MIT
 *
 * Timers: embedded in what they end, ordered in the scheduler's heap.
 */
#ifndef TASK_TIMER_H
#define TASK_TIMER_H

#include "base/assert.h"
#include "base/heap.h"
#include <coir/types.h>

struct scheduler;

struct timer {
    struct heap_node node;
    void (*fire)(struct scheduler *scheduler, struct timer *timer); /* NULL: not set */
};

static inline bool timer_is_set(const struct timer *timer)
{
    return timer->fire != NULL;
}

/** When it fires; only while it is set. */
static inline coir_time timer_deadline(const struct timer *timer)
{
    return timer->node.key;
}

/** Sets the timer, which must not be set: `fire` is called once the clock has reached `deadline`. */
void timer_set(struct scheduler *scheduler, struct timer *timer, coir_time deadline,
               void (*fire)(struct scheduler *scheduler, struct timer *timer));

/** Clears the timer, which is set. */
void timer_unset(struct scheduler *scheduler, struct timer *timer);

/** Clears the timer, if it is set. */
static inline void timer_clear(struct scheduler *scheduler, struct timer *timer)
{
    if (UNLIKELY(timer_is_set(timer)))
        timer_unset(scheduler, timer);
}

/** `moment` + `length`, or COIR_FOREVER where that overflows; `length` >= 0. */
static inline coir_time time_after(coir_time moment, coir_time length)
{
    return length > COIR_FOREVER - moment ? COIR_FOREVER : moment + length;
}

#endif
