/* SPDX-License-Identifier: MIT
 *
 * Tasks: functions that run on stacks of their own and give way to each other
 * only inside calls marked COIR_SUSPENDS. A task is spawned into a scope
 * (coir/scope.h), which does not close before the task has returned.
 */
#ifndef COIR_TASK_H
#define COIR_TASK_H

#include <coir/types.h>

COIR_BEGIN_DECLARATIONS

struct coir_scope;

/** Sizes of stacks. Memory is spent page by page as a stack is used; a guard
 * below each stops an overflow. (Four times these under AddressSanitizer.) */
enum coir_stack_class {
    COIR_STACK_DEFAULT, /*   64 KiB */
    COIR_STACK_SMALL,   /*   16 KiB */
    COIR_STACK_LARGE,   /*  256 KiB */
    COIR_STACK_HUGE,    /* 1024 KiB */
};

struct coir_task_options {
    const char *name;            /* for reports; the first 31 bytes are copied */
    enum coir_stack_class stack; /* */
    size_t arg_size;             /* > 0: that many bytes of `arg` are copied to the new stack */
    int *ret_result;             /* gets what the task returned, a failure or a result >= 0;
                                    must outlive the task */
    bool background;             /* its waits are no hope: only such waits left is a deadlock */
};

/**
 * Starts `fn(arg)` as a new task inside `scope`; it first runs after the
 * caller has suspended or returned.
 *
 * It always runs, even if its scope is cancelled before its first turn, so
 * that it can dispose of its argument. `arg` must live as long as the task uses
 * it; a compound literal in an `if`'s condition ends with that `if`. Or set
 * `arg_size`: the task gets a pointer to its own copy, aligned for any type.
 *
 * `scope` may be any that the caller is inside of, also one around its own that
 * another task opened. The task inherits from `scope`, not from the caller.
 *
 * Returns: 0, or why no task was started.
 * Errors:  -ECANCELED, -ETIME the scope was cancelled or has expired; -ENOMEM
 *          no memory for a stack, or no guard could be placed below it;
 *          -EINVAL no such stack class, or `arg_size` above a quarter of the
 *          stack.
 * Misuse:  the caller is not inside `scope`.
 * Owns:    on success the task owns `arg`; on failure nothing was taken.
 */
COIR_EXPORT COIR_MUST_USE int coir_spawn(struct coir_scope *scope, int (*fn)(void *arg), void *arg,
                                         const struct coir_task_options *options);

/**
 * Lets every task that is ready run once before the caller goes on.
 *
 * Suspends: until its turn comes again.
 * Returns:  0.
 * Errors:   -ECANCELED, -ETIME the scope.
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_yield(void);

/**
 * Waits for `duration_ns`, never less.
 *
 * Suspends: until the time has passed; 0 or less only yields.
 * Returns:  0.
 * Errors:   -ECANCELED, -ETIME the scope, at once when that happens.
 * Source:   clock_gettime(2), CLOCK_MONOTONIC.
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_sleep(coir_time duration_ns);

/** The monotonic clock, read now. Outside a task too. */
COIR_EXPORT coir_time coir_now(void);

/** The calling task's name, "" if it was given none; valid while the task lives. */
COIR_EXPORT const char *coir_task_name(void);

/** A task-local value's key: a static object, known by its address. */
struct coir_local {
    void (*destroy)(void *value); /* called with each value left when its task ends; may be NULL */
};

/**
 * Keeps `value` under `key` for the calling task; a value already there is
 * replaced without being destroyed. NULL removes the key.
 *
 * Returns: 0.
 * Errors:  -ENOMEM.
 * Owns:    `key` must outlive the task; `value` is the task's until replaced.
 */
COIR_EXPORT COIR_MUST_USE int coir_local_set(const struct coir_local *key, void *value);

/**
 * Finds what the calling task keeps under `key`.
 *
 * Returns: 0 and the value.
 * Errors:  -ENOENT nothing is kept there.
 */
COIR_EXPORT COIR_MUST_USE int coir_local_get(const struct coir_local *key, void **ret_value);

COIR_END_DECLARATIONS

#endif
