/* SPDX-License-Identifier: MIT
 *
 * Stacks: reserved in chunks, guarded, recycled while warm, trimmed when idle.
 *
 * A chunk is one reservation of address space for many stacks of one class;
 * each slot is a guard, then the usable bytes. Memory is spent when a page is
 * first touched. A stack given back is the next to be taken. What has not been
 * needed for a while is given back to the kernel by stack_trim().
 *
 * Who owns a slot, and which are free, is noted beside the chunk: taking and
 * giving touch no byte of the stack itself.
 */
#ifndef STACK_STACK_H
#define STACK_STACK_H

#include "base/assert.h"
#include <coir/task.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STACK_CLASS_COUNT 4
#define STACK_GUARD_SIZE ((size_t)65536) /* larger than any frame that is not probed */

/** How guards are placed; found out once per process, by effect. */
enum stack_guard {
    STACK_GUARD_MARKERS,  /* MADV_GUARD_INSTALL: costs no mapping */
    STACK_GUARD_MAPPINGS, /* mprotect: two mappings a stack, of which a process has about 65,000 */
};

/** One stack, by value. */
struct stack {
    struct stack_chunk *chunk;
    uint32_t slot;
};

struct stack_chunk {
    struct stack_chunk *next; /* older */
    char *memory;             /* of slot 0: the lowest byte of its guard */
    size_t stride;            /* from slot to slot: guard and usable bytes */
    size_t usable;            /* bytes at a slot's upper end */
    enum coir_stack_class stack_class;
    uint32_t slots;
    uint32_t begun;      /* slots below this one have their guard, and have been used */
    unsigned int *names; /* Valgrind's per slot, behind `owners`; NULL where it is not there */
    void *owners[];      /* per slot; NULL = not in use */
};

/** The stacks of one class. */
struct stack_pool {
    struct stack *free; /* those given back, the latest last; room for every slot of every chunk */
    size_t free_count;
    size_t low_water;           /* least free_count since stack_trim() was last here: as many were never needed */
    size_t trimmed;             /* the first ones in `free`, as far as low_water, hold no memory */
    size_t slots;               /* of all chunks */
    struct stack_chunk *chunks; /* the newest first; only its slots may be not begun */
};

struct stack_pools {
    struct stack_pool pools[STACK_CLASS_COUNT];
    enum stack_guard guard;
};

/** Prepares pools that hold nothing yet. Returns 0 or -ENOMEM. */
int stack_pools_init(struct stack_pools *pools);

/** Unmaps everything; every stack must have been given back. */
void stack_pools_done(struct stack_pools *pools);

/** stack_take() where no stack of the class is free. */
int stack_take_new(struct stack_pools *pools, enum coir_stack_class stack_class, void *owner, struct stack *ret_stack);

/**
 * Takes a guarded stack of `stack_class`; its contents are undefined. `owner`,
 * not NULL, is what stack_find() tells of it.
 *
 * Returns: 0 and the stack; -EINVAL no such class; -ENOMEM no address space, or
 *          no guard could be placed: an unguarded stack is never given.
 */
static inline int stack_take(struct stack_pools *pools, enum coir_stack_class stack_class, void *owner,
                             struct stack *ret_stack)
{
    struct stack_pool *pool;
    struct stack stack;

    if (UNLIKELY((unsigned int)stack_class >= STACK_CLASS_COUNT || pools->pools[stack_class].free_count == 0))
        return stack_take_new(pools, stack_class, owner, ret_stack);
    pool = &pools->pools[stack_class];
    stack = pool->free[--pool->free_count];
    if (pool->free_count < pool->low_water)
        pool->low_water = pool->free_count;
    stack.chunk->owners[stack.slot] = owner;
    *ret_stack = stack;
    return 0;
}

/** Gives the stack back. Touches nothing of it: the caller may still be running on it. */
static inline void stack_give(struct stack_pools *pools, struct stack stack)
{
    struct stack_pool *pool = &pools->pools[stack.chunk->stack_class];

    DEBUG_ASSERT(stack.chunk->owners[stack.slot] != NULL);
    stack.chunk->owners[stack.slot] = NULL;
    pool->free[pool->free_count++] = stack;
}

/** The lowest usable byte. */
static inline void *stack_low(struct stack stack)
{
    const struct stack_chunk *chunk = stack.chunk;

    return chunk->memory + (stack.slot + (size_t)1) * chunk->stride - chunk->usable;
}

/** Usable bytes. */
static inline size_t stack_size(struct stack stack)
{
    return stack.chunk->usable;
}

/** What stack_find() tells. */
struct stack_site {
    void *owner; /* of the stack; NULL if it is not in use */
    size_t size; /* usable bytes of it */
    enum coir_stack_class stack_class;
    bool in_guard; /* the address is in the guard below it */
};

/** Finds which stack `address` is in. Safe in a signal handler. Returns false if in none. */
bool stack_find(const struct stack_pools *pools, const void *address, struct stack_site *ret_site);

/** True while stack_trim() would have something to do in some seconds' time. */
bool stack_trim_wanted(const struct stack_pools *pools);

/** Gives memory back of the stacks that were free all the time since the last call, but for a few. */
void stack_trim(struct stack_pools *pools);

/** Address space reserved, in bytes. */
uint64_t stack_reserved(const struct stack_pools *pools);

/** What a stack of `size` bytes really has: whole pages, and more of them under AddressSanitizer. */
size_t stack_round_size(size_t size);

/** A single guarded stack of its own mapping, for a bare coroutine; `size` from stack_round_size(). `ret_name` is
 * Valgrind's, for stack_unmap(). Returns 0 or -ENOMEM. */
int stack_map(size_t size, void **ret_low, unsigned int *ret_name);
void stack_unmap(void *low, size_t size, unsigned int name);

#endif
