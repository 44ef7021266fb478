/* SPDX-License-Identifier: MIT
 *
 * The event loop, and operations from a task's side: see loop.h.
 */
#include "io/loop.h"
#include "io/linger.h"
#include "io/message.h"
#include "kernel/kernel.h"
#include <errno.h>

/** Of tasks that only compute, between two looks at the kernel. */
#define SWITCHES_BETWEEN_WAITS 128
#define TRIM_INTERVAL_NS COIR_SECOND

static coir_time read_clock(struct scheduler *scheduler)
{
    struct loop *loop = CONTAINER_OF(scheduler, struct loop, scheduler);

    return loop->engine->table->now(loop->engine);
}

coir_time coir_now(void)
{
    return scheduler_current != NULL ? scheduler_current->clock(scheduler_current) : kernel_clock();
}

int loop_init(struct loop *loop, struct engine *engine, uint64_t byte_budget)
{
    int rc;

    *loop = (struct loop){.engine = engine, .trim_at = COIR_FOREVER};
    engine->loop = loop;
    rc = scheduler_init(&loop->scheduler, read_clock);
    if (rc < 0)
        return rc;
    slab_init(&loop->endpoints, sizeof(struct endpoint), ENDPOINT_MAGIC);
    buffers_init(&loop->buffers, byte_budget);
    rc = engine->table->init(engine);
    if (rc < 0)
        scheduler_done(&loop->scheduler);
    return rc;
}

void loop_done(struct loop *loop)
{
    loop->engine->table->done(loop->engine);
    buffers_done(&loop->buffers);
    slab_done(&loop->endpoints);
    scheduler_done(&loop->scheduler);
}

static bool has_work(const struct loop *loop)
{
    return loop->scheduler.tasks.live > 0 || loop->lingering > 0;
}

/* How long the engine may wait; 0 = not at all. */
static coir_time allowed_wait(struct loop *loop)
{
    coir_time deadline = scheduler_next_deadline(&loop->scheduler);
    coir_time now;

    if (!queue_empty(&loop->scheduler.ready))
        return 0;
    if (loop->lingering == 0 && !scheduler_has_hope(&loop->scheduler))
        loop->deadlock(loop);
    if (loop->trim_at < deadline)
        deadline = loop->trim_at;
    if (deadline == COIR_FOREVER)
        return COIR_FOREVER;
    now = read_clock(&loop->scheduler);
    return deadline > now ? deadline - now : 0;
}

/* Where a task has ended, its stack may be one too many. */
static void plan_trim(struct loop *loop)
{
    uint64_t freed = loop->scheduler.tasks_spawned - loop->scheduler.tasks.live;

    if (freed == loop->stacks_freed)
        return;
    loop->stacks_freed = freed;
    if (stack_trim_wanted(&loop->scheduler.stacks))
        loop->trim_at = time_after(loop->scheduler.now, TRIM_INTERVAL_NS);
}

/* Gives back the memory of stacks that nobody has needed for a while. */
static void trim_stacks(struct loop *loop)
{
    if (loop->trim_at == COIR_FOREVER) {
        plan_trim(loop);
    } else if (loop->trim_at <= loop->scheduler.now) {
        stack_trim(&loop->scheduler.stacks);
        loop->trim_at = COIR_FOREVER;
        loop->stacks_freed = UINT64_MAX; /* there may be more to give back: ask again */
    }
}

static void wait_for_events(struct loop *loop)
{
    loop->waits++;
    loop->engine->table->wait(loop->engine, allowed_wait(loop));
    scheduler_advance(&loop->scheduler, read_clock(&loop->scheduler));
    trim_stacks(loop);
}

void loop_run(struct loop *loop)
{
    scheduler_current = &loop->scheduler;
    for (;;) {
        scheduler_run_ready(&loop->scheduler, SWITCHES_BETWEEN_WAITS);
        if (!has_work(loop))
            break;
        wait_for_events(loop);
    }
    scheduler_current = NULL;
}

void operation_cancel_wait(struct task *task)
{
    struct operation *operation = task->wait.object;
    struct engine *engine = loop_current()->engine;

    ASSERT(operation->state == OPERATION_STARTED); /* or the task was woken, or its wait ended early, already */
    engine->table->cancel(engine, task->wait.item, operation);
}

void operation_complete(struct loop *loop, struct endpoint *endpoint, struct operation *operation, int result)
{
    operation->result = result;
    operation->state = OPERATION_DONE;
    if (operation->waiter == NULL)
        linger_discarded(loop, endpoint);
    else
        task_wake(operation->waiter, result == -ECANCELED ? WAIT_RECONSIDER : result);
}

/* What an operation brought and nobody will take. */
static void drop_result(struct operation *operation)
{
    if (operation->state != OPERATION_DONE || operation->result < 0)
        return;
    if (operation->kind == OPERATION_LEND && operation->result > 0)
        buffer_release(operation->memory);
    else if (operation->kind == OPERATION_RECEIVE_FROM)
        message_drop(operation->memory);
    else if (operation->kind == OPERATION_ACCEPT)
        (void)kernel_close(operation->result);
}

void operation_abandon(struct operation *operation)
{
    bool is_waited_for = operation->state >= OPERATION_STARTED;

    if (is_waited_for)
        drop_result(operation);
    operation->state = OPERATION_IDLE;
    if (is_waited_for && operation->waiter != NULL)
        task_wake(operation->waiter, OPERATION_GONE);
}
