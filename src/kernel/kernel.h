/* SPDX-License-Identifier: MIT
 *
 * The system calls: one thin function each, and the only code that makes any.
 *
 * Each returns what the call returns, or a negative errno; none retries, waits
 * or interprets. Tests link a body that can make any of them fail
 * (tests/support/faults.h), so nothing may be inlined from here.
 */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

/* sockets: socket.c */

/** socket(2); SOCK_CLOEXEC and SOCK_NONBLOCK are always added. */
int kernel_socket(int family, int type, int protocol);
int kernel_bind(int fd, const struct sockaddr *address, socklen_t size);
int kernel_listen(int fd, int backlog);
/** accept4(2) with SOCK_CLOEXEC and SOCK_NONBLOCK; the peer's address is not asked for. */
int kernel_accept(int fd);
int kernel_connect(int fd, const struct sockaddr *address, socklen_t size);
/** recv(2) with MSG_DONTWAIT added. */
ssize_t kernel_receive(int fd, void *bytes, size_t size, int flags);
/** send(2) with MSG_DONTWAIT and MSG_NOSIGNAL. */
ssize_t kernel_send(int fd, const void *bytes, size_t size);
/** sendmsg(2) of the pieces alone, with MSG_DONTWAIT and MSG_NOSIGNAL. */
ssize_t kernel_send_pieces(int fd, const struct iovec *pieces, size_t count);
/** recvmsg(2) with MSG_DONTWAIT and MSG_CMSG_CLOEXEC. */
ssize_t kernel_receive_message(int fd, struct msghdr *message);
/** sendmsg(2) with MSG_DONTWAIT and MSG_NOSIGNAL. */
ssize_t kernel_send_message(int fd, const struct msghdr *message);
int kernel_shutdown(int fd, int how);
int kernel_set_option(int fd, int level, int name, const void *value, socklen_t size);
int kernel_get_option(int fd, int level, int name, void *ret_value, socklen_t *size);
int kernel_local_address(int fd, struct sockaddr *ret_address, socklen_t *size);
int kernel_peer_address(int fd, struct sockaddr *ret_address, socklen_t *size);
/** ioctl(2) SIOCOUTQ: bytes sent and not yet acknowledged. */
int kernel_unsent(int fd, int *ret_bytes);

/* descriptors: descriptor.c */

int kernel_close(int fd);
/** fcntl(2) F_DUPFD_CLOEXEC. */
int kernel_duplicate(int fd);
/** fcntl(2) F_GETFL and F_SETFL. */
int kernel_get_flags(int fd);
int kernel_set_flags(int fd, int flags);
/** fcntl(2) F_SETFD FD_CLOEXEC, for a descriptor that somebody else made. */
int kernel_close_on_exec(int fd);
ssize_t kernel_read(int fd, void *bytes, size_t size);
ssize_t kernel_write(int fd, const void *bytes, size_t size);
/** eventfd(2), non-blocking and close-on-exec. */
int kernel_eventfd(void);
int kernel_lstat(const char *path, struct stat *ret_stat);
int kernel_unlink(const char *path);
/** getrlimit(2) RLIMIT_NOFILE: how many descriptors this process may have. */
int kernel_descriptor_limit(void);

/* waiting: wait.c */

/** epoll_create1(2) with EPOLL_CLOEXEC. */
int kernel_epoll_create(void);
int kernel_epoll_control(int epoll_fd, int action, int fd, struct epoll_event *event);
/** epoll_wait(2); `timeout_ms` < 0 = no limit. */
int kernel_epoll_wait(int epoll_fd, struct epoll_event *ret_events, int max, int timeout_ms);
/** epoll_pwait2(2), Linux 5.11; `timeout_ns` < 0 = no limit. */
int kernel_epoll_wait_ns(int epoll_fd, struct epoll_event *ret_events, int max, int64_t timeout_ns);
/** ppoll(2); `timeout_ns` < 0 = no limit. */
int kernel_poll(struct pollfd *descriptors, size_t count, int64_t timeout_ns);

/* signals: signal.c */

/** pthread_sigmask(3). */
int kernel_signal_mask(int how, const sigset_t *signals, sigset_t *ret_previous);
int kernel_signal_action(int signal, const struct sigaction *action, struct sigaction *ret_previous);
int kernel_signal_stack(const stack_t *stack, stack_t *ret_previous);
/** raise(3): to the calling thread. */
int kernel_signal_raise(int signal);
/** signalfd(2), non-blocking and close-on-exec. */
int kernel_signalfd(const sigset_t *signals);

/* memory: memory.c */

/** mmap(2): private, anonymous, readable and writable, MAP_NORESERVE and MAP_STACK. */
int kernel_map(size_t size, void **ret_memory);
int kernel_unmap(void *memory, size_t size);
/** mprotect(2) to no access. */
int kernel_forbid(void *memory, size_t size);
int kernel_advise(void *memory, size_t size, int advice);

/* time: clock.c */

/** clock_gettime(2) CLOCK_MONOTONIC, in nanoseconds; cannot fail. */
int64_t kernel_clock(void);

#endif
