/* SPDX-License-Identifier: MIT
 *
 * Scopes: a lifetime, a cancellation, a deadline and a drain in one object.
 *
 * The task that opens a scope is inside it until it closes it, innermost
 * first; so are the tasks spawned into it, and the scopes they open. Every
 * suspending call of a task inside obeys the scope and all scopes around it,
 * up to the nearest shield.
 */
#ifndef COIR_SCOPE_H
#define COIR_SCOPE_H

#include <coir/types.h>

COIR_BEGIN_DECLARATIONS

struct coir_scope;

enum coir_scope_policy {
    COIR_SCOPE_FAIL_FAST,   /* the first failure cancels the scope */
    COIR_SCOPE_INDEPENDENT, /* failures are counted, the first is kept, nobody is cancelled */
};

struct coir_scope_options {
    enum coir_scope_policy policy;
    bool shield;        /* hides cancels, deadlines and drains from around; needs limit_ns */
    coir_time limit_ns; /* from now; 0 = none, unlike in coir_scope_set_limit() */
    const char *name;   /* for reports; must outlive the scope */
};

/** What has happened to a scope itself, not to the scopes around it. */
#define COIR_SCOPE_CANCELLED (1u << 0)
#define COIR_SCOPE_EXPIRED (1u << 1)
#define COIR_SCOPE_DRAINING (1u << 2)

struct coir_scope_info {
    const char *name;   /* "" if it was given none */
    uint64_t children;  /* tasks that have not returned */
    uint64_t failures;  /* children that failed */
    int first_failure;  /* the first one's result; 0 = none */
    unsigned int state; /* as coir_scope_state() */
    coir_time deadline; /* its own; COIR_FOREVER = none */
};

/**
 * Opens a scope; the calling task is inside it from here to its close.
 *
 * A shield keeps out what happens around it, for clean-up that must suspend;
 * its limit is mandatory and is capped by what an enclosing shield has left.
 *
 * Returns: 0 and the scope. Opening works in a cancelled scope too.
 * Errors:  -EINVAL no such policy, a negative limit, or a shield without a
 *          limit; -ENOMEM.
 * Owns:    the calling task, which must close it before it returns.
 */
COIR_EXPORT COIR_MUST_USE int coir_scope_open(const struct coir_scope_options *options, struct coir_scope **ret_scope);

/**
 * Waits until every task of the scope has returned, then ends the scope.
 *
 * A scope that was only cancelled or expired gives 0, and is gone. Who must
 * tell that from success calls coir_scope_state() before, or looks at what the
 * children returned (`ret_result` of coir_spawn()). An independent scope gives
 * its first failure too: of a server's sessions that is how one peer of many
 * left, and is usually ignored.
 *
 * Suspends: until the last child has returned; it cannot be cancelled.
 * Returns:  0, or the first failure: a child's negative result (a positive one
 *           is a result, no failure). -ECANCELED, -ETIME and -ESHUTDOWN are no
 *           failures if the child's scope or one around it was cancelled,
 *           expired or drained.
 * Misuse:   `scope` is not the innermost scope the calling task has open.
 */
COIR_EXPORT COIR_SUSPENDS int coir_scope_close(struct coir_scope *scope);

/**
 * Cancels the scope: whatever its tasks wait for ends with -ECANCELED, and
 * until the scope ends every further suspending call inside fails so at once.
 * An operation that has already happened still gives its result.
 *
 * Any task of the same scheduler may call it; once more changes nothing.
 */
COIR_EXPORT void coir_scope_cancel(struct coir_scope *scope);

/**
 * Sets the scope's deadline to `limit_ns` from now; calls inside that outlast
 * it fail with -ETIME. Cheap enough to be called before every read.
 *
 * Shape:  <= 0 expires the scope now (only in the options is 0 no limit);
 *         COIR_FOREVER lifts its deadline. An expired scope stays expired.
 * Misuse: COIR_FOREVER on a shield, whose limit is mandatory.
 */
COIR_EXPORT void coir_scope_set_limit(struct coir_scope *scope, coir_time limit_ns);

/**
 * Asks the scope to finish: inside it, up to shields, accept gives -ESHUTDOWN
 * once the kernel's queue is empty ("fd://" listeners: at once), and a read of
 * an accepted stream gives -ESHUTDOWN `quiet_ns` after the latest of this call,
 * the stream's accept and its last byte.
 *
 * Everything else goes on: writes, sleeps, and reads of streams that were
 * connected or adopted, such as a proxy's far side, whose answers are still
 * wanted. After a drain, coir_scope_set_limit() ends what is left.
 *
 * Shape: `quiet_ns` < 0 counts as 0. Once more takes the shorter quiet time.
 */
COIR_EXPORT void coir_scope_drain(struct coir_scope *scope, coir_time quiet_ns);

/**
 * Tells what has happened to this scope itself.
 *
 * Returns: COIR_SCOPE_CANCELLED, _EXPIRED and _DRAINING, or'ed; 0 = nothing.
 */
COIR_EXPORT int coir_scope_state(const struct coir_scope *scope);

/**
 * Tells about the scope and its children.
 *
 * Returns: 0.
 */
COIR_EXPORT int coir_scope_info(const struct coir_scope *scope, struct coir_scope_info *ret_info);

COIR_END_DECLARATIONS

#endif
