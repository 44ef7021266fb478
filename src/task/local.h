/* SPDX-License-Identifier: MIT
 *
 * Task-local values: the few that a task keeps, in a list of its own.
 */
#ifndef TASK_LOCAL_H
#define TASK_LOCAL_H

struct task;

/** Destroys what the task still keeps, newest first. On the task's own stack. */
void local_destroy_all(struct task *task);

#endif
