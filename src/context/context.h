/* SPDX-License-Identifier: MIT
 *
 * Switching between stacks. A context is where a suspended flow of control
 * goes on: its stack pointer, with the callee-saved registers pushed above it.
 * Floating-point control words are part of it only in a build with
 * COIR_SWITCH_FPU.
 *
 * The body is per machine (x86_64.S, aarch64.S, riscv64.S, ucontext.c). Sanitizer hooks
 * are called around a switch only where the program has them (sanitizer.h).
 */
#ifndef CONTEXT_CONTEXT_H
#define CONTEXT_CONTEXT_H

#include "base/assert.h"
#include "context/sanitizer.h"
#include <stddef.h>
#include <stdint.h>

struct context {
    union {
        void *stack_pointer;          /* while suspended */
        struct context *entered_from; /* while running, where a sanitizer watches */
    };
    const void *stack_low; /* the stack's lowest usable byte; NULL until known */
    size_t stack_size;     /* usable bytes */
    union {                /* the sanitizer's, where one watches: */
        void *fake_stack;  /* AddressSanitizer's, while suspended */
        void *fiber;       /* ThreadSanitizer's, while suspended; while running, that of a context left for good */
    };
};

/** The machine's switch: pushes registers, stores the stack pointer in *save, goes on at `restore`. */
void *context_swap(void **save, void *restore, void *value) __asm__("coir_context_swap")
    __attribute__((visibility("hidden")));

/**
 * The machine's part of context_init(): lays what context_swap() pops just
 * below `top`, on a stack that begins at `low`, and returns what to restore.
 */
void *context_prepare(void *low, void *top, void (*entry)(void *value)) __asm__("coir_context_prepare")
    __attribute__((visibility("hidden")));

/** perf does not read the last word of a stack, where the return address into the entry would be. */
#define CONTEXT_TOP_LEFT_FREE 16

/** The sanitizer's part of context_init(). */
void context_init_watched(struct context *context);

/**
 * Prepares `context` to call `entry(value)` on the empty stack [`low`, `low` + `size`)
 * when it is first switched to, below the `reserved` bytes at the stack's top, which
 * it leaves alone. `entry` never returns: it leaves by context_leave().
 */
static inline void context_init(struct context *context, void *low, size_t size, size_t reserved,
                                void (*entry)(void *value))
{
    if (UNLIKELY(sanitizer_watches_memory()))
        sanitizer_unpoison(low, size - reserved);
    context->stack_pointer = context_prepare(low, (char *)low + size - reserved - CONTEXT_TOP_LEFT_FREE, entry);
    context->stack_low = low;
    context->stack_size = size;
    context->fake_stack = NULL;
    if (UNLIKELY(sanitizer_watches_switches()))
        context_init_watched(context);
}

/** context_swap() with the sanitizer hooks around it. `leave`: `from` is never entered again. */
void *context_switch_watched(struct context *from, struct context *to, void *value, bool leave);

/**
 * Leaves `from`, goes on in `to`, and returns when somebody switches back.
 *
 * Returns: the value that whoever switches back passes.
 */
static inline void *context_switch(struct context *from, struct context *to, void *value)
{
    if (UNLIKELY(sanitizer_watches_switches()))
        return context_switch_watched(from, to, value, false);
    return context_swap(&from->stack_pointer, to->stack_pointer, value);
}

/** The same switch, declared for a value that is a number: only where the types agree can a caller that returns the
 * value end in a jump into the switch. */
int context_swap_number(void **save, void *restore, int value) __asm__("coir_context_swap")
    __attribute__((visibility("hidden")));

/** context_switch_watched() with a number for a value. */
int context_switch_number_watched(struct context *from, struct context *to, int value);

/** context_switch() with a number for a value. */
static inline int context_switch_number(struct context *from, struct context *to, int value)
{
    if (UNLIKELY(sanitizer_watches_switches()))
        return context_switch_number_watched(from, to, value);
    return context_swap_number(&from->stack_pointer, to->stack_pointer, value);
}

/** Leaves `from` for good. */
_Noreturn static inline void context_leave(struct context *from, struct context *to, void *value)
{
    if (UNLIKELY(sanitizer_watches_switches()))
        (void)context_switch_watched(from, to, value, true);
    else
        (void)context_swap(&from->stack_pointer, to->stack_pointer, value);
    __builtin_unreachable();
}

/** Tells the sanitizer that the suspended `context` will never be entered again. */
void context_drop(struct context *context);

/** The rest of context_entered(). */
void context_entered_watched(struct context *context, const char *name);

/** First thing on a new context's stack, called by `entry`: tells the sanitizer that the switch is over, and by which
 * name to report what happens here; empty = none. */
static inline void context_entered(struct context *context, const char *name)
{
    if (UNLIKELY(sanitizer_watches_switches()))
        context_entered_watched(context, name);
}

#endif
