/* SPDX-License-Identifier: MIT
 *
 * Suspending and waking: the heart of the library. See task.h.
 */
#include "task/task.h"
#include <errno.h>

/* Leaves the calling task's stack for the loop's. */
static void switch_to_loop(struct scheduler *scheduler, struct task *task)
{
    (void)context_switch(&task->context, &scheduler->loop, NULL);
    ASSERT(task->state == TASK_RUNNING);
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

int task_park(const struct wait_kind *kind, void *object, coir_time deadline)
{
    struct scheduler *scheduler = scheduler_current;
    struct task *task = scheduler->current;

    ASSERT(task->state == TASK_RUNNING);
    task->wait.kind = kind;
    task->wait.object = object;
    task->wait.end = WAIT_GOES_ON;
    task->state = TASK_PARKED;
    if (deadline != COIR_FOREVER)
        timer_set(scheduler, &task->wait.timer, deadline, end_by_deadline);
    switch_to_loop(scheduler, task);
    if (task->wait.result == WAIT_RECONSIDER && task->wait.end == WAIT_ENDED_BY_SCOPE)
        return scope_stops(task->scope);
    return task->wait.result;
}

void task_wake(struct task *task, int result)
{
    task->wait.result = result;
    if (task->state == TASK_READY) {
        task->settles = false;
        timer_clear(scheduler_current, &task->wait.timer);
        return;
    }
    ASSERT(task->state == TASK_PARKED);
    timer_clear(scheduler_current, &task->wait.timer);
    make_ready(scheduler_current, task);
}

void task_wake_to_settle(struct task *task)
{
    ASSERT(task->state == TASK_PARKED);
    ASSERT(task->wait.kind->settle != NULL);
    task->settles = true;
    make_ready(scheduler_current, task);
}

static bool is_waiting(const struct task *task)
{
    return task->state == TASK_PARKED || (task->state == TASK_READY && task->settles);
}

void task_interrupt(struct task *task, enum wait_end end)
{
    if (!is_waiting(task) || task->wait.end != WAIT_GOES_ON || task->wait.kind->cancel == NULL)
        return;
    if (end == WAIT_ENDED_BY_DRAIN && !task->wait.kind->heeds_drain)
        return;
    task->wait.end = end;
    task->wait.kind->cancel(task);
}

void task_give_way(void)
{
    struct scheduler *scheduler = scheduler_current;
    struct task *task = scheduler->current;

    make_ready(scheduler, task);
    switch_to_loop(scheduler, task);
}

/* A program that swallows errors and loops would otherwise spin unseen. */
static void count_failure(struct scheduler *scheduler, struct task *task)
{
    if (++task->failures_in_row < TASK_LIVELOCK)
        return;
    DEBUG_ASSERT(task->failures_in_row < TASK_LIVELOCK);
    task->failures_in_row = 0;
    scheduler->livelocks++;
}

int task_enter_slowly(struct task *task, const struct slab_header *object)
{
    struct scheduler *scheduler = scheduler_current;
    int rc;

    if (task->budget <= 0) {
        struct slab_header before = object != NULL ? *object : (struct slab_header){0};

        task_give_way();
        if (object != NULL && (object->magic != before.magic || object->generation != before.generation))
            return -EBADF;
    }
    task->budget--;
    rc = scope_check(scheduler, task->scope);
    if (rc < 0)
        count_failure(scheduler, task);
    else
        task->failures_in_row = 0;
    return rc;
}

static void cancel_sleep(struct task *task)
{
    task_wake(task, WAIT_RECONSIDER);
}

int coir_yield(void)
{
    int rc = task_enter(NULL);

    if (rc < 0)
        return rc;
    task_give_way();
    return 0;
}

int coir_sleep(coir_time duration_ns)
{
    static const struct wait_kind sleep_kind = {.name = "sleep", .cancel = cancel_sleep};
    int rc = task_enter(NULL);

    if (rc < 0)
        return rc;
    if (duration_ns <= 0) {
        task_give_way();
        return 0;
    }
    rc = task_park(&sleep_kind, NULL, time_after(scheduler_current->clock(scheduler_current), duration_ns));
    return rc == WAIT_RECONSIDER ? 0 : rc;
}

const char *coir_task_name(void)
{
    ASSERT(task_is_running());
    return scheduler_current->current->name;
}
