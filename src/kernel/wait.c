/* SPDX-License-Identifier: MIT
 *
 * The calls of kernel.h that wait for descriptors.
 */
#include "kernel/kernel.h"
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS_PER_SECOND 1000000000

int kernel_epoll_create(void)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

int kernel_epoll_control(int epoll_fd, int action, int fd, struct epoll_event *event)
{
    return epoll_ctl(epoll_fd, action, fd, event) < 0 ? -errno : 0;
}

int kernel_epoll_wait(int epoll_fd, struct epoll_event *ret_events, int max, int timeout_ms)
{
    int count = epoll_wait(epoll_fd, ret_events, max, timeout_ms);

    return count < 0 ? -errno : count;
}

int kernel_epoll_wait_ns(int epoll_fd, struct epoll_event *ret_events, int max, int64_t timeout_ns)
{
#ifdef SYS_epoll_pwait2
    /* by number: the wrapper came to glibc (2.35) years after the call, and musl has none. The kernel's own struct,
     * 64 bits on every machine, as a 32-bit C library's timespec may be the old one. */
    struct {
        int64_t seconds;
        int64_t nanoseconds;
    } timeout = {timeout_ns / NANOSECONDS_PER_SECOND, timeout_ns % NANOSECONDS_PER_SECOND};
    long count =
        syscall(SYS_epoll_pwait2, epoll_fd, ret_events, max, timeout_ns < 0 ? NULL : &timeout, NULL, (size_t)0);

    return count < 0 ? -errno : (int)count;
#else
    (void)epoll_fd, (void)ret_events, (void)max, (void)timeout_ns;
    return -ENOSYS;
#endif
}

int kernel_poll(struct pollfd *descriptors, size_t count, int64_t timeout_ns)
{
    int64_t seconds = timeout_ns / NANOSECONDS_PER_SECOND;
    /* 68 years at most: beyond, a 32-bit glibc (2.36) takes what is ready, and an old ENOSYS in errno, for a failure.
     */
    struct timespec timeout = {.tv_sec = (time_t)(seconds < INT32_MAX ? seconds : INT32_MAX),
                               .tv_nsec = (long)(timeout_ns % NANOSECONDS_PER_SECOND)};
    int ready = ppoll(descriptors, (nfds_t)count, timeout_ns < 0 ? NULL : &timeout, NULL);

    return ready < 0 ? -errno : ready;
}
