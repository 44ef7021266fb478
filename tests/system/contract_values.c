/* SPDX-License-Identifier: MIT
 *
 * Values: "Every call returns >= 0 on success and a negative errno on failure;
 * errno is never part of the contract. coir_time is int64 nanoseconds,
 * monotonic. Outputs are written only on success. Options are a pointer to a
 * struct whose zero value is the default; NULL = defaults. All calls return
 * int, except coir_read and coir_read_exact." That what can fail is must-use,
 * and outputs come last, is in tests/build/headers.sh. The table of errors is
 * in contract_errors.c.
 */
#include "support/tasks.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNTOUCHED ((void *)(uintptr_t)0x5a5a5a50)

_Static_assert(sizeof(coir_time) == 8 && (coir_time)-1 < 0, "coir_time is int64");
_Static_assert(COIR_SECOND == 1000 * COIR_MILLISECOND && COIR_MILLISECOND == 1000 * COIR_MICROSECOND &&
                   COIR_MICROSECOND == 1000,
               "coir_time counts nanoseconds");
_Static_assert(COIR_FOREVER == INT64_MAX, "COIR_FOREVER is later than every moment");
#define IS_TYPE(expression, type) _Generic((expression), type : 1, default : 0)
_Static_assert(IS_TYPE(coir_read(NULL, NULL, 0), ssize_t), "coir_read gives a count");
_Static_assert(IS_TYPE(coir_read_exact(NULL, NULL, 0), ssize_t), "coir_read_exact gives a count");
_Static_assert(IS_TYPE(coir_receive(NULL, NULL), int), "coir_receive gives 1 or 0");
_Static_assert(IS_TYPE(coir_write(NULL, NULL, 0), int), "coir_write gives 0");
_Static_assert(IS_TYPE(coir_scope_close(NULL), int), "coir_scope_close gives a failure or 0");

TASK_TEST(time_is_monotonic)
{
    coir_time last = coir_now();

    for (int i = 0; i < 10000; i++) {
        coir_time now = coir_now();

        assert_true(now >= last);
        last = now;
    }
}

TASK_TEST(errno_is_no_part_of_it)
{
    struct coir_scope *scope = open_scope(NULL);
    struct coir_stream *stream;

    errno = ENOTTY;
    assert_int_equal(coir_yield(), 0);
    errno = ENOTTY;
    assert_int_equal(coir_adopt(-1, NULL, &stream), -EBADF);
    coir_scope_cancel(scope);
    errno = 0;
    assert_int_equal(coir_yield(), -ECANCELED);
    assert_int_equal(coir_scope_close(scope), 0);
}

static void *never_run(struct coir_coroutine *self, void *value, void *arg)
{
    (void)self;
    (void)arg;
    return value;
}

TASK_TEST(failed_openings_write_no_output)
{
    struct coir_scope_options no_policy = {.policy = (enum coir_scope_policy)7};
    struct coir_coroutine_options immense = {.stack_size = SIZE_MAX / 2};
    struct coir_scope *scope = UNTOUCHED;
    struct coir_channel *channel = UNTOUCHED;
    struct coir_stream *stream = UNTOUCHED;
    struct coir_listener *listener = UNTOUCHED;
    struct coir_coroutine *coroutine = UNTOUCHED;
    struct coir_datagram_socket *datagrams = UNTOUCHED;
    static const struct coir_local key;
    void *value = UNTOUCHED;

    assert_int_equal(coir_scope_open(&no_policy, &scope), -EINVAL);
    assert_ptr_equal(scope, UNTOUCHED);
    assert_int_equal(coir_channel_open(1, 0, &channel), -EINVAL);
    assert_ptr_equal(channel, UNTOUCHED);
    assert_int_equal(coir_connect("nowhere", NULL, &stream), COIR_ERROR_ADDRESS);
    assert_int_equal(coir_adopt(-1, NULL, &stream), -EBADF);
    assert_ptr_equal(stream, UNTOUCHED);
    assert_int_equal(coir_listen("nowhere", NULL, &listener), COIR_ERROR_ADDRESS);
    assert_ptr_equal(listener, UNTOUCHED);
    assert_int_equal(coir_datagram_open("nowhere", NULL, &datagrams), COIR_ERROR_ADDRESS);
    assert_ptr_equal(datagrams, UNTOUCHED);
    assert_int_equal(coir_coroutine_create(never_run, NULL, &immense, &coroutine), -EINVAL);
    assert_ptr_equal(coroutine, UNTOUCHED);
    assert_int_equal(coir_local_get(&key, &value), -ENOENT);
    assert_ptr_equal(value, UNTOUCHED);
}

struct pair {
    struct coir_stream *one, *other;
};

static struct pair open_pair(void)
{
    struct pair pair;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(coir_adopt(ends[0], NULL, &pair.one), 0);
    assert_int_equal(coir_adopt(ends[1], NULL, &pair.other), 0);
    return pair;
}

TASK_TEST(failed_waits_write_no_output)
{
    struct coir_listener *listener;
    struct coir_channel *channel = open_channel(1, sizeof(int));
    struct pair pair = open_pair();
    struct coir_slice slice = {UNTOUCHED, 77, UNTOUCHED};
    struct coir_stream *accepted = UNTOUCHED;
    int item = 77, signal = 77, sent = 1;
    struct coir_scope *scope;

    assert_int_equal(coir_listen("tcp://127.0.0.1:0", NULL, &listener), 0);
    assert_int_equal(coir_channel_send(channel, &sent), 0);
    assert_int_equal(coir_write(pair.other, "abc\n", 4), 0);
    scope = open_scope(NULL);
    coir_scope_cancel(scope);
    assert_int_equal(coir_channel_receive(channel, &item), -ECANCELED);
    assert_int_equal(coir_accept(listener, &accepted), -ECANCELED);
    assert_int_equal(coir_receive(pair.one, &slice), -ECANCELED);
    assert_int_equal(coir_read_until(pair.one, "\n", 1, 100, &slice), -ECANCELED);
    assert_int_equal(coir_signal_wait((int[]){SIGUSR1}, 1, &signal), -ECANCELED);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_true(slice.bytes == UNTOUCHED && slice.size == 77 && slice.origin == UNTOUCHED);
    assert_int_equal(coir_signal_wait((int[]){SIGKILL}, 1, &signal), -EINVAL);
    assert_int_equal(signal, 77);
    assert_int_equal(item, 77);
    assert_ptr_equal(accepted, UNTOUCHED);
    coir_listener_close(listener);
    coir_channel_close(channel);
    coir_abort(pair.one);
    coir_abort(pair.other);
}

TASK_TEST(a_failed_receive_of_a_datagram_writes_no_output)
{
    struct coir_datagram_socket *datagrams;
    struct coir_datagram datagram, before;
    struct coir_scope *scope;

    assert_int_equal(coir_datagram_open("udp://127.0.0.1:0", NULL, &datagrams), 0);
    memset(&before, 0x5a, sizeof(before));
    datagram = before;
    scope = open_scope(NULL);
    coir_scope_set_limit(scope, COIR_MILLISECOND);
    assert_int_equal(coir_datagram_receive(datagrams, &datagram), -ETIME);
    assert_int_equal(coir_datagram_receive(datagrams, &datagram), -ETIME); /* refused at entry */
    assert_int_equal(coir_scope_close(scope), 0);
    assert_memory_equal(&datagram, &before, sizeof(before));
    coir_datagram_close(datagrams);
}

TASK_TEST(failed_spawns_write_no_result)
{
    int result = 77;
    struct coir_task_options options = {.ret_result = &result, .stack = (enum coir_stack_class)99};
    struct coir_scope *scope = open_scope(NULL);

    assert_int_equal(coir_spawn(scope, sleep_for_ever, NULL, &options), -EINVAL);
    coir_scope_cancel(scope);
    options.stack = COIR_STACK_DEFAULT;
    assert_int_equal(coir_spawn(scope, sleep_for_ever, NULL, &options), -ECANCELED);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(result, 77);
}

static int tell_defaults(void *arg)
{
    struct coir_run_info *info = arg;

    return coir_run_info(info);
}

/* NULL and zeroed options must mean the same: what a run says of itself, */
TEST(no_options_and_zeroed_ones_are_the_same_run)
{
    struct coir_run_options zero = {0};
    struct coir_run_info without, with;

    assert_int_equal(coir_run(tell_defaults, &without, NULL), 0);
    assert_int_equal(coir_run(tell_defaults, &with, &zero), 0);
    assert_string_equal(without.engine, with.engine);
    assert_string_equal(without.engine_reason, with.engine_reason);
    assert_int_equal(without.stack_bytes, with.stack_bytes);
}

static int name_is_empty(void *arg)
{
    (void)arg;
    return coir_task_name()[0] == '\0';
}

/* what a scope is and does, and what a task is. */
TASK_TEST(no_options_and_zeroed_ones_are_the_same_scope_and_task)
{
    static const struct coir_scope_options zero_scope;
    static const struct coir_task_options zero_task;

    for (int zeroed = 0; zeroed < 2; zeroed++) {
        struct coir_scope *scope = open_scope(zeroed ? &zero_scope : NULL);
        int result = 0, failure = -EIO;
        struct coir_task_options telling = {.ret_result = &result};
        struct coir_scope_info info;

        assert_int_equal(coir_scope_info(scope, &info), 0);
        assert_string_equal(info.name, "");
        assert_int_equal(info.deadline, COIR_FOREVER);
        assert_int_equal(coir_spawn(scope, name_is_empty, NULL, &telling), 0);
        assert_int_equal(coir_spawn(scope, return_it, &failure, zeroed ? &zero_task : NULL), 0);
        assert_int_equal(coir_scope_close(scope), -EIO);
        assert_int_equal(result, 1);
    }
}

TASK_TEST(a_receive_returns_one_and_a_slice_or_zero)
{
    struct pair pair = open_pair();
    struct coir_slice slice;
    char bytes[8];

    assert_int_equal(coir_write(pair.one, "abcdef", 6), 0);
    assert_int_equal(coir_finish(pair.one), 0);
    assert_int_equal(coir_read(pair.other, bytes, 2), 2);
    assert_int_equal(coir_receive(pair.other, &slice), 1);
    assert_int_equal(slice.size, 4);
    assert_memory_equal(slice.bytes, "cdef", 4);
    coir_release(&slice);
    assert_int_equal(coir_receive(pair.other, &slice), 0);
    assert_int_equal(coir_read(pair.other, bytes, 8), 0);
    assert_int_equal(coir_read_exact(pair.other, bytes, 8), 0);
    coir_close(pair.one);
    coir_close(pair.other);
}
