/* SPDX-License-Identifier: MIT
 *
 * The defaults of sockets, asked of the sockets themselves, and the options
 * that change them.
 */
#include "support/session.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>

struct expected {
    int nodelay;
    int keepalive;
    int keepalive_s;
    int user_timeout_ms;
};

static const struct expected defaults = {1, 1, 60, 120000};

static void expect_options(int fd, const struct expected *expected)
{
    assert_int_equal(!!peer_option(fd, IPPROTO_TCP, TCP_NODELAY), expected->nodelay);
    assert_int_equal(!!peer_option(fd, SOL_SOCKET, SO_KEEPALIVE), expected->keepalive);
    assert_int_equal(peer_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), expected->user_timeout_ms);
    if (expected->keepalive) {
        assert_int_equal(peer_option(fd, IPPROTO_TCP, TCP_KEEPIDLE), expected->keepalive_s);
        assert_int_equal(peer_option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 10);
        assert_int_equal(peer_option(fd, IPPROTO_TCP, TCP_KEEPCNT), 6);
    }
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

/* The descriptor, or misuse of the case. */
static int fd_of(struct coir_stream *stream)
{
    int fd = coir_fd(stream);

    assert_true(fd >= 0);
    return fd;
}

/* A connection by coir_connect() with the options. */
static struct session connect_with(const struct coir_stream_options *options)
{
    struct session session = {.stream = NULL};
    char uri[64];
    uint16_t port;
    int listener = peer_listen(1, &port);

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", port);
    assert_int_equal(coir_connect(uri, options, &session.stream), 0);
    session.peer = peer_accept(listener);
    close(listener);
    return session;
}

/* One end of a TCP connection that others made. */
static struct session adopt_with(const struct coir_stream_options *options)
{
    struct session session = {.stream = NULL};
    uint16_t port;
    int listener = peer_listen(1, &port);
    int fd = peer_connect(port);

    session.peer = peer_accept(listener);
    assert_int_equal(fcntl(fd, F_SETFD, 0), 0);
    assert_int_equal(coir_adopt(fd, options, &session.stream), 0);
    close(listener);
    return session;
}

/* One that a given listener accepted. */
static struct session accept_from_given(const struct coir_stream_options *options)
{
    struct coir_listen_options listening = {.stream = *options};
    struct session session = {.stream = NULL};
    struct coir_listener *listener;
    uint16_t port;

    assert_int_equal(coir_listen(session_fd(peer_listen(1, &port)), &listening, &listener), 0);
    session.peer = peer_connect(port);
    assert_int_equal(coir_accept(listener, &session.stream), 0);
    coir_listener_close(listener);
    return session;
}

static void expect_of_all(const struct coir_stream_options *options, const struct expected *expected)
{
    struct session sessions[4];

    sessions[0] = session_accept_with(options);
    sessions[1] = connect_with(options);
    sessions[2] = adopt_with(options);
    sessions[3] = accept_from_given(options);
    for (int i = 0; i < 4; i++) {
        expect_options(fd_of(sessions[i].stream), expected);
        session_end(&sessions[i]);
    }
}

SESSION_TEST(the_defaults_are_really_set)
{
    static const struct coir_stream_options none;

    expect_of_all(&none, &defaults);
}

SESSION_TEST(no_options_mean_the_defaults)
{
    struct session session = session_accept_with(NULL);

    expect_options(fd_of(session.stream), &defaults);
    session_end(&session);
    session = connect_with(NULL);
    expect_options(fd_of(session.stream), &defaults);
    session_end(&session);
}

SESSION_TEST(options_change_them_and_round_up)
{
    static const struct coir_stream_options options = {.user_timeout_ns = 1500 * COIR_MILLISECOND + 1,
                                                       .keepalive_ns = 5 * COIR_SECOND + 1,
                                                       .delay_small_writes = true};
    static const struct expected expected = {0, 1, 6, 1501};

    expect_of_all(&options, &expected);
}

SESSION_TEST(forever_turns_them_off)
{
    static const struct coir_stream_options options = {.user_timeout_ns = COIR_FOREVER, .keepalive_ns = COIR_FOREVER};
    static const struct expected expected = {1, 0, 0, 0};

    expect_of_all(&options, &expected);
}

SESSION_TEST(unix_streams_are_close_on_exec_too)
{
    struct coir_listener *listener;
    struct coir_stream *accepted, *connected;

    assert_int_equal(coir_listen(session_abstract(), NULL, &listener), 0);
    assert_int_equal(coir_connect(session_abstract(), NULL, &connected), 0);
    assert_int_equal(coir_accept(listener, &accepted), 0);
    assert_true(fcntl(fd_of(accepted), F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(fd_of(connected), F_GETFD) & FD_CLOEXEC);
    coir_abort(accepted);
    coir_abort(connected);
    coir_listener_close(listener);
}

SESSION_TEST(wrong_values_are_refused_everywhere)
{
    static const struct coir_stream_options wrong[] = {
        {.linger_ns = -1}, {.user_timeout_ns = -1}, {.keepalive_ns = -1}};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct coir_listen_options listening = {.stream = wrong[i]};
        struct coir_listener *listener;
        struct coir_stream *stream;
        int ends[2];

        peer_pair(ends);
        assert_int_equal(coir_listen("tcp://127.0.0.1:0", &listening, &listener), -EINVAL);
        assert_int_equal(coir_connect("tcp://127.0.0.1:1", &wrong[i], &stream), -EINVAL);
        assert_int_equal(coir_adopt(ends[0], &wrong[i], &stream), -EINVAL);
        close(ends[0]);
        close(ends[1]);
    }
}

/* The queue of a listener that nobody accepts from holds so many and one more. */
static int count_connects(uint16_t port, int most)
{
    struct coir_scope_options limit = {.limit_ns = 100 * COIR_MILLISECOND};
    struct coir_stream *streams[20];
    char uri[64];
    int count = 0;

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", port);
    while (count < most) {
        struct coir_scope *scope;
        int rc;

        assert_int_equal(coir_scope_open(&limit, &scope), 0);
        rc = coir_connect(uri, NULL, &streams[count]);
        coir_scope_close(scope);
        if (rc < 0)
            break;
        count++;
    }
    for (int i = 0; i < count; i++)
        coir_abort(streams[i]);
    return count;
}

SESSION_TEST(the_backlog_is_the_options)
{
    struct coir_listen_options options = {.backlog = 4};
    uint16_t port;
    struct coir_listener *listener = session_listen(&options, &port);

    assert_int_equal(count_connects(port, 20), 5);
    coir_listener_close(listener);
    listener = session_listen(NULL, &port);
    assert_int_equal(count_connects(port, 20), 20);
    coir_listener_close(listener);
}

#define DESCRIPTORS 64 /* more than a case has */

/* The descriptor that listens on the port. */
static int find_listening(uint16_t port)
{
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        struct sockaddr_in address;
        socklen_t size = sizeof(address);

        if (getsockname(fd, (struct sockaddr *)&address, &size) == 0 && address.sin_family == AF_INET &&
            ntohs(address.sin_port) == port && peer_option(fd, SOL_SOCKET, SO_ACCEPTCONN))
            return fd;
    }
    fail_msg("nobody listens on port %u", port);
    return -1;
}

/* What the kernel caps a backlog at. */
static unsigned read_somaxconn(void)
{
    FILE *file = fopen("/proc/sys/net/core/somaxconn", "r");
    unsigned value = 0;

    if (file == NULL || fscanf(file, "%u", &value) != 1)
        TEST_SKIP("net.core.somaxconn cannot be read");
    fclose(file);
    return value;
}

SESSION_TEST(the_backlog_is_4096_where_nothing_is_said)
{
    unsigned most = read_somaxconn();
    struct tcp_info info;
    socklen_t size = sizeof(info);
    uint16_t port;
    struct coir_listener *listener = session_listen(NULL, &port);

    assert_int_equal(getsockopt(find_listening(port), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    if (size <= offsetof(struct tcp_info, tcpi_sacked))
        TEST_SKIP("no more than an int of it is told, as emulators do");
    assert_int_equal(info.tcpi_sacked, most < 4096 ? most : 4096); /* of a listener, its backlog */
    coir_listener_close(listener);
}

static bool ours_to_judge[DESCRIPTORS];

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static int wait_for_signal(void *arg)
{
    (void)arg;
    return coir_signal_wait((int[]){SIGUSR1}, 1, &(int){0});
}

/* One of each kind that the library opens. */
static int open_each_kind(void *arg)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct coir_datagram_socket *datagrams, *local;
    struct coir_listener *listener, *paths;
    struct coir_stream *connected, *accepted;
    struct coir_listener_info info;
    unsigned judged = 0;

    (void)arg;
    assert_int_equal(coir_listen("tcp://:0", NULL, &listener), 0);
    assert_int_equal(coir_listen(session_abstract(), NULL, &paths), 0);
    assert_int_equal(coir_datagram_open("udp://:0", NULL, &datagrams), 0);
    assert_int_equal(coir_datagram_open(session_abstract(), NULL, &local), 0);
    assert_int_equal(coir_listener_info(paths, &info), 0);
    assert_int_equal(coir_connect(info.local, NULL, &connected), 0);
    assert_int_equal(coir_accept(paths, &accepted), 0);
    session_spawn(scope, wait_for_signal, NULL);
    session_settle();
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        if (!ours_to_judge[fd] || !is_open(fd))
            continue;
        judged++;
        if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC))
            fail_msg("descriptor %d is not closed on exec", fd);
    }
    assert_true(judged >= 8); /* with that of the signal, besides those of the engine */
    coir_scope_cancel(scope);
    coir_scope_close(scope);
    coir_abort(connected);
    coir_abort(accepted);
    coir_datagram_close(datagrams);
    coir_datagram_close(local);
    coir_listener_close(listener);
    coir_listener_close(paths);
    return 0;
}

TEST(every_descriptor_is_closed_on_exec)
{
    static const enum coir_engine engines[] = {COIR_ENGINE_EPOLL, COIR_ENGINE_POLL};

    for (int fd = 0; fd < DESCRIPTORS; fd++)
        ours_to_judge[fd] = !is_open(fd);
    for (int i = 0; i < 2; i++) {
        struct coir_run_options options = {.engine = engines[i], .stack = COIR_STACK_HUGE};

        assert_int_equal(coir_run(open_each_kind, NULL, &options), 0);
    }
}
