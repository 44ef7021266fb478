/* SPDX-License-Identifier: MIT
 *
 * The only way to the C library's allocator, so that a test can fail any
 * allocation.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

/** Uninitialised memory, or NULL. `size` > 0. Owns: the caller, alloc_free(). */
void *alloc_bytes(size_t size);

/** Zeroed memory for `count` items, or NULL, also where count * size overflows. */
void *alloc_zeroed(size_t count, size_t size);

/** Uninitialised memory at a multiple of `alignment` (a power of two), or NULL. */
void *alloc_aligned(size_t alignment, size_t size);

/** Gives back what one of the above gave; NULL is ignored. */
void alloc_free(void *memory);

#endif
