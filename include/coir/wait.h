/* SPDX-License-Identifier: MIT
 *
 * Waiting for what is not a stream: any descriptor, and signals as events.
 */
#ifndef COIR_WAIT_H
#define COIR_WAIT_H

#include <coir/types.h>

COIR_BEGIN_DECLARATIONS

/**
 * Waits until the descriptor `fd` (anybody's: no stream is needed) is ready.
 * Leaves no registration behind, so its owner may close it afterwards; until
 * the call has returned it must stay open.
 *
 * Suspends: until one of `events` holds, or the scope ends.
 * Shape:    `events` of POLLIN, POLLPRI and POLLOUT.
 * Returns:  > 0: which of them hold; POLLERR and POLLHUP may be added. A
 *           regular file is always ready.
 * Errors:   -EINVAL no such event; -EBADF not open; -EMFILE as many are waited
 *           for as this process may have descriptors; -ENFILE, -ENOMEM, -ENOSPC
 *           limits; -ECANCELED, -ETIME the scope.
 * Source:   poll(2).
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_wait_fd(int fd, short events);

/**
 * Waits for one of `count` signals.
 *
 * From the first call on the signals are blocked in this thread until
 * coir_run() returns, so that one which comes between two calls is kept for
 * the second. What is still kept at that return acts then as ever: a second
 * SIGTERM during a drain may kill. Threads that were running before the first
 * call must block the signals themselves, or they may get them. Where several
 * tasks wait for a signal, one of them gets it.
 *
 * Before the first call signals act as ever: a server that says "listening" and
 * then calls this may die of a SIGTERM sent at once. Block the signals with
 * pthread_sigmask(3) before coir_run() and before threads are started: the
 * first call gets what came meanwhile, and nothing kills at the end. Or spawn a
 * task that says "listening", and let this be the spawner's first call that
 * suspends: the task runs once the signals are kept.
 *
 * Suspends: until one comes, or the scope ends.
 * Shape:    `ret_signal` is needed also where it does not matter which it was.
 * Returns:  0 and the signal.
 * Errors:   -EINVAL no signal, an invalid number, or SIGKILL, SIGSTOP, SIGSEGV,
 *           SIGBUS, SIGFPE, SIGILL; -EMFILE, -ENFILE, -ENOMEM, -ENOSPC
 *           limits; -ECANCELED, -ETIME the scope.
 * Source:   signalfd(2).
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_signal_wait(const int *signals, size_t count, int *ret_signal);

COIR_END_DECLARATIONS

#endif
