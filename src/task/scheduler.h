/* SPDX-License-Identifier: MIT
 *
 * The scheduler: which tasks are ready, what they sleep for, and one loop that
 * gives each ready task a turn. It is pure: it makes no system call, is told
 * the time by whoever drives it (io/loop.c), and never asks why a task wakes.
 *
 * One thread drives one scheduler; nothing in it needs a lock.
 */
#ifndef TASK_SCHEDULER_H
#define TASK_SCHEDULER_H

#include "base/heap.h"
#include "base/list.h"
#include "base/slab.h"
#include "context/context.h"
#include "stack/stack.h"
#include "task/timer.h"
#include <coir/types.h>

struct task;

/** Room for a handle of sync/. */
#define SCHEDULER_WAITABLE_SIZE 96

/** Ticks of about a millisecond: 32 bits of them are 52 days. */
#define SCHEDULER_TICK_SHIFT 20

struct scheduler {
    struct task *current;    /* running now; NULL in the loop */
    struct queue_link *turn; /* tasks that still get their turn in this round: the first of them; NULL = none */
    struct queue ready;      /* tasks, in the order in which they became ready */
    struct context loop;     /* where a task goes when nobody else may run */
    struct context departed; /* of tasks that have ended: never gone back to */
    uint64_t look_at;        /* no round begins once `switches` has come to it: the loop looks at the kernel first */
    struct heap timers;
    uint64_t timers_set;
    uint64_t background_sleeps; /* timers that are no hope: they wake background tasks alone */
    uint64_t background_tasks;  /* which are no hope either */
    uint64_t waits_for_tasks;   /* of the others, so many wait for a task */
    coir_time now;              /* the clock, as of the loop's last look */
    uint32_t tick;              /* the same, in units of 2^SCHEDULER_TICK_SHIFT ns, as far as it fits */
    coir_time (*clock)(struct scheduler *scheduler); /* the clock, read now */
    struct slab tasks;
    struct slab scopes;
    struct slab waitables; /* the handles of sync/, of any kind */
    struct stack_pools stacks;
    uint64_t tasks_spawned;
    uint64_t switches;
    uint64_t livelocks;
    uint64_t turns;       /* rounds begun */
    uint64_t round_begin; /* `switches` when this one began */
    uint64_t round_size;  /* tasks that ran in the one before */
};

/** The scheduler that this thread drives; NULL outside coir_run(). The library's only thread-local. */
extern _Thread_local struct scheduler *scheduler_current __attribute__((tls_model("initial-exec")));

/** Prepares a scheduler without tasks. Returns 0 or -ENOMEM. */
int scheduler_init(struct scheduler *scheduler, coir_time (*clock)(struct scheduler *scheduler));

/** Ends a scheduler whose tasks have all ended. */
void scheduler_done(struct scheduler *scheduler);

/** Gives one turn to each task that is ready now, then one to each that has got ready meanwhile, and so on, until
 * `switches` tasks have run, or a round has talked to the kernel, which then may have news. */
void scheduler_run_ready(struct scheduler *scheduler, uint64_t switches);

/** Tells the time: fires every timer due by `now`. */
void scheduler_advance(struct scheduler *scheduler, coir_time now);

/** When the next timer is due; COIR_FOREVER = none is set. */
coir_time scheduler_next_deadline(const struct scheduler *scheduler);

/** True if something may yet wake others than background tasks: a timer, or what a task waits for that is no task. To
 * be asked where no task is ready. */
static inline bool scheduler_has_hope(const struct scheduler *scheduler)
{
    return scheduler->timers_set > scheduler->background_sleeps ||
           scheduler->tasks.live - scheduler->background_tasks > scheduler->waits_for_tasks;
}

#endif
