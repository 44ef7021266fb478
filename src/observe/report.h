/* SPDX-License-Identifier: MIT
 *
 * Reports on standard error of what ends a program: a deadlock, a failed
 * assertion, an overflown stack. They allocate nothing, and those for signal
 * handlers use nothing that is not safe there.
 */
#ifndef OBSERVE_REPORT_H
#define OBSERVE_REPORT_H

#include "base/assert.h"
#include "io/loop.h"

/** Says what every task waits for, and aborts: nothing can wake any of them. */
_Noreturn void report_deadlock(struct loop *loop);

/** Says which assertion failed, in which task. */
void report_assertion(const struct assert_site *site);

/** Says which task's stack `address` overran, if it did. Safe in a signal handler. */
void report_overflow(const struct scheduler *scheduler, const void *address);

#endif
