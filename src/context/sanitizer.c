/* SPDX-License-Identifier: MIT
 *
 * What is said of memory, to whichever tool listens: see sanitizer.h.
 */
#include "context/sanitizer.h"

bool sanitizer_memory_is_watched;

/* Before main() and before constructors of the program, which may use coroutines already. */
__attribute__((constructor(101))) static void find_watchers(void)
{
    sanitizer_memory_is_watched = __asan_poison_memory_region != NULL || valgrind_watches_memory();
}

void sanitizer_poison(const void *memory, size_t size)
{
    if (__asan_poison_memory_region != NULL)
        __asan_poison_memory_region(memory, size);
    else
        valgrind_forbid(memory, size);
}

void sanitizer_unpoison(const void *memory, size_t size)
{
    if (__asan_unpoison_memory_region != NULL)
        __asan_unpoison_memory_region(memory, size);
    else
        valgrind_allow(memory, size, false);
}

void sanitizer_expose(const void *memory, size_t size)
{
    if (__asan_unpoison_memory_region != NULL)
        __asan_unpoison_memory_region(memory, size);
    else
        valgrind_allow(memory, size, true);
}
