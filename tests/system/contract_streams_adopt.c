/* SPDX-License-Identifier: MIT
 *
 * Bridges to what is not ours: coir_adopt(), coir_fd(), coir_wait_fd() and
 * coir_signal_wait().
 */
#include "support/session.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* The caller still has the descriptor, and it is as it was. */
static void expect_left_alone(int fd, int expected)
{
    struct coir_stream *kept = (struct coir_stream *)&fd;
    struct coir_stream *stream = kept;
    int flags = fcntl(fd, F_GETFL);
    int marks = fcntl(fd, F_GETFD);

    assert_int_equal(coir_adopt(fd, NULL, &stream), expected);
    assert_ptr_equal(stream, kept);
    assert_int_equal(fcntl(fd, F_GETFL), flags);
    assert_int_equal(fcntl(fd, F_GETFD), marks);
    if (flags >= 0)
        close(fd);
}

SESSION_TEST(what_cannot_be_adopted_stays_the_callers)
{
    uint16_t port;
    int ends[2];

    expect_left_alone(-1, -EBADF);
    expect_left_alone(999999, -EBADF);
    expect_left_alone(open("/dev/null", O_RDWR), -ENOTSOCK);
    expect_left_alone(socket(AF_INET, SOCK_DGRAM, 0), -ESOCKTNOSUPPORT);
    expect_left_alone(socket(AF_INET, SOCK_STREAM, 0), -ENOTCONN);
    expect_left_alone(peer_listen(1, &port), -ENOTCONN);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    expect_left_alone(ends[0], -ESOCKTNOSUPPORT);
    close(ends[1]);
}

/* Of another kind of network, where the kernel has one. */
SESSION_TEST(a_stream_of_a_family_that_we_do_not_know_is_refused)
{
    int foreign = socket(AF_VSOCK, SOCK_STREAM, 0);

    if (foreign >= 0)
        expect_left_alone(foreign, -EAFNOSUPPORT);
}

SESSION_TEST(an_adopted_stream_owns_its_descriptor)
{
    struct session session = session_adopt();
    int fd = coir_fd(session.stream);

    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    session_end(&session);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

SESSION_TEST(a_blocking_descriptor_does_not_block_the_scheduler)
{
    struct coir_scope_options limit = {.limit_ns = 20 * COIR_MILLISECOND};
    struct session session = session_adopt();
    struct coir_scope *scope;
    char byte;

    assert_false(fcntl(coir_fd(session.stream), F_GETFL) & O_NONBLOCK);
    assert_int_equal(coir_scope_open(&limit, &scope), 0);
    assert_int_equal(coir_read(session.stream, &byte, 1), -ETIME);
    coir_scope_close(scope);
    session_end(&session);
}

SESSION_TEST(the_descriptor_is_still_the_streams)
{
    struct session session = session_accept();
    int fd = coir_fd(session.stream);

    assert_int_equal(coir_fd(session.stream), fd);
    peer_send(session.peer, "ab", 2);
    assert_int_equal(peer_read(fd, (char[1]){0}, 1), 1); /* nobody reads: we may */
    session_expect(session.stream, "b");
    assert_int_equal(coir_write(session.stream, "x", 1), 0);
    session_end(&session);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* Copies elsewhere keep a registration alive past the close: its events must not reach another stream. */
SESSION_TEST(a_copy_of_the_descriptor_disturbs_nobody_after_the_close)
{
    struct session session = session_accept();
    int copy = dup(coir_fd(session.stream));
    struct coir_run_info info;
    uint64_t turns;

    coir_abort(session.stream);
    assert_int_equal(coir_run_info(&info), 0);
    turns = info.turns;
    peer_send(session.peer, "x", 1);
    session_sleep_ms(10);
    assert_int_equal(coir_run_info(&info), 0);
    assert_int_equal(info.stale_events, 0);
    assert_true(info.turns - turns < 10);
    close(copy);
    close(session.peer);
}

SESSION_TEST(wait_fd_says_which_events_hold)
{
    int ends[2];
    int closed[2];

    peer_pair(ends);
    assert_int_equal(coir_wait_fd(ends[0], POLLOUT), POLLOUT);
    assert_int_equal(coir_wait_fd(ends[0], POLLIN | POLLOUT), POLLOUT);
    peer_send(ends[1], "x", 1);
    assert_int_equal(coir_wait_fd(ends[0], POLLIN), POLLIN);
    assert_int_equal(coir_wait_fd(ends[0], POLLIN | POLLOUT), POLLIN | POLLOUT);
    assert_int_equal(pipe(closed), 0);
    close(closed[0]);
    assert_true(coir_wait_fd(closed[1], POLLIN) & POLLERR); /* that may be added */
    close(closed[1]);
    close(ends[1]);
    assert_int_equal(coir_wait_fd(ends[0], POLLIN) & (POLLIN | POLLHUP), POLLIN | POLLHUP);
    close(ends[0]);
}

struct waiter {
    int fd;
    short events;
    int rc;
};

static int wait_for_it(void *arg)
{
    struct waiter *waiter = arg;

    waiter->rc = coir_wait_fd(waiter->fd, waiter->events);
    return waiter->rc < 0 ? waiter->rc : 0;
}

SESSION_TEST(wait_fd_suspends_until_an_event_holds)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct waiter waiter = {.events = POLLIN};
    int ends[2];

    assert_int_equal(pipe(ends), 0); /* any descriptor */
    waiter.fd = ends[0];
    session_spawn(scope, wait_for_it, &waiter);
    session_settle();
    assert_int_equal(waiter.rc, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(waiter.rc, POLLIN);
    close(ends[0]);
    close(ends[1]);
}

SESSION_TEST(wait_fd_obeys_the_scope)
{
    struct coir_scope_options limit = {.limit_ns = 10 * COIR_MILLISECOND};
    struct coir_scope *scope;
    int ends[2];

    peer_pair(ends);
    assert_int_equal(coir_scope_open(&limit, &scope), 0);
    assert_int_equal(coir_wait_fd(ends[0], POLLIN), -ETIME);
    assert_int_equal(coir_wait_fd(ends[0], POLLOUT), -ETIME); /* even if it holds: the entry check */
    coir_scope_close(scope);
    assert_int_equal(coir_wait_fd(ends[0], POLLOUT), POLLOUT);
    close(ends[0]);
    close(ends[1]);
}

SESSION_TEST(wrong_events_and_descriptors_are_refused)
{
    int ends[2];

    peer_pair(ends);
    assert_int_equal(coir_wait_fd(ends[0], 0), -EINVAL);
    assert_int_equal(coir_wait_fd(ends[0], POLLHUP), -EINVAL);
    assert_int_equal(coir_wait_fd(ends[0], POLLIN | 0x4000), -EINVAL);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(coir_wait_fd(ends[0], POLLIN), -EBADF);
    assert_int_equal(coir_wait_fd(-1, POLLIN), -EBADF);
}

SESSION_TEST(a_regular_file_is_always_ready)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(coir_wait_fd(fd, POLLIN), POLLIN);
    assert_int_equal(coir_wait_fd(fd, POLLIN | POLLOUT), POLLIN | POLLOUT);
    close(fd);
}

SESSION_TEST(wait_fd_leaves_no_registration_behind)
{
    struct coir_run_info info;
    uint64_t turns;

    for (int i = 0; i < 10; i++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        struct waiter waiter = {.events = POLLIN};
        int ends[2];
        int copy;

        peer_pair(ends);
        waiter.fd = ends[0];
        session_spawn(scope, wait_for_it, &waiter);
        session_settle();
        peer_send(ends[1], "x", 1);
        assert_int_equal(coir_scope_close(scope), 0);
        copy = dup(ends[0]); /* it would keep a registration alive, and its number is used again */
        close(ends[0]);
        assert_int_equal(coir_run_info(&info), 0);
        turns = info.turns;
        peer_send(ends[1], "y", 1);
        session_sleep_ms(3);
        assert_int_equal(coir_run_info(&info), 0);
        assert_true(info.turns - turns < 10);
        assert_int_equal(info.stale_events, 0);
        close(copy);
        close(ends[1]);
    }
}

SESSION_TEST(wait_fd_of_a_streams_descriptor_leaves_the_stream_working)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        struct session session = session_of_kind(kind);
        struct waiter waiter = {.fd = coir_fd(session.stream), .events = POLLIN};

        session_spawn(scope, wait_for_it, &waiter);
        session_settle();
        peer_send(session.peer, "one", 3);
        assert_int_equal(coir_scope_close(scope), 0);
        assert_int_equal(waiter.rc, POLLIN);
        session_expect(session.stream, "one");
        scope = session_scope(COIR_SCOPE_FAIL_FAST);
        session_spawn(scope, wait_for_it, &waiter);
        session_settle();
        coir_scope_cancel(scope);
        coir_scope_close(scope);
        assert_int_equal(waiter.rc, -ECANCELED);
        peer_send(session.peer, "two", 3);
        session_expect(session.stream, "two");
        session_end(&session);
    }
}

SESSION_TEST(two_tasks_may_wait_for_one_descriptor)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct waiter waiters[2] = {{.events = POLLIN}, {.events = POLLIN}};
    int ends[2];

    peer_pair(ends);
    for (int i = 0; i < 2; i++) {
        waiters[i].fd = ends[0];
        session_spawn(scope, wait_for_it, &waiters[i]);
    }
    session_settle();
    peer_send(ends[1], "x", 1);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(waiters[0].rc, POLLIN);
    assert_int_equal(waiters[1].rc, POLLIN);
    close(ends[0]);
    close(ends[1]);
}

/* Descriptors sent along with bytes would pile up in a process that never asks for them. */
SESSION_TEST(descriptors_that_a_peer_sends_are_not_taken)
{
    struct session session = session_adopt();
    unsigned before = peer_count_descriptors();
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr alignment;
    } control = {{0}};
    struct iovec piece = {.iov_base = "abc", .iov_len = 3};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &session.peer, sizeof(int));
    for (int i = 0; i < 3; i++)
        assert_int_equal(sendmsg(session.peer, &message, 0), 3);
    session_expect(session.stream, "abcabcabc"); /* and the boundaries stop no read */
    assert_int_equal(peer_count_descriptors(), before);
    session_end(&session);
}

SESSION_TEST(urgent_bytes_stop_no_read)
{
    struct session session = session_accept();

    peer_send(session.peer, "abc", 3);
    assert_int_equal(send(session.peer, "!", 1, MSG_OOB), 1);
    peer_send(session.peer, "def", 3);
    session_expect(session.stream, "abcdef");
    session_end(&session);
}
