/* SPDX-License-Identifier: MIT
 *
 * The contract of coir_connect(), and of the addresses that it and
 * coir_listen() take.
 */
#include "support/session.h"
#include <netinet/in.h>

static int connect_to(const char *uri, const char *local)
{
    struct coir_stream_options options = {.local = local};
    struct coir_stream *kept = (struct coir_stream *)&options;
    struct coir_stream *stream = kept;
    int rc = coir_connect(uri, &options, &stream);

    if (rc == 0)
        coir_abort(stream);
    else
        assert_ptr_equal(stream, kept); /* written on success only */
    return rc;
}

SESSION_TEST(what_is_no_address_is_refused)
{
    static const char *const wrong[] = {
        "",
        "tcp",
        "tcp:",
        "tcp://",
        "tcp://1.2.3.4",
        "tcp://1.2.3.4:",
        "://:7",
        "http://:7",
        "fd://3",
        "tcp://[::1",
        "tcp://[::1]",
        "tcp://[::1]:x",
        "tcp:/:7",
        "tcp://::1:7",
        "udp://:7",
        "tcp://1.2.3:7",
        "tcp://1.2.3.4:65536",
        "unix://",
        "unix://@",
        "unix://a/b",
        "tcp://1.2.3.4:-1",
        "tcp://1.2.3.4:7/",
        "TCP://:7",
        "tcp://[1.2.3.4]:7",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(connect_to(wrong[i], NULL), COIR_ERROR_ADDRESS);
    assert_int_equal(connect_to("tcp://localhost:7", NULL), COIR_ERROR_HOST_NAME);
    assert_int_equal(connect_to("tcp://example.org:7", NULL), COIR_ERROR_HOST_NAME);
}

SESSION_TEST(every_address_and_port_0_are_not_to_be_connected_to)
{
    assert_int_equal(connect_to("tcp://:7", NULL), COIR_ERROR_ADDRESS);
    assert_int_equal(connect_to("tcp://0.0.0.0:7", NULL), COIR_ERROR_ADDRESS);
    assert_int_equal(connect_to("tcp://[::]:7", NULL), COIR_ERROR_ADDRESS);
    assert_int_equal(connect_to("tcp://127.0.0.1:0", NULL), COIR_ERROR_ADDRESS);
}

SESSION_TEST(a_connection_tells_both_addresses)
{
    struct session session = session_connect();
    struct coir_stream_info info = session_info(session.stream);

    assert_memory_equal(info.local, "tcp://127.0.0.1:", 16);
    assert_memory_equal(info.peer, "tcp://127.0.0.1:", 16);
    assert_int_not_equal(session_port(info.local), session_port(info.peer));
    session_end(&session);
}

SESSION_TEST(ip6_is_connected_to)
{
    struct coir_listener *listener;
    struct coir_listener_info info;

    if (!peer_has_ip6())
        return;
    assert_int_equal(coir_listen("tcp://[::1]:0", NULL, &listener), 0);
    assert_int_equal(coir_listener_info(listener, &info), 0);
    assert_memory_equal(info.local, "tcp://[::1]:", 12);
    assert_int_equal(connect_to(info.local, NULL), 0);
    assert_int_equal(connect_to(info.local, "tcp://[::1]:0"), 0);
    assert_int_equal(connect_to(info.local, "tcp://:0"), 0);
    coir_listener_close(listener);
}

/* A port that is free just now; others may take it before us. */
static uint16_t find_port(void)
{
    uint16_t port;

    close(peer_listen(1, &port));
    return port;
}

SESSION_TEST(errors_of_connecting_name_their_cause)
{
    char uri[64];

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", find_port());
    assert_int_equal(connect_to(uri, NULL), -ECONNREFUSED);
    assert_int_equal(connect_to("unix:///nowhere/s", NULL), -ENOENT);
    assert_int_equal(connect_to("unix://@coir nobody listens", NULL), -ECONNREFUSED);
    assert_int_equal(connect_to("unix:///dev/null", NULL), -ECONNREFUSED);
    assert_int_equal(connect_to("tcp://255.255.255.255:7", NULL), -ENETUNREACH);
}

/* Connections from one address to different servers may have the same port of ours. */
static void assert_shares_ports(struct coir_stream *stream)
{
    int shares = 0;
    socklen_t size = sizeof(shares);

    if (test_is_emulated())
        return;
    assert_int_equal(getsockopt(coir_fd(stream), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &shares, &size), 0);
    assert_int_equal(shares, 1);
}

SESSION_TEST(the_local_address_is_the_options)
{
    struct coir_stream_options options = {0};
    struct coir_stream *stream;
    char uri[64], local[64];
    uint16_t port;
    int listener = peer_listen(5, &port);
    int rc = -EADDRINUSE;

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", port);
    options.local = local;
    for (int i = 0; i < 20 && rc == -EADDRINUSE; i++) {
        snprintf(local, sizeof(local), "tcp://127.0.0.2:%u", find_port());
        rc = coir_connect(uri, &options, &stream);
    }
    assert_int_equal(rc, 0);
    assert_string_equal(session_info(stream).local, local);
    coir_abort(stream);
    options.local = "tcp://127.0.0.3:0";
    assert_int_equal(coir_connect(uri, &options, &stream), 0);
    assert_memory_equal(session_info(stream).local, "tcp://127.0.0.3:", 16);
    assert_shares_ports(stream);
    coir_abort(stream);
    assert_int_equal(connect_to(uri, "tcp://192.0.2.1:0"), -EADDRNOTAVAIL);
    assert_int_equal(connect_to(uri, "unix://@x"), COIR_ERROR_ADDRESS); /* of the same scheme */
    assert_int_equal(connect_to(uri, "udp://127.0.0.1:0"), COIR_ERROR_ADDRESS);
    assert_int_equal(connect_to(uri, "127.0.0.1:0"), COIR_ERROR_ADDRESS);
    assert_int_equal(connect_to(uri, "tcp://localhost:0"), COIR_ERROR_HOST_NAME);
    close(listener);
}

SESSION_TEST(an_empty_local_host_is_any_address_of_the_family)
{
    char uri[64], local[64];
    uint16_t port;
    int listener = peer_listen(30, &port);
    int rc = -EADDRINUSE;

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", port);
    for (int i = 0; i < 20 && rc == -EADDRINUSE; i++) {
        snprintf(local, sizeof(local), "tcp://:%u", find_port());
        rc = connect_to(uri, local);
    }
    assert_int_equal(rc, 0);
    close(listener);
}

SESSION_TEST(a_local_unix_path_is_told_to_the_peer_and_left_nowhere)
{
    const char *directory = peer_make_directory();
    struct coir_stream_options options = {0};
    struct coir_listener *listener;
    struct coir_stream *stream, *accepted;
    char uri[128], local[128];

    session_path(directory, "s", uri);
    session_path(directory, "c", local);
    options.local = local;
    assert_int_equal(coir_listen(uri, NULL, &listener), 0);
    assert_int_equal(coir_connect(uri, &options, &stream), 0);
    assert_int_equal(coir_accept(listener, &accepted), 0);
    assert_string_equal(session_info(accepted).peer, local);
    assert_string_equal(session_info(stream).local, local);
    coir_abort(accepted);
    coir_abort(stream);
    coir_listener_close(listener);
    peer_remove_directory(directory); /* unlinked by who bound it */
}

SESSION_TEST(a_socket_connected_to_itself_is_refused)
{
    int rc = -EADDRINUSE;
    char uri[64];

    for (int i = 0; i < 20 && rc == -EADDRINUSE; i++) {
        snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", find_port());
        rc = connect_to(uri, uri); /* by chance the kernel may pick this port itself */
    }
    assert_int_equal(rc, -ECONNREFUSED);
}

/* A queue that is full on loopback: the next connect is not answered. */
static int fill_queue(uint16_t *ret_port, int *ret_client)
{
    int listener = peer_listen(0, ret_port);

    *ret_client = peer_connect(*ret_port);
    return listener;
}

SESSION_TEST(a_deadline_ends_a_connect_that_nobody_answers)
{
    struct coir_scope_options limit = {.limit_ns = 50 * COIR_MILLISECOND};
    struct coir_scope *scope;
    coir_time from = coir_now();
    uint16_t port;
    int client;
    char uri[64];
    int listener = fill_queue(&port, &client);

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", port);
    assert_int_equal(coir_scope_open(&limit, &scope), 0);
    assert_int_equal(connect_to(uri, NULL), -ETIME);
    assert_in_range((coir_now() - from) / COIR_MILLISECOND, 50, 20000); /* the kernel tries for minutes */
    assert_int_equal(connect_to(uri, NULL), -ETIME);                    /* refused at entry */
    assert_int_equal(connect_to("nonsense", NULL), -ETIME);
    coir_scope_close(scope);
    close(listener);
    close(client);
}

struct dialer {
    const char *uri;
    bool is_back;
};

static int dial_for(void *arg)
{
    struct dialer *dialer = arg;
    int rc = connect_to(dialer->uri, NULL);

    dialer->is_back = true;
    return rc;
}

SESSION_TEST(a_cancel_ends_a_connect_that_nobody_answers)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
    uint16_t port;
    int client;
    char uri[64];
    int result = 0;
    struct coir_task_options options = {.stack = COIR_STACK_LARGE, .ret_result = &result};
    struct dialer dialer = {.uri = uri};
    int listener = fill_queue(&port, &client);

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", port);
    assert_int_equal(coir_spawn(scope, dial_for, &dialer, &options), 0);
    session_settle();
    coir_scope_cancel(scope);
    coir_scope_close(scope);
    assert_int_equal(result, -ECANCELED);
    close(listener);
    close(client);
}

SESSION_TEST(a_full_queue_of_a_unix_listener_is_waited_for)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    int listener = peer_listen_path(session_abstract() + 7, 0);
    int waiting = peer_connect_path(session_abstract() + 7);
    struct dialer dialer = {.uri = session_abstract()};
    int accepted[2];

    session_spawn(scope, dial_for, &dialer);
    session_sleep_ms(20);
    assert_false(dialer.is_back);
    accepted[0] = peer_accept(listener);
    assert_int_equal(coir_scope_close(scope), 0);
    accepted[1] = peer_accept(listener);
    close(accepted[0]);
    close(accepted[1]);
    close(waiting);
    close(listener);
}

static int sleep_and_cancel(void *arg)
{
    int rc = coir_sleep(COIR_MILLISECOND);

    coir_scope_cancel(arg);
    return rc;
}

static int block_everybody(void *unused)
{
    int rc = coir_sleep(COIR_MILLISECOND / 4);

    (void)unused;
    peer_block_ms(8);
    return rc;
}

/* The scope is cancelled when the connect has been woken to try again, and has not yet run. */
SESSION_TEST(a_cancel_between_two_tries_at_a_full_queue_is_heeded)
{
    struct coir_scope *around = session_scope(COIR_SCOPE_FAIL_FAST);
    struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
    int listener = peer_listen_path(session_abstract() + 7, 0);
    int waiting = peer_connect_path(session_abstract() + 7);
    struct dialer dialer = {.uri = session_abstract()};
    coir_time from = coir_now();

    session_spawn(scope, dial_for, &dialer);
    session_spawn(around, sleep_and_cancel, scope);
    session_spawn(around, block_everybody, NULL);
    coir_scope_close(scope);
    assert_true(coir_now() - from < 5 * COIR_SECOND);
    coir_scope_close(around);
    close(waiting);
    close(listener);
}
