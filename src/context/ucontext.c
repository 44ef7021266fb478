/* SPDX-License-Identifier: MIT
 *
 * The switch where there is no assembly for the machine, by makecontext(3) and
 * swapcontext(3). Some fifty times slower, as each swap sets the signal mask,
 * but the same to everybody above. A suspended context's stack pointer is the
 * address of a `struct suspension` on its stack.
 */
#include "context/context.h"
#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

struct suspension {
    ucontext_t machine;
    void *value; /* from whoever switches to it */
};

/* What a context has at its top before it has begun. */
struct beginning {
    struct suspension suspension;
    void (*entry)(void *value);
};

/* makecontext(3) passes ints only, so the pointer comes in two halves. */
static void begin_context(unsigned int high, unsigned int low)
{
    struct beginning *beginning = (struct beginning *)(uintptr_t)((uint64_t)high << 32 | low);

    beginning->entry(beginning->suspension.value);
    __builtin_unreachable();
}

void *context_prepare(void *low, void *top, void (*entry)(void *value))
{
    uintptr_t place = ((uintptr_t)top - sizeof(struct beginning)) & ~(uintptr_t)63;
    struct beginning *beginning = (struct beginning *)place;
    ucontext_t *machine = &beginning->suspension.machine;

    (void)getcontext(machine); /* documented to fail nowhere */
    machine->uc_stack.ss_sp = low;
    machine->uc_stack.ss_size = (size_t)((char *)beginning - (char *)low);
    machine->uc_link = NULL;
    beginning->entry = entry;
    makecontext(machine, (void (*)(void))begin_context, 2, (unsigned int)((uint64_t)place >> 32), (unsigned int)place);
    /* AddressSanitizer allows all of a stack that a context left for says it has, at each return: what our own hooks
     * have forbidden there would be missed. */
    machine->uc_stack.ss_size = 0;
    return beginning;
}

SANITIZER_NOT_INSTRUMENTED void *context_swap(void **save, void *restore, void *value)
{
    struct suspension here;
    struct suspension *there = restore;

    *save = &here;
    there->value = value;
    /* The mask is the thread's, and what one context has blocked stays so in the others. */
    (void)pthread_sigmask(SIG_SETMASK, NULL, &there->machine.uc_sigmask);
    (void)swapcontext(&here.machine, &there->machine); /* fails only where the mask cannot be set, which never is */
    return here.value;
}
