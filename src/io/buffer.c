/* SPDX-License-Identifier: MIT
 *
 * The pool of lent buffers: see buffer.h.
 */
#include "io/buffer.h"
#include "base/alloc.h"
#include "base/assert.h"
#include <errno.h>
#include <string.h>

/** Receives far below the next smaller class before a stream's buffers shrink: a pause in a flood is no reason. */
#define SMALL_BEFORE_SHRINKING 4

void buffers_init(struct buffers *pool, uint64_t budget_bytes)
{
    *pool = (struct buffers){.budget_bytes = budget_bytes > 0 ? budget_bytes : UINT64_MAX};
    for (uint8_t class = 0; class < BUFFER_CLASS_COUNT; class ++)
        pool->shelves[class] = (struct buffer_shelf){
            .count_max = (uint32_t)(BUFFER_KEPT_BYTES / buffer_class_size(class)),
            .small_size = class == BUFFER_CLASS_SMALLEST ? 0 : (uint32_t)(buffer_class_size(class) / 16),
            .class = class,
            .pool = pool,
        };
    pool->shelves[BUFFER_CLASS_COUNT] = (struct buffer_shelf){.class = BUFFER_CLASS_COUNT, .pool = pool};
}

void buffer_hide(struct buffer *buffer)
{
    sanitizer_poison(buffer->bytes, buffer->capacity);
}

void buffer_show(struct buffer *buffer)
{
    sanitizer_unpoison(buffer->bytes, buffer->capacity);
}

#ifdef COIR_DEBUG

#define FREE_BYTE 0xDB

/* Each byte is as the one before: one call says so, where ThreadSanitizer would be asked of 64 KiB byte by byte. */
static bool is_free(const unsigned char *bytes, size_t size)
{
    return size == 0 || (bytes[0] == FREE_BYTE && memcmp(bytes, bytes + 1, size - 1) == 0);
}

void buffer_fill(struct buffer *buffer)
{
    uint32_t end = buffer->end;

    if (sanitizer_watches_memory())
        return;
    /* Of what was lent, `end` says how far bytes were received. */
    ASSERT((end == 0 || is_free(buffer->bytes + end, buffer->capacity - end)) && "a slice was written to past its end");
    memset(buffer->bytes, FREE_BYTE, buffer->capacity);
}

void buffer_fill_rest(struct buffer *buffer)
{
    if (!sanitizer_watches_memory())
        memset(buffer->bytes + buffer->end, FREE_BYTE, buffer->capacity - buffer->end);
}

void buffer_check_unharmed(const struct buffer *buffer)
{
    if (!sanitizer_watches_memory())
        ASSERT(is_free(buffer->bytes, buffer->capacity) && "a released slice was written to");
}

void buffer_hide_rest(struct buffer *buffer)
{
    uint32_t end = buffer->first + buffer->lent;

    if (!sanitizer_watches_memory())
        return;
    sanitizer_poison(buffer->bytes, buffer->first);
    sanitizer_poison(buffer->bytes + end, buffer->capacity - end);
}

void buffer_show_rest(struct buffer *buffer)
{
    uint32_t end = buffer->first + buffer->lent;

    if (!sanitizer_watches_memory())
        return;
    sanitizer_expose(buffer->bytes, buffer->first);
    sanitizer_expose(buffer->bytes + end, buffer->capacity - end);
}

#endif

static void destroy_free(struct buffers *pool)
{
    struct buffer *buffer;

    for (uint8_t class = 0; class < BUFFER_CLASS_COUNT; class ++)
        while ((buffer = buffer_lend_free(pool, class)) != NULL)
            buffer_destroy(buffer);
}

void buffers_done(struct buffers *pool)
{
    destroy_free(pool);
    ASSERT(pool->made_bytes == 0);
}

uint64_t buffers_lent_bytes(const struct buffers *pool)
{
    uint64_t bytes = pool->made_bytes;

    for (uint8_t class = 0; class < BUFFER_CLASS_COUNT; class ++)
        bytes -= pool->shelves[class].count * (uint64_t)buffer_class_size(class);
    return bytes;
}

static bool is_within_budget(const struct buffers *pool, size_t size)
{
    return pool->budget_bytes - pool->made_bytes >= size;
}

/* Makes a buffer of `size` bytes, which is `class` or larger than any. Returns as buffer_stock(). */
static int make_buffer(struct buffers *pool, size_t size, uint8_t class, struct buffer **ret_buffer)
{
    struct buffer *buffer;

    if (!is_within_budget(pool, size))
        destroy_free(pool);
    if (size > UINT32_MAX - sizeof(*buffer) || !is_within_budget(pool, size))
        return -ENOBUFS;
    buffer = alloc_bytes(sizeof(*buffer) + size);
    if (buffer == NULL)
        return -ENOMEM;
    *buffer = (struct buffer){.shelf = &pool->shelves[class], .capacity = (uint32_t)size};
    buffer_fill(buffer);
    pool->made_bytes += size;
    *ret_buffer = buffer;
    return 0;
}

int buffer_stock(struct buffers *pool, uint8_t class)
{
    struct buffer *buffer;
    int rc = make_buffer(pool, buffer_class_size(class), class, &buffer);

    if (rc == 0)
        buffer_release(buffer);
    return rc;
}

int buffer_lend_size(struct buffers *pool, size_t size, struct buffer **ret_buffer)
{
    uint8_t class = BUFFER_CLASS_SMALLEST;
    struct buffer *buffer;

    while (class < BUFFER_CLASS_COUNT && buffer_class_size(class) < size)
        class ++;
    if (class == BUFFER_CLASS_COUNT)
        return make_buffer(pool, size, class, ret_buffer);
    buffer = buffer_lend_free(pool, class);
    if (buffer == NULL)
        return make_buffer(pool, buffer_class_size(class), class, ret_buffer);
    *ret_buffer = buffer;
    return 0;
}

void buffer_destroy(struct buffer *buffer)
{
    buffer->shelf->pool->made_bytes -= buffer->capacity;
    alloc_free(buffer);
}

uint8_t buffer_other_class(const struct buffer *buffer, size_t got, uint8_t *small_in_a_row)
{
    uint8_t class = buffer->shelf->class;

    if (got == buffer->capacity) {
        *small_in_a_row = 0;
        return class < BUFFER_CLASS_LARGEST ? (uint8_t)(class + 1) : class;
    }
    if (++*small_in_a_row < SMALL_BEFORE_SHRINKING)
        return class;
    *small_in_a_row = 0;
    return (uint8_t)(class - 1);
}
