/* SPDX-License-Identifier: MIT
 *
 * The slow paths of slabs: chunks, walking, and what debug builds check.
 * Entry points: slab_init(), slab_grow(), slab_next(), slab_done().
 *
 * Invariants: a slot below its chunk's `slots_made` has a valid header, in use
 * or free; memory above was never touched, so that a chunk costs as many pages
 * as it has objects. slab_grow() runs only when no slot is free.
 */
#include "base/slab.h"
#include "base/alloc.h"
#include <string.h>

#define BATCH_BYTES ((size_t)4096) /* about a page: a slab of three objects touches one, not sixteen */
#define POISON 0xDB

_Static_assert(sizeof(struct slab_chunk) <= SLAB_FIRST_SLOT, "the chunk's header fits before its first slot");
_Static_assert(SLAB_OBJECT_SIZE_MAX <= BATCH_BYTES, "a batch is at least one object");
_Static_assert(sizeof(struct slab_header) == 8, "objects need no more than 8 bytes for being recognised");

static size_t slots_per_chunk(const struct slab *slab)
{
    return (SLAB_CHUNK_SIZE - SLAB_FIRST_SLOT) / slab->object_size;
}

static struct slab_slot *slot_at(const struct slab *slab, const struct slab_chunk *chunk, size_t index)
{
    return (struct slab_slot *)((uintptr_t)chunk + SLAB_FIRST_SLOT + index * slab->object_size);
}

static struct slab_chunk *chunk_of(const void *object)
{
    return (struct slab_chunk *)((uintptr_t)object & ~(SLAB_CHUNK_SIZE - 1));
}

static size_t index_of(const struct slab *slab, const void *object)
{
    return ((uintptr_t)object % SLAB_CHUNK_SIZE - SLAB_FIRST_SLOT) / slab->object_size;
}

void slab_init(struct slab *slab, size_t object_size, uint32_t magic)
{
    size_t smallest = sizeof(struct slab_slot);

    ASSERT(object_size >= sizeof(struct slab_header) && object_size <= SLAB_OBJECT_SIZE_MAX);
    ASSERT(magic != 0 && magic != UINT32_MAX); /* what untouched memory would match, in use or free */
    *slab = (struct slab){.magic = magic};
    slab->object_size = ((object_size > smallest ? object_size : smallest) + 7) & ~(size_t)7;
}

static struct slab_chunk *add_chunk(struct slab *slab)
{
    struct slab_chunk *chunk = alloc_aligned(SLAB_CHUNK_SIZE, SLAB_CHUNK_SIZE);

    if (chunk == NULL)
        return NULL;
    chunk->slab = slab;
    chunk->next = slab->chunks;
    chunk->slots_made = 0;
    slab->chunks = chunk;
    return chunk;
}

#ifdef COIR_DEBUG

/* AddressSanitizer's, where the program has it. */
void __asan_poison_memory_region(const volatile void *memory, size_t size) __attribute__((weak));
void __asan_unpoison_memory_region(const volatile void *memory, size_t size) __attribute__((weak));

/* All of a chunk at once: a slot is reused only after all the others of its slab. */
static size_t batch_size(const struct slab *slab)
{
    return slots_per_chunk(slab);
}

/* The header and the link stay readable: they are how a stale pointer is recognised. */
static size_t poisoned_size(const struct slab *slab)
{
    return slab->object_size - sizeof(struct slab_slot);
}

void slab_lay_aside(struct slab *slab, struct slab_slot *slot)
{
    memset(slot + 1, POISON, poisoned_size(slab));
    if (__asan_poison_memory_region != NULL)
        __asan_poison_memory_region(slot + 1, poisoned_size(slab));
    slot->next = NULL;
    if (slab->free_slots == NULL)
        slab->free_slots = slot;
    else
        slab->last_free->next = slot;
    slab->last_free = slot;
}

void slab_check_unharmed(const struct slab *slab, struct slab_slot *slot)
{
    const unsigned char *bytes = (const unsigned char *)(slot + 1);

    if (__asan_unpoison_memory_region != NULL)
        __asan_unpoison_memory_region(slot + 1, poisoned_size(slab));
    for (size_t i = 0; i < poisoned_size(slab); i++)
        ASSERT(bytes[i] == POISON); /* else somebody wrote to a free object */
}

#else

static size_t batch_size(const struct slab *slab)
{
    return BATCH_BYTES / slab->object_size;
}

#endif

bool slab_grow(struct slab *slab)
{
    struct slab_chunk *chunk = slab->chunks;
    size_t first, end;

    if (chunk == NULL || chunk->slots_made == slots_per_chunk(slab))
        chunk = add_chunk(slab);
    if (chunk == NULL)
        return false;
    first = chunk->slots_made;
    end = first + batch_size(slab);
    if (end > slots_per_chunk(slab))
        end = slots_per_chunk(slab);
    chunk->slots_made = end;
    for (size_t index = end; index > first; index--) { /* backwards: last-in-first-out, the lowest is taken first */
        struct slab_slot *slot = slot_at(slab, chunk, index - 1);

        slot->header = (struct slab_header){.magic = ~slab->magic};
        slab_lay_aside(slab, slot);
    }
    return true;
}

void *slab_next(const struct slab *slab, const void *object)
{
    const struct slab_chunk *chunk = object != NULL ? chunk_of(object) : slab->chunks;
    size_t index = object != NULL ? index_of(slab, object) + 1 : 0;

    for (; chunk != NULL; chunk = chunk->next, index = 0) {
        for (; index < chunk->slots_made; index++) {
            struct slab_slot *slot = slot_at(slab, chunk, index);

            if (slot->header.magic == slab->magic)
                return slot;
        }
    }
    return NULL;
}

void slab_done(struct slab *slab)
{
    struct slab_chunk *chunk = slab->chunks;

    ASSERT(slab->live == 0);
    while (chunk != NULL) { /* ends: the list is finite, and shrinks */
        struct slab_chunk *next = chunk->next;

        alloc_free(chunk);
        chunk = next;
    }
    *slab = (struct slab){.magic = slab->magic, .object_size = slab->object_size};
}
