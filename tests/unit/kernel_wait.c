/* SPDX-License-Identifier: MIT
 *
 * Waiting for descriptors, and the clock: what is ready is told at once, and a
 * wait never ends early.
 */
#include "kernel/kernel.h"
#include "support/test.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MILLISECOND ((int64_t)1000000)
#define SECOND (1000 * MILLISECOND)

/* Emulators and old kernels have no epoll_pwait2, and sandboxes deny it. */
static bool has_wait_ns(void)
{
    int epoll_fd = kernel_epoll_create();
    struct epoll_event event;
    int rc = kernel_epoll_wait_ns(epoll_fd, &event, 1, 0);

    close(epoll_fd);
    return rc != -ENOSYS && rc != -EPERM;
}

static int watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x1122334455667788u};
    int epoll_fd = kernel_epoll_create();

    assert_true(epoll_fd >= 0);
    assert_true(fcntl(epoll_fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(kernel_epoll_control(epoll_fd, EPOLL_CTL_ADD, fd, &event), 0);
    assert_int_equal(kernel_epoll_control(epoll_fd, EPOLL_CTL_ADD, fd, &event), -EEXIST);
    return epoll_fd;
}

static int new_eventfd(uint64_t count)
{
    int fd = kernel_eventfd();

    assert_true(fd >= 0);
    if (count > 0)
        assert_int_equal(kernel_write(fd, &count, sizeof(count)), sizeof(count));
    return fd;
}

TEST(clock_goes_on_and_counts_nanoseconds)
{
    int64_t before = kernel_clock();
    int64_t after;

    usleep(20000);
    after = kernel_clock();
    assert_true(before > 0);
    assert_true(after - before >= 20 * MILLISECOND);
    assert_true(after - before < 20 * SECOND);
}

TEST(epoll_tells_what_is_ready)
{
    struct epoll_event events[4] = {{0}};
    int fd = new_eventfd(1);
    int epoll_fd = watch(fd);

    assert_int_equal(kernel_epoll_wait(epoll_fd, events, 4, -1), 1);
    assert_int_equal(events[0].data.u64, 0x1122334455667788u);
    assert_int_equal(kernel_epoll_control(epoll_fd, EPOLL_CTL_DEL, fd, NULL), 0);
    assert_int_equal(kernel_epoll_wait(epoll_fd, events, 4, 0), 0);
    close(epoll_fd);
    close(fd);
}

TEST(epoll_waits_as_long_as_it_was_told)
{
    struct epoll_event event;
    int fd = new_eventfd(0);
    int epoll_fd = watch(fd);
    int64_t start = kernel_clock();

    assert_int_equal(kernel_epoll_wait(epoll_fd, &event, 1, 15), 0);
    assert_true(kernel_clock() - start >= 14 * MILLISECOND); /* its clock is coarser than ours */
    close(epoll_fd);
    close(fd);
}

TEST(epoll_with_nanoseconds_tells_what_is_ready_and_is_never_early)
{
    static const int64_t limits[] = {0, 15 * MILLISECOND + 1, SECOND + 50 * MILLISECOND};
    struct epoll_event events[4] = {{0}};
    int fd, epoll_fd;

    if (!has_wait_ns())
        TEST_SKIP("no epoll_pwait2 here");
    fd = new_eventfd(1);
    epoll_fd = watch(fd);
    assert_int_equal(kernel_epoll_wait_ns(epoll_fd, events, 4, -1), 1);
    assert_int_equal(events[0].data.u64, 0x1122334455667788u);
    assert_int_equal(kernel_epoll_control(epoll_fd, EPOLL_CTL_DEL, fd, NULL), 0);
    for (int i = 0; i < 3; i++) {
        int64_t start = kernel_clock();

        assert_int_equal(kernel_epoll_wait_ns(epoll_fd, events, 4, limits[i]), 0);
        assert_true(kernel_clock() - start >= limits[i]);
    }
    assert_int_equal(kernel_epoll_wait_ns(-1, events, 1, 0), -EBADF);
    close(epoll_fd);
    close(fd);
}

TEST(poll_is_never_early)
{
    static const int64_t limits[] = {0, 15 * MILLISECOND + 1, SECOND + 50 * MILLISECOND};
    struct pollfd entry = {.events = POLLIN};

    entry.fd = new_eventfd(0);
    for (int i = 0; i < 3; i++) {
        int64_t start = kernel_clock();

        assert_int_equal(kernel_poll(&entry, 1, limits[i]), 0);
        assert_true(kernel_clock() - start >= limits[i]);
    }
    close(entry.fd);
}

TEST(poll_tells_what_is_ready)
{
    struct pollfd entries[2] = {{.events = POLLIN}, {.events = POLLIN}};

    entries[0].fd = new_eventfd(0);
    entries[1].fd = new_eventfd(1);
    assert_int_equal(kernel_poll(entries, 2, -1), 1);
    assert_int_equal(entries[0].revents, 0);
    assert_int_equal(entries[1].revents, POLLIN);
    errno = ENOSYS; /* from before */
    assert_int_equal(kernel_poll(entries, 2, INT64_MAX), 1);
    assert_int_equal(kernel_poll(entries, 1, 0), 0);
    close(entries[0].fd);
    close(entries[1].fd);
}

static void do_nothing(int signal)
{
    (void)signal;
}

TEST(signal_ends_a_wait_and_nothing_retries_it)
{
    const struct sigaction action = {.sa_handler = do_nothing};
    struct sigaction previous;
    struct pollfd entry = {.events = POLLIN};

    assert_int_equal(kernel_signal_action(SIGALRM, &action, &previous), 0); /* the time limit's: put back below */
    entry.fd = new_eventfd(0);
    ualarm(20000, 0);
    assert_int_equal(kernel_poll(&entry, 1, 10 * SECOND), -EINTR);
    assert_int_equal(kernel_signal_action(SIGALRM, &previous, NULL), 0);
    close(entry.fd);
}

TEST(waiting_calls_return_their_error)
{
    struct epoll_event event = {.events = EPOLLIN};

    assert_int_equal(kernel_epoll_control(-1, EPOLL_CTL_ADD, 0, &event), -EBADF);
    assert_int_equal(kernel_epoll_wait(-1, &event, 1, 0), -EBADF);
    if (!test_is_under_valgrind()) /* which reports it */
        assert_int_equal(kernel_poll((struct pollfd *)8, 1, 0), -EFAULT);
}
