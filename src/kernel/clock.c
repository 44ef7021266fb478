/* SPDX-License-Identifier: MIT
 *
 * The clock of kernel.h.
 */
#include "kernel/kernel.h"
#include <time.h>

int64_t kernel_clock(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* fails only for a clock or an address that does not exist */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
