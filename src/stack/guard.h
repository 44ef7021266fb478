/* SPDX-License-Identifier: MIT
 *
 * Guards: memory below a stack that no access gets through.
 */
#ifndef STACK_GUARD_H
#define STACK_GUARD_H

#include "stack/stack.h"

/** Finds out how guards can be placed in this process. Returns 0 or -ENOMEM. */
int guard_choose(enum stack_guard *ret_guard);

/** Makes a guard of [`memory`, `memory` + `size`). Returns 0; or -ENOMEM: there is none, use no stack above. */
int guard_place(enum stack_guard guard, void *memory, size_t size);

/** Bytes of a page of memory. */
size_t guard_page_size(void);

#endif
