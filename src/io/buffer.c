/* SPDX-License-Identifier: MIT
 *
 * The pool of lent buffers: see buffer.h.
 */
#include "io/buffer.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "context/sanitizer.h"
#include <errno.h>

/** Receives far below the next smaller class before a stream's buffers shrink: a pause in a flood is no reason. */
#define SMALL_BEFORE_SHRINKING 4

void buffers_init(struct buffers *pool, uint64_t budget_bytes)
{
    *pool = (struct buffers){.budget_bytes = budget_bytes > 0 ? budget_bytes : UINT64_MAX};
}

static struct buffer *take_free(struct buffers *pool, uint8_t class)
{
    struct queue_link *link = pool->classes[class].free;

    if (link == NULL)
        return NULL;
    pool->classes[class].free = link->next;
    pool->classes[class].free_bytes -= buffer_class_size(class);
    return CONTAINER_OF(link, struct buffer, link);
}

void buffers_done(struct buffers *pool)
{
    struct buffer *buffer;

    ASSERT(pool->lent_bytes == 0);
    for (uint8_t class = 0; class < BUFFER_CLASS_COUNT; class ++)
        while ((buffer = take_free(pool, class)) != NULL)
            alloc_free(buffer);
}

static int lend(struct buffers *pool, size_t size, uint8_t class, struct buffer **ret_buffer)
{
    struct buffer *buffer;

    if (size > UINT32_MAX || pool->budget_bytes - pool->lent_bytes < size)
        return -ENOBUFS;
    buffer = class < BUFFER_CLASS_COUNT ? take_free(pool, class) : NULL;
    if (buffer == NULL) {
        buffer = alloc_bytes(sizeof(*buffer) + size);
        if (buffer == NULL)
            return -ENOMEM;
        buffer->pool = pool;
        buffer->capacity = (uint32_t)size;
        buffer->class = class;
    } else {
        sanitizer_unpoison(buffer->bytes, size);
    }
    buffer->holder = NULL;
    buffer->first = 0;
    buffer->end = 0;
    buffer->lent = 0;
    pool->lent_bytes += size;
    *ret_buffer = buffer;
    return 0;
}

int buffer_lend(struct buffers *pool, uint8_t class, struct buffer **ret_buffer)
{
    return lend(pool, buffer_class_size(class), class, ret_buffer);
}

int buffer_lend_size(struct buffers *pool, size_t size, struct buffer **ret_buffer)
{
    uint8_t class = BUFFER_CLASS_SMALLEST;

    while (class < BUFFER_CLASS_COUNT && buffer_class_size(class) < size)
        class ++;
    return class < BUFFER_CLASS_COUNT ? buffer_lend(pool, class, ret_buffer) : lend(pool, size, class, ret_buffer);
}

void buffer_release(struct buffer *buffer)
{
    struct buffers *pool = buffer->pool;
    uint8_t class = buffer->class;

    pool->lent_bytes -= buffer->capacity;
    if (class == BUFFER_CLASS_COUNT || pool->classes[class].free_bytes >= BUFFER_KEPT_BYTES) {
        alloc_free(buffer);
        return;
    }
    sanitizer_poison(buffer->bytes, buffer->capacity);
    buffer->link.next = pool->classes[class].free;
    pool->classes[class].free = &buffer->link;
    pool->classes[class].free_bytes += buffer->capacity;
}

uint8_t buffer_next_class(uint8_t class, size_t got, uint8_t *small_in_a_row)
{
    if (got == buffer_class_size(class)) {
        *small_in_a_row = 0;
        return class < BUFFER_CLASS_LARGEST ? (uint8_t)(class + 1) : class;
    }
    if (class == BUFFER_CLASS_SMALLEST || got > buffer_class_size((uint8_t)(class - 1)) / 4) {
        *small_in_a_row = 0;
        return class;
    }
    if (++*small_in_a_row < SMALL_BEFORE_SHRINKING)
        return class;
    *small_in_a_row = 0;
    return (uint8_t)(class - 1);
}
