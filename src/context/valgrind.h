/* SPDX-License-Identifier: MIT
 *
 * What Valgrind is told: which memory is a stack, and which may not be touched.
 * A request is a few instructions that do nothing but under Valgrind, which
 * knows them when it sees them (its manual, "The Client Request mechanism"), so
 * that they are in every build.
 */
#ifndef CONTEXT_VALGRIND_H
#define CONTEXT_VALGRIND_H

#include <stdbool.h>
#include <stddef.h>

/** True if the process runs under Valgrind, on a machine whose requests we know. */
bool valgrind_is_there(void);

/** True if its tool is memcheck, which watches memory; the others count and trace, and shall see us as we are. */
bool valgrind_watches_memory(void);

/** Says that a stack lies at `low`: a switch to it is no frame of megabytes. Returns what Valgrind calls it. */
unsigned int valgrind_add_stack(const void *low, size_t size);
void valgrind_remove_stack(unsigned int stack);

/** Makes every access to `memory` an error, until it is allowed; then what is in it counts as never written, or, where
 * it is allowed `with_contents`, as written. */
void valgrind_forbid(const void *memory, size_t size);
void valgrind_allow(const void *memory, size_t size, bool with_contents);

#endif
