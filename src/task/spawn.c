/* SPDX-License-Identifier: MIT
 *
 * Starting a task, and its first and last moments.
 */
#include "task/local.h"
#include "task/task.h"
#include <errno.h>
#include <string.h>

/* Runs on the task's own stack, from its first turn to its end. */
static void run_task(void *value)
{
    struct task *task = scheduler_current->current;

    (void)value;
    context_entered(&task->context, task->name);
    int result = task->first.fn(task->first.arg);

    ASSERT(task->scope == task->home); /* a task returned with a scope open */
    if (UNLIKELY(task->locals != NULL))
        local_destroy_all(task);
    task->wait.result = result;
    scheduler_end_task(scheduler_current, task);
}

/* Copies the argument to the top of the task's stack, below what is left free there; returns the bytes that takes. */
static size_t copy_argument(struct task *task, const void *arg, size_t size)
{
    size_t reserved = TASK_WARM_SIZE + ((size + 15) & ~(size_t)15);
    char *begin = (char *)stack_low(task->stack) + stack_size(task->stack) - reserved;

    if (UNLIKELY(sanitizer_watches_memory()))
        sanitizer_unpoison(begin, reserved); /* which a task that has ended may have left forbidden */
    if (size == 0)
        return reserved;
    ASSERT(arg != NULL); /* there are bytes to copy */
    task->first.arg = begin;
    memcpy(begin, arg, size);
    return reserved;
}

static void init_task(struct task *task, struct coir_scope *scope, const struct task_plan *plan)
{
    const struct coir_task_options *options = plan->options;

    task->scope = scope;
    task->home = scope;
    task->first.fn = plan->fn;
    task->first.arg = plan->arg;
    task->ret_result = options->ret_result;
    task->locals = NULL;
    task->wait.result = 0;
    task->wait.timer.fire = NULL;
    task->background = options->background;
    task->budget_at_failure = -1; /* none */
    task->name[0] = '\0';
    if (options->name != NULL) {
        strncpy(task->name, options->name, sizeof(task->name) - 1);
        task->name[sizeof(task->name) - 1] = '\0';
    }
}

int task_start(struct scheduler *scheduler, struct coir_scope *scope, const struct task_plan *plan)
{
    const struct coir_task_options *options = plan->options;
    struct task *task = slab_take(&scheduler->tasks);
    int rc;

    if (task == NULL)
        return -ENOMEM;
    rc = stack_take(&scheduler->stacks, options->stack, task, &task->stack);
    if (rc < 0) {
        slab_give(&scheduler->tasks, task);
        return rc;
    }
    if (UNLIKELY(options->arg_size > stack_size(task->stack) / 4)) {
        stack_give(&scheduler->stacks, task->stack);
        slab_give(&scheduler->tasks, task);
        return -EINVAL;
    }
    init_task(task, scope, plan);
    context_init(&task->context, stack_low(task->stack), stack_size(task->stack),
                 copy_argument(task, plan->arg, options->arg_size), run_task);
    list_append(&scope->children, &task->sibling);
    scope->child_count++;
    scheduler->tasks_spawned++;
    scheduler->background_tasks += task->background;
    task->state = TASK_READY;
    queue_push(&scheduler->ready, &task->ready);
    return 0;
}

int coir_spawn(struct coir_scope *scope, int (*fn)(void *arg), void *arg, const struct coir_task_options *options)
{
    static const struct coir_task_options defaults;
    struct scheduler *scheduler = scheduler_current;
    struct task_plan plan = {.fn = fn, .arg = arg, .options = options != NULL ? options : &defaults};

    ASSERT(task_is_running());
    ASSERT(scope != NULL && slab_owns(&scheduler->scopes, scope));
    /* The caller is inside the scope. */
    ASSERT(scope == scheduler->current->scope || scope_contains(scope, scheduler->current->scope));
    ASSERT(fn != NULL);
    if (UNLIKELY(scope->needs_check)) {
        int rc = scope_check(scheduler, scope);

        if (rc < 0)
            return rc;
    }
    return task_start(scheduler, scope, &plan);
}
