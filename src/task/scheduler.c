/* SPDX-License-Identifier: MIT
 *
 * The scheduler's own part: turns and timers. Tasks are in task.c and spawn.c.
 */
#include "task/scheduler.h"
#include "task/scope.h"
#include "task/task.h"

#define TASK_MAGIC 0x7461736bu
#define SCOPE_MAGIC 0x73636f70u
#define WAITABLE_MAGIC 0x77616974u

_Thread_local struct scheduler *scheduler_current;

static void set_now(struct scheduler *scheduler, coir_time now)
{
    scheduler->now = now;
    scheduler->tick = (uint32_t)((uint64_t)now >> SCHEDULER_TICK_SHIFT);
}

int scheduler_init(struct scheduler *scheduler, coir_time (*clock)(struct scheduler *scheduler))
{
    int rc = stack_pools_init(&scheduler->stacks);

    if (rc < 0)
        return rc;
    scheduler->current = NULL;
    scheduler->turn = NULL;
    queue_init(&scheduler->ready);
    heap_init(&scheduler->timers);
    scheduler->loop = (struct context){.stack_pointer = NULL};
    scheduler->departed = (struct context){.stack_pointer = NULL};
    scheduler->look_at = 0;
    scheduler->turns = 0;
    scheduler->round_begin = 0;
    scheduler->round_size = 0;
    scheduler->clock = clock;
    set_now(scheduler, clock(scheduler));
    slab_init(&scheduler->tasks, sizeof(struct task), TASK_MAGIC);
    slab_init(&scheduler->scopes, sizeof(struct coir_scope), SCOPE_MAGIC);
    slab_init(&scheduler->waitables, SCHEDULER_WAITABLE_SIZE, WAITABLE_MAGIC);
    scheduler->tasks_spawned = 0;
    scheduler->background_tasks = 0;
    scheduler->waits_for_tasks = 0;
    scheduler->switches = 0;
    scheduler->livelocks = 0;
    return 0;
}

void scheduler_done(struct scheduler *scheduler)
{
    ASSERT(heap_empty(&scheduler->timers));
    ASSERT(queue_empty(&scheduler->ready));
    slab_done(&scheduler->tasks);
    slab_done(&scheduler->scopes);
    slab_done(&scheduler->waitables);
    stack_pools_done(&scheduler->stacks);
}

/* Frees a task that has returned. Nothing of its stack is touched: it may still be in use. */
static inline void reap_task(struct scheduler *scheduler, struct task *task)
{
    struct coir_scope *home = task->home;
    int result = task->wait.result;

    if (task->ret_result != NULL)
        *task->ret_result = result;
    list_remove(&task->sibling);
    stack_give(&scheduler->stacks, task->stack);
    scheduler->background_tasks -= task->background;
    slab_give(&scheduler->tasks, task);
    scope_child_ended(home, result);
}

/* Settles CALLED tasks, `task` first, until one is to run. */
static __attribute__((noinline)) struct task *settle_next(struct scheduler *scheduler, struct task *task)
{
    while (task != NULL && task->state == TASK_CALLED && !task_settle(scheduler, task))
        task = scheduler_take(scheduler);
    return task;
}

struct task *scheduler_next(struct scheduler *scheduler)
{
    struct task *task = scheduler_take(scheduler);

    return task != NULL && UNLIKELY(task->state == TASK_CALLED) ? settle_next(scheduler, task) : task;
}

/* Under a sanitizer, which remembers where a switch came from, the loop reaps. */
void scheduler_end_task(struct scheduler *scheduler, struct task *task)
{
    struct task *next = sanitizer_watches_switches() ? NULL : scheduler_next(scheduler);

    task->state = TASK_FINISHED;
    if (next == NULL)
        context_leave(&task->context, &scheduler->loop, NULL);
    reap_task(scheduler, task);
    context_leave(&scheduler->departed, &next->context, (void *)(intptr_t)task_begin_turn(scheduler, next));
}

/* Runs the task, and whoever it hands on to, until one of them needs the loop. */
static void resume_task(struct scheduler *scheduler, struct task *task)
{
    (void)context_switch_number(&scheduler->loop, &task->context, task_begin_turn(scheduler, task));
    task = scheduler->current;
    scheduler->current = NULL;
    if (task->state == TASK_FINISHED) {
        /* Pointers to what was there are stale. */
        sanitizer_poison(task->context.stack_low, task->context.stack_size);
        reap_task(scheduler, task);
    }
}

void scheduler_run_ready(struct scheduler *scheduler, uint64_t switches)
{
    struct task *task;

    scheduler->look_at = scheduler->switches + switches;
    while ((task = scheduler_next(scheduler)) != NULL)
        resume_task(scheduler, task);
}

void scheduler_advance(struct scheduler *scheduler, coir_time now)
{
    struct heap_node *node;

    set_now(scheduler, now);
    while ((node = heap_least(&scheduler->timers)) != NULL && node->key <= now) {
        struct timer *timer = CONTAINER_OF(node, struct timer, node);
        void (*fire)(struct scheduler *, struct timer *) = timer->fire;

        timer_clear(scheduler, timer);
        fire(scheduler, timer);
    }
}

coir_time scheduler_next_deadline(const struct scheduler *scheduler)
{
    const struct heap_node *node = heap_least(&scheduler->timers);

    return node == NULL ? COIR_FOREVER : node->key;
}
