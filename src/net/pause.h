/* SPDX-License-Identifier: MIT
 *
 * Pauses: waits for what the kernel announces by no event, to be tried again.
 */
#ifndef NET_PAUSE_H
#define NET_PAUSE_H

#include "task/task.h"

/** For the `cancel` of a pause's kind of wait. */
void pause_cancel(struct task *task);

/** Has the calling task wait for `length_ns`, or shorter if a scope has news. Returns 0, -ECANCELED or -ETIME. */
int pause_for(const struct wait_kind *kind, coir_time length_ns);

#endif
