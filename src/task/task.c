/* SPDX-License-Identifier: MIT
 *
 * Suspending and waking: the heart of the library. See task.h.
 */
#include "task/task.h"
#include <errno.h>

/* Leaves `task` for `next`, or for the loop where there is none. */
static inline int switch_to(struct scheduler *scheduler, struct task *task, struct task *next)
{
    if (next == NULL)
        return context_switch_number(&task->context, &scheduler->loop, 0);
    if (next == task)
        return task_begin_turn(scheduler, task);
    return context_switch_number(&task->context, &next->context, task_begin_turn(scheduler, next));
}

static __attribute__((noinline)) int settle_and_switch(struct scheduler *scheduler, struct task *next)
{
    bool settled = task_settle(scheduler, next);
    struct task *task = scheduler->current;

    if (UNLIKELY(!settled))
        return switch_to(scheduler, task, scheduler_next(scheduler));
    task_run(scheduler, next);
    return context_switch_number(&task->context, &next->context, next->wait.result);
}

/*
 * Leaves the calling task's stack for the next one's whose turn it is, else for
 * the loop's. Ends, as its callers do, in a jump into the switch, so that the
 * task goes on where it called them: a return on a stack that was entered by a
 * switch is mispredicted, each time.
 */
int task_switch_away(struct scheduler *scheduler, struct task *task)
{
    struct task *next = scheduler_take(scheduler);

    if (next != NULL && next->state == TASK_CALLED)
        return settle_and_switch(scheduler, next); /* not a part of this, which then needs no frame */
    return switch_to(scheduler, task, next);
}

static void make_ready(struct scheduler *scheduler, struct task *task)
{
    task->state = TASK_READY;
    queue_push(&scheduler->ready, &task->ready);
}

static void end_by_deadline(struct scheduler *scheduler, struct timer *timer)
{
    (void)scheduler;
    task_interrupt(CONTAINER_OF(timer, struct task, wait.timer), WAIT_ENDED_BY_DEADLINE);
}

void task_set_deadline(struct scheduler *scheduler, struct task *task, coir_time deadline)
{
    timer_set(scheduler, &task->wait.timer, deadline, end_by_deadline);
}

void task_wake(struct task *task, int result)
{
    task->wait.result = result;
    if (task->state == TASK_READY || task->state == TASK_CALLED) {
        task->state = TASK_READY;
        timer_clear(scheduler_current, &task->wait.timer);
        return;
    }
    ASSERT(task->state == TASK_PARKED);
    timer_clear(scheduler_current, &task->wait.timer);
    make_ready(scheduler_current, task);
}

static bool is_waiting(const struct task *task)
{
    return task->state == TASK_PARKED || task->state == TASK_CALLED;
}

void task_interrupt(struct task *task, enum wait_end end)
{
    if (!is_waiting(task) || task->wait_end != WAIT_GOES_ON || task->wait.kind->cancel == NULL)
        return;
    if (end == WAIT_ENDED_BY_DRAIN && !task->wait.kind->heeds_drain)
        return;
    task->wait_end = (uint8_t)end;
    task->wait.kind->cancel(task);
}

int task_give_way(void)
{
    struct scheduler *scheduler = scheduler_current;
    struct task *task = scheduler->current;

    task->wait.result = 0;
    make_ready(scheduler, task);
    return task_switch_away(scheduler, task);
}

/* A program that swallows errors and loops would otherwise spin unseen. */
static void count_failure(struct scheduler *scheduler, struct task *task)
{
    if (task->budget + 1 != task->budget_at_failure)
        task->failures_in_row = 0;
    task->budget_at_failure = task->budget;
    if (++task->failures_in_row < TASK_LIVELOCK)
        return;
    DEBUG_ASSERT(task->failures_in_row < TASK_LIVELOCK);
    task->failures_in_row = 0;
    scheduler->livelocks++;
}

/* The turn is over; the call is the first of the next one. Returns false: the object was closed meanwhile. */
static bool end_turn(struct task *task, const struct slab_header *object)
{
    struct slab_header before = object != NULL ? *object : (struct slab_header){0};
    bool failing = task->budget_at_failure == 0;

    (void)task_give_way();
    if (failing)
        task->budget_at_failure = task->budget;
    task->budget--;
    return object == NULL || (object->magic == before.magic && object->generation == before.generation);
}

int task_enter_slowly(struct task *task, const struct slab_header *object)
{
    struct scheduler *scheduler = scheduler_current;
    int rc;

    if (task->budget < 0 && !end_turn(task, object))
        return -EBADF;
    rc = scope_check(scheduler, task->scope);
    if (rc < 0)
        count_failure(scheduler, task);
    return rc;
}

static void cancel_sleep(struct task *task)
{
    task_wake(task, WAIT_RECONSIDER);
}

int coir_yield(void)
{
    int rc;

    ASSERT(task_is_running());
    rc = task_enter(NULL);
    if (rc < 0)
        return rc;
    return task_give_way();
}

static const struct wait_kind sleep_kind = {.name = "sleep", .cancel = cancel_sleep};

static int sleep_until(struct scheduler *scheduler, coir_time deadline)
{
    uint64_t hopeless = scheduler->current->background;
    int rc;

    scheduler->background_sleeps += hopeless;
    rc = task_park(&sleep_kind, NULL, deadline);
    scheduler->background_sleeps -= hopeless;
    return rc;
}

int coir_sleep(coir_time duration_ns)
{
    struct scheduler *scheduler = scheduler_current;
    coir_time deadline;
    int rc;

    ASSERT(task_is_running());
    rc = task_enter(NULL);
    if (rc < 0)
        return rc;
    if (duration_ns <= 0)
        return task_give_way();
    deadline = time_after(scheduler->clock(scheduler), duration_ns);
    rc = deadline == COIR_FOREVER ? task_park_for_tasks(&sleep_kind, NULL) : sleep_until(scheduler, deadline);
    return rc == WAIT_RECONSIDER ? 0 : rc;
}

const char *coir_task_name(void)
{
    ASSERT(task_is_running());
    return scheduler_current->current->name;
}
