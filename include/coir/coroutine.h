/* SPDX-License-Identifier: MIT
 *
 * Bare coroutines: functions that can be left in the middle and entered again.
 * For generators, parsers and other state machines written as straight-line
 * code. No scheduler is needed, and tasks may use them too.
 *
 * A coroutine belongs to the thread that created it. It has a stack of its own
 * with a guard below; resuming and yielding are a few instructions each and
 * allocate nothing. Floating-point control words are not switched.
 *
 * Unlike other handles, a coroutine lies in memory that goes with it, and does
 * not know its thread: one that was destroyed, or is another thread's, is not
 * told from a good one, and using it may fault or worse.
 */
#ifndef COIR_COROUTINE_H
#define COIR_COROUTINE_H

#include <coir/types.h>

COIR_BEGIN_DECLARATIONS

struct coir_coroutine;

struct coir_coroutine_options {
    size_t stack_size; /* bytes; 0 = 64 KiB; rounded up to pages, at least 16 KiB */
};

enum coir_coroutine_status {
    COIR_COROUTINE_SUSPENDED, /* not begun, or in a yield: can be resumed */
    COIR_COROUTINE_RUNNING,   /* resumed, and neither yielded nor returned; it may itself have
                                 resumed another */
    COIR_COROUTINE_FINISHED,  /* its function has returned: can only be destroyed */
};

/**
 * Makes a coroutine that will run `fn(self, value, arg)`; `value` is what the
 * first resume passes.
 *
 * Returns: 0 and a suspended coroutine.
 * Errors:  -ENOMEM no memory for a stack, or no guard could be placed below
 *          it; -EINVAL a stack above 1 GiB.
 * Owns:    the caller, who destroys it; `arg` stays the caller's.
 */
COIR_EXPORT COIR_MUST_USE int coir_coroutine_create(void *(*fn)(struct coir_coroutine *self, void *value, void *arg),
                                                    void *arg, const struct coir_coroutine_options *options,
                                                    struct coir_coroutine **ret_coroutine);

/**
 * Enters the coroutine until it yields or returns.
 *
 * Shape:   `value` is returned by the yield that it is suspended in; the first
 *          resume passes it to the function.
 * Returns: what it yielded or, once finished, what its function returned; ask
 *          coir_coroutine_status() which.
 * Misuse:  it is not suspended.
 */
COIR_EXPORT void *coir_coroutine_resume(struct coir_coroutine *coroutine, void *value);

/**
 * Leaves the coroutine `self`, from inside it; the resume that entered it
 * returns `value`.
 *
 * Returns: what the next resume passes.
 * Misuse:  called from anywhere but inside `self`.
 */
COIR_EXPORT void *coir_coroutine_yield(struct coir_coroutine *self, void *value);

/** Tells whether the coroutine can be resumed. */
COIR_EXPORT enum coir_coroutine_status coir_coroutine_status(const struct coir_coroutine *coroutine);

/**
 * Frees the coroutine and its stack. One that has not finished is dropped
 * where it stands: nothing on its stack is unwound. NULL is ignored.
 *
 * Misuse: it is running.
 */
COIR_EXPORT void coir_coroutine_destroy(struct coir_coroutine *coroutine);

COIR_END_DECLARATIONS

#endif
