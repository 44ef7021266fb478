/* SPDX-License-Identifier: MIT
 *
 * Misuse of the calls that take no handle, or NULL for what is no handle:
 * asserts; and of every call outside a task. "A wrong value that may come from
 * data is -EINVAL."
 */
#include "support/tasks.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static struct coir_scope *open_handle(void)
{
    struct coir_scope *scope = NULL;

    return coir_scope_open(NULL, &scope) == 0 ? scope : NULL;
}

static const struct coir_local key;
static struct coir_stream *stream;
static struct coir_listener *listener;
static struct coir_datagram_socket *datagrams;
static struct coir_datagram datagram;
static struct coir_datagram_info datagram_info;
static struct coir_scope *scope;
static struct coir_channel *channel;
static struct coir_run_info run_info;
static void *value;
static int number;
static char byte;

static struct coir_datagram_socket *open_datagrams(void)
{
    return coir_datagram_open("udp://127.0.0.1:0", NULL, &datagrams) == 0 ? datagrams : NULL;
}

#define WITH_NULLS(X)                                                                                                  \
    X(scope_open_nowhere, coir_scope_open(NULL, NULL))                                                                 \
    X(scope_info_nowhere, coir_scope_info(open_handle(), NULL))                                                        \
    X(spawn_nothing, coir_spawn(open_handle(), NULL, NULL, NULL))                                                      \
    X(spawn_copy_of_nothing,                                                                                           \
      coir_spawn(open_handle(), sleep_for_ever, NULL, &(struct coir_task_options){.arg_size = 8}))                     \
    X(run_info_nowhere, coir_run_info(NULL))                                                                           \
    X(local_set_without_key, coir_local_set(NULL, NULL))                                                               \
    X(local_get_without_key, coir_local_get(NULL, &value))                                                             \
    X(local_get_nowhere, coir_local_get(&key, NULL))                                                                   \
    X(channel_open_nowhere, coir_channel_open(1, 1, NULL))                                                             \
    X(connect_to_null, coir_connect(NULL, NULL, &stream))                                                              \
    X(connect_nowhere, coir_connect("unix://@x", NULL, NULL))                                                          \
    X(listen_at_null, coir_listen(NULL, NULL, &listener))                                                              \
    X(listen_nowhere, coir_listen("unix://@x", NULL, NULL))                                                            \
    X(datagram_open_null, coir_datagram_open(NULL, NULL, &datagrams))                                                  \
    X(datagram_open_nowhere, coir_datagram_open("unix://@x", NULL, NULL))                                              \
    X(datagram_receive_null, coir_datagram_receive(NULL, &datagram))                                                   \
    X(datagram_receive_nowhere, coir_datagram_receive(open_datagrams(), NULL))                                         \
    X(datagram_send_null, coir_datagram_send(NULL, &datagram))                                                         \
    X(datagram_send_nothing, coir_datagram_send(open_datagrams(), NULL))                                               \
    X(datagram_send_bytes_of_null, coir_datagram_send(open_datagrams(), &(struct coir_datagram){.data = {.size = 1}})) \
    X(datagram_info_null, coir_datagram_info(NULL, &datagram_info))                                                    \
    X(datagram_info_nowhere, coir_datagram_info(open_datagrams(), NULL))                                               \
    X(adopt_nowhere, coir_adopt(0, NULL, NULL))                                                                        \
    X(signal_wait_for_null, coir_signal_wait(NULL, 1, &number))                                                        \
    X(signal_wait_nowhere, coir_signal_wait((int[]){SIGUSR1}, 1, NULL))

#define OUTSIDE(X)                                                                                                     \
    X(yield, coir_yield())                                                                                             \
    X(sleep, coir_sleep(1))                                                                                            \
    X(task_name, coir_task_name() == NULL)                                                                             \
    X(run_info, coir_run_info(&run_info))                                                                              \
    X(scope_state, coir_scope_state((struct coir_scope *)&scope))                                                      \
    X(scope_open, coir_scope_open(NULL, &scope))                                                                       \
    X(local_set, coir_local_set(&key, &value))                                                                         \
    X(local_get, coir_local_get(&key, &value))                                                                         \
    X(channel_open, coir_channel_open(1, 1, &channel))                                                                 \
    X(connect, coir_connect("unix://@x", NULL, &stream))                                                               \
    X(listen, coir_listen("unix://@x", NULL, &listener))                                                               \
    X(datagram_open, coir_datagram_open("unix://@x", NULL, &datagrams))                                                \
    X(adopt, coir_adopt(0, NULL, &stream))                                                                             \
    X(wait_fd, coir_wait_fd(0, POLLIN))                                                                                \
    X(signal_wait, coir_signal_wait((int[]){SIGUSR1}, 1, &number))                                                     \
    X(linger_stop, (coir_linger_stop(), 0))

#define DEFINE(title, expression)                                                                                      \
    static int call_##title(void *arg)                                                                                 \
    {                                                                                                                  \
        (void)arg;                                                                                                     \
        return expression;                                                                                             \
    }
#define LIST(title, expression) {#title, call_##title},

WITH_NULLS(DEFINE)
OUTSIDE(DEFINE)

static const struct call {
    const char *name;
    int (*fn)(void *arg);
} with_nulls[] = {WITH_NULLS(LIST)}, outside[] = {OUTSIDE(LIST)};

TEST(null_for_what_a_call_needs_is_caught)
{
    for (size_t i = 0; i < sizeof(with_nulls) / sizeof(with_nulls[0]); i++) {
        print_message("%s\n", with_nulls[i].name);
        ASSERT_TASK_DIES(with_nulls[i].fn, NULL, "coir: misuse: ");
        assert_non_null(strstr(test_last_words(), "task \"main\""));
    }
}

static void call_outside(void *argument)
{
    const struct call *call = argument;

    (void)call->fn(NULL);
}

static int run_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void call_outside_after_a_run(void *argument)
{
    if (coir_run(run_nothing, NULL, NULL) == 0)
        call_outside(argument);
}

TEST(calls_outside_a_task_are_caught)
{
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        print_message("%s\n", outside[i].name);
        ASSERT_DIES(call_outside, (void *)(uintptr_t)&outside[i], "coir: misuse: ");
        ASSERT_DIES(call_outside_after_a_run, (void *)(uintptr_t)&outside[i], "coir: misuse: ");
    }
}

static void run_null(void *argument)
{
    (void)argument;
    (void)!coir_run(NULL, NULL, NULL);
}

TEST(a_run_of_nothing_is_caught)
{
    ASSERT_DIES(run_null, NULL, "fn != NULL");
}

TASK_TEST(wrong_values_that_may_come_from_data_are_einval)
{
    struct coir_stream *one;
    struct iovec piece = {.iov_base = &byte, .iov_len = 1};
    struct coir_slice slice;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(coir_adopt(ends[0], NULL, &one), 0);
    assert_int_equal(coir_read(one, &byte, 0), -EINVAL);
    assert_int_equal(coir_read_until(one, "", 0, 10, &slice), -EINVAL);
    assert_int_equal(coir_read_until(one, "abc", 3, 2, &slice), -EINVAL);
    assert_int_equal(coir_writev(one, &piece, -1), -EINVAL);
    assert_int_equal(coir_wait_fd(ends[1], 0), -EINVAL);
    assert_int_equal(coir_wait_fd(ends[1], POLLNVAL), -EINVAL);
    assert_int_equal(coir_wait_fd(-1, POLLIN), -EBADF);
    assert_int_equal(coir_signal_wait(NULL, 0, &number), -EINVAL);
    assert_int_equal(coir_signal_wait((int[]){0}, 1, &number), -EINVAL);
    assert_int_equal(coir_signal_wait((int[]){1000}, 1, &number), -EINVAL);
    assert_int_equal(coir_signal_wait((int[]){SIGSEGV}, 1, &number), -EINVAL);
    coir_abort(one);
}
