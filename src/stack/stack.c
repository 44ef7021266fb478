/* SPDX-License-Identifier: MIT
 *
 * Chunks and their slots: reserving, first use, finding, the end. The warm path
 * of stack_take() and stack_give() is in stack.h, trimming in trim.c.
 */
#include "stack/stack.h"
#include "base/alloc.h"
#include "context/sanitizer.h"
#include "kernel/kernel.h"
#include "stack/guard.h"
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define SLOTS_FIRST 1024u  /* not one giant reservation: Valgrind refuses that */
#define SLOTS_MOST 131072u /* a million stacks then take some fifteen chunks */
/* Of a 32-bit address space a larger chunk would leave holes that hold no second one. */
#define CHUNK_SIZE_MOST (SIZE_MAX / 16)
#define SLOTS_LEAST 16u /* where less address space than that is left, there is none */

static const size_t class_sizes[STACK_CLASS_COUNT] = {
    [COIR_STACK_DEFAULT] = 64 * 1024,
    [COIR_STACK_SMALL] = 16 * 1024,
    [COIR_STACK_LARGE] = 256 * 1024,
    [COIR_STACK_HUGE] = 1024 * 1024,
};

size_t stack_round_size(size_t size)
{
    size_t page_size = guard_page_size();

    return (size * sanitizer_stack_factor() + page_size - 1) / page_size * page_size;
}

int stack_pools_init(struct stack_pools *pools)
{
    enum stack_guard guard;
    int rc = guard_choose(&guard);

    if (rc < 0)
        return rc;
    memset(pools, 0, sizeof *pools);
    pools->guard = guard;
    return 0;
}

/* Tells whoever watches that a stack begins, and that it is one no more. */
static void begin_watching(struct stack stack)
{
    sanitizer_add_root(stack_low(stack), stack_size(stack));
    if (stack.chunk->names != NULL)
        stack.chunk->names[stack.slot] = valgrind_add_stack(stack_low(stack), stack_size(stack));
}

static void end_watching(struct stack stack)
{
    sanitizer_remove_root(stack_low(stack), stack_size(stack));
    if (stack.chunk->names != NULL)
        valgrind_remove_stack(stack.chunk->names[stack.slot]);
    if (sanitizer_watches_memory())
        sanitizer_unpoison(stack_low(stack), stack_size(stack)); /* somebody else's memory next */
}

static void free_chunk(struct stack_chunk *chunk)
{
    for (uint32_t slot = 0; slot < chunk->begun; slot++) {
        struct stack stack = {.chunk = chunk, .slot = slot};

        ASSERT(chunk->owners[slot] == NULL);
        end_watching(stack);
    }
    (void)kernel_unmap(chunk->memory, chunk->slots * chunk->stride);
    alloc_free(chunk);
}

void stack_pools_done(struct stack_pools *pools)
{
    for (size_t i = 0; i < STACK_CLASS_COUNT; i++) {
        struct stack_pool *pool = &pools->pools[i];

        while (pool->chunks != NULL) {
            struct stack_chunk *chunk = pool->chunks;

            pool->chunks = chunk->next;
            free_chunk(chunk);
        }
        alloc_free(pool->free);
        memset(pool, 0, sizeof *pool);
    }
}

/* Reserves address space for *slots slots, or for as many as there is room for. */
static int reserve_slots(size_t stride, uint32_t *slots, void **ret_memory)
{
    while (kernel_map(*slots * stride, ret_memory) < 0) {
        *slots /= 2;
        if (*slots < SLOTS_LEAST)
            return -ENOMEM;
    }
    /* Huge pages would spend 2 MiB on the first touch; kernels without them refuse the advice, which is as good. */
    (void)kernel_advise(*ret_memory, *slots * stride, MADV_NOHUGEPAGE);
    return 0;
}

/* The record of a chunk, with room for the names of its slots where Valgrind gives some. */
static struct stack_chunk *make_record(uint32_t slots)
{
    bool named = valgrind_is_there();
    size_t name_size = named ? sizeof(unsigned int) : 0;
    struct stack_chunk *chunk = alloc_zeroed(1, sizeof *chunk + slots * (sizeof chunk->owners[0] + name_size));

    if (chunk != NULL && named)
        chunk->names = (unsigned int *)(void *)(chunk->owners + slots);
    return chunk;
}

static int open_chunk(enum coir_stack_class stack_class, uint32_t slots, struct stack_chunk **ret_chunk)
{
    size_t usable = stack_round_size(class_sizes[stack_class]);
    /* One page more than a power of two, so that the same depth of neighbouring stacks is not the same cache set. */
    size_t stride = STACK_GUARD_SIZE + guard_page_size() + usable;
    struct stack_chunk *chunk;
    void *memory;

    while (slots > CHUNK_SIZE_MOST / stride)
        slots /= 2;
    if (reserve_slots(stride, &slots, &memory) < 0)
        return -ENOMEM;
    chunk = make_record(slots);
    if (chunk == NULL) {
        (void)kernel_unmap(memory, slots * stride);
        return -ENOMEM;
    }
    chunk->memory = memory;
    chunk->stride = stride;
    chunk->usable = usable;
    chunk->stack_class = stack_class;
    chunk->slots = slots;
    *ret_chunk = chunk;
    return 0;
}

static int widen_free_list(struct stack_pool *pool, uint32_t slots)
{
    struct stack *wider = alloc_bytes((pool->slots + slots) * sizeof *wider);

    if (wider == NULL)
        return -ENOMEM;
    if (pool->free_count > 0)
        memcpy(wider, pool->free, pool->free_count * sizeof *wider);
    alloc_free(pool->free);
    pool->free = wider;
    pool->slots += slots;
    return 0;
}

static uint32_t next_chunk_slots(const struct stack_pool *pool)
{
    if (pool->chunks == NULL)
        return SLOTS_FIRST;
    return pool->chunks->slots < SLOTS_MOST ? pool->chunks->slots * 2 : SLOTS_MOST;
}

static int add_chunk(struct stack_pool *pool, enum coir_stack_class stack_class)
{
    struct stack_chunk *chunk;
    int rc = open_chunk(stack_class, next_chunk_slots(pool), &chunk);

    if (rc < 0)
        return rc;
    rc = widen_free_list(pool, chunk->slots);
    if (rc < 0) {
        free_chunk(chunk);
        return rc;
    }
    chunk->next = pool->chunks;
    atomic_signal_fence(memory_order_release); /* stack_find() may interrupt us from here on */
    pool->chunks = chunk;
    return 0;
}

int stack_take_new(struct stack_pools *pools, enum coir_stack_class stack_class, void *owner, struct stack *ret_stack)
{
    struct stack_pool *pool;
    struct stack stack;
    int rc;

    if ((unsigned int)stack_class >= STACK_CLASS_COUNT)
        return -EINVAL;
    pool = &pools->pools[stack_class];
    if (pool->chunks == NULL || pool->chunks->begun == pool->chunks->slots) {
        rc = add_chunk(pool, stack_class);
        if (rc < 0)
            return rc;
    }
    stack.chunk = pool->chunks;
    stack.slot = stack.chunk->begun;
    rc = guard_place(pools->guard, (char *)stack_low(stack) + stack_size(stack) - stack.chunk->stride,
                     stack.chunk->stride - stack.chunk->usable);
    if (rc < 0)
        return rc;
    begin_watching(stack);
    stack.chunk->begun++;
    stack.chunk->owners[stack.slot] = owner;
    *ret_stack = stack;
    return 0;
}

static bool find_in_chunk(const struct stack_chunk *chunk, const void *address, struct stack_site *ret_site)
{
    size_t offset = (uintptr_t)address - (uintptr_t)chunk->memory;

    if (offset >= chunk->slots * chunk->stride)
        return false;
    ret_site->owner = chunk->owners[offset / chunk->stride];
    ret_site->size = chunk->usable;
    ret_site->stack_class = chunk->stack_class;
    ret_site->in_guard = offset % chunk->stride < chunk->stride - chunk->usable;
    return true;
}

bool stack_find(const struct stack_pools *pools, const void *address, struct stack_site *ret_site)
{
    for (size_t i = 0; i < STACK_CLASS_COUNT; i++)
        for (const struct stack_chunk *chunk = pools->pools[i].chunks; chunk != NULL; chunk = chunk->next)
            if (find_in_chunk(chunk, address, ret_site))
                return true;
    return false;
}

uint64_t stack_reserved(const struct stack_pools *pools)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < STACK_CLASS_COUNT; i++)
        for (const struct stack_chunk *chunk = pools->pools[i].chunks; chunk != NULL; chunk = chunk->next)
            bytes += chunk->slots * chunk->stride;
    return bytes;
}
