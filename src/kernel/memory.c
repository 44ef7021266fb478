/* SPDX-License-Identifier: MIT
 *
 * The calls of kernel.h about address space.
 */
#include "kernel/kernel.h"
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

int kernel_map(size_t size, void **ret_memory)
{
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

    if (memory == MAP_FAILED)
        return -errno;
    *ret_memory = memory;
    return 0;
}

int kernel_unmap(void *memory, size_t size)
{
    return munmap(memory, size) < 0 ? -errno : 0;
}

int kernel_forbid(void *memory, size_t size)
{
    return mprotect(memory, size, PROT_NONE) < 0 ? -errno : 0;
}

int kernel_advise(void *memory, size_t size, int advice)
{
    return madvise(memory, size, advice) < 0 ? -errno : 0;
}
