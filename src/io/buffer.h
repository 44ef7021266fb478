/* SPDX-License-Identifier: MIT
 *
 * Buffers that the runtime lends: pooled by size, last used first, so that
 * bytes are received where the cache is warm. A buffer exists only while bytes
 * are in it: an idle session holds none.
 */
#ifndef IO_BUFFER_H
#define IO_BUFFER_H

#include "base/list.h"
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
    struct buffers *pool;
    void *holder;      /* the stream whose bytes these are; NULL: it was closed */
    uint32_t capacity; /* of `bytes` */
    uint32_t first;    /* the holder's: what is not consumed yet is from here ... */
    uint32_t end;      /* ... to here */
    uint32_t lent;     /* bytes from `first` that a slice has; 0 = no slice is out */
    uint8_t class;     /* BUFFER_CLASS_COUNT: larger than any, not pooled */
    unsigned char bytes[] __attribute__((aligned(16)));
};

/** The pool of one scheduler. */
struct buffers {
    struct {
        struct queue_link *free; /* a stack: the last one given back is the next to be lent */
        size_t free_bytes;
    } classes[BUFFER_CLASS_COUNT];
    uint64_t lent_bytes;   /* capacity of all buffers that are out */
    uint64_t budget_bytes; /* lent_bytes never exceeds it */
};

/** Prepares an empty pool; `budget_bytes` 0 = no limit. */
void buffers_init(struct buffers *pool, uint64_t budget_bytes);

/** Frees the pool's free buffers; all must have been given back. */
void buffers_done(struct buffers *pool);

/** Usable bytes of a class. */
static inline size_t buffer_class_size(uint8_t class)
{
    return (size_t)1024 << (2 * class);
}

/**
 * Lends a buffer of the class.
 *
 * Returns: 0; -ENOBUFS the budget is spent; -ENOMEM.
 */
int buffer_lend(struct buffers *pool, uint8_t class, struct buffer **ret_buffer);

/** Lends a buffer of at least `size` bytes, of any size. Returns as buffer_lend(). */
int buffer_lend_size(struct buffers *pool, size_t size, struct buffer **ret_buffer);

/** Gives the buffer back to its pool. */
void buffer_release(struct buffer *buffer);

/** The class for a stream's next receive, after one of `got` bytes into `class`. `small_in_a_row` is the
 * stream's count of receives that would have fitted the next smaller class by far. */
uint8_t buffer_next_class(uint8_t class, size_t got, uint8_t *small_in_a_row);

#endif
