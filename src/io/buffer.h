/* SPDX-License-Identifier: MIT
 *
 * Buffers that the runtime lends: pooled by size, last used first, so that
 * bytes are received where the cache is warm. A buffer exists only while bytes
 * are in it: an idle session holds none.
 */
#ifndef IO_BUFFER_H
#define IO_BUFFER_H

#include "base/assert.h"
#include "base/list.h"
#include "context/sanitizer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Sizes a receive may ask for: 1, 4, 16 and 64 KiB. */
#define BUFFER_CLASS_COUNT 4
#define BUFFER_CLASS_SMALLEST 0
#define BUFFER_CLASS_LARGEST (BUFFER_CLASS_COUNT - 1)
/** Freed memory that a class keeps for the next receive. */
#define BUFFER_KEPT_BYTES ((size_t)4 << 20)

struct buffers;

struct buffer {
    struct queue_link link; /* while free */
    struct buffer_shelf *shelf;
    void *holder;      /* the stream whose bytes these are; NULL: it was closed */
    uint32_t capacity; /* of `bytes` */
    uint32_t first;    /* the holder's: what is not consumed yet is from here ... */
    uint32_t end;      /* ... to here */
    uint32_t lent;     /* bytes from `first` that a slice has; 0 = no slice is out */
    _Alignas(max_align_t) unsigned char bytes[];
};

/** The free buffers of one class. */
struct buffer_shelf {
    struct queue_link *free; /* a stack: the last one given back is the next to be lent */
    uint32_t count;
    uint32_t count_max;  /* more are not kept */
    uint32_t small_size; /* receives of so few bytes would do with the next smaller class */
    uint8_t class;       /* BUFFER_CLASS_COUNT: larger than any, never kept */
    struct buffers *pool;
};

/** The pool of one scheduler. */
struct buffers {
    struct buffer_shelf shelves[BUFFER_CLASS_COUNT + 1];
    uint64_t made_bytes;   /* capacity of all buffers, lent or free */
    uint64_t budget_bytes; /* made_bytes never exceeds it */
};

/** Prepares an empty pool; `budget_bytes` 0 = no limit. */
void buffers_init(struct buffers *pool, uint64_t budget_bytes);

/** Frees the pool's free buffers; all must have been given back. */
void buffers_done(struct buffers *pool);

/** Capacity of all buffers that are out. */
uint64_t buffers_lent_bytes(const struct buffers *pool);

/** Usable bytes of a class. */
static inline size_t buffer_class_size(uint8_t class)
{
    return (size_t)1024 << (2 * class);
}

/** Puts a new buffer on the shelf of its class; free ones of other classes go where the budget is spent otherwise.
 * Returns 0; -ENOBUFS the budget is spent; -ENOMEM. */
int buffer_stock(struct buffers *pool, uint8_t class);

/** While a buffer is free, its bytes are nobody's. Only where memory is watched. */
void buffer_hide(struct buffer *buffer);
void buffer_show(struct buffer *buffer);

#ifdef COIR_DEBUG
/** Where nobody watches, a free buffer is filled, and looked at when it is lent again. */
void buffer_fill(struct buffer *buffer);
void buffer_check_unharmed(const struct buffer *buffer);
/** Likewise what is behind `end`, where the holder has moved its bytes. */
void buffer_fill_rest(struct buffer *buffer);
/** While a slice is out, the rest of its buffer is nobody's, too. */
void buffer_hide_rest(struct buffer *buffer);
void buffer_show_rest(struct buffer *buffer);
#else
static inline void buffer_fill(struct buffer *buffer)
{
    (void)buffer;
}

static inline void buffer_check_unharmed(const struct buffer *buffer)
{
    (void)buffer;
}

static inline void buffer_fill_rest(struct buffer *buffer)
{
    (void)buffer;
}

static inline void buffer_hide_rest(struct buffer *buffer)
{
    (void)buffer;
}

static inline void buffer_show_rest(struct buffer *buffer)
{
    (void)buffer;
}
#endif

/** True if there is a free buffer of the class; else stock one. */
static inline bool buffer_is_stocked(const struct buffers *pool, uint8_t class)
{
    return pool->shelves[class].free != NULL;
}

/** Lends a free buffer of the class, empty; NULL: there is none. */
static inline struct buffer *buffer_lend_free(struct buffers *pool, uint8_t class)
{
    struct buffer_shelf *shelf = &pool->shelves[class];
    struct queue_link *link = shelf->free;

    if (UNLIKELY(link == NULL))
        return NULL;
    shelf->free = link->next;
    shelf->count--;
    if (UNLIKELY(sanitizer_watches_memory()))
        buffer_show(CONTAINER_OF(link, struct buffer, link));
    buffer_check_unharmed(CONTAINER_OF(link, struct buffer, link));
    return CONTAINER_OF(link, struct buffer, link);
}

/** Lends a buffer of at least `size` bytes, of any size. Returns as buffer_stock(). */
int buffer_lend_size(struct buffers *pool, size_t size, struct buffer **ret_buffer);

/** Frees a buffer for which its pool has no room. */
void buffer_destroy(struct buffer *buffer);

/** Gives the buffer back to its pool. */
static inline void buffer_release(struct buffer *buffer)
{
    struct buffer_shelf *shelf = buffer->shelf;

    if (UNLIKELY(shelf->count >= shelf->count_max)) {
        buffer_destroy(buffer);
        return;
    }
    buffer_fill(buffer);
    buffer->first = 0;
    buffer->end = 0;
    buffer->link.next = shelf->free;
    shelf->free = &buffer->link;
    shelf->count++;
    if (UNLIKELY(sanitizer_watches_memory()))
        buffer_hide(buffer);
}

/** The class for a stream's next receive, after a full or a small one of `got` bytes into `buffer`. `small_in_a_row` is
 * the stream's count of small ones. */
uint8_t buffer_other_class(const struct buffer *buffer, size_t got, uint8_t *small_in_a_row);

/** True if the next receive after one of `got` bytes into `buffer` had better use another class. */
static inline bool buffer_misfits(const struct buffer *buffer, size_t got)
{
    return got >= buffer->capacity || got <= buffer->shelf->small_size;
}

#endif
