/* SPDX-License-Identifier: MIT
 *
 * Pauses: see pause.h.
 */
#include "net/pause.h"

void pause_cancel(struct task *task)
{
    task_wake(task, WAIT_RECONSIDER);
}

int pause_for(const struct wait_kind *kind, coir_time length_ns)
{
    int rc = task_park(kind, NULL, time_after(coir_now(), length_ns));

    return rc == WAIT_RECONSIDER ? task_proceed() : rc;
}
