/* SPDX-License-Identifier: MIT
 *
 * Timers: see timer.h. Firing is the scheduler's, in scheduler.c.
 */
#include "task/timer.h"
#include "base/assert.h"
#include "task/scheduler.h"

void timer_set(struct scheduler *scheduler, struct timer *timer, coir_time deadline,
               void (*fire)(struct scheduler *scheduler, struct timer *timer))
{
    ASSERT(!timer_is_set(timer));
    timer->fire = fire;
    heap_insert(&scheduler->timers, &timer->node, deadline);
    scheduler->timers_set++;
}

void timer_unset(struct scheduler *scheduler, struct timer *timer)
{
    heap_remove(&scheduler->timers, &timer->node);
    scheduler->timers_set--;
    timer->fire = NULL;
}
