/* SPDX-License-Identifier: MIT
 *
 * The tree of scopes, as the scheduler sees it.
 *
 * What happens to a scope is pushed down the tree at once, so that the entry
 * check of a suspending call looks at one byte of the innermost scope. Shields
 * stop what comes from above, except the limit of an enclosing shield.
 */
#ifndef TASK_SCOPE_H
#define TASK_SCOPE_H

#include "base/list.h"
#include "base/slab.h"
#include "task/timer.h"
#include <coir/scope.h>
#include <errno.h>

struct task;
struct scheduler;

struct coir_scope {
    struct slab_header header;
    struct coir_scope *parent; /* around it; NULL: the root */
    struct list subscopes;     /* the scopes opened inside, by their links */
    struct list link;          /* in the parent's subscopes */
    struct list children;      /* tasks spawned into it, by their siblings */
    struct task *opener;       /* inside it too; NULL: the root */
    uint64_t failures;
    uint32_t child_count;
    int first_failure;
    enum coir_scope_policy policy;
    bool shield;
    bool closing;       /* the opener waits for the children */
    bool needs_check;   /* `reached` stops calls, or `nearest` might */
    uint8_t own;        /* COIR_SCOPE_ flags of what happened to it */
    uint8_t reached;    /* the same, and what came down to it */
    coir_time deadline; /* its own */
    coir_time nearest;  /* the earliest that counts inside it */
    struct timer timer; /* set for its own deadline, or for an earlier one that was moved */
    coir_time drain_from;
    coir_time drain_quiet_ns;
    const char *name;
};

/** Makes the root, for a run's first task. Returns NULL when there is no memory. */
struct coir_scope *scope_open_root(struct scheduler *scheduler);

/** Ends the root, when its task has ended. */
void scope_close_root(struct scheduler *scheduler, struct coir_scope *root);

/** Takes in a child's result, after the child has left `children`. */
void scope_child_ended(struct coir_scope *scope, int result);

/** The entry check, deadlines by the clock. Returns 0, -ECANCELED or -ETIME. */
int scope_check(struct scheduler *scheduler, struct coir_scope *scope);

/** The code by which the scope stops calls, as known now. Returns 0, -ECANCELED or -ETIME. */
static inline int scope_stops(const struct coir_scope *scope)
{
    if (scope->reached & COIR_SCOPE_CANCELLED)
        return -ECANCELED;
    return scope->reached & COIR_SCOPE_EXPIRED ? -ETIME : 0;
}

static inline bool scope_drains(const struct coir_scope *scope)
{
    return (scope->reached & COIR_SCOPE_DRAINING) != 0;
}

/** True if `inner` is `scope` or somewhere inside it. */
bool scope_contains(const struct coir_scope *scope, const struct coir_scope *inner);

#endif
