/* SPDX-License-Identifier: MIT
 *
 * The hooks of AddressSanitizer, LeakSanitizer and ThreadSanitizer, as weak
 * symbols: a library built without -fsanitize serves a program built with it,
 * so whether they are there is asked at run time. The only place that declares
 * them. Whether there is any sanitizer at all is one question, so that a switch
 * asks no more. What is said of memory reaches Valgrind, too.
 */
#ifndef CONTEXT_SANITIZER_H
#define CONTEXT_SANITIZER_H

#include "context/valgrind.h"
#include <stdbool.h>
#include <stddef.h>

/** For functions that run while the sanitizer is between two stacks: no variable of theirs may be on its fake one,
 * which is freed under their feet when a context leaves for good; and they would enter on the one and return on the
 * other. Of ThreadSanitizer no_sanitize leaves that much in place with clang. */
#ifdef __clang__
#define SANITIZER_NOT_INSTRUMENTED __attribute__((disable_sanitizer_instrumentation))
#else
#define SANITIZER_NOT_INSTRUMENTED __attribute__((no_sanitize("address", "thread", "undefined")))
#endif

void __sanitizer_start_switch_fiber(void **ret_fake_stack, const void *low, size_t size) __attribute__((weak));
void __sanitizer_finish_switch_fiber(void *fake_stack, const void **ret_left_low, size_t *ret_left_size)
    __attribute__((weak));
void *__tsan_get_current_fiber(void) __attribute__((weak));
void *__tsan_create_fiber(unsigned int flags) __attribute__((weak));
void __tsan_destroy_fiber(void *fiber) __attribute__((weak));
void __tsan_switch_to_fiber(void *fiber, unsigned int flags) __attribute__((weak));
void __tsan_set_fiber_name(void *fiber, const char *name) __attribute__((weak));
void __asan_poison_memory_region(const volatile void *memory, size_t size) __attribute__((weak));
void __asan_unpoison_memory_region(const volatile void *memory, size_t size) __attribute__((weak));
void __lsan_register_root_region(const void *memory, size_t size) __attribute__((weak));
void __lsan_unregister_root_region(const void *memory, size_t size) __attribute__((weak));

/** Never called: every sanitizer brings it. */
void __sanitizer_set_report_path(const char *path) __attribute__((weak));

/** True if some sanitizer is there, which may have to hear of every switch between stacks. */
static inline bool sanitizer_watches_switches(void)
{
    return __sanitizer_set_report_path != NULL;
}

/** How many times larger stacks must be: instrumented frames are padded. */
static inline size_t sanitizer_stack_factor(void)
{
    return __asan_unpoison_memory_region != NULL ? 4 : 1;
}

/** For sanitizer_watches_memory() alone: found out before main(). */
extern bool sanitizer_memory_is_watched __attribute__((visibility("hidden")));

/** True if memory can be made forbidden, by AddressSanitizer or Valgrind, and must be made allowed again. */
static inline bool sanitizer_watches_memory(void)
{
    return sanitizer_memory_is_watched;
}

/** Makes every access to `memory` an error until it is unpoisoned. Only where memory is watched. */
void sanitizer_poison(const void *memory, size_t size);

/** Forgets what is said of `memory`, such as the red zones of frames that never returned. Likewise. */
void sanitizer_unpoison(const void *memory, size_t size);

/** The same of memory whose contents are to be read on. Likewise. */
void sanitizer_expose(const void *memory, size_t size);

/**
 * Has `memory` searched for pointers when leaks are looked for. It must hold no
 * guard marker: the search reads it all.
 */
static inline void sanitizer_add_root(const void *memory, size_t size)
{
    if (__lsan_register_root_region != NULL)
        __lsan_register_root_region(memory, size);
}

/** Takes back sanitizer_add_root() of the same memory and size. */
static inline void sanitizer_remove_root(const void *memory, size_t size)
{
    if (__lsan_unregister_root_region != NULL)
        __lsan_unregister_root_region(memory, size);
}

#endif
