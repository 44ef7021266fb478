/* SPDX-License-Identifier: MIT
 *
 * What a debugger needs to know of a process, or of its core file, where there
 * is no debug information: docs/decisions/0009-a-table-for-debuggers.md.
 *
 * All of it is in the section coir_debug, which survives strip: first a struct
 * debug_table, then nothing. Every run that goes on is in its list.
 */
#ifndef RUNTIME_DEBUG_H
#define RUNTIME_DEBUG_H

#include "base/list.h"
#include <stdint.h>

#define DEBUG_SECTION "coir_debug"
#define DEBUG_MAGIC "coir dbg"
/** Changes where a reader of the former table would go wrong; a fact that is only added does not count. */
#define DEBUG_VERSION 1

struct loop;

/** One offset, size or constant, by name. */
struct debug_fact {
    char name[28]; /* ends with a zero */
    uint32_t value;
};

/** A run, in the table's list while it goes on. */
struct debug_run {
    struct list link;
    struct loop *loop;
};

/** Begins the section. */
struct debug_table {
    char magic[8]; /* DEBUG_MAGIC, without the zero */
    uint32_t version;
    uint32_t fact_size;
    struct list runs;          /* struct debug_run, by their links */
    char machine[16];          /* whose switch is built in: x86_64, aarch64, riscv64, ucontext */
    struct debug_fact facts[]; /* the last one has no name */
};

/** Lets debuggers find the run, until debug_leave(). */
void debug_enter(struct debug_run *run, struct loop *loop);
void debug_leave(struct debug_run *run);

/** The table, for tests. */
const struct debug_table *debug_table(void);

#endif
