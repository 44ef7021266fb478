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

/* Lays the first frame on the task's stack, below a copy of the argument, if it is to be copied, which is below what
 * is left free there. */
static void init_stack(struct task *task, const void *arg, size_t arg_size)
{
    size_t reserved = TASK_WARM_SIZE + ((arg_size + 15) & ~(size_t)15);
    size_t size = stack_size(task->stack);
    char *low = stack_low(task->stack);

    if (UNLIKELY(sanitizer_watches_memory()))
        sanitizer_unpoison(low + size - reserved, reserved); /* which a task that has ended may have left forbidden */
    context_init(&task->context, low, size, reserved, run_task);
    if (LIKELY(arg_size == 0))
        return;
    ASSERT(arg != NULL); /* there are bytes to copy */
    task->first.arg = memcpy(low + size - reserved, arg, arg_size);
}

/* What `options` say of a task. */
static void init_task(struct task *task, struct coir_scope *scope, const struct coir_task_options *options)
{
    task->scope = scope;
    task->home = scope;
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

int task_start(struct scheduler *scheduler, struct coir_scope *scope, int (*fn)(void *arg), void *arg,
               const struct coir_task_options *options)
{
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
    init_task(task, scope, options);
    task->first.fn = fn;
    task->first.arg = arg;
    init_stack(task, arg, options->arg_size);
    list_append(&scope->children, &task->sibling);
    scope->child_count++;
    scheduler->tasks_spawned++;
    scheduler->background_tasks += task->background;
    task->state = TASK_READY;
    queue_push(&scheduler->ready, &task->ready);
    return 0;
}

/* The rest of coir_spawn() where the scope wants attention, or is not the one that the caller is in. Apart, so that
 * the usual way has no frame of its own. */
static __attribute__((noinline)) int start_with_care(struct scheduler *scheduler, struct coir_scope *scope,
                                                     int (*fn)(void *arg), void *arg,
                                                     const struct coir_task_options *options)
{
    int rc;

    ASSERT(scope_contains(scope, scheduler->current->scope)); /* the caller is inside the scope */
    rc = scope->needs_check ? scope_check(scheduler, scope) : 0;
    return rc < 0 ? rc : task_start(scheduler, scope, fn, arg, options);
}

int coir_spawn(struct coir_scope *scope, int (*fn)(void *arg), void *arg, const struct coir_task_options *options)
{
    static const struct coir_task_options defaults;
    struct scheduler *scheduler = scheduler_current;

    ASSERT(task_is_running());
    ASSERT(scope != NULL && slab_owns(&scheduler->scopes, scope));
    ASSERT(fn != NULL);
    if (options == NULL)
        options = &defaults;
    if (scope->needs_check || scope != scheduler->current->scope)
        return start_with_care(scheduler, scope, fn, arg, options);
    return task_start(scheduler, scope, fn, arg, options);
}
