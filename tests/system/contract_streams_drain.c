/* SPDX-License-Identifier: MIT
 *
 * What a drain does to listeners and streams. That no client is reset by it is
 * shown in contract_streams_drain_storm.c.
 */
#include "support/session.h"
#include <sys/socket.h>

#define QUIET_MS 60
#define LATE_MS 20000

static int64_t ms_since(coir_time from)
{
    return (coir_now() - from) / COIR_MILLISECOND;
}

SESSION_TEST(accept_gives_what_is_queued_and_then_eshutdown)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct coir_stream *stream;
    uint16_t port;
    struct coir_listener *listener = session_listen(NULL, &port);
    int peers[5];

    for (int i = 0; i < 5; i++)
        peers[i] = peer_connect(port);
    coir_scope_drain(scope, 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(coir_accept(listener, &stream), 0);
        coir_close(stream);
        close(peers[i]);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(coir_accept(listener, &stream), -ESHUTDOWN);
    assert_int_equal(coir_scope_close(scope), 0);
    coir_listener_close(listener);
}

static int read_one(void *arg)
{
    char byte;

    return (int)coir_read(arg, &byte, 1);
}

/* The reader has been woken by the drain, and not had its turn yet. */
SESSION_TEST(a_cancel_right_after_a_drain_is_a_cancel)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
    struct session session = session_accept();
    int result = 0;
    struct coir_task_options options = {.ret_result = &result};

    assert_int_equal(coir_spawn(scope, read_one, session.stream, &options), 0);
    session_settle();
    coir_scope_drain(scope, COIR_SECOND);
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(result, -ECANCELED);
    session_end(&session);
}

static int accept_one(void *arg)
{
    struct coir_stream *stream;

    return coir_accept(arg, &stream);
}

SESSION_TEST(an_accept_that_waits_ends_with_eshutdown)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
    int result = 0;
    struct coir_task_options options = {.stack = COIR_STACK_LARGE, .ret_result = &result};
    uint16_t port;
    struct coir_listener *listener = session_listen(NULL, &port);

    assert_int_equal(coir_spawn(scope, accept_one, listener, &options), 0);
    session_settle();
    coir_scope_drain(scope, COIR_SECOND);
    assert_int_equal(coir_scope_close(scope), 0); /* obedience is no failure */
    assert_int_equal(result, -ESHUTDOWN);
    coir_listener_close(listener);
}

SESSION_TEST(accept_of_a_unix_listener_drains_too)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct coir_listener *listener;
    struct coir_stream *stream;
    int peer;

    assert_int_equal(coir_listen(session_abstract(), NULL, &listener), 0);
    peer = peer_connect_path(session_abstract() + 7);
    coir_scope_drain(scope, 0);
    assert_int_equal(coir_accept(listener, &stream), 0);
    assert_int_equal(coir_accept(listener, &stream), -ESHUTDOWN);
    coir_abort(stream);
    close(peer);
    coir_scope_close(scope);
    coir_listener_close(listener);
}

/* Before the kernel tries again, which it does after a second. */
static bool connects_at_once(uint16_t port)
{
    char uri[64];
    struct coir_scope_options limit = {.limit_ns = 400 * COIR_MILLISECOND, .shield = true};
    struct coir_scope *scope;
    struct coir_stream *stream;
    int rc;

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", port);
    assert_int_equal(coir_scope_open(&limit, &scope), 0);
    rc = coir_connect(uri, NULL, &stream);
    coir_scope_close(scope);
    if (rc == 0)
        coir_abort(stream);
    return rc == 0;
}

SESSION_TEST(a_drained_listener_lets_no_connection_begin)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct coir_stream *stream;
    uint16_t port;
    struct coir_listener *listener = session_listen(NULL, &port);

    assert_true(connects_at_once(port));
    assert_int_equal(coir_accept(listener, &stream), 0);
    coir_abort(stream);
    coir_scope_drain(scope, 0);
    assert_int_equal(coir_accept(listener, &stream), -ESHUTDOWN);
    assert_false(connects_at_once(port)); /* it tries again by itself, and meets who listens then */
    coir_scope_close(scope);
    coir_listener_close(listener);
}

SESSION_TEST(an_adopted_listener_is_never_filtered)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct coir_listener *listener;
    struct coir_stream *stream;
    uint16_t port;
    int holder = peer_listen(10, &port); /* it also belongs to whoever gave it to us */
    int queued = peer_connect(port);
    int fd;

    assert_int_equal(coir_listen(session_fd(dup(holder)), NULL, &listener), 0);
    coir_scope_drain(scope, 0);
    assert_int_equal(coir_accept(listener, &stream), -ESHUTDOWN); /* the other holder accepts it */
    coir_scope_close(scope);
    assert_true(connects_at_once(port));
    coir_listener_close(listener);
    fd = accept(holder, NULL, NULL);
    assert_true(fd >= 0);
    close(fd);
    close(queued);
    close(holder);
}

SESSION_TEST(every_read_of_an_accepted_stream_ends_after_the_quiet_time)
{
    for (int call = 0; call < 4; call++) {
        struct session session = session_accept();
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        struct coir_slice slice;
        char bytes[8];
        coir_time from = coir_now();
        int rc = 0;

        coir_scope_drain(scope, QUIET_MS * COIR_MILLISECOND);
        if (call == 0)
            rc = coir_receive(session.stream, &slice);
        else if (call == 1)
            rc = (int)coir_read(session.stream, bytes, 8);
        else if (call == 2)
            rc = (int)coir_read_exact(session.stream, bytes, 8);
        else
            rc = coir_read_until(session.stream, "\n", 1, 8, &slice);
        assert_int_equal(rc, -ESHUTDOWN);
        assert_in_range(ms_since(from), QUIET_MS, LATE_MS);
        assert_int_equal(coir_receive(session.stream, &slice), -ESHUTDOWN);
        assert_in_range(ms_since(from), QUIET_MS, LATE_MS);        /* once passed, passed */
        assert_int_equal(coir_write(session.stream, "bye", 3), 0); /* finish and leave */
        coir_scope_close(scope);
        session_end(&session);
    }
}

struct timed_read {
    struct coir_stream *stream;
    coir_time ended_at;
    int gets; /* bytes before it ends */
};

/* Reads byte by byte; ends with the code of the read that failed. */
static int read_until_told(void *arg)
{
    struct timed_read *timed = arg;
    ssize_t rc;

    do {
        unsigned char byte;

        rc = coir_read(timed->stream, &byte, 1);
        timed->gets += rc > 0;
    } while (rc > 0);
    timed->ended_at = coir_now();
    return (int)rc;
}

SESSION_TEST(a_read_that_waits_is_told_after_the_quiet_time)
{
    struct session session = session_accept();
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct timed_read timed = {.stream = session.stream};
    coir_time from;

    session_spawn(scope, read_until_told, &timed);
    session_sleep_ms(QUIET_MS + 20); /* silence before the drain does not count */
    from = coir_now();
    coir_scope_drain(scope, QUIET_MS * COIR_MILLISECOND);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_in_range((timed.ended_at - from) / COIR_MILLISECOND, QUIET_MS, LATE_MS);
    session_end(&session);
}

SESSION_TEST(each_byte_starts_the_quiet_time_anew)
{
    struct session session = session_accept();
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct timed_read timed = {.stream = session.stream};
    struct coir_scope_options shield = {.shield = true, .limit_ns = 10 * COIR_SECOND};
    struct coir_scope *shielded;
    coir_time last = 0;

    session_spawn(scope, read_until_told, &timed);
    coir_scope_drain(scope, QUIET_MS * COIR_MILLISECOND);
    assert_int_equal(coir_scope_open(&shield, &shielded), 0);
    for (int i = 0; i < 8; i++) {
        session_sleep_ms(QUIET_MS / 3);
        last = coir_now();
        peer_send(session.peer, "x", 1);
    }
    coir_scope_close(shielded);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(timed.gets, 8);
    assert_in_range((timed.ended_at - last) / COIR_MILLISECOND, QUIET_MS, LATE_MS);
    session_end(&session);
}

SESSION_TEST(what_is_there_already_comes_before_eshutdown)
{
    struct session session = session_accept();
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct coir_slice slice;

    peer_send(session.peer, "held\nthere", 10);
    assert_int_equal(coir_read_until(session.stream, "\n", 1, 10, &slice), 1);
    coir_release(&slice);
    coir_scope_drain(scope, 0);
    session_sleep_ms(5);
    peer_send(session.peer, "!", 1);
    session_expect(session.stream, "there"); /* held by the stream */
    session_expect(session.stream, "!");     /* and by the kernel */
    assert_int_equal(coir_receive(session.stream, &slice), -ESHUTDOWN);
    coir_scope_close(scope);
    session_end(&session);
}

SESSION_TEST(the_end_that_is_there_already_comes_before_eshutdown)
{
    struct session session = session_accept();
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    char byte;

    coir_scope_drain(scope, 0);
    peer_finish(session.peer);
    assert_int_equal(coir_read(session.stream, &byte, 1), 0);
    coir_scope_close(scope);
    session_end(&session);
}

/* A listener whose owner is outside the drain that its sessions are in. */
SESSION_TEST(the_accept_starts_the_quiet_time_too)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct coir_scope_options shield = {.shield = true, .limit_ns = 10 * COIR_SECOND};
    struct coir_scope *shielded;
    struct session session;
    struct timed_read timed;
    coir_time from;

    coir_scope_drain(scope, QUIET_MS * COIR_MILLISECOND);
    assert_int_equal(coir_scope_open(&shield, &shielded), 0);
    session_sleep_ms(QUIET_MS + 20);
    from = coir_now();
    session = session_accept();
    timed = (struct timed_read){.stream = session.stream};
    session_spawn(scope, read_until_told, &timed);
    coir_scope_close(shielded);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_in_range((timed.ended_at - from) / COIR_MILLISECOND, QUIET_MS, LATE_MS);
    session_end(&session);
}

SESSION_TEST(connected_and_adopted_streams_go_on)
{
    for (int kind = 1; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        struct coir_scope_options limit = {.limit_ns = 30 * COIR_MILLISECOND};
        struct coir_scope *scope;
        struct coir_slice slice;

        assert_int_equal(coir_scope_open(&limit, &scope), 0);
        coir_scope_drain(scope, 0);
        assert_int_equal(coir_receive(session.stream, &slice), -ETIME); /* not told, though quiet */
        coir_scope_close(scope);
        session_end(&session);
    }
}

SESSION_TEST(a_read_of_a_connected_stream_sleeps_through_a_drain)
{
    struct session session = session_connect();
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct timed_read timed = {.stream = session.stream};

    session_spawn(scope, read_until_told, &timed);
    session_settle();
    coir_scope_drain(scope, 0);
    session_settle();
    assert_int_equal(timed.ended_at, 0);
    peer_send(session.peer, "x", 1);
    peer_finish(session.peer);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(timed.gets, 1);
    session_end(&session);
}

SESSION_TEST(writes_connects_sleeps_and_other_waits_go_on)
{
    struct session session = session_accept();
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    coir_time from = coir_now();
    struct session other;
    char bytes[8];

    coir_scope_drain(scope, 0);
    assert_int_equal(coir_sleep(20 * COIR_MILLISECOND), 0);
    assert_true(ms_since(from) >= 20);
    assert_int_equal(coir_yield(), 0);
    assert_int_equal(coir_write(session.stream, "data", 4), 0);
    assert_int_equal(coir_finish(session.stream), 0);
    assert_int_equal(peer_read(session.peer, bytes, 8), 4);
    other = session_connect();
    peer_send(other.peer, "x", 1);
    assert_true(coir_wait_fd(coir_fd(other.stream), 1) > 0);
    session_end(&other);
    coir_scope_close(scope);
    session_end(&session);
}

SESSION_TEST(a_shield_hides_a_drain_from_reads_and_accepts)
{
    struct session session = session_accept();
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct coir_scope_options shield = {.shield = true, .limit_ns = 40 * COIR_MILLISECOND};
    struct coir_stream *stream;
    struct coir_scope *shielded;
    uint16_t port;
    struct coir_listener *listener = session_listen(NULL, &port);
    char byte;

    coir_scope_drain(scope, 0);
    assert_int_equal(coir_scope_open(&shield, &shielded), 0);
    assert_int_equal(coir_read(session.stream, &byte, 1), -ETIME);
    assert_int_equal(coir_accept(listener, &stream), -ETIME);
    coir_scope_close(shielded);
    assert_int_equal(coir_read(session.stream, &byte, 1), -ESHUTDOWN);
    assert_int_equal(coir_accept(listener, &stream), -ESHUTDOWN);
    coir_scope_close(scope);
    session_end(&session);
    coir_listener_close(listener);
}

SESSION_TEST(a_shorter_quiet_time_replaces_a_longer_one)
{
    struct session session = session_accept();
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct timed_read timed = {.stream = session.stream};
    coir_time from = coir_now();

    coir_scope_drain(scope, 1000 * COIR_SECOND);
    session_spawn(scope, read_until_told, &timed);
    session_settle();
    coir_scope_drain(scope, QUIET_MS * COIR_MILLISECOND);
    coir_scope_drain(scope, 1000 * COIR_SECOND);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_in_range((timed.ended_at - from) / COIR_MILLISECOND, QUIET_MS, LATE_MS);
    session_end(&session);
}
