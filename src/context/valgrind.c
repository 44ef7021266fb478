/* SPDX-License-Identifier: MIT
 *
 * Valgrind's client requests, from its documentation. A request is six words in
 * memory: what is asked, then arguments; the answer, or a default where nobody
 * listens, comes back in a register.
 */
#include "context/valgrind.h"
#include <stdint.h>

enum request {
    RUNNING_ON_VALGRIND = 0x1001,
    STACK_REGISTER = 0x1501,
    STACK_DEREGISTER = 0x1502,
    MAKE_MEMORY_NOACCESS = 0x4d430000, /* of the tool memcheck; others ignore it */
    MAKE_MEMORY_UNDEFINED = 0x4d430001,
    MAKE_MEMORY_DEFINED = 0x4d430002,
};

/* Rotations by 128 bits in all, and an exchange of a register with itself: what no compiler makes. */
static uintptr_t ask(enum request request, uintptr_t first, uintptr_t second)
{
    const uintptr_t words[6] = {request, first, second};
#if defined(__x86_64__)
    uintptr_t answer = 0;

    __asm__ volatile("rolq $3, %%rdi\n\t"
                     "rolq $13, %%rdi\n\t"
                     "rolq $61, %%rdi\n\t"
                     "rolq $51, %%rdi\n\t"
                     "xchgq %%rbx, %%rbx"
                     : "+d"(answer)
                     : "a"(words)
                     : "cc", "memory");
    return answer;
#elif defined(__aarch64__)
    register uintptr_t answer __asm__("x3") = 0;
    register const uintptr_t *question __asm__("x4") = words;

    __asm__ volatile("ror x12, x12, #3\n\t"
                     "ror x12, x12, #13\n\t"
                     "ror x12, x12, #51\n\t"
                     "ror x12, x12, #61\n\t"
                     "orr x10, x10, x10"
                     : "+r"(answer)
                     : "r"(question)
                     : "cc", "memory");
    return answer;
#else
    (void)words;
    return 0;
#endif
}

bool valgrind_is_there(void)
{
    return ask(RUNNING_ON_VALGRIND, 0, 0) != 0;
}

bool valgrind_watches_memory(void)
{
    return ask(MAKE_MEMORY_DEFINED, 0, 0) != 0; /* memcheck alone answers, that it is done */
}

unsigned int valgrind_add_stack(const void *low, size_t size)
{
    return (unsigned int)ask(STACK_REGISTER, (uintptr_t)low, (uintptr_t)low + size - 1);
}

void valgrind_remove_stack(unsigned int stack)
{
    (void)ask(STACK_DEREGISTER, stack, 0);
}

void valgrind_forbid(const void *memory, size_t size)
{
    (void)ask(MAKE_MEMORY_NOACCESS, (uintptr_t)memory, size);
}

void valgrind_allow(const void *memory, size_t size, bool with_contents)
{
    (void)ask(with_contents ? MAKE_MEMORY_DEFINED : MAKE_MEMORY_UNDEFINED, (uintptr_t)memory, size);
}
