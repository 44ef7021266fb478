/* SPDX-License-Identifier: MIT
 *
 * Faults by plan: every function of kernel/kernel.h and base/alloc.h goes
 * through a wrapper, put in its place by the linker (--wrap), that can fail
 * it, shorten it, count it and show it. The list of functions is made from the
 * headers by cmake/Tests.cmake, so that none can be forgotten.
 *
 *     fault_fail("kernel_accept", 1, EMFILE, FAULT_ONCE);   the next accept fails
 *     fault_fail(FAULT_ANY, n, ENOMEM, FAULT_ONCE);         the n-th call of whatever kind
 *     fault_limit("kernel_receive", 1, 3, FAULT_ALWAYS);    at most 3 bytes a time
 *     assert_int_equal(fault_calls("kernel_receive"), 2);
 *
 * Plans and counts may be used from any thread. A name that does not exist
 * aborts the test.
 */
#ifndef SUPPORT_FAULTS_H
#define SUPPORT_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** In the place of a name: every function that can fail (all but kernel_clock and alloc_free). */
#define FAULT_ANY NULL

enum fault_span {
    FAULT_ONCE,   /* the n-th call alone */
    FAULT_ALWAYS, /* the n-th call and all later ones */
};

/**
 * Fails the `nth` call of `function` counted from now, 1 = the next: it returns
 * -`error` (alloc_: NULL) and does nothing, except that kernel_close() closes,
 * as Linux does. Several plans may wait at once; the oldest that is due wins.
 */
void fault_fail(const char *function, unsigned nth, int error, enum fault_span span);

/**
 * Cuts the size that the `nth` call of `function` passes on to `size` > 0:
 * kernel_receive, kernel_read (short reads), kernel_send, kernel_send_pieces,
 * kernel_write (short writes).
 */
void fault_limit(const char *function, unsigned nth, size_t size, enum fault_span span);

/** Calls of `function` since the program's start or the last fault_clear(), failed ones included. */
unsigned fault_calls(const char *function);

/** Calls that were failed by a plan since then. */
unsigned fault_hits(void);

/** Forgets plans, counts and observer. */
void fault_clear(void);

/** What an observer sees of a call. */
struct fault_call {
    const char *function;
    int fd;         /* -1 where the first argument is none */
    size_t size;    /* that was asked for, in bytes or items, or the action; 0 where the call has none */
    int64_t result; /* afterwards: what it returns; of a pointer 1 or 0, also of the one that alloc_free() was given */
};

/**
 * Lets `before` and `after` (either may be NULL) see every call. They run in
 * its place and on its thread and stack: an event can so be made to happen at
 * this very moment. What they call themselves is not seen, counted or failed.
 */
void fault_observe(void (*before)(const struct fault_call *call, void *context),
                   void (*after)(const struct fault_call *call, void *context), void *context);

/** The wrapper of `function` as an address, to be compared with what the linker made of its name. */
void (*fault_wrapper(const char *function))(void);

#endif
