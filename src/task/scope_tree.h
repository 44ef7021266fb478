/* SPDX-License-Identifier: MIT
 *
 * What can be done to the tree of scopes; for the public calls only.
 */
#ifndef TASK_SCOPE_TREE_H
#define TASK_SCOPE_TREE_H

#include "task/scope.h"

/** Fills in a scope to which nothing has happened; it is in no tree yet. */
void scope_init(struct coir_scope *scope, struct coir_scope *parent, struct task *opener);

/** Takes over what counts around the scope, whose own deadline is set. */
void scope_inherit(struct coir_scope *scope);

void scope_cancel(struct coir_scope *scope);

/** The scope's own deadline has passed. */
void scope_expire(struct coir_scope *scope);

/** Sets the scope's own deadline; COIR_FOREVER = none. */
void scope_set_deadline(struct scheduler *scheduler, struct coir_scope *top, coir_time deadline);

void scope_drain(struct coir_scope *top, coir_time now, coir_time quiet_ns);

#endif
