/* SPDX-License-Identifier: MIT
 *
 * Reads and writes when the kernel gives and takes little, is interrupted, or
 * fails.
 * Rooms: runtime
 */
#include "support/faults.h"
#include "support/session.h"
#include "task/task.h"

#define TEXT "0123456789abcdefghijklmnopqrstuvwxyz"
#define TEXT_SIZE (sizeof(TEXT) - 1)

/* The text as pieces of 0, 1, 2, 0, 1, 2, ... bytes: more than go in one system call. */
static int make_pieces(struct iovec pieces[64])
{
    char *text = (char *)(uintptr_t)TEXT;
    size_t at = 0;
    int count = 0;

    while (at < TEXT_SIZE) {
        size_t size = (size_t)count % 3;

        size = size < TEXT_SIZE - at ? size : TEXT_SIZE - at;
        pieces[count++] = (struct iovec){.iov_base = text + at, .iov_len = size};
        at += size;
    }
    return count;
}

static void expect_text(int peer)
{
    char got[TEXT_SIZE];

    assert_int_equal(peer_read(peer, got, TEXT_SIZE), TEXT_SIZE);
    assert_memory_equal(got, TEXT, TEXT_SIZE);
}

SESSION_TEST(every_split_of_a_write_is_completed)
{
    struct iovec pieces[64];
    int count = make_pieces(pieces);

    assert_true(count > 16);
    for (size_t limit = 1; limit <= TEXT_SIZE; limit++) {
        for (int kind = 0; kind < SESSION_KINDS; kind++) {
            struct session session = session_of_kind(kind);

            if (kind ==
                2) /* a short send to TCP says that its queue is full; the floods of contract_streams_write.c do */
                fault_limit("kernel_send", 1, limit, FAULT_ALWAYS);
            fault_limit("kernel_send_pieces", 1, limit, FAULT_ALWAYS);
            assert_int_equal(coir_write(session.stream, TEXT, TEXT_SIZE), 0);
            assert_int_equal(session_info(session.stream).last_out, TEXT_SIZE);
            expect_text(session.peer);
            assert_int_equal(coir_writev(session.stream, pieces, count), 0);
            assert_int_equal(session_info(session.stream).last_out, TEXT_SIZE);
            expect_text(session.peer);
            fault_clear();
            session_end(&session);
        }
    }
}

SESSION_TEST(every_split_of_a_read_is_completed)
{
    for (size_t limit = 1; limit <= TEXT_SIZE; limit++) {
        struct session session = session_of_kind((int)limit % SESSION_KINDS);
        struct coir_slice slice;
        char got[TEXT_SIZE];

        fault_limit("kernel_receive", 1, limit, FAULT_ALWAYS);
        peer_send(session.peer, TEXT, TEXT_SIZE);
        peer_send(session.peer, TEXT, TEXT_SIZE);
        peer_finish(session.peer); /* or a short read would mean that nothing is left, and no event would come */
        assert_int_equal(coir_read_exact(session.stream, got, TEXT_SIZE), TEXT_SIZE);
        assert_memory_equal(got, TEXT, TEXT_SIZE);
        assert_int_equal(coir_read_until(session.stream, "xyz", 3, 100, &slice), 1);
        assert_int_equal(slice.size, TEXT_SIZE);
        assert_memory_equal(slice.bytes, TEXT, TEXT_SIZE);
        coir_release(&slice);
        assert_int_equal(coir_receive(session.stream, &slice), 0);
        fault_clear();
        session_end(&session);
    }
}

/* One call that takes hundreds of operations, none of which waits. */

#define LARGE_SIZE 400

struct large_call {
    struct coir_stream *stream;
    ssize_t (*call)(struct coir_stream *stream, void *bytes);
    bool ended;
};

static ssize_t write_large(struct coir_stream *stream, void *bytes)
{
    return coir_write(stream, bytes, LARGE_SIZE);
}

static ssize_t read_large(struct coir_stream *stream, void *bytes)
{
    return coir_read_exact(stream, bytes, LARGE_SIZE) == LARGE_SIZE ? 0 : 1;
}

static ssize_t read_large_line(struct coir_stream *stream, void *bytes)
{
    struct coir_slice slice;
    ssize_t rc = coir_read_until(stream, "$", 1, LARGE_SIZE, &slice);

    (void)bytes;
    coir_release(&slice);
    return rc == 1 ? 0 : 1;
}

static int run_large_call(void *arg)
{
    struct large_call *large = arg;
    char bytes[LARGE_SIZE] = {0};
    ssize_t rc = large->call(large->stream, bytes);

    large->ended = true;
    return (int)rc;
}

static void expect_others_to_run(ssize_t (*call)(struct coir_stream *stream, void *bytes))
{
    struct session session = session_of_kind(0);
    struct large_call large = {.stream = session.stream, .call = call};
    struct coir_scope *scope;
    char bytes[LARGE_SIZE];
    int turns = 0;

    memset(bytes, '.', sizeof(bytes));
    bytes[LARGE_SIZE - 1] = '$';
    peer_send(session.peer, bytes, sizeof(bytes));
    peer_finish(session.peer);
    fault_limit("kernel_receive", 1, 1, FAULT_ALWAYS);
    fault_limit("kernel_send", 1, 1, FAULT_ALWAYS);
    assert_int_equal(coir_scope_open(NULL, &scope), 0);
    assert_int_equal(coir_spawn(scope, run_large_call, &large, NULL), 0);
    while (!large.ended) {
        struct coir_slice slice;

        assert_int_equal(coir_yield(), 0);
        if (!large.ended && ++turns > 1)
            assert_int_equal(call == write_large ? coir_write(session.stream, "x", 1)
                                                 : coir_receive(session.stream, &slice),
                             -EBUSY);
    }
    assert_int_equal(coir_scope_close(scope), 0);
    assert_in_range(turns, LARGE_SIZE / TASK_TURN_BUDGET / 2, LARGE_SIZE);
    fault_clear();
    session_end(&session);
}

SESSION_TEST(others_run_within_one_large_write)
{
    expect_others_to_run(write_large);
}

SESSION_TEST(others_run_within_one_large_read)
{
    expect_others_to_run(read_large);
}

SESSION_TEST(others_run_within_one_long_line)
{
    expect_others_to_run(read_large_line);
}

SESSION_TEST(an_interruption_is_not_noticed)
{
    struct session session = session_accept();
    struct iovec piece = {.iov_base = "e", .iov_len = 1};

    for (unsigned n = 1; n <= 3; n++) {
        fault_fail("kernel_send", n, EINTR, FAULT_ONCE);
        fault_fail("kernel_send_pieces", n, EINTR, FAULT_ONCE);
        fault_fail("kernel_receive", n, EINTR, FAULT_ONCE);
    }
    assert_int_equal(coir_write(session.stream, "writ", 4), 0);
    assert_int_equal(coir_writev(session.stream, &piece, 1), 0);
    peer_send(session.peer, "read", 4);
    session_expect(session.stream, "read");
    assert_int_equal(fault_hits(), 9);
    fault_clear();
    session_end(&session);
}

static int send_later(void *arg)
{
    session_settle();
    peer_send(*(int *)arg, "y", 1);
    return 0;
}

SESSION_TEST(readiness_that_was_a_mistake_is_waited_out)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct session session = session_accept();

    peer_send(session.peer, "x", 1);
    fault_fail("kernel_receive", 1, EAGAIN, FAULT_ONCE);
    session_spawn(scope, send_later, &session.peer);
    session_expect(session.stream, "xy");
    assert_int_equal(fault_hits(), 1);
    fault_clear();
    assert_int_equal(coir_scope_close(scope), 0);
    session_end(&session);
}

SESSION_TEST(an_error_of_the_connection_is_latched_for_both_directions)
{
    static const int errors[] = {ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETDOWN, EPIPE};

    for (size_t i = 0; i < 2 * sizeof(errors) / sizeof(errors[0]); i++) {
        struct session session = session_accept();
        int error = errors[i / 2];
        char byte;

        if (i % 2 == 0)
            fault_fail("kernel_receive", 1, error, FAULT_ONCE);
        else
            fault_fail("kernel_send", 1, error, FAULT_ONCE);
        peer_send(session.peer, "x", 1);
        if (i % 2 == 0)
            assert_int_equal(coir_read(session.stream, &byte, 1), -error);
        assert_int_equal(coir_write(session.stream, "x", 1), -error);
        fault_clear();
        session_expect(session.stream, "x"); /* what was received comes first all the same */
        peer_finish(session.peer);
        session_settle();
        assert_int_equal(coir_read(session.stream, &byte, 1), -error); /* and never 0 */
        assert_int_equal(coir_write(session.stream, "x", 1), -error);
        session_end(&session);
    }
}

SESSION_TEST(a_shortage_of_memory_ends_no_read)
{
    static const int errors[] = {ENOMEM, ENOBUFS};

    for (size_t i = 0; i < 2; i++) {
        struct session session = session_accept();
        char byte;

        peer_send(session.peer, "x", 1);
        fault_fail("kernel_receive", 1, errors[i], FAULT_ONCE);
        assert_int_equal(coir_read(session.stream, &byte, 1), -errors[i]);
        session_expect(session.stream, "x");
        assert_int_equal(coir_write(session.stream, "x", 1), 0); /* nor is it kept for others */
        fault_clear();
        session_end(&session);
    }
}

/* The memory that was named is none: the caller's error, of which the connection knows nothing. */
SESSION_TEST(a_wrong_call_ends_no_read)
{
    static const int errors[] = {EFAULT, EINVAL};

    for (size_t i = 0; i < 2; i++) {
        struct session session = session_accept();
        char byte;

        peer_send(session.peer, "x", 1);
        fault_fail("kernel_receive", 1, errors[i], FAULT_ONCE);
        assert_int_equal(coir_read(session.stream, &byte, 1), -errors[i]);
        assert_int_equal(coir_write(session.stream, "x", 1), 0);
        fault_clear();
        session_expect(session.stream, "x");
        session_end(&session);
    }
}

static int write_text(struct coir_stream *stream, bool in_pieces)
{
    struct iovec pieces[64];

    return in_pieces ? coir_writev(stream, pieces, make_pieces(pieces)) : coir_write(stream, TEXT, TEXT_SIZE);
}

static void fail_sends(unsigned nth, int error, enum fault_span span)
{
    fault_fail("kernel_send", nth, error, span);
    fault_fail("kernel_send_pieces", nth, error, span);
}

SESSION_TEST(a_write_waits_until_the_kernel_has_memory_again)
{
    static const int errors[] = {ENOMEM, ENOBUFS};

    for (size_t i = 0; i < 4; i++) {
        struct session session = session_of_kind((int)i % SESSION_KINDS);
        coir_time from = coir_now();

        for (unsigned nth = 1; nth <= 3; nth++)
            fail_sends(nth, errors[i % 2], FAULT_ONCE);
        assert_int_equal(write_text(session.stream, i >= 2), 0);
        assert_true(coir_now() - from >= (1 + 2 + 4) * COIR_MILLISECOND);
        assert_int_equal(fault_hits(), 3);
        assert_int_equal(session_info(session.stream).last_out, TEXT_SIZE);
        expect_text(session.peer);
        fault_clear();
        assert_int_equal(write_text(session.stream, i < 2), 0); /* nothing is left of it */
        expect_text(session.peer);
        session_end(&session);
    }
}

SESSION_TEST(a_lasting_shortage_is_the_writes_error_after_a_second)
{
    for (int in_pieces = 0; in_pieces < 2; in_pieces++) {
        struct session session = session_accept();
        coir_time from = coir_now();

        fail_sends(1, ENOBUFS, FAULT_ALWAYS);
        assert_int_equal(write_text(session.stream, in_pieces), -ENOBUFS);
        assert_in_range((coir_now() - from) / COIR_MILLISECOND, 1000, 20000);
        assert_in_range(fault_hits(), 2, 20); /* each wait is longer than the one before */
        fault_clear();
        assert_int_equal(write_text(session.stream, in_pieces), -ENOBUFS); /* kept: it had started */
        peer_send(session.peer, "y", 1);
        session_expect(session.stream, "y"); /* for writes alone */
        session_end(&session);
    }
}

struct write_in_shortage {
    struct coir_stream *stream;
    bool in_pieces;
    int rc;
};

static int write_in_shortage(void *arg)
{
    struct write_in_shortage *write = arg;

    write->rc = write_text(write->stream, write->in_pieces);
    return 0;
}

SESSION_TEST(a_write_in_a_shortage_obeys_scope_and_owner)
{
    for (int i = 0; i < 4; i++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
        struct session session = session_accept();
        struct write_in_shortage write = {.stream = session.stream, .in_pieces = i % 2};

        fail_sends(1, ENOMEM, FAULT_ALWAYS);
        session_spawn(scope, write_in_shortage, &write);
        while (fault_hits() < 3)
            session_sleep_ms(1);
        assert_int_equal(coir_write(session.stream, "x", 1), -EBUSY);
        if (i < 2)
            coir_scope_cancel(scope);
        else
            session_end(&session);
        coir_scope_close(scope);
        assert_int_equal(write.rc, i < 2 ? -ECANCELED : -EBADF);
        fault_clear();
        if (i < 2)
            session_end(&session);
    }
}

SESSION_TEST(no_memory_for_a_buffer_loses_nothing)
{
    struct session session = session_accept();
    struct coir_slice slice;

    peer_send(session.peer, "kept", 4);
    fault_fail("alloc_bytes", 1, ENOMEM, FAULT_ALWAYS);
    fault_fail("kernel_receive", 1, EINTR, FAULT_ONCE); /* of the look at what is there */
    assert_int_equal(coir_receive(session.stream, &slice), -ENOMEM);
    assert_int_equal(coir_read_until(session.stream, "t", 1, 10, &slice), -ENOMEM);
    fault_clear();
    session_expect(session.stream, "kept");
    session_end(&session);
}

SESSION_TEST(no_memory_for_a_longer_line_loses_nothing)
{
    struct session session = session_accept();
    struct coir_slice slice;
    char *bytes = calloc(1, 70000);

    memset(bytes, 'x', 70000);
    peer_send(session.peer, bytes, 70000);
    fault_fail("alloc_bytes", 2, ENOMEM, FAULT_ALWAYS);
    assert_int_equal(coir_read_until(session.stream, "\n", 1, 100000, &slice), -ENOMEM);
    fault_clear();
    peer_send(session.peer, "\n", 1);
    assert_int_equal(coir_read_until(session.stream, "\n", 1, 100000, &slice), 1);
    assert_int_equal(slice.size, 70001);
    coir_release(&slice);
    free(bytes);
    session_end(&session);
}

SESSION_TEST(an_adopt_that_fails_leaves_the_descriptor_to_the_caller)
{
    static const struct {
        const char *function;
        int error;
    } faults[] = {{"kernel_get_option", ENOMEM},
                  {"kernel_peer_address", ENOBUFS},
                  {"kernel_epoll_control", ENOSPC},
                  {"alloc_aligned", ENOMEM}};

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct coir_stream *stream;
        int ends[2];
        int rc;

        peer_pair(ends);
        fault_fail(faults[i].function, 1, faults[i].error, FAULT_ONCE);
        rc = coir_adopt(ends[0], NULL, &stream);
        if (fault_hits() == 1)
            assert_int_equal(rc, -faults[i].error);
        fault_clear();
        if (rc == 0)
            coir_abort(stream); /* this engine, or this moment, had no need of that call */
        else
            assert_int_equal(close(ends[0]), 0);
        close(ends[1]);
    }
}

SESSION_TEST(a_broken_stream_cannot_be_finished)
{
    struct session session = session_accept();
    char byte;

    peer_send(session.peer, "x", 1);
    fault_fail("kernel_receive", 1, ECONNRESET, FAULT_ONCE);
    assert_int_equal(coir_read(session.stream, &byte, 1), -ECONNRESET);
    fault_clear();
    assert_int_equal(coir_finish(session.stream), -ECONNRESET);
    assert_int_equal(fault_calls("kernel_shutdown"), 0);
    session_end(&session);
}

/* Where the kernel does not say why the connection is gone, it is gone all the same. */
SESSION_TEST(a_finish_without_a_connection_or_a_reason)
{
    struct session session = session_accept();

    fault_fail("kernel_shutdown", 1, ENOTCONN, FAULT_ONCE);
    fault_fail("kernel_get_option", 1, ENOBUFS, FAULT_ONCE);
    assert_int_equal(coir_finish(session.stream), -ENOTCONN);
    assert_int_equal(fault_hits(), 2);
    fault_clear();
    session_end(&session);
}

SESSION_TEST(what_is_unsent_and_cannot_be_asked_for_is_told_as_nothing)
{
    struct session session = session_accept();

    assert_int_equal(coir_write(session.stream, "x", 1), 0);
    fault_fail("kernel_unsent", 1, ENOTTY, FAULT_ONCE);
    assert_int_equal(session_info(session.stream).unsent, 0);
    assert_int_equal(fault_hits(), 1);
    fault_clear();
    session_end(&session);
}
