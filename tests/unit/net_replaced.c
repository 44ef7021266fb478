/* SPDX-License-Identifier: MIT
 *
 * Streams, listeners and sockets that their owner closes while a task is amid a
 * call on them, and whose place in memory another of their kind has at once:
 * the call says -EBADF, and leaves the other one alone.
 * Rooms: runtime
 */
#include "support/datagrams.h"
#include "support/faults.h"

#define LARGE_SIZE 400

struct call {
    int (*make)(struct call *call);
    struct coir_stream *stream;
    struct coir_listener *listener;
    struct coir_datagram_socket *socket;
    int rc;
    bool ended;
};

static int run_call(void *arg)
{
    struct call *call = arg;

    call->rc = call->make(call);
    call->ended = true;
    return 0;
}

/* Makes the call in a task of its own, which is amid it when this returns. */
static struct coir_scope *begin_call(struct call *call)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);

    session_spawn(scope, run_call, call);
    assert_int_equal(coir_yield(), 0);
    assert_false(call->ended);
    return scope;
}

static void expect_gone(struct coir_scope *scope, const struct call *call)
{
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(call->rc, -EBADF);
}

/* Nothing here suspends, so that nobody else takes the place. */
static struct session replace(struct session *session)
{
    coir_abort(session->stream);
    close(session->peer);
    return session_adopt();
}

static int write_until_refused(struct call *call)
{
    int rc;

    do
        rc = coir_write(call->stream, "x", 1);
    while (rc == 0);
    return rc;
}

SESSION_TEST(a_write_that_begins_after_others_had_their_turn)
{
    struct session session = session_adopt();
    struct call call = {.make = write_until_refused, .stream = session.stream};
    struct coir_scope *scope = begin_call(&call);
    struct session other = replace(&session);

    assert_int_equal(coir_write(other.stream, "abc", 3), 0);
    expect_gone(scope, &call);
    assert_int_equal(session_info(other.stream).last_out, 3);
    session_end(&other);
}

static int write_large(struct call *call)
{
    char bytes[LARGE_SIZE] = {0};

    return coir_write(call->stream, bytes, sizeof(bytes));
}

static int write_pieces(struct call *call)
{
    char bytes[LARGE_SIZE] = {0};
    struct iovec piece = {.iov_base = bytes, .iov_len = sizeof(bytes)};

    return coir_writev(call->stream, &piece, 1);
}

static int read_large(struct call *call)
{
    char bytes[LARGE_SIZE];

    return (int)coir_read_exact(call->stream, bytes, sizeof(bytes));
}

static int read_line(struct call *call)
{
    struct coir_slice slice;

    return coir_read_until(call->stream, "$", 1, LARGE_SIZE, &slice);
}

SESSION_TEST(a_call_that_takes_more_than_one_turn)
{
    static int (*const calls[])(struct call * call) = {write_large, write_pieces, read_large, read_line};

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct session session = session_adopt();
        struct call call = {.make = calls[i], .stream = session.stream};
        char bytes[LARGE_SIZE] = {0};
        struct coir_scope *scope;
        struct session other;

        peer_send(session.peer, bytes, sizeof(bytes));
        fault_limit("kernel_receive", 1, 1, FAULT_ALWAYS);
        fault_limit("kernel_send", 1, 1, FAULT_ALWAYS);
        fault_limit("kernel_send_pieces", 1, 1, FAULT_ALWAYS);
        scope = begin_call(&call);
        other = replace(&session);
        expect_gone(scope, &call);
        fault_clear();
        assert_int_equal(session_info(other.stream).bytes_in, 0);
        assert_int_equal(session_info(other.stream).bytes_out, 0);
        peer_send(other.peer, "y", 1);
        session_expect(other.stream, "y"); /* nobody else reads there */
        session_end(&other);
    }
}

SESSION_TEST(a_write_that_waits_for_memory)
{
    struct session session = session_adopt();
    struct call call = {.make = write_large, .stream = session.stream};
    struct coir_scope *scope;
    struct session other;

    fault_fail("kernel_send", 1, ENOMEM, FAULT_ALWAYS);
    scope = begin_call(&call);
    fault_clear();
    other = replace(&session);
    expect_gone(scope, &call);
    assert_int_equal(session_info(other.stream).bytes_out, 0);
    session_end(&other);
}

static int accept_one(struct call *call)
{
    struct coir_stream *stream;

    return coir_accept(call->listener, &stream);
}

SESSION_TEST(an_accept_that_passes_over_dead_connections)
{
    uint16_t port;
    struct call call = {.make = accept_one, .listener = session_listen(NULL, &port)};
    int peer = peer_connect(port);
    struct coir_listener *other;
    struct coir_listener_info info;
    struct coir_scope *scope;

    session_settle(); /* the connection is known */
    fault_fail("kernel_accept", 1, ECONNABORTED, FAULT_ALWAYS);
    scope = begin_call(&call);
    coir_listener_close(call.listener);
    fault_clear();
    other = session_listen(NULL, &port);
    expect_gone(scope, &call);
    assert_int_equal(coir_listener_info(other, &info), 0);
    assert_int_equal(info.lost, 0);
    coir_listener_close(other);
    close(peer);
}

static int send_somewhere(struct call *call)
{
    struct coir_datagram datagram = datagram_of("x", datagram_address("udp://127.0.0.1:9"));

    if (datagram_info(call->socket).local[0] != 'u' || datagram_info(call->socket).local[1] == 'n')
        datagram.peer = datagram_address("unix://@coir nobody receives");
    return coir_datagram_send(call->socket, &datagram);
}

static void see_send_on_replaced(const char *uri)
{
    struct call call = {.make = send_somewhere, .socket = datagram_open_at(uri)};
    struct coir_scope *scope = begin_call(&call);
    struct coir_datagram_socket *other;

    assert_true(fault_calls("kernel_send_message") > 0);
    coir_datagram_close(call.socket);
    fault_clear();
    other = datagram_open_at(uri);
    expect_gone(scope, &call);
    assert_int_equal(datagram_info(other).errors, 0);
    assert_int_equal(datagram_info(other).datagrams_out, 0);
    coir_datagram_close(other);
}

SESSION_TEST(a_send_that_waits_for_a_unix_receiver)
{
    fault_fail("kernel_send_message", 1, EAGAIN, FAULT_ALWAYS);
    see_send_on_replaced(session_abstract());
}

SESSION_TEST(a_send_that_is_tried_again_after_a_report)
{
    fault_fail("kernel_send_message", 1, ECONNREFUSED, FAULT_ONCE);
    fault_fail("kernel_send_message", 2, EAGAIN, FAULT_ALWAYS);
    see_send_on_replaced("udp://127.0.0.1:0");
}
