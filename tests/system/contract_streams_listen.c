/* SPDX-License-Identifier: MIT
 *
 * The contract of listeners: what they listen on, and what they say of it.
 * Files of Unix ones: contract_paths.c.
 */
#include "support/session.h"
#include <fcntl.h>
#include <sys/socket.h>

static struct coir_listener *listen_on(const char *uri)
{
    struct coir_listener *listener = NULL;

    assert_int_equal(coir_listen(uri, NULL, &listener), 0);
    return listener;
}

static struct coir_listener_info info_of(const struct coir_listener *listener)
{
    struct coir_listener_info info;

    assert_int_equal(coir_listener_info(listener, &info), 0);
    return info;
}

/* Accepts one and compares the addresses it tells with the expected. */
static void accept_and_expect(struct coir_listener *listener, const char *local, const char *peer)
{
    struct coir_stream *stream;
    struct coir_stream_info info;

    assert_int_equal(coir_accept(listener, &stream), 0);
    info = session_info(stream);
    assert_string_equal(info.local, local);
    assert_string_equal(info.peer, peer);
    coir_abort(stream);
}

SESSION_TEST(port_0_is_picked_and_told)
{
    struct coir_listener *listener = listen_on("tcp://127.0.0.1:0");
    struct coir_listener_info info = info_of(listener);
    struct coir_listener *second = NULL;

    assert_memory_equal(info.local, "tcp://127.0.0.1:", 16);
    assert_true(session_port(info.local) > 0);
    close(peer_connect(session_port(info.local)));
    assert_int_equal(coir_listen(info.local, NULL, &second), -EADDRINUSE); /* what is told can be listened on */
    assert_null(second);
    coir_listener_close(listener);
    coir_listener_close(listen_on(info.local)); /* at once: SO_REUSEADDR */
}

SESSION_TEST(info_counts_what_was_accepted)
{
    struct coir_listener *listener = listen_on("tcp://127.0.0.1:0");
    uint16_t port = session_port(info_of(listener).local);

    for (uint64_t i = 1; i <= 3; i++) {
        struct coir_stream *stream;
        int peer = peer_connect(port);

        assert_int_equal(coir_accept(listener, &stream), 0);
        coir_abort(stream);
        close(peer);
        assert_int_equal(info_of(listener).accepted, i);
    }
    coir_listener_close(listener);
}

SESSION_TEST(an_address_in_time_wait_can_be_listened_on_again)
{
    struct coir_listener *listener = listen_on("tcp://127.0.0.1:0");
    struct coir_listener_info info = info_of(listener);
    struct coir_stream *stream;
    char byte;
    int peer = peer_connect(session_port(info.local));

    assert_int_equal(coir_accept(listener, &stream), 0);
    assert_int_equal(coir_finish(stream), 0); /* who finishes first is in TIME_WAIT */
    assert_int_equal(peer_read(peer, &byte, 1), 0);
    close(peer);
    assert_int_equal(coir_read(stream, &byte, 1), 0);
    coir_close(stream);
    coir_listener_close(listener);
    coir_listener_close(listen_on(info.local));
}

SESSION_TEST(an_empty_host_takes_both_families_and_mapped_peers_print_as_ip4)
{
    struct coir_listener *listener = listen_on("tcp://:0");
    uint16_t port = session_port(info_of(listener).local);
    char local[64], peer[64];
    int fd;

    snprintf(local, sizeof(local), "tcp://127.0.0.1:%u", port);
    fd = peer_connect(port);
    {
        struct coir_stream *stream;
        struct coir_stream_info info;

        assert_int_equal(coir_accept(listener, &stream), 0);
        info = session_info(stream);
        assert_string_equal(info.local, local);
        assert_memory_equal(info.peer, "tcp://127.0.0.1:", 16);
        coir_abort(stream);
    }
    close(fd);
    if (peer_has_ip6()) {
        struct coir_stream *stream;
        struct coir_stream_info info;

        snprintf(peer, sizeof(peer), "tcp://[::]:%u", port);
        assert_string_equal(info_of(listener).local, peer); /* one socket */
        fd = peer_connect6(port);
        assert_int_equal(coir_accept(listener, &stream), 0);
        info = session_info(stream);
        snprintf(local, sizeof(local), "tcp://[::1]:%u", port);
        assert_string_equal(info.local, local);
        assert_memory_equal(info.peer, "tcp://[::1]:", 12);
        coir_abort(stream);
        close(fd);
    }
    coir_listener_close(listener);
}

SESSION_TEST(a_written_out_ip6_host_takes_ip6_alone)
{
    int rc = peer_has_ip6() ? -EADDRINUSE : 0;

    for (int i = 0; i < 20 && rc == -EADDRINUSE; i++) { /* others may have that port */
        struct coir_listener *six = listen_on("tcp://[::]:0");
        struct coir_listener *four = NULL;
        char uri[64];

        snprintf(uri, sizeof(uri), "tcp://0.0.0.0:%u", session_port(info_of(six).local));
        rc = coir_listen(uri, NULL, &four); /* the same port of the other family is free */
        coir_listener_close(six);
        coir_listener_close(four);
    }
    assert_int_equal(rc, 0);
}

SESSION_TEST(the_peers_address_is_told)
{
    struct coir_listener *listener = listen_on("tcp://127.0.0.1:0");
    int fd = peer_connect(session_port(info_of(listener).local));
    char peer[64];

    snprintf(peer, sizeof(peer), "tcp://127.0.0.1:%u", peer_port(fd));
    accept_and_expect(listener, info_of(listener).local, peer);
    close(fd);
    coir_listener_close(listener);
}

SESSION_TEST(unix_peers_have_no_address)
{
    const char *directory = peer_make_directory();
    char path[128];
    const char *const uris[] = {session_abstract(), path};

    session_path(directory, "s", path);
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        struct coir_listener *listener = listen_on(uris[i]);
        int fd = peer_connect_path(uris[i] + 7);

        accept_and_expect(listener, uris[i], "unix://");
        close(fd);
        coir_listener_close(listener);
    }
    peer_remove_directory(directory);
}

SESSION_TEST(errors_of_listening_name_their_cause)
{
    struct coir_listen_options wrong = {.stream = {.linger_ns = -1}};
    struct coir_listen_options negative = {.backlog = -1};
    struct coir_listener *kept = (struct coir_listener *)&wrong;
    struct coir_listener *listener = kept;

    assert_int_equal(coir_listen("tcp://192.0.2.1:0", NULL, &listener), -EADDRNOTAVAIL);
    assert_int_equal(coir_listen("tcp://127.0.0.1:0", &wrong, &listener), -EINVAL);
    assert_int_equal(coir_listen("tcp://127.0.0.1:0", &negative, &listener), -EINVAL);
    assert_int_equal(coir_listen("tcp://localhost:0", NULL, &listener), COIR_ERROR_HOST_NAME);
    assert_int_equal(coir_listen("tcp://127.0.0.1", NULL, &listener), COIR_ERROR_ADDRESS);
    assert_int_equal(coir_listen("fd://0", &wrong, &listener), -EINVAL);
    assert_ptr_equal(listener, kept);
}

SESSION_TEST(a_cancelled_scope_accepts_nothing_that_is_queued)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct coir_stream *stream;
    uint16_t port;
    struct coir_listener *listener = session_listen(NULL, &port);
    int fd = peer_connect(port);

    coir_scope_cancel(scope);
    assert_int_equal(coir_accept(listener, &stream), -ECANCELED);
    coir_scope_close(scope);
    assert_int_equal(coir_accept(listener, &stream), 0); /* and it is not lost */
    coir_abort(stream);
    close(fd);
    coir_listener_close(listener);
}

static int accept_until(void *arg)
{
    struct coir_stream *stream;

    return coir_accept(arg, &stream);
}

SESSION_TEST(deadlines_and_cancels_end_an_accept_that_waits)
{
    for (int i = 0; i < 2; i++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
        uint16_t port;
        struct coir_listener *listener = session_listen(NULL, &port);
        int result = 0;
        struct coir_task_options options = {.stack = COIR_STACK_LARGE, .ret_result = &result};

        assert_int_equal(coir_spawn(scope, accept_until, listener, &options), 0);
        session_settle();
        if (i == 0)
            coir_scope_cancel(scope);
        else
            coir_scope_set_limit(scope, COIR_MILLISECOND);
        coir_scope_close(scope);
        assert_int_equal(result, i == 0 ? -ECANCELED : -ETIME);
        coir_listener_close(listener);
    }
}

/* A listening socket that somebody hands over, as for socket activation. */
SESSION_TEST(a_descriptor_that_listens_is_taken)
{
    uint16_t port;
    int given = peer_listen(5, &port); /* blocking, and not close-on-exec in general */
    struct coir_listener *listener;
    char local[64];
    int fd;

    fcntl(given, F_SETFD, 0);
    listener = listen_on(session_fd(given));
    snprintf(local, sizeof(local), "tcp://127.0.0.1:%u", port);
    assert_string_equal(info_of(listener).local, local);
    assert_true(fcntl(given, F_GETFD) & FD_CLOEXEC);
    fd = peer_connect(port);
    {
        struct coir_stream *stream;

        assert_int_equal(coir_accept(listener, &stream), 0);
        coir_abort(stream);
    }
    close(fd);
    coir_listener_close(listener);
    assert_int_equal(fcntl(given, F_GETFD), -1); /* it was the listener's */
}

/* Of another kind of network, where the kernel has one. */
SESSION_TEST(a_listener_of_a_family_that_we_do_not_know_is_refused)
{
    int foreign = socket(AF_VSOCK, SOCK_STREAM, 0);
    struct coir_listener *listener;
    char uri[32];

    if (foreign < 0)
        return;
    snprintf(uri, sizeof(uri), "fd://%d", foreign);
    assert_int_equal(coir_listen(uri, NULL, &listener), -EAFNOSUPPORT);
    assert_int_equal(close(foreign), 0);
}

SESSION_TEST(a_descriptor_that_does_not_listen_stays_the_callers)
{
    struct coir_listener *listener;
    int ends[2], pipe_ends[2];

    peer_pair(ends);
    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(coir_listen(session_fd(ends[0]), NULL, &listener), -EINVAL);
    assert_int_equal(coir_listen(session_fd(pipe_ends[0]), NULL, &listener), -ENOTSOCK);
    assert_int_equal(coir_listen("fd://999999", NULL, &listener), -EBADF);
    assert_int_equal(coir_listen("fd://-1", NULL, &listener), COIR_ERROR_ADDRESS);
    assert_int_equal(coir_listen("fd://", NULL, &listener), COIR_ERROR_ADDRESS);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(close(ends[i]), 0);
        assert_int_equal(close(pipe_ends[i]), 0);
    }
}
