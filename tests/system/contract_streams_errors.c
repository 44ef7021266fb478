/* SPDX-License-Identifier: MIT
 *
 * Fatal errors are latched: what came before is delivered, then each direction
 * says so, and neither ever a clean end. And closing under a task that waits.
 */
#include "support/session.h"
#include <sys/socket.h>

#define TOO_MUCH ((size_t)32 << 20) /* for what a kernel holds of one connection, on both sides */

static void expect_broken(struct coir_stream *stream, int code)
{
    struct coir_slice slice;
    char byte;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(coir_receive(stream, &slice), code);
        assert_int_equal(coir_read(stream, &byte, 1), code);
        assert_int_equal(coir_read_exact(stream, &byte, 1), code);
        assert_int_equal(coir_read_until(stream, "\n", 1, 10, &slice), code);
        assert_int_equal(coir_write(stream, "x", 1), code);
        assert_int_equal(coir_finish(stream), code);
    }
}

SESSION_TEST(a_reset_that_a_read_meets_is_reported_by_both_directions)
{
    for (int kind = 0; kind < 2; kind++) {
        struct session session = session_of_kind(kind);
        char byte;

        peer_reset(session.peer);
        session.peer = -1;
        assert_int_equal(coir_read(session.stream, &byte, 1), -ECONNRESET);
        expect_broken(session.stream, -ECONNRESET);
        session_end(&session);
    }
}

SESSION_TEST(a_reset_that_a_write_meets_never_looks_like_an_end_to_a_read)
{
    for (int kind = 0; kind < 2; kind++) {
        struct session session = session_of_kind(kind);
        char byte;
        int fd = coir_fd(session.stream);
        int rc;

        peer_reset(session.peer);
        session.peer = -1;
        rc = coir_write(session.stream, "x", 1);
        assert_true(rc == -ECONNRESET || rc == -EPIPE);
        assert_int_equal(recv(fd, &byte, 1, 0), 0); /* this is what the kernel says */
        expect_broken(session.stream, rc);
        session_end(&session);
    }
}

SESSION_TEST(a_reset_that_finish_meets_is_its_error_too)
{
    struct session session = session_accept();

    peer_reset(session.peer);
    session.peer = -1;
    assert_int_equal(coir_finish(session.stream), -ECONNRESET);
    expect_broken(session.stream, -ECONNRESET);
    session_end(&session);
}

SESSION_TEST(what_was_received_before_a_reset_comes_first)
{
    struct session session = session_accept();
    struct coir_slice slice;

    peer_send(session.peer, "a\nbc", 4);
    assert_int_equal(coir_read_until(session.stream, "\n", 1, 10, &slice), 1);
    coir_release(&slice);
    peer_send(session.peer, "de", 2);
    peer_reset(session.peer);
    session.peer = -1;
    assert_int_equal(coir_write(session.stream, "x", 1), -ECONNRESET);
    session_expect(session.stream, "bcde"); /* held here, and held by the kernel */
    expect_broken(session.stream, -ECONNRESET);
    session_end(&session);
}

SESSION_TEST(what_a_unix_peer_sent_before_it_went_comes_before_the_error)
{
    struct session session = session_adopt();

    assert_int_equal(coir_write(session.stream, "unread", 6), 0);
    peer_send(session.peer, "last words", 10);
    close(session.peer);
    session.peer = -1;
    assert_int_equal(coir_write(session.stream, "x", 1), -EPIPE);
    session_expect(session.stream, "last words");
    expect_broken(session.stream, -EPIPE);
    session_end(&session);
}

SESSION_TEST(a_unix_peer_that_reads_no_more_has_broken_both_directions)
{
    struct session session = session_adopt();

    peer_send(session.peer, "before", 6);
    shutdown(session.peer, SHUT_RD);
    assert_int_equal(coir_write(session.stream, "x", 1), -EPIPE);
    session_expect(session.stream, "before");
    expect_broken(session.stream, -EPIPE); /* rather than wait for a peer that cannot be answered */
    session_end(&session);
}

SESSION_TEST(the_peers_end_then_a_reset_is_an_end_to_a_read_that_met_it_before)
{
    struct session session = session_accept();
    char byte;
    int rc;

    peer_send(session.peer, "bye", 3);
    close(session.peer);
    session.peer = -1;
    session_expect(session.stream, "bye");
    assert_int_equal(coir_read(session.stream, &byte, 1), 0);
    assert_int_equal(coir_write(session.stream, "x", 1), 0); /* its answer is a reset */
    rc = coir_write(session.stream, "x", 1);
    assert_true(rc == -EPIPE || rc == -ECONNRESET);
    expect_broken(session.stream, rc);
    session_end(&session);
}

/* Tasks that wait on a stream that its owner closes. */
struct waiter {
    struct coir_stream *stream;
    int kind;
    unsigned char *memory; /* of a size that no kernel takes at once */
    size_t size;
};

static int wait_on_stream(void *arg)
{
    struct waiter *waiter = arg;
    struct coir_stream *stream = waiter->stream;
    struct iovec piece = {.iov_base = waiter->memory, .iov_len = waiter->size};
    struct coir_slice slice = {.size = 3};
    int rc;

    switch (waiter->kind) {
    case 0:
        rc = coir_receive(stream, &slice);
        break;
    case 1:
        rc = (int)coir_read(stream, waiter->memory, 1);
        break;
    case 2:
        rc = (int)coir_read_exact(stream, waiter->memory, 100);
        break;
    case 3:
        rc = coir_read_until(stream, "\n", 1, 1000, &slice);
        break;
    case 4:
        rc = coir_write(stream, waiter->memory, waiter->size);
        break;
    default:
        rc = coir_writev(stream, &piece, 1);
        break;
    }
    assert_int_equal(slice.size, 3);
    return rc;
}

static void close_under_waiters(bool abortive)
{
    unsigned char *memory = calloc(1, TOO_MUCH);

    for (int i = 0; i < 6 * SESSION_KINDS; i++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
        struct session session = session_of_kind(i % SESSION_KINDS);
        struct waiter waiter = {session.stream, i / SESSION_KINDS, memory, TOO_MUCH};

        peer_send(session.peer, "abc", waiter.kind == 2 || waiter.kind == 3 ? 3 : 0);
        session_spawn(scope, wait_on_stream, &waiter);
        session_settle();
        if (abortive)
            coir_abort(session.stream);
        else
            coir_close(session.stream);
        assert_int_equal(coir_scope_close(scope), -EBADF);
        close(session.peer);
    }
    free(memory);
}

SESSION_TEST(a_task_that_waits_gets_ebadf_when_the_owner_closes)
{
    close_under_waiters(false);
}

SESSION_TEST(a_task_that_waits_gets_ebadf_when_the_owner_aborts)
{
    close_under_waiters(true);
}

SESSION_TEST(a_reader_and_a_writer_get_it_at_once)
{
    unsigned char *memory = calloc(1, TOO_MUCH);
    struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
    struct session session = session_accept();
    struct waiter reader = {session.stream, 0, memory, 0};
    struct waiter writer = {session.stream, 4, memory, TOO_MUCH};
    struct coir_scope_info info;

    session_spawn(scope, wait_on_stream, &reader);
    session_spawn(scope, wait_on_stream, &writer);
    session_settle();
    coir_close(session.stream);
    session_settle();
    assert_int_equal(coir_scope_info(scope, &info), 0);
    assert_int_equal(info.failures, 2);
    assert_int_equal(coir_scope_close(scope), -EBADF);
    close(session.peer);
    free(memory);
}

/* Woken by bytes that came, but not yet run: closing must not let it touch the stream. */
SESSION_TEST(a_reader_that_was_just_woken_gets_it_too)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
        struct session session = session_of_kind(kind);
        struct session trigger = session_of_kind(kind);
        unsigned char bytes[1] = "";
        struct waiter waiter = {.stream = session.stream, .kind = 1, .memory = bytes};
        char byte;

        session_spawn(scope, wait_on_stream, &waiter);
        session_settle();
        peer_send(session.peer, "x", 1);
        peer_send(trigger.peer, "x", 1);
        assert_int_equal(coir_read(trigger.stream, &byte, 1), 1); /* woken by the same look at the kernel, or alone */
        coir_close(session.stream);
        assert_int_equal(coir_scope_close(scope), bytes[0] == 'x' ? 0 : -EBADF);
        close(session.peer);
        session_end(&trigger);
    }
}

static int accept_one(void *arg)
{
    struct coir_stream *stream;

    return coir_accept(arg, &stream);
}

SESSION_TEST(a_task_that_accepts_gets_ebadf_when_the_listener_closes)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
    struct coir_stream *stream;
    uint16_t port;
    struct coir_listener *listener = session_listen(NULL, &port);

    session_spawn(scope, accept_one, listener);
    session_settle();
    assert_int_equal(coir_accept(listener, &stream), -EBUSY); /* one at a time here, too */
    coir_listener_close(listener);
    assert_int_equal(coir_scope_close(scope), -EBADF);
}

SESSION_TEST(closing_nothing_does_nothing)
{
    coir_close(NULL);
    coir_abort(NULL);
    coir_listener_close(NULL);
}
