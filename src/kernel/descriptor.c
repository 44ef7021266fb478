/* SPDX-License-Identifier: MIT
 *
 * The calls of kernel.h on descriptors of any kind, and on paths.
 */
#include "kernel/kernel.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

int kernel_close(int fd)
{
    /* never retried: Linux has let go of the descriptor whatever it returns */
    return close(fd) < 0 ? -errno : 0;
}

int kernel_duplicate(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    return copy < 0 ? -errno : copy;
}

int kernel_get_flags(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags < 0 ? -errno : flags;
}

int kernel_set_flags(int fd, int flags)
{
    return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int kernel_close_on_exec(int fd)
{
    return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
}

ssize_t kernel_read(int fd, void *bytes, size_t size)
{
    ssize_t count = read(fd, bytes, size);

    return count < 0 ? -errno : count;
}

ssize_t kernel_write(int fd, const void *bytes, size_t size)
{
    ssize_t count = write(fd, bytes, size);

    return count < 0 ? -errno : count;
}

int kernel_eventfd(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    return fd < 0 ? -errno : fd;
}

int kernel_lstat(const char *path, struct stat *ret_stat)
{
    return lstat(path, ret_stat) < 0 ? -errno : 0;
}

int kernel_unlink(const char *path)
{
    return unlink(path) < 0 ? -errno : 0;
}

int kernel_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    return limit.rlim_cur > INT_MAX ? INT_MAX : (int)limit.rlim_cur;
}
