/* SPDX-License-Identifier: MIT
 *
 * The socket calls of kernel.h. Every descriptor made here is close-on-exec
 * and non-blocking from birth, and nothing here can raise SIGPIPE or block.
 */
#include "kernel/kernel.h"
#include <errno.h>
#include <stddef.h>
#include <sys/ioctl.h>

int kernel_socket(int family, int type, int protocol)
{
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

    return fd < 0 ? -errno : fd;
}

int kernel_bind(int fd, const struct sockaddr *address, socklen_t size)
{
    return bind(fd, address, size) < 0 ? -errno : 0;
}

int kernel_listen(int fd, int backlog)
{
    return listen(fd, backlog) < 0 ? -errno : 0;
}

int kernel_accept(int fd)
{
    int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    return accepted < 0 ? -errno : accepted;
}

int kernel_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    return connect(fd, address, size) < 0 ? -errno : 0;
}

ssize_t kernel_receive(int fd, void *bytes, size_t size, int flags)
{
    ssize_t received = recv(fd, bytes, size, flags | MSG_DONTWAIT);

    return received < 0 ? -errno : received;
}

ssize_t kernel_send(int fd, const void *bytes, size_t size)
{
    ssize_t sent = send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);

    return sent < 0 ? -errno : sent;
}

ssize_t kernel_send_pieces(int fd, const struct iovec *pieces, size_t count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)pieces};
    ssize_t sent;

    message.msg_iovlen = (__typeof__(message.msg_iovlen))count; /* size_t in glibc, int in musl */
    sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

ssize_t kernel_receive_message(int fd, struct msghdr *message)
{
    ssize_t received = recvmsg(fd, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    return received < 0 ? -errno : received;
}

ssize_t kernel_send_message(int fd, const struct msghdr *message)
{
    ssize_t sent = sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);

    return sent < 0 ? -errno : sent;
}

int kernel_shutdown(int fd, int how)
{
    return shutdown(fd, how) < 0 ? -errno : 0;
}

int kernel_set_option(int fd, int level, int name, const void *value, socklen_t size)
{
    return setsockopt(fd, level, name, value, size) < 0 ? -errno : 0;
}

int kernel_get_option(int fd, int level, int name, void *ret_value, socklen_t *size)
{
    return getsockopt(fd, level, name, ret_value, size) < 0 ? -errno : 0;
}

int kernel_local_address(int fd, struct sockaddr *ret_address, socklen_t *size)
{
    return getsockname(fd, ret_address, size) < 0 ? -errno : 0;
}

int kernel_peer_address(int fd, struct sockaddr *ret_address, socklen_t *size)
{
    return getpeername(fd, ret_address, size) < 0 ? -errno : 0;
}

int kernel_unsent(int fd, int *ret_bytes)
{
    /* SIOCOUTQ by its other name, which needs no header of the kernel's */
    return ioctl(fd, TIOCOUTQ, ret_bytes) < 0 ? -errno : 0;
}
