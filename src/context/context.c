/* SPDX-License-Identifier: MIT
 *
 * The part of a switch that is the same on every machine: preparing a context,
 * and the sanitizer's view of a switch. AddressSanitizer must hear of the stack
 * gone to just before the switch, and of the end of it just after, on the other
 * side; it tells in return the bounds of the stack left behind, which is how
 * those of a thread's own stack become known. ThreadSanitizer takes each context
 * for a thread of its own, a fiber, and hears of the switch before it only.
 */
#include "context/context.h"

void context_init_watched(struct context *context)
{
    if (__tsan_create_fiber != NULL)
        context->fiber = __tsan_create_fiber(0);
}

/* What is said before the switch. A fiber can be destroyed only from another one: `to` is told of it. */
SANITIZER_NOT_INSTRUMENTED static void start_switch(struct context *from, struct context *to, bool leave)
{
    if (__sanitizer_start_switch_fiber != NULL)
        __sanitizer_start_switch_fiber(leave ? NULL : &from->fake_stack, to->stack_low, to->stack_size);
    if (__tsan_switch_to_fiber != NULL) {
        void *fiber = to->fiber;

        from->fiber = __tsan_get_current_fiber();
        to->fiber = leave ? from->fiber : NULL;
        __tsan_switch_to_fiber(fiber, 0);
    }
}

/* What is said after it, on the stack of `to`. */
SANITIZER_NOT_INSTRUMENTED static void finish_switch(struct context *to)
{
    struct context *from = to->entered_from;

    if (__sanitizer_finish_switch_fiber != NULL)
        __sanitizer_finish_switch_fiber(to->fake_stack, &from->stack_low, &from->stack_size);
    if (__tsan_destroy_fiber != NULL && to->fiber != NULL)
        __tsan_destroy_fiber(to->fiber);
}

SANITIZER_NOT_INSTRUMENTED void *context_switch_watched(struct context *from, struct context *to, void *value,
                                                        bool leave)
{
    void *restore = to->stack_pointer;

    to->entered_from = from;
    start_switch(from, to, leave);
    value = context_swap(&from->stack_pointer, restore, value);
    finish_switch(from);
    return value;
}

SANITIZER_NOT_INSTRUMENTED int context_switch_number_watched(struct context *from, struct context *to, int value)
{
    return (int)(intptr_t)context_switch_watched(from, to, (void *)(intptr_t)value, false);
}

SANITIZER_NOT_INSTRUMENTED void context_entered_watched(struct context *context, const char *name)
{
    finish_switch(context);
    if (__tsan_set_fiber_name != NULL && name[0] != '\0')
        __tsan_set_fiber_name(__tsan_get_current_fiber(), name);
}

/* AddressSanitizer frees the fake stack of whoever leaves for good, so it is told of a visit that leaves so. */
SANITIZER_NOT_INSTRUMENTED static void drop_fake_stack(struct context *context)
{
    const void *low;
    size_t size;
    void *fake_stack;

    __sanitizer_start_switch_fiber(&fake_stack, context->stack_low, context->stack_size);
    __sanitizer_finish_switch_fiber(context->fake_stack, &low, &size);
    __sanitizer_start_switch_fiber(NULL, low, size);
    __sanitizer_finish_switch_fiber(fake_stack, &low, &size);
}

void context_drop(struct context *context)
{
    if (__sanitizer_start_switch_fiber != NULL)
        drop_fake_stack(context);
    if (__tsan_destroy_fiber != NULL)
        __tsan_destroy_fiber(context->fiber);
}
