/* SPDX-License-Identifier: MIT
 *
 * The calls of coir/scope.h.
 */
#include "base/assert.h"
#include "task/scope_tree.h"
#include "task/task.h"
#include <errno.h>

static bool is_scope(const struct coir_scope *scope)
{
    return scope != NULL && scheduler_current != NULL && slab_owns(&scheduler_current->scopes, scope);
}

static int check_options(const struct coir_scope_options *options)
{
    if (options->policy != COIR_SCOPE_FAIL_FAST && options->policy != COIR_SCOPE_INDEPENDENT)
        return -EINVAL;
    if (options->limit_ns < 0)
        return -EINVAL;
    if (options->shield && (options->limit_ns == 0 || options->limit_ns == COIR_FOREVER))
        return -EINVAL;
    return 0;
}

static void enter_scope(struct task *task, struct coir_scope *scope)
{
    list_append(&task->scope->subscopes, &scope->link);
    task->scope = scope;
}

int coir_scope_open(const struct coir_scope_options *options, struct coir_scope **ret_scope)
{
    static const struct coir_scope_options defaults;
    struct scheduler *scheduler = scheduler_current;
    struct coir_scope *scope;
    int rc;

    ASSERT(task_is_running());
    ASSERT(ret_scope != NULL);
    if (options == NULL)
        options = &defaults;
    rc = check_options(options);
    if (rc < 0)
        return rc;
    scope = slab_take(&scheduler->scopes);
    if (scope == NULL)
        return -ENOMEM;
    scope_init(scope, scheduler->current->scope, scheduler->current);
    scope->policy = options->policy;
    scope->shield = options->shield;
    if (options->name != NULL)
        scope->name = options->name;
    enter_scope(scheduler->current, scope);
    scope_inherit(scope);
    if (options->limit_ns > 0)
        scope_set_deadline(scheduler, scope, time_after(scheduler->clock(scheduler), options->limit_ns));
    *ret_scope = scope;
    return 0;
}

int coir_scope_close(struct coir_scope *scope)
{
    static const struct wait_kind close_kind = {.name = "scope close"};
    struct scheduler *scheduler = scheduler_current;
    int rc;

    ASSERT(task_is_running());
    ASSERT(is_scope(scope));
    ASSERT(scheduler->current->scope == scope && scope->opener == scheduler->current); /* the innermost one */
    if (scope->child_count > 0) {
        scope->closing = true;
        (void)task_park_for_tasks(&close_kind, scope);
    }
    ASSERT(scope->child_count == 0 && list_empty(&scope->subscopes));
    rc = scope->first_failure;
    timer_clear(scheduler, &scope->timer);
    list_remove(&scope->link);
    scheduler->current->scope = scope->parent;
    slab_give(&scheduler->scopes, scope);
    return rc;
}

void coir_scope_cancel(struct coir_scope *scope)
{
    ASSERT(is_scope(scope));
    scope_cancel(scope);
}

void coir_scope_set_limit(struct coir_scope *scope, coir_time limit_ns)
{
    ASSERT(is_scope(scope));
    ASSERT(!(scope->shield && limit_ns == COIR_FOREVER)); /* a shield's limit is mandatory */
    struct scheduler *scheduler = scheduler_current;
    coir_time now;

    if (scope->own & COIR_SCOPE_EXPIRED)
        return;
    now = scheduler->clock(scheduler);
    if (limit_ns <= 0 || scope->deadline <= now)
        scope_expire(scope); /* a deadline that has passed, seen or not, is not moved any more */
    else
        scope_set_deadline(scheduler, scope, time_after(now, limit_ns));
}

void coir_scope_drain(struct coir_scope *scope, coir_time quiet_ns)
{
    ASSERT(is_scope(scope));
    scope_drain(scope, scheduler_current->clock(scheduler_current), quiet_ns > 0 ? quiet_ns : 0);
}

int coir_scope_state(const struct coir_scope *scope)
{
    ASSERT(is_scope(scope));
    return scope->own;
}

int coir_scope_info(const struct coir_scope *scope, struct coir_scope_info *ret_info)
{
    ASSERT(is_scope(scope));
    ASSERT(ret_info != NULL);
    *ret_info = (struct coir_scope_info){
        .name = scope->name,
        .children = scope->child_count,
        .failures = scope->failures,
        .first_failure = scope->first_failure,
        .state = scope->own,
        .deadline = scope->deadline,
    };
    return 0;
}
