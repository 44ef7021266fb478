/* SPDX-License-Identifier: MIT
 *
 * Stacks one by one, each a mapping of its own: guard, then usable bytes.
 */
#include "context/sanitizer.h"
#include "kernel/kernel.h"
#include "stack/guard.h"
#include "stack/stack.h"
#include <errno.h>
#include <sys/mman.h>

int stack_map(size_t size, void **ret_low, unsigned int *ret_name)
{
    enum stack_guard guard;
    void *memory;
    char *low;

    if (guard_choose(&guard) < 0 || kernel_map(STACK_GUARD_SIZE + size, &memory) < 0)
        return -ENOMEM;
    (void)kernel_advise(memory, STACK_GUARD_SIZE + size, MADV_NOHUGEPAGE); /* as for chunks */
    if (guard_place(guard, memory, STACK_GUARD_SIZE) < 0) {
        (void)kernel_unmap(memory, STACK_GUARD_SIZE + size);
        return -ENOMEM;
    }
    low = (char *)memory + STACK_GUARD_SIZE;
    sanitizer_add_root(low, size);
    *ret_name = valgrind_add_stack(low, size);
    *ret_low = low;
    return 0;
}

void stack_unmap(void *low, size_t size, unsigned int name)
{
    valgrind_remove_stack(name);
    sanitizer_remove_root(low, size);
    if (sanitizer_watches_memory())
        sanitizer_unpoison(low, size); /* somebody else's memory next */
    (void)kernel_unmap((char *)low - STACK_GUARD_SIZE, STACK_GUARD_SIZE + size);
}
