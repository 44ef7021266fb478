/* SPDX-License-Identifier: MIT
 *
 * Slabs: objects of one type in chunks that are never given back or used for
 * another type while the slab lives. Each object begins with a struct
 * slab_header, so that a stale or foreign pointer is recognised until its slot
 * is used again. Free slots are reused last-in-first-out, because they are
 * warm; in debug builds first-in-first-out and filled with 0xDB, because that
 * catches stale pointers longer, and stray writes too.
 *
 * Chunks are aligned to their size: masking the address of an object finds its
 * chunk, which names its slab. A slab stays where it is while it has chunks.
 */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include "base/assert.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB_CHUNK_SIZE ((size_t)65536)
#define SLAB_FIRST_SLOT ((size_t)64)        /* its distance from the chunk's beginning */
#define SLAB_OBJECT_SIZE_MAX ((size_t)4096) /* sixteen a chunk, nearly: larger ones waste too much of it */

struct slab_header {
    uint32_t magic;      /* of its slab while in use; its complement while free */
    uint32_t generation; /* counts the beginnings and ends of the slot's uses */
};

/** What a free object's memory holds. */
struct slab_slot {
    struct slab_header header;
    struct slab_slot *next;
};

/** The first bytes of a chunk; slots follow at a cache line's distance. */
struct slab_chunk {
    const struct slab *slab;
    struct slab_chunk *next; /* older */
    size_t slots_made;       /* so many of its slots have a header; the rest was never touched */
};

struct slab {
    size_t object_size; /* rounded up to 8 */
    uint32_t magic;
    uint32_t live; /* objects in use */
    struct slab_slot *free_slots;
    struct slab_slot *last_free; /* of free_slots, in debug builds; undefined while there are none */
    struct slab_chunk *chunks;   /* the newest first; only that one may have slots still to be made */
};

/** Prepares an empty slab of objects of `object_size` bytes, header included. `magic` tells types apart; not 0. */
void slab_init(struct slab *slab, size_t object_size, uint32_t magic);

/** Frees the chunks; every object must have been given back. */
void slab_done(struct slab *slab);

/** Visits the objects in use: returns the one after `object` (NULL: the first); NULL = no more. The visitor may give
 * back the one it is at. */
void *slab_next(const struct slab *slab, const void *object);

/** Makes more free slots, for slab_take() alone. Returns false = no memory. */
bool slab_grow(struct slab *slab);

#ifdef COIR_DEBUG
void slab_lay_aside(struct slab *slab, struct slab_slot *slot);
void slab_check_unharmed(const struct slab *slab, struct slab_slot *slot);
#else
static inline void slab_lay_aside(struct slab *slab, struct slab_slot *slot)
{
    slot->next = slab->free_slots;
    slab->free_slots = slot;
}

static inline void slab_check_unharmed(const struct slab *slab, struct slab_slot *slot)
{
    (void)slab;
    (void)slot;
}
#endif

/** slab_owns() where the slab's magic is known: the slab itself is not looked at, and need not exist. */
static inline bool slab_owns_known(const struct slab *slab, uint32_t magic, const void *object)
{
    const struct slab_header *header = object;
    const struct slab_chunk *chunk = (const void *)((uintptr_t)object & ~(SLAB_CHUNK_SIZE - 1));

    return header->magic == magic && chunk->slab == slab;
}

/** True if `object` is one of this slab's, in use. It may point to any object of any slab. */
static inline bool slab_owns(const struct slab *slab, const void *object)
{
    return slab_owns_known(slab, slab->magic, object);
}

/** An object whose header is set and whose rest is undefined; NULL = no memory. */
static inline void *slab_take(struct slab *slab)
{
    struct slab_slot *slot;

    if (UNLIKELY(slab->free_slots == NULL) && !slab_grow(slab))
        return NULL;
    slot = slab->free_slots;
    ASSERT(slot->header.magic == ~slab->magic); /* else somebody wrote to a free object */
    slab_check_unharmed(slab, slot);
    slab->free_slots = slot->next;
    slab->live++;
    slot->header.magic = slab->magic;
    slot->header.generation++;
    return slot;
}

/** Gives `object` back. */
static inline void slab_give(struct slab *slab, void *object)
{
    struct slab_slot *slot = object;

    ASSERT(slab_owns(slab, object));
    slot->header.magic = ~slab->magic;
    slot->header.generation++;
    slab->live--;
    slab_lay_aside(slab, slot);
}

#endif
