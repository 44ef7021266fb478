/* SPDX-License-Identifier: MIT
 *
 * Listening and connecting on hosts that lack something.
 * Rooms: runtime
 */
#include "support/openings.h"
#include <fcntl.h>
#include <poll.h>

static int listen_and_close(const char *uri)
{
    struct coir_listener *listener;
    int rc = coir_listen(uri, NULL, &listener);

    if (rc == 0)
        coir_listener_close(listener);
    return rc;
}

static const char *listen_and_tell(const char *uri)
{
    static struct coir_listener_info info;
    struct coir_listener *listener = NULL;

    assert_int_equal(coir_listen(uri, NULL, &listener), 0);
    assert_int_equal(coir_listener_info(listener, &info), 0);
    close(peer_connect(session_port(info.local)));
    coir_listener_close(listener);
    return info.local;
}

SESSION_TEST(an_empty_host_is_ip4_alone_where_ip6_is_off)
{
    fault_fail("kernel_socket", 1, EAFNOSUPPORT, FAULT_ONCE); /* not built in */
    assert_memory_equal(listen_and_tell("tcp://:0"), "tcp://0.0.0.0:", 14);
    assert_int_equal(fault_hits(), 1);
    fault_clear();
    fault_fail("kernel_bind", 1, EADDRNOTAVAIL, FAULT_ONCE); /* turned off */
    assert_memory_equal(listen_and_tell("tcp://:0"), "tcp://0.0.0.0:", 14);
    assert_int_equal(fault_hits(), 1);
    fault_clear();
}

/* Of what is there already, only a stale file is ours to remove. */
SESSION_TEST(a_file_that_was_there_outlives_a_listen_that_fails)
{
    const char *directory = peer_make_directory();
    struct coir_listener *listener;
    char uri[128];
    int other;

    session_path(directory, "s", uri);
    other = peer_listen_path(uri + 7, 1);
    for (unsigned nth = 1; nth < 20; nth++) {
        fault_fail(FAULT_ANY, nth, EACCES, FAULT_ONCE);
        assert_true(coir_listen(uri, NULL, &listener) < 0);
        fault_clear();
        assert_int_equal(access(uri + 7, F_OK), 0);
    }
    close(other);
    assert_int_equal(unlink(uri + 7), 0);
    peer_remove_directory(directory);
}

SESSION_TEST(a_host_that_was_written_out_is_not_replaced)
{
    struct coir_listener *listener;

    fault_fail("kernel_socket", 1, EAFNOSUPPORT, FAULT_ALWAYS);
    assert_int_equal(coir_listen("tcp://[::]:0", NULL, &listener), -EAFNOSUPPORT);
    assert_int_equal(coir_listen("tcp://:0", NULL, &listener), -EAFNOSUPPORT); /* neither family */
    fault_clear();
    fault_fail("kernel_bind", 1, EADDRNOTAVAIL, FAULT_ONCE);
    assert_int_equal(coir_listen("tcp://[::]:0", NULL, &listener), -EADDRNOTAVAIL);
    fault_clear();
}

SESSION_TEST(each_call_that_fails_leaves_nothing_behind)
{
    openings_fail_each_call(listen_and_close, "tcp");
}

/* A descriptor that somebody gives us, and whether we take it where the `nth` call fails. */
static bool takes_given_listener(unsigned nth, bool *ret_failed)
{
    struct coir_listener *listener;
    uint16_t port;
    int given = peer_listen(1, &port);
    int status = fcntl(given, F_GETFL);
    int flags = fcntl(given, F_GETFD);
    int rc;

    fault_fail(FAULT_ANY, nth, EACCES, FAULT_ONCE);
    rc = coir_listen(session_fd(given), NULL, &listener);
    *ret_failed = fault_hits() == 1;
    fault_clear();
    if (rc == 0) {
        coir_listener_close(listener);
        return true;
    }
    assert_true(rc == -EACCES || rc == -ENOMEM);
    assert_int_equal(fcntl(given, F_GETFL), status);
    assert_int_equal(fcntl(given, F_GETFD), flags);
    assert_int_equal(close(given), 0);
    return false;
}

SESSION_TEST(a_given_descriptor_that_is_not_taken_is_as_it_was)
{
    unsigned refused = 0;
    unsigned nth = 1;
    bool failed;

    do {
        refused += !takes_given_listener(nth++, &failed);
        assert_true(nth < 40);
    } while (failed);
    assert_true(refused >= 5);
}

SESSION_TEST(each_call_that_fails_in_a_connect_leaves_nothing_behind)
{
    static const char *const functions[] = {"kernel_socket",     "kernel_set_option",    "kernel_bind",
                                            "kernel_connect",    "kernel_epoll_control", "kernel_local_address",
                                            "kernel_get_option", "kernel_peer_address",  "alloc_aligned"};
    struct coir_stream_options options = {.local = "tcp://127.0.0.1:0"};
    uint16_t port;
    int listener = peer_listen(100, &port);
    char uri[64];

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", port);
    for (unsigned i = 0; i < 10 * sizeof(functions) / sizeof(functions[0]); i++) {
        struct coir_stream *stream;
        int rc;

        fault_fail(functions[i / 10], 1 + i % 10, EACCES, FAULT_ONCE);
        rc = coir_connect(uri, &options, &stream);
        if (rc == 0)
            coir_abort(stream);
        else
            assert_true(fault_hits() == 1 && (rc == -EACCES || rc == -ENOMEM));
        fault_clear();
    }
    close(listener);
}

SESSION_TEST(only_a_refused_connect_shows_that_a_file_is_stale)
{
    static const int others[] = {EAGAIN, EACCES, EPROTOTYPE, EINTR, ENOMEM};
    const char *directory = peer_make_directory();
    struct coir_listener *listener;
    char uri[128];

    session_path(directory, "s", uri);
    close(peer_listen_path(uri + 7, 1));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        fault_fail("kernel_connect", 1, others[i], FAULT_ONCE);
        assert_int_equal(coir_listen(uri, NULL, &listener), -EADDRINUSE);
        assert_int_equal(access(uri + 7, F_OK), 0);
        fault_clear();
    }
    fault_fail("kernel_unlink", 1, EACCES, FAULT_ONCE); /* it is, but stays */
    assert_int_equal(coir_listen(uri, NULL, &listener), -EADDRINUSE);
    fault_clear();
    assert_int_equal(coir_listen(uri, NULL, &listener), 0);
    coir_listener_close(listener);
    peer_remove_directory(directory);
}

/* The first of a run, whose pools are empty. */
SESSION_TEST(a_first_connect_without_memory_takes_nothing)
{
    struct coir_stream *stream;
    uint16_t port;
    int listener = peer_listen(1, &port);
    char uri[64];

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", port);
    fault_clear();
    fault_fail("alloc_aligned", 1, ENOMEM, FAULT_ONCE);
    assert_int_equal(coir_connect(uri, NULL, &stream), -ENOMEM);
    assert_int_equal(fault_calls("kernel_connect"), 0);
    fault_clear();
    assert_int_equal(coir_connect(uri, NULL, &stream), 0);
    coir_abort(stream);
    close(listener);
}

SESSION_TEST(a_first_stream_without_memory_is_not_adopted)
{
    struct coir_stream *stream;
    int ends[2];

    peer_pair(ends);
    for (unsigned nth = 1; nth <= 2; nth++) { /* for the stream, and for its endpoint */
        fault_fail("alloc_aligned", nth, ENOMEM, FAULT_ONCE);
        assert_int_equal(coir_adopt(ends[0], NULL, &stream), -ENOMEM);
        assert_int_equal(fault_hits(), 1);
        fault_clear();
    }
    assert_int_equal(coir_adopt(ends[0], NULL, &stream), 0);
    coir_abort(stream);
    close(ends[1]);
}

/* A Unix address needs no host to have it. */
SESSION_TEST(free_bind_changes_nothing_for_a_unix_listener)
{
    struct coir_listen_options options = {.free_bind = true};
    struct coir_listener *listener;

    fault_clear();
    assert_int_equal(coir_listen(session_abstract(), &options, &listener), 0);
    assert_int_equal(fault_calls("kernel_set_option"), 0);
    coir_listener_close(listener);
}

/* It would be right for us as it is, and stays so. */
SESSION_TEST(a_given_descriptor_that_does_not_block_and_is_not_taken_is_as_it_was)
{
    struct coir_listener *listener;
    uint16_t port;
    int given = peer_listen(1, &port);
    int status = fcntl(given, F_GETFL) | O_NONBLOCK;
    char uri[32];

    snprintf(uri, sizeof(uri), "fd://%d", given);
    assert_int_equal(fcntl(given, F_SETFL, status), 0);
    fault_fail("alloc_aligned", 2, ENOMEM, FAULT_ONCE); /* the first is for the listener */
    assert_int_equal(coir_listen(uri, NULL, &listener), -ENOMEM);
    assert_int_equal(fault_calls("kernel_set_flags"), 0);
    fault_clear();
    assert_int_equal(fcntl(given, F_GETFL), status);
    assert_int_equal(close(given), 0);
}

SESSION_TEST(a_backlog_below_none_is_refused_for_a_given_descriptor_too)
{
    struct coir_listen_options options = {.backlog = -1};
    struct coir_listener *listener;
    uint16_t port;
    int given = peer_listen(1, &port);
    char uri[32];

    snprintf(uri, sizeof(uri), "fd://%d", given);
    assert_int_equal(coir_listen(uri, &options, &listener), -EINVAL);
    assert_int_equal(close(given), 0);
}

SESSION_TEST(a_first_wait_for_a_descriptor_without_memory_is_told)
{
    int ends[2];

    peer_pair(ends);
    fault_fail("alloc_aligned", 1, ENOMEM, FAULT_ONCE);
    assert_int_equal(coir_wait_fd(ends[0], POLLOUT), -ENOMEM);
    fault_clear();
    assert_int_equal(coir_wait_fd(ends[0], POLLOUT), POLLOUT);
    close(ends[0]);
    close(ends[1]);
}
