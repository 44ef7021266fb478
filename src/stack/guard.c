/* SPDX-License-Identifier: MIT
 *
 * Whether the kernel has guard markers (Linux 6.13) is found out by using one,
 * as user-mode emulators accept any advice and do nothing. The answer is kept
 * for the process, the one thing here that all threads share.
 */
#include "stack/guard.h"
#include "kernel/kernel.h"
#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#define ADVICE_GUARD_INSTALL 102 /* MADV_GUARD_INSTALL, which older headers lack */
#define ADVICE_NONSENSE 0x7fff   /* no kernel knows it */

enum finding {
    UNKNOWN,
    MARKERS_WORK,
    MARKERS_FAIL,
};

static _Atomic(enum finding) finding = UNKNOWN;

size_t guard_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Whether the kernel itself cannot read `page`, which tells without a signal. */
static enum finding try_reading(const void *page)
{
    int fd = kernel_eventfd();
    ssize_t written;

    if (fd < 0)
        return UNKNOWN;
    written = kernel_write(fd, page, sizeof(uint64_t));
    (void)kernel_close(fd);
    return written == -EFAULT ? MARKERS_WORK : MARKERS_FAIL;
}

static enum finding try_marker(void *page, size_t size)
{
    if (kernel_advise(page, size, ADVICE_NONSENSE) >= 0)
        return MARKERS_FAIL;
    if (kernel_advise(page, size, ADVICE_GUARD_INSTALL) < 0)
        return MARKERS_FAIL;
    return try_reading(page);
}

int guard_choose(enum stack_guard *ret_guard)
{
    enum finding found = atomic_load_explicit(&finding, memory_order_relaxed);
    void *page;

    if (found == UNKNOWN) {
        if (kernel_map(guard_page_size(), &page) < 0)
            return -ENOMEM;
        found = try_marker(page, guard_page_size());
        (void)kernel_unmap(page, guard_page_size());
        atomic_store_explicit(&finding, found, memory_order_relaxed);
    }
    /* Still unknown: no descriptor was left to try with. Mappings always work; the next one to ask tries again. */
    *ret_guard = found == MARKERS_WORK ? STACK_GUARD_MARKERS : STACK_GUARD_MAPPINGS;
    return 0;
}

int guard_place(enum stack_guard guard, void *memory, size_t size)
{
    int rc;

    if (guard == STACK_GUARD_MARKERS)
        rc = kernel_advise(memory, size, ADVICE_GUARD_INSTALL);
    else
        rc = kernel_forbid(memory, size);
    return rc < 0 ? -ENOMEM : 0;
}
