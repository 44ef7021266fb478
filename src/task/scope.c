/* SPDX-License-Identifier: MIT
 *
 * The tree of scopes: what happens to one, and how far down it reaches. The
 * public calls are in scope_calls.c.
 */
#include "task/scope.h"
#include "base/assert.h"
#include "task/scope_tree.h"
#include "task/task.h"
#include <errno.h>

/* The scope after `scope` in the subtree of `top`, parents first; NULL = no
 * more. `deeper` false skips what is inside `scope`. */
static struct coir_scope *next_scope(const struct coir_scope *top, struct coir_scope *scope, bool deeper)
{
    if (deeper && !list_empty(&scope->subscopes))
        return CONTAINER_OF(scope->subscopes.next, struct coir_scope, link);
    while (scope != top) {
        if (scope->link.next != &scope->parent->subscopes)
            return CONTAINER_OF(scope->link.next, struct coir_scope, link);
        scope = scope->parent;
    }
    return NULL;
}

/* Ends the waits of the tasks whose innermost scope this is. The root has no opener, and nothing ever ends there. */
static void interrupt_tasks(struct coir_scope *scope, enum wait_end end)
{
    if (scope->opener->scope == scope)
        task_interrupt(scope->opener, end);
    LIST_FOR_EACH(entry, &scope->children)
    {
        struct task *child = CONTAINER_OF(entry, struct task, sibling);

        if (child->scope == scope)
            task_interrupt(child, end);
    }
}

static void update_needs_check(struct coir_scope *scope)
{
    scope->needs_check = scope_stops(scope) != 0 || scope->nearest != COIR_FOREVER;
}

/* Marks `top` and what is inside it, up to shields: also past them where `past_shields`. */
static void push_down(struct coir_scope *top, uint8_t flag, bool past_shields)
{
    struct coir_scope *scope = top;
    bool enter = true;

    top->own |= flag;
    while (scope != NULL) {
        enter = scope == top || !scope->shield || past_shields;
        if (enter) {
            scope->reached |= flag;
            update_needs_check(scope);
            interrupt_tasks(scope, WAIT_ENDED_BY_SCOPE);
        }
        scope = next_scope(top, scope, enter);
    }
}

void scope_cancel(struct coir_scope *scope)
{
    if (scope->own & COIR_SCOPE_CANCELLED)
        return;
    push_down(scope, COIR_SCOPE_CANCELLED, false);
}

void scope_expire(struct coir_scope *scope)
{
    if (scope->own & COIR_SCOPE_EXPIRED)
        return;
    push_down(scope, COIR_SCOPE_EXPIRED, scope->shield); /* a shield's limit caps the shields inside it */
}

void scope_drain(struct coir_scope *top, coir_time now, coir_time quiet_ns)
{
    struct coir_scope *scope = top;
    bool enter = true;

    top->own |= COIR_SCOPE_DRAINING;
    while (scope != NULL) {
        enter = scope == top || !scope->shield;
        if (enter) {
            if (!scope_drains(scope)) {
                scope->drain_from = now;
                scope->drain_quiet_ns = quiet_ns;
            } else if (quiet_ns < scope->drain_quiet_ns) {
                scope->drain_quiet_ns = quiet_ns;
            }
            scope->reached |= COIR_SCOPE_DRAINING;
            interrupt_tasks(scope, WAIT_ENDED_BY_DRAIN);
        }
        scope = next_scope(top, scope, enter);
    }
}

/* The nearest shield around the scope, not itself; NULL = none. */
static struct coir_scope *enclosing_shield(const struct coir_scope *scope)
{
    struct coir_scope *around = scope->parent;

    while (around != NULL && !around->shield)
        around = around->parent;
    return around;
}

/* The scope whose deadline also counts in this one; NULL = none. */
static struct coir_scope *deadline_source(const struct coir_scope *scope)
{
    return scope->shield ? enclosing_shield(scope) : scope->parent;
}

static void update_nearest(struct coir_scope *scope)
{
    const struct coir_scope *around = deadline_source(scope);

    scope->nearest = scope->deadline;
    if (around != NULL && around->nearest < scope->nearest)
        scope->nearest = around->nearest;
    update_needs_check(scope);
}

void scope_inherit(struct coir_scope *scope)
{
    const struct coir_scope *around = deadline_source(scope);

    scope->reached = 0;
    if (around != NULL)
        scope->reached = scope->shield ? around->reached & COIR_SCOPE_EXPIRED : around->reached;
    if (scope_drains(scope)) {
        scope->drain_from = around->drain_from;
        scope->drain_quiet_ns = around->drain_quiet_ns;
    }
    update_nearest(scope);
}

static void meet_deadline(struct scheduler *scheduler, struct timer *timer);

/* Sets the timer, unless one is set that fires early enough: it will look again. */
static void arm_scope(struct scheduler *scheduler, struct coir_scope *scope)
{
    if (scope->deadline == COIR_FOREVER)
        return;
    if (timer_is_set(&scope->timer)) {
        if (timer_deadline(&scope->timer) <= scope->deadline)
            return;
        timer_clear(scheduler, &scope->timer);
    }
    timer_set(scheduler, &scope->timer, scope->deadline, meet_deadline);
}

static void meet_deadline(struct scheduler *scheduler, struct timer *timer)
{
    struct coir_scope *scope = CONTAINER_OF(timer, struct coir_scope, timer);

    if (scope->deadline > scheduler->now)
        arm_scope(scheduler, scope); /* it was moved meanwhile */
    else
        scope_expire(scope);
}

void scope_set_deadline(struct scheduler *scheduler, struct coir_scope *top, coir_time deadline)
{
    struct coir_scope *scope = top;

    top->deadline = deadline;
    arm_scope(scheduler, top);
    while (scope != NULL) {
        update_nearest(scope);
        scope = next_scope(top, scope, true);
    }
}

/* Expires what is due around the scope, so that all of it is known at once. */
static void expire_due(struct coir_scope *scope, coir_time now)
{
    while (scope != NULL && scope->nearest <= now) {
        if (scope->deadline <= now)
            scope_expire(scope);
        scope = deadline_source(scope);
    }
}

int scope_check(struct scheduler *scheduler, struct coir_scope *scope)
{
    if (scope_stops(scope) == 0 && scope->nearest != COIR_FOREVER) {
        coir_time now = scheduler->clock(scheduler);

        if (scope->nearest <= now)
            expire_due(scope, now);
    }
    return scope_stops(scope);
}

bool scope_contains(const struct coir_scope *scope, const struct coir_scope *inner)
{
    while (inner != NULL && inner != scope)
        inner = inner->parent;
    return inner == scope;
}

/* True if a scope from here to the root was told to stop: its children's -ECANCELED is obedience, not failure. */
static bool was_told(const struct coir_scope *scope)
{
    while (scope != NULL && scope->own == 0)
        scope = scope->parent;
    return scope != NULL;
}

static bool is_failure(const struct coir_scope *scope, int result)
{
    if (result >= 0)
        return false;
    if (result == -ECANCELED || result == -ETIME || result == -ESHUTDOWN)
        return !was_told(scope);
    return true;
}

void scope_child_ended(struct coir_scope *scope, int result)
{
    if (is_failure(scope, result)) {
        if (scope->failures++ == 0)
            scope->first_failure = result;
        if (scope->policy == COIR_SCOPE_FAIL_FAST)
            scope_cancel(scope);
    }
    if (--scope->child_count == 0 && scope->closing)
        task_wake(scope->opener, 0);
}

struct coir_scope *scope_open_root(struct scheduler *scheduler)
{
    struct coir_scope *root = slab_take(&scheduler->scopes);

    if (root == NULL)
        return NULL;
    scope_init(root, NULL, NULL);
    root->policy = COIR_SCOPE_INDEPENDENT;
    scope_inherit(root);
    return root;
}

void scope_close_root(struct scheduler *scheduler, struct coir_scope *root)
{
    ASSERT(root->child_count == 0);
    slab_give(&scheduler->scopes, root);
}

void scope_init(struct coir_scope *scope, struct coir_scope *parent, struct task *opener)
{
    scope->parent = parent;
    scope->opener = opener;
    list_init(&scope->subscopes);
    list_init(&scope->children);
    scope->failures = 0;
    scope->child_count = 0;
    scope->first_failure = 0;
    scope->policy = COIR_SCOPE_FAIL_FAST;
    scope->shield = false;
    scope->closing = false;
    scope->own = 0;
    scope->deadline = COIR_FOREVER;
    scope->timer.fire = NULL;
    scope->drain_from = 0;
    scope->drain_quiet_ns = 0;
    scope->name = "";
}
