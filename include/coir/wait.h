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
 * Leaves no registration behind, so its owner may close it afterwards.
 *
 * Suspends: until one of `events` holds, or the scope ends.
 * Shape:    `events` of POLLIN, POLLPRI and POLLOUT.
 * Returns:  > 0: which of them hold; POLLERR and POLLHUP may be added. A
 *           regular file is always ready.
 * Errors:   -EINVAL no such event; -EBADF not open; -ENOMEM, -ENOSPC limits;
 *           -ECANCELED, -ETIME the scope.
 * Source:   poll(2).
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_wait_fd(int fd, short events);

/**
 * Waits for one of `count` signals.
 *
 * From the first call on the signals are blocked in this thread until
 * coir_run() returns, so that one which comes between two calls is kept for
 * the second. Before it they act as ever: a server had better say that it is
 * ready in a task that it has spawned, which runs once this call waits. Threads
 * that were running before must block the signals themselves, or they may get
 * them. Where several tasks wait for a signal, one of them gets it.
 *
 * Suspends: until one comes, or the scope ends.
 * Returns:  0 and the signal.
 * Errors:   -EINVAL no signal, an invalid number, or SIGKILL, SIGSTOP, SIGSEGV,
 *           SIGBUS, SIGFPE, SIGILL; -EMFILE, -ENFILE, -ENOMEM limits;
 *           -ECANCELED, -ETIME the scope.
 * Source:   signalfd(2).
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_signal_wait(const int *signals, size_t count, int *ret_signal);

COIR_END_DECLARATIONS

#endif
