/* SPDX-License-Identifier: MIT
 *
 * The faults themselves: every function of kernel.h and alloc.h can be failed,
 * counted and seen, and plans strike when and where they say.
 */
#include "base/alloc.h"
#include "kernel/kernel.h"
#include "support/faults.h"
#include "support/test.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct name {
    const char *name;
    void (*address)(void); /* that the linker gave to a use of the name */
};

#define FAULT_HEADER(path)
#define FAULT_NAME(name) {#name, (void (*)(void))name},
static const struct name names[] = {
#include "support/fault_names.inc"
};
#undef FAULT_NAME
#undef FAULT_HEADER

#define FAULT_HEADER(path) path,
#define FAULT_NAME(name)
static const char *const headers[] = {
#include "support/fault_names.inc"
};

#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

static bool is_known(const char *name)
{
    size_t at = 0;

    while (at < NAME_COUNT && strcmp(names[at].name, name) != 0)
        at++;
    return at < NAME_COUNT;
}

/* The text without comments, which also name functions. */
static void strip_comments(char *text)
{
    char *start;

    while ((start = strstr(text, "/*")) != NULL) {
        char *end = strstr(start, "*/");

        assert_non_null(end);
        memmove(start, end + 2, strlen(end + 2) + 1);
    }
}

/* Checks every "word(" that has the prefix of the room; returns how many there are. */
static size_t check_prototypes(const char *text)
{
    size_t count = 0;

    for (const char *open = strchr(text, '('); open != NULL; open = strchr(open + 1, '(')) {
        const char *start = open;
        char name[64];

        while (start > text && (isalnum((unsigned char)start[-1]) || start[-1] == '_'))
            start--;
        snprintf(name, sizeof(name), "%.*s", (int)(open - start), start);
        if (strncmp(name, "kernel_", 7) != 0 && strncmp(name, "alloc_", 6) != 0)
            continue;
        if (!is_known(name))
            fail_msg("%s is in no list of faults", name);
        count++;
    }
    return count;
}

TEST(every_prototype_in_the_headers_can_be_failed)
{
    static char text[65536];
    size_t count = 0;

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        FILE *file = fopen(headers[i], "r");

        assert_non_null(file);
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        fclose(file);
        strip_comments(text);
        count += check_prototypes(text);
    }
    assert_int_equal(count, NAME_COUNT);
    assert_true(count > 40);
}

TEST(every_name_leads_to_its_wrapper)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (names[i].address != fault_wrapper(names[i].name))
            fail_msg("%s is not wrapped", names[i].name);
}

/* Calls each function once with arguments that are harmless as they fail before they are used. */
static void expect_all_to_fail_with(int error)
{
    struct iovec piece = {"x", 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    struct epoll_event event = {0};
    struct pollfd entry = {.fd = -1};
    struct stat stat;
    sigset_t signals;
    socklen_t size = 0;
    void *memory;
    int number;

    sigemptyset(&signals);
    assert_int_equal(kernel_socket(AF_INET, SOCK_STREAM, 0), -error);
    assert_int_equal(kernel_bind(-1, NULL, 0), -error);
    assert_int_equal(kernel_listen(-1, 1), -error);
    assert_int_equal(kernel_accept(-1), -error);
    assert_int_equal(kernel_connect(-1, NULL, 0), -error);
    assert_int_equal(kernel_receive(-1, &number, 1, 0), -error);
    assert_int_equal(kernel_send(-1, "x", 1), -error);
    assert_int_equal(kernel_send_pieces(-1, &piece, 1), -error);
    assert_int_equal(kernel_receive_message(-1, &message), -error);
    assert_int_equal(kernel_send_message(-1, &message), -error);
    assert_int_equal(kernel_shutdown(-1, SHUT_WR), -error);
    assert_int_equal(kernel_set_option(-1, 0, 0, &number, sizeof(number)), -error);
    assert_int_equal(kernel_get_option(-1, 0, 0, &number, &size), -error);
    assert_int_equal(kernel_local_address(-1, NULL, &size), -error);
    assert_int_equal(kernel_peer_address(-1, NULL, &size), -error);
    assert_int_equal(kernel_unsent(-1, &number), -error);
    assert_int_equal(kernel_close(-1), -error);
    assert_int_equal(kernel_duplicate(-1), -error);
    assert_int_equal(kernel_get_flags(-1), -error);
    assert_int_equal(kernel_set_flags(-1, 0), -error);
    assert_int_equal(kernel_close_on_exec(-1), -error);
    assert_int_equal(kernel_read(-1, &number, 1), -error);
    assert_int_equal(kernel_write(-1, "x", 1), -error);
    assert_int_equal(kernel_eventfd(), -error);
    assert_int_equal(kernel_lstat("/", &stat), -error);
    assert_int_equal(kernel_unlink("/"), -error);
    assert_int_equal(kernel_descriptor_limit(), -error);
    assert_int_equal(kernel_epoll_create(), -error);
    assert_int_equal(kernel_epoll_control(-1, EPOLL_CTL_ADD, -1, &event), -error);
    assert_int_equal(kernel_epoll_wait(-1, &event, 1, 0), -error);
    assert_int_equal(kernel_epoll_wait_ns(-1, &event, 1, 0), -error);
    assert_int_equal(kernel_poll(&entry, 1, 0), -error);
    assert_int_equal(kernel_signal_mask(SIG_BLOCK, &signals, NULL), -error);
    assert_int_equal(kernel_signal_action(SIGUSR1, NULL, NULL), -error);
    assert_int_equal(kernel_signal_stack(NULL, NULL), -error);
    assert_int_equal(kernel_signal_raise(SIGUSR1), -error);
    assert_int_equal(kernel_signalfd(&signals), -error);
    assert_int_equal(kernel_map(4096, &memory), -error);
    assert_int_equal(kernel_unmap(NULL, 4096), -error);
    assert_int_equal(kernel_forbid(NULL, 4096), -error);
    assert_int_equal(kernel_advise(NULL, 4096, 0), -error);
    assert_null(alloc_bytes(1));
    assert_null(alloc_zeroed(1, 1));
    assert_null(alloc_aligned(64, 1));
}

TEST(every_function_that_can_fail_does_when_told)
{
    fault_clear();
    fault_fail(FAULT_ANY, 1, EXFULL, FAULT_ALWAYS); /* an errno that no call gives by itself */
    expect_all_to_fail_with(EXFULL);
    assert_true(kernel_clock() > 0);
    alloc_free(NULL);
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (fault_calls(names[i].name) != 1)
            fail_msg("%s was called %u times", names[i].name, fault_calls(names[i].name));
    assert_int_equal(fault_hits(), NAME_COUNT - 2); /* these two cannot fail */
    fault_clear();
}

TEST(nth_call_fails_once)
{
    fault_clear();
    (void)kernel_get_flags(0);
    fault_fail("kernel_get_flags", 3, EIO, FAULT_ONCE);
    for (int call = 1; call <= 5; call++)
        assert_int_equal(kernel_get_flags(-1), call == 3 ? -EIO : -EBADF);
    assert_int_equal(fault_calls("kernel_get_flags"), 6);
    assert_int_equal(fault_hits(), 1);
}

TEST(from_the_nth_call_on_all_fail_until_cleared)
{
    fault_clear();
    fault_fail("kernel_get_flags", 3, EIO, FAULT_ALWAYS);
    for (int call = 1; call <= 6; call++)
        assert_int_equal(kernel_get_flags(-1), call >= 3 ? -EIO : -EBADF);
    fault_clear();
    assert_int_equal(fault_calls("kernel_get_flags"), 0);
    assert_int_equal(kernel_get_flags(-1), -EBADF);
}

TEST(nth_call_of_any_kind_fails)
{
    void *memory;

    fault_clear();
    fault_fail(FAULT_ANY, 3, EIO, FAULT_ONCE);
    assert_int_equal(kernel_get_flags(-1), -EBADF);
    (void)kernel_clock(); /* cannot fail: not counted */
    assert_int_equal(kernel_duplicate(-1), -EBADF);
    assert_null(alloc_bytes(1));
    memory = alloc_bytes(1);
    assert_non_null(memory);
    alloc_free(memory);
    fault_clear();
}

TEST(several_plans_wait_side_by_side)
{
    fault_clear();
    fault_fail("kernel_get_flags", 1, EIO, FAULT_ONCE);
    fault_fail("kernel_get_flags", 2, EINTR, FAULT_ONCE);
    fault_fail("kernel_duplicate", 1, EMFILE, FAULT_ALWAYS);
    assert_int_equal(kernel_duplicate(-1), -EMFILE);
    assert_int_equal(kernel_get_flags(-1), -EIO);
    assert_int_equal(kernel_get_flags(-1), -EINTR);
    assert_int_equal(kernel_get_flags(-1), -EBADF);
    assert_int_equal(kernel_duplicate(-1), -EMFILE);
    fault_clear();
}

TEST(failed_call_does_nothing)
{
    char byte = 'a';
    int ends[2];

    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    fault_clear();
    fault_fail("kernel_write", 1, EPIPE, FAULT_ONCE);
    assert_int_equal(kernel_write(ends[1], "b", 1), -EPIPE);
    assert_int_equal(kernel_read(ends[0], &byte, 1), -EAGAIN);
    assert_int_equal(byte, 'a');
    close(ends[0]);
    close(ends[1]);
}

TEST(failed_close_has_closed)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    fault_clear();
    fault_fail("kernel_close", 1, EIO, FAULT_ONCE);
    assert_int_equal(kernel_close(ends[0]), -EIO);
    assert_int_equal(kernel_close(ends[0]), -EBADF);
    close(ends[1]);
}

TEST(reads_and_writes_are_cut_short)
{
    struct iovec pieces[] = {{"ab", 2}, {"", 0}, {"cdef", 4}, {"gh", 2}};
    char bytes[32] = "";
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    fault_clear();
    fault_limit("kernel_send_pieces", 1, 3, FAULT_ONCE);
    fault_limit("kernel_send", 1, 2, FAULT_ONCE);
    fault_limit("kernel_write", 1, 1, FAULT_ONCE);
    assert_int_equal(kernel_send_pieces(fds[0], pieces, 4), 3);
    assert_int_equal(kernel_send_pieces(fds[0], pieces, 4), 8);
    assert_int_equal(kernel_send(fds[0], "123", 3), 2);
    assert_int_equal(kernel_write(fds[0], "xyz", 3), 1);
    fault_limit("kernel_receive", 2, 4, FAULT_ALWAYS);
    fault_limit("kernel_read", 1, 3, FAULT_ONCE);
    assert_int_equal(kernel_receive(fds[1], bytes, 1, 0), 1);
    assert_int_equal(kernel_receive(fds[1], bytes + 1, 30, 0), 4);
    assert_int_equal(kernel_receive(fds[1], bytes + 5, 2, 0), 2);
    assert_int_equal(kernel_read(fds[1], bytes + 7, 20), 3);
    assert_int_equal(kernel_read(fds[1], bytes + 10, 20), 4);
    assert_string_equal(bytes, "abcabcdefgh12x");
    assert_int_equal(fault_hits(), 0);
    close(fds[0]);
    close(fds[1]);
    fault_clear();
}

struct seen {
    char calls[256];
    int fd_to_close;
};

static void note_before(const struct fault_call *call, void *context)
{
    struct seen *seen = context;
    size_t used = strlen(seen->calls);

    snprintf(seen->calls + used, sizeof(seen->calls) - used, "<%s %d %zu", call->function, call->fd, call->size);
    if (seen->fd_to_close >= 0)
        (void)kernel_close(seen->fd_to_close); /* not seen itself */
}

static void note_after(const struct fault_call *call, void *context)
{
    struct seen *seen = context;
    size_t used = strlen(seen->calls);

    snprintf(seen->calls + used, sizeof(seen->calls) - used, " = %" PRId64 ">", call->result);
}

TEST(observer_sees_each_call_and_can_act_just_before_it)
{
    struct seen seen = {.fd_to_close = -1};
    char bytes[4];
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    seen.fd_to_close = ends[1]; /* without which the read would wait for ever */
    fault_clear();
    fault_observe(note_before, note_after, &seen);
    assert_int_equal(kernel_read(ends[0], bytes, sizeof(bytes)), 0);
    seen.fd_to_close = -1;
    fault_fail("alloc_bytes", 1, ENOMEM, FAULT_ONCE);
    assert_null(alloc_bytes(77));
    fault_clear();
    (void)kernel_get_flags(-1);
    snprintf(bytes, sizeof(bytes), "%d", ends[0]);
    assert_memory_equal(seen.calls, "<kernel_read ", 13);
    assert_memory_equal(seen.calls + 13, bytes, strlen(bytes));
    assert_string_equal(seen.calls + 13 + strlen(bytes), " 4 = 0><alloc_bytes -1 77 = 0>");
    close(ends[0]);
}

static void *call_thousand_times(void *argument)
{
    unsigned *failed = argument;

    for (int i = 0; i < 1000; i++)
        *failed += kernel_get_flags(-1) == -EIO;
    return NULL;
}

TEST(plans_and_counts_hold_over_threads)
{
    unsigned failed[4] = {0};
    pthread_t threads[4];

    fault_clear();
    fault_fail("kernel_get_flags", 2001, EIO, FAULT_ALWAYS);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_thousand_times, &failed[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(fault_calls("kernel_get_flags"), 4000);
    assert_int_equal(failed[0] + failed[1] + failed[2] + failed[3], 2000);
    fault_clear();
}

static void plan_unknown(void *argument)
{
    fault_fail(argument, 1, EIO, FAULT_ONCE);
}

static void limit_unfit(void *argument)
{
    fault_limit(argument, 1, 1, FAULT_ONCE);
}

TEST(plan_that_could_never_strike_aborts)
{
    ASSERT_DIES(plan_unknown, "kernel_recieve", "faults: no such function: kernel_recieve");
    ASSERT_DIES(plan_unknown, "kernel_clock", "faults: cannot fail: kernel_clock");
    ASSERT_DIES(limit_unfit, "kernel_accept", "faults: cannot be short: kernel_accept");
}
