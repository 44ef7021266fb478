/* SPDX-License-Identifier: MIT
 *
 * SIGSEGV and SIGBUS: a stack overflow is told as such before the program dies
 * of it. Only where nobody else handles these signals.
 */
#ifndef RUNTIME_FAULT_H
#define RUNTIME_FAULT_H

#include <signal.h>
#include <stdbool.h>

/** What fault_watch() changed of this thread. */
struct fault_watch {
    void *stack; /* for the handler to run on; NULL: the thread had one */
    bool watches;
};

/** Installs the handlers where the disposition is the default, for as long as any thread watches. Returns 0 or -ENOMEM.
 */
int fault_watch(struct fault_watch *watch);

/** Takes that back. */
void fault_unwatch(struct fault_watch *watch);

#endif
