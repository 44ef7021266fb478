/* SPDX-License-Identifier: MIT
 *
 * What torture.c does, as tables: the errors that each call is failed with, and
 * those that nobody is told, with the reason.
 */
#ifndef CONTRACT_TORTURE_TABLES_H
#define CONTRACT_TORTURE_TABLES_H

#include <errno.h>
#include <limits.h>

#define ERRORS_MAX 10

/* What each call may say, 0 at the end. An interrupted connect(2) goes on, and
 * EAGAIN where something is there is no answer of a kernel: neither is here. */
static const struct torture_cause {
    const char *function;
    int errors[ERRORS_MAX];
} causes[] = {
    {"alloc_bytes", {ENOMEM}},
    {"alloc_zeroed", {ENOMEM}},
    {"alloc_aligned", {ENOMEM}},
    {"kernel_socket", {EMFILE, ENFILE, ENOMEM, ENOBUFS, EACCES, EAFNOSUPPORT}},
    {"kernel_bind", {EADDRINUSE, EADDRNOTAVAIL, EACCES, ENOMEM}},
    {"kernel_listen", {EADDRINUSE}},
    {"kernel_accept", {EMFILE, ENFILE, ENOMEM, ENOBUFS, ECONNABORTED, EPERM, EINTR, EINVAL}},
    {"kernel_connect", {ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL, ETIMEDOUT, EAGAIN, EACCES}},
    {"kernel_receive", {EINTR, ENOMEM, ECONNRESET, ETIMEDOUT, EHOSTUNREACH}},
    {"kernel_send", {EINTR, ENOMEM, ENOBUFS, ECONNRESET, EPIPE, ETIMEDOUT}},
    {"kernel_send_pieces", {EINTR, ENOMEM, ENOBUFS, ECONNRESET, EPIPE, ETIMEDOUT}},
    {"kernel_receive_message", {EINTR, ENOMEM, ENOBUFS, ECONNREFUSED, EHOSTUNREACH}},
    {"kernel_send_message", {EINTR, ENOMEM, ENOBUFS, ECONNREFUSED, EMSGSIZE, EPERM}},
    {"kernel_shutdown", {ENOTCONN}},
    {"kernel_set_option", {ENOPROTOOPT, ENOMEM, EPERM}},
    {"kernel_get_option", {ENOBUFS, ENOPROTOOPT}},
    {"kernel_local_address", {ENOBUFS}},
    {"kernel_peer_address", {ENOBUFS}},
    {"kernel_unsent", {EINVAL}},
    {"kernel_close", {EINTR, EIO}},
    {"kernel_duplicate", {EMFILE}},
    {"kernel_get_flags", {EPERM}},
    {"kernel_set_flags", {EPERM}},
    {"kernel_close_on_exec", {EPERM}},
    {"kernel_read", {EINTR, ENOMEM}},
    {"kernel_write", {EINTR, EAGAIN}},
    {"kernel_eventfd", {EMFILE, ENFILE, ENOMEM}},
    {"kernel_lstat", {EACCES, ENOENT, ENOMEM}},
    {"kernel_unlink", {EACCES, ENOENT, EROFS}},
    {"kernel_descriptor_limit", {EPERM}},
    {"kernel_epoll_create", {EMFILE, ENFILE, ENOMEM}},
    {"kernel_epoll_control", {ENOMEM, ENOSPC}},
    {"kernel_epoll_wait", {EINTR}},
    {"kernel_epoll_wait_ns", {EINTR}},
    {"kernel_poll", {EINTR, ENOMEM}},
    {"kernel_signal_mask", {EPERM}},
    {"kernel_signal_action", {EPERM}},
    {"kernel_signal_stack", {EPERM}},
    {"kernel_signal_raise", {EPERM}},
    {"kernel_signalfd", {EMFILE, ENOMEM}},
    {"kernel_map", {ENOMEM}},
    {"kernel_unmap", {ENOMEM}},
    {"kernel_forbid", {ENOMEM}},
    {"kernel_advise", {ENOMEM, EINVAL}},
};
#define CAUSE_COUNT (sizeof(causes) / sizeof(causes[0]))

#define EVERY UINT_MAX

/* What nobody is told, and why that is right. */
static const struct torture_absorbed {
    const char *function;
    int error;          /* 0 = any */
    unsigned calls_max; /* of the script, that may be so; 0 = none, unless other calls fail, too */
    const char *reason;
} absorbed[] = {
    {"kernel_accept", EINTR, EVERY, "it is tried again"},
    {"kernel_receive", EINTR, EVERY, "it is tried again"},
    {"kernel_receive_message", EINTR, EVERY, "it is tried again"},
    {"kernel_send", EINTR, EVERY, "it is tried again"},
    {"kernel_send_pieces", EINTR, EVERY, "it is tried again"},
    {"kernel_send_message", EINTR, EVERY, "it is tried again"},
    {"kernel_read", EINTR, EVERY, "it is tried again"},
    {"kernel_poll", EINTR, EVERY, "it is tried again"},
    {"kernel_poll", ENOMEM, EVERY, "the poll engine waits again after a pause; coir_wait_fd() says it"},
    {"kernel_epoll_wait", EINTR, EVERY, "the engine waits again"},
    {"kernel_epoll_wait_ns", EINTR, EVERY, "the engine waits again; at the start: done without, in milliseconds"},
    {"kernel_send", ENOMEM, EVERY, "the write waits until there is memory"},
    {"kernel_send", ENOBUFS, EVERY, "the write waits until there is memory"},
    {"kernel_send_pieces", ENOMEM, EVERY, "the write waits until there is memory"},
    {"kernel_send_pieces", ENOBUFS, EVERY, "the write waits until there is memory"},
    {"kernel_connect", EAGAIN, 1, "the queue of a Unix listener is full: it is tried again after a pause"},
    {"kernel_close", 0, EVERY, "the descriptor is gone whatever close(2) says"},
    {"kernel_accept", EINVAL, 2,
     "a Unix listener that drains was shut down by us, and says so when its queue is empty"},
    {"alloc_bytes", ENOMEM, 1, "a datagram stays in the large buffer that it came in"},
    {"kernel_map", ENOMEM, 1, "fewer stacks are reserved at once"},
    {"kernel_advise", 0, 1, "stacks may get huge pages, and take more memory than they need"},
    {"kernel_unmap", ENOMEM, 1, "memory cannot be given back; the run is over"},
    {"kernel_set_option", 0, 11,
     "a given socket's options are as far as it allows; IPv6's on an IPv4 socket; the filter of a"
     " drain; the reset of a stream that is given up; ports of ours that connections share"},
    {"kernel_close_on_exec", EPERM, 2, "a given descriptor stays as its giver made it"},
    {"kernel_local_address", ENOBUFS, 5, "a connection to itself is not found out; a listener's address is not known"},
    {"kernel_peer_address", ENOBUFS, 3, "a connection to itself is not found out"},
    {"kernel_shutdown", ENOTCONN, 3,
     "a closed stream whose connection is gone owes nothing; a Unix listener that drains"},
    {"kernel_unsent", EINVAL, 2, "progress of a closed stream is seen in what comes in alone"},
    {"kernel_listen", EADDRINUSE, 0,
     "if its file cannot be removed either, a Unix listener finds that nobody listens there, and tries again"},
    {"kernel_lstat", 0, 2, "a closed listener's file stays; the next server finds that nobody listens there"},
    {"kernel_unlink", 0, 2, "likewise"},
    {"kernel_signal_mask", EPERM, 1, "at the end of the run: signals stay blocked"},
    {"kernel_signal_action", EPERM, 4, "stack overflows are not told by name; they kill all the same"},
    {"kernel_signal_stack", 0, 1, "at the end of the run: the handlers' stack stays where it is"},
};
#define ABSORBED_COUNT (sizeof(absorbed) / sizeof(absorbed[0]))

#endif
