/* SPDX-License-Identifier: MIT
 *
 * The C library's allocator behind the four calls of alloc.h. None of them
 * calls another, so that a test which fails the n-th allocation counts each
 * exactly once.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include <stdint.h>
#include <stdlib.h>

/* malloc() would refuse more, too, but those who watch it take that for a bug of its caller. */
#define SIZE_MOST ((size_t)PTRDIFF_MAX)

void *alloc_bytes(size_t size)
{
    ASSERT(size > 0);
    return size > SIZE_MOST ? NULL : malloc(size);
}

void *alloc_zeroed(size_t count, size_t size)
{
    size_t total;

    ASSERT(count > 0 && size > 0);
    if (__builtin_mul_overflow(count, size, &total) || total > SIZE_MOST)
        return NULL;
    return calloc(1, total);
}

void *alloc_aligned(size_t alignment, size_t size)
{
    void *memory;

    ASSERT(alignment >= sizeof(void *) && (alignment & (alignment - 1)) == 0);
    ASSERT(size > 0);
    /* not aligned_alloc(): C11 wants the size to be a multiple of the alignment */
    return posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
}

void alloc_free(void *memory)
{
    free(memory);
}
