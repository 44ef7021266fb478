/* SPDX-License-Identifier: MIT
 *
 * What accept(2) may say on Linux, and what coir_accept() makes of it.
 * Rooms: runtime
 */
#include "support/faults.h"
#include "support/session.h"

struct timing {
    struct coir_listener *listener;
    coir_time took;
    int rc;
};

/* Accepts once, times it, and closes what came. */
static int accept_timed(void *arg)
{
    struct timing *timing = arg;
    struct coir_stream *stream;
    coir_time from = coir_now();

    timing->rc = coir_accept(timing->listener, &stream);
    timing->took = coir_now() - from;
    if (timing->rc == 0)
        coir_abort(stream);
    return 0;
}

static void expect_counts(const struct coir_listener *listener, uint64_t lost, uint64_t shortages)
{
    struct coir_listener_info info;

    assert_int_equal(coir_listener_info(listener, &info), 0);
    assert_int_equal(info.accepted, 1);
    assert_int_equal(info.lost, lost);
    assert_int_equal(info.shortages, shortages);
}

SESSION_TEST(errors_of_a_dead_connection_are_passed_over_at_once)
{
    static const int errors[] = {ECONNABORTED, EPROTO,      ENETDOWN,   ENOPROTOOPT, EHOSTDOWN, ENONET,
                                 EHOSTUNREACH, ENETUNREACH, EOPNOTSUPP, EPERM,       EINTR,     ETIMEDOUT};

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        uint16_t port;
        struct timing timing = {.listener = session_listen(NULL, &port)};
        int peer = peer_connect(port);

        for (unsigned n = 1; n <= 10; n++)
            fault_fail("kernel_accept", n, errors[i], FAULT_ONCE);
        accept_timed(&timing);
        assert_int_equal(fault_hits(), 10);
        fault_clear();
        assert_int_equal(timing.rc, 0);
        assert_true(timing.took < 20 * COIR_SECOND);
        expect_counts(timing.listener, errors[i] == EINTR ? 0 : 10, 0);
        close(peer);
        coir_listener_close(timing.listener);
    }
}

SESSION_TEST(a_shortage_is_waited_out_without_spinning)
{
    static const int errors[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS};

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        uint16_t port;
        struct timing timing = {.listener = session_listen(NULL, &port)};
        int peer = peer_connect(port);

        fault_fail("kernel_accept", 1, errors[i], FAULT_ONCE);
        fault_fail("kernel_accept", 2, errors[i], FAULT_ONCE);
        accept_timed(&timing);
        assert_int_equal(timing.rc, 0);
        assert_in_range(timing.took / COIR_MILLISECOND, 20, 20000);
        assert_int_equal(fault_calls("kernel_accept"), 3);
        expect_counts(timing.listener, 0, 2);
        fault_clear();
        close(peer);
        coir_listener_close(timing.listener);
    }
}

/* What ends an accept that fails again and again. */
struct ending {
    struct coir_scope *scope;
    unsigned calls; /* that accept(2) is to have had */
};

static int expire_after_calls(void *arg)
{
    const struct ending *ending = arg;

    while (fault_calls("kernel_accept") < ending->calls)
        session_sleep_ms(1);
    coir_scope_set_limit(ending->scope, 0);
    return 0;
}

/* Tries to accept until there were so many calls; the scope then expires. */
static void fail_to_accept(struct timing *timing, unsigned calls)
{
    struct ending ending = {session_scope(COIR_SCOPE_FAIL_FAST), calls};

    session_spawn(ending.scope, expire_after_calls, &ending);
    accept_timed(timing);
    assert_int_equal(timing->rc, -ETIME);
    coir_scope_close(ending.scope);
}

SESSION_TEST(a_lasting_shortage_costs_few_calls_and_obeys_the_scope)
{
    static const int errors[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS};

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        uint16_t port;
        struct timing timing = {.listener = session_listen(NULL, &port)};
        int peer = peer_connect(port);

        fault_fail("kernel_accept", 1, errors[i], FAULT_ALWAYS);
        fail_to_accept(&timing, 5);
        assert_true(timing.took >= 4 * 20 * COIR_MILLISECOND); /* 50 a second at most */
        fault_clear();
        accept_timed(&timing);
        assert_int_equal(timing.rc, 0); /* the connection waited too */
        close(peer);
        coir_listener_close(timing.listener);
    }
}

static int cancel_soon(void *arg)
{
    session_settle();
    coir_scope_cancel(arg);
    return 0;
}

SESSION_TEST(a_lasting_error_of_connections_obeys_the_scope_too)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    uint16_t port;
    struct timing timing = {.listener = session_listen(NULL, &port)};
    int peer = peer_connect(port);

    fault_fail("kernel_accept", 1, ECONNABORTED, FAULT_ALWAYS);
    session_spawn(scope, cancel_soon, scope);
    accept_timed(&timing);
    assert_int_equal(timing.rc, -ECANCELED); /* and others ran meanwhile */
    fault_clear();
    coir_scope_close(scope);
    close(peer);
    coir_listener_close(timing.listener);
}

/* A sandbox's rule answers so without taking anybody from the queue: for ever, and at once. */
SESSION_TEST(a_system_that_refuses_all_connections_costs_few_calls)
{
    static const int errors[] = {EPERM, EACCES, ENOSYS, ECONNABORTED};

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct coir_listener_info info;
        uint16_t port;
        struct timing timing = {.listener = session_listen(NULL, &port)};
        int peer = peer_connect(port);

        fault_fail("kernel_accept", 1, errors[i], FAULT_ALWAYS);
        fail_to_accept(&timing, 3 * 64);
        assert_true(timing.took >= 2 * 20 * COIR_MILLISECOND); /* a pause after each 64 calls */
        assert_int_equal(coir_listener_info(timing.listener, &info), 0);
        assert_int_equal(info.lost, fault_hits());
        assert_in_range(info.shortages, 2, 4);
        fault_clear();
        close(peer);
        coir_listener_close(timing.listener);
    }
}

SESSION_TEST(a_dead_listener_is_reported)
{
    static const int errors[] = {EINVAL, EBADF, ENOTSOCK};

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        uint16_t port;
        struct timing timing = {.listener = session_listen(NULL, &port)};
        int peer = peer_connect(port);

        fault_fail("kernel_accept", 1, errors[i], FAULT_ONCE);
        accept_timed(&timing);
        assert_int_equal(timing.rc, -errors[i]);
        accept_timed(&timing);
        assert_int_equal(timing.rc, 0); /* the handle is still whole */
        fault_clear();
        close(peer);
        coir_listener_close(timing.listener);
    }
}

SESSION_TEST(no_memory_for_a_stream_loses_that_connection_alone)
{
    uint16_t port;
    struct timing timing = {.listener = session_listen(NULL, &port)};
    int lost = peer_connect(port);
    int served = peer_connect(port);
    char byte;

    fault_fail("kernel_epoll_control", 1, ENOMEM, FAULT_ONCE);
    accept_timed(&timing);
    assert_int_equal(timing.rc, 0);
    if (fault_hits() == 1) { /* the poll engine registers nothing */
        assert_int_equal(fault_calls("kernel_accept"), 2);
        expect_counts(timing.listener, 1, 1);
    }
    fault_clear();
    coir_listener_close(timing.listener);
    assert_true(peer_read(lost, &byte, 1) <= 0);
    assert_true(peer_read(served, &byte, 1) <= 0);
    close(lost);
    close(served);
}

/* A second accept of the listener, and then a client for the first. */
struct intruder {
    struct coir_listener *listener;
    uint16_t port;
    int peer;
    int rc;
};

static int intrude(void *arg)
{
    struct intruder *intruder = arg;
    struct coir_stream *stream;

    session_sleep_ms(100); /* longer than any pause in accept */
    intruder->rc = coir_accept(intruder->listener, &stream);
    intruder->peer = peer_connect(intruder->port);
    return 0;
}

/* The task gives way in the midst of an accept, and finds its listener gone and the place used by another one, which
 * it must not touch. */
static void close_under_accept(int error)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct intruder intruder = {.rc = 0};
    struct coir_stream *stream;
    uint16_t port;
    struct timing timing = {.listener = session_listen(NULL, &port)};
    int peer = peer_connect(port);

    fault_fail("kernel_accept", 1, error, FAULT_ALWAYS);
    session_spawn(scope, accept_timed, &timing);
    session_spawn(scope, intrude, &intruder);
    session_settle();
    fault_clear();
    coir_listener_close(timing.listener);
    intruder.listener = session_listen(NULL, &intruder.port);
    assert_int_equal(coir_accept(intruder.listener, &stream), 0);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(timing.rc, -EBADF);
    assert_int_equal(intruder.rc, -EBUSY);
    coir_abort(stream);
    coir_listener_close(intruder.listener);
    close(intruder.peer);
    close(peer);
}

SESSION_TEST(closing_under_an_accept_in_a_shortage_gives_ebadf)
{
    close_under_accept(EMFILE);
}

SESSION_TEST(closing_under_an_accept_that_passes_over_errors_gives_ebadf)
{
    close_under_accept(ECONNABORTED);
}

SESSION_TEST(a_drain_ends_an_accept_in_a_shortage)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    uint16_t port;
    struct timing timing = {.listener = session_listen(NULL, &port)};
    int peer = peer_connect(port);

    fault_fail("kernel_accept", 1, EMFILE, FAULT_ONCE);
    session_spawn(scope, accept_timed, &timing);
    session_settle();
    coir_scope_drain(scope, 0);
    coir_scope_close(scope);
    fault_clear();
    assert_int_equal(timing.rc, 0); /* whoever is in the queue is served first */
    assert_true(timing.took < 20 * COIR_SECOND);
    close(peer);
    coir_listener_close(timing.listener);
}

/* Returns false where the machine stood still for so long that the first look was the last. */
static bool drain_finds_at_its_second_look(void)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    uint16_t port;
    struct timing timing = {.listener = session_listen(NULL, &port)};
    int peer = peer_connect(port);
    coir_time from = coir_now();
    bool stood_still;

    coir_scope_drain(scope, 0);
    fault_fail("kernel_accept", 1, EAGAIN, FAULT_ONCE);
    accept_timed(&timing);
    assert_int_equal(fault_hits(), 1);
    fault_clear();
    stood_still = timing.rc == -ESHUTDOWN && coir_now() - from >= 2 * COIR_MILLISECOND;
    if (!stood_still) {
        assert_int_equal(timing.rc, 0);
        accept_timed(&timing);
        assert_int_equal(timing.rc, -ESHUTDOWN);
        assert_true(coir_now() - from >= 2 * COIR_MILLISECOND);
    }
    coir_scope_close(scope);
    close(peer);
    coir_listener_close(timing.listener);
    return !stood_still;
}

/* A handshake that had begun may end after the first look at the queue. */
SESSION_TEST(a_drain_looks_at_the_queue_for_2_milliseconds)
{
    for (int attempt = 0; !drain_finds_at_its_second_look(); attempt++)
        assert_true(attempt < 20);
}

/* Its filter, and the drop of who comes, last as long as the listener. */
SESSION_TEST(a_listener_that_a_drain_has_ended_takes_nobody_outside_of_it_either)
{
    for (int local = 0; local < 2; local++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
        struct timing timing = {.rc = 0};

        assert_int_equal(coir_listen(local ? session_abstract() : "tcp://127.0.0.1:0", NULL, &timing.listener), 0);
        coir_scope_drain(scope, 0);
        accept_timed(&timing);
        assert_int_equal(timing.rc, -ESHUTDOWN);
        assert_int_equal(coir_scope_close(scope), 0);
        accept_timed(&timing);
        assert_int_equal(timing.rc, -ESHUTDOWN);
        coir_listener_close(timing.listener);
    }
}

/* The pools of streams are empty, and there is nothing to fill them. */
SESSION_TEST(an_accept_that_waits_for_memory_obeys_the_scope)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
    uint16_t port;
    struct timing timing = {.listener = session_listen(NULL, &port)};
    int peer = peer_connect(port);

    session_spawn(scope, accept_timed, &timing);
    fault_fail("alloc_aligned", 1, ENOMEM, FAULT_ALWAYS);
    while (fault_hits() == 0)
        assert_int_equal(coir_sleep(COIR_MILLISECOND), 0);
    coir_scope_set_limit(scope, 0);
    assert_int_equal(coir_scope_close(scope), 0);
    fault_clear();
    assert_int_equal(timing.rc, -ETIME);
    close(peer);
    coir_listener_close(timing.listener);
}
