/* SPDX-License-Identifier: MIT
 *
 * A scheduler without an engine: tasks of the rooms task/ and sync/ run by a
 * clock that stands still while they do, and jumps to the next deadline when
 * none is ready. For tests of those rooms alone.
 */
#ifndef SUPPORT_VIRTUAL_TIME_H
#define SUPPORT_VIRTUAL_TIME_H

#include "support/test.h"
#include "task/scheduler.h"
#include "task/scope.h"
#include "task/task.h"

struct virtual_run {
    struct scheduler scheduler;
    coir_time now;
    unsigned int clock_reads;
};

/** The one that runs. */
static struct virtual_run virtual_run;

static inline coir_time virtual_clock(struct scheduler *scheduler)
{
    struct virtual_run *run = CONTAINER_OF(scheduler, struct virtual_run, scheduler);

    run->clock_reads++;
    return run->now;
}

/* Turns until no task is left; the clock jumps. */
static inline void virtual_turn(struct scheduler *scheduler)
{
    for (;;) {
        scheduler_run_ready(scheduler, 1);
        if (scheduler->tasks.live == 0)
            return;
        if (!queue_empty(&scheduler->ready))
            continue;
        virtual_run.now = scheduler_next_deadline(scheduler);
        assert_true(virtual_run.now != COIR_FOREVER); /* a deadlock, otherwise */
        scheduler_advance(scheduler, virtual_run.now);
    }
}

/** Runs `fn(arg)` as the first task of a scheduler of its own; returns its result. */
static inline int run_virtually(int (*fn)(void *arg), void *arg)
{
    struct scheduler *scheduler = &virtual_run.scheduler;
    int result = 0;
    struct coir_task_options options = {.name = "main", .ret_result = &result};
    struct coir_scope *root;

    virtual_run.now = 1000 * COIR_SECOND;
    virtual_run.clock_reads = 0;
    assert_int_equal(scheduler_init(scheduler, virtual_clock), 0);
    root = scope_open_root(scheduler);
    assert_non_null(root);
    assert_int_equal(task_start(scheduler, root, fn, arg, &options), 0);
    scheduler_current = scheduler;
    virtual_turn(scheduler);
    scheduler_current = NULL;
    scope_close_root(scheduler, root);
    scheduler_done(scheduler);
    return result;
}

static inline struct coir_scope *virtual_scope(coir_time limit_ns)
{
    struct coir_scope_options options = {.limit_ns = limit_ns};
    struct coir_scope *scope = NULL;

    assert_int_equal(coir_scope_open(&options, &scope), 0);
    return scope;
}

#endif
