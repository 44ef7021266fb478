/* SPDX-License-Identifier: MIT
 *
 * The calls on descriptors of any kind, and on paths.
 */
#include "kernel/kernel.h"
#include "support/test.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

TEST(bytes_written_are_read)
{
    char bytes[8] = "";
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(kernel_write(ends[1], "hello", 5), 5);
    assert_int_equal(kernel_read(ends[0], bytes, sizeof(bytes)), 5);
    assert_string_equal(bytes, "hello");
    assert_int_equal(kernel_close(ends[1]), 0);
    assert_int_equal(kernel_read(ends[0], bytes, sizeof(bytes)), 0);
    assert_int_equal(kernel_close(ends[0]), 0);
    assert_int_equal(fcntl(ends[0], F_GETFD), -1);
}

TEST(duplicate_is_another_descriptor_closed_on_exec)
{
    int ends[2];
    int copy;

    assert_int_equal(pipe(ends), 0);
    copy = kernel_duplicate(ends[1]);
    assert_true(copy >= 0 && copy != ends[1]);
    assert_true(fcntl(copy, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(kernel_write(copy, "x", 1), 1);
    close(copy);
    close(ends[0]);
    close(ends[1]);
}

TEST(a_descriptor_of_others_is_closed_on_exec_from_then_on)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_false(fcntl(ends[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(kernel_close_on_exec(ends[0]), 0);
    assert_true(fcntl(ends[0], F_GETFD) & FD_CLOEXEC);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(kernel_close_on_exec(ends[0]), -EBADF);
}

TEST(flags_are_set_and_read_back)
{
    char byte;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_false(kernel_get_flags(ends[0]) & O_NONBLOCK);
    assert_int_equal(kernel_set_flags(ends[0], O_NONBLOCK), 0);
    assert_true(kernel_get_flags(ends[0]) & O_NONBLOCK);
    assert_int_equal(kernel_read(ends[0], &byte, 1), -EAGAIN);
    close(ends[0]);
    close(ends[1]);
}

TEST(eventfd_counts_and_does_not_block)
{
    uint64_t count = 3;
    int fd = kernel_eventfd();

    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(kernel_read(fd, &count, sizeof(count)), -EAGAIN);
    assert_int_equal(kernel_write(fd, &count, sizeof(count)), sizeof(count));
    assert_int_equal(kernel_write(fd, &count, sizeof(count)), sizeof(count));
    assert_int_equal(kernel_read(fd, &count, sizeof(count)), sizeof(count));
    assert_int_equal(count, 6);
    close(fd);
}

TEST(path_itself_is_looked_at_and_unlinked)
{
    char folder[] = "/tmp/coir-test-XXXXXX";
    char path[64];
    struct stat stat;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/link", folder);
    assert_int_equal(kernel_lstat(path, &stat), -ENOENT);
    assert_int_equal(kernel_unlink(path), -ENOENT);
    assert_int_equal(symlink("nowhere", path), 0);
    assert_int_equal(kernel_lstat(path, &stat), 0);
    assert_true(S_ISLNK(stat.st_mode));
    assert_int_equal(kernel_unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

TEST(descriptor_calls_return_their_error)
{
    char byte = 0;

    assert_int_equal(kernel_close(-1), -EBADF);
    assert_int_equal(kernel_duplicate(-1), -EBADF);
    assert_int_equal(kernel_get_flags(-1), -EBADF);
    assert_int_equal(kernel_set_flags(-1, 0), -EBADF);
    assert_int_equal(kernel_read(-1, &byte, 1), -EBADF);
    assert_int_equal(kernel_write(-1, &byte, 1), -EBADF);
}

TEST(the_limit_is_that_of_now)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(kernel_descriptor_limit(), limit.rlim_cur);
    limit.rlim_cur = 77;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(kernel_descriptor_limit(), 77);
}
