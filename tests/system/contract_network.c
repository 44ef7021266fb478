/* SPDX-License-Identifier: MIT
 *
 * What a network does to a program, in a network of the test's own where that
 * is needed: it goes away and comes back, has no port left, no IPv6, an address
 * that comes late; and peers that acknowledge nothing, or read nothing.
 */
#include "support/session.h"
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int set_up(const char *interface, bool up)
{
    struct ifreq request = {.ifr_flags = 0};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    int rc;

    assert_true(fd >= 0);
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
    rc = ioctl(fd, SIOCGIFFLAGS, &request);
    request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    if (rc == 0)
        rc = ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
    return rc;
}

/* Moves the process to a network of its own, with a loopback that is up. */
static void leave_network(void)
{
    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        TEST_SKIP("no network of its own is allowed here");
    assert_int_equal(set_up("lo", true), 0);
}

/* The network's own settings. */
static void write_setting(const char *path, const char *value)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t written = fd >= 0 ? write(fd, value, strlen(value)) : -1;

    if (fd >= 0)
        close(fd);
    if (written < 0)
        TEST_SKIP("a setting of the network cannot be changed here");
}

static void set_ports(const char *range)
{
    write_setting("/proc/sys/net/ipv4/ip_local_port_range", range);
}

SESSION_TEST(a_listener_outlives_its_network)
{
    struct coir_stream_options options = {.user_timeout_ns = 300 * COIR_MILLISECOND};
    struct coir_listen_options listening = {.stream = options};
    struct coir_listener *listener;
    struct coir_stream *stream;
    uint16_t port;
    char byte;
    int peer;

    leave_network();
    listener = session_listen(&listening, &port);
    peer = peer_connect(port);
    assert_int_equal(coir_accept(listener, &stream), 0);
    assert_int_equal(set_up("lo", false), 0);
    assert_int_equal(coir_write(stream, "x", 1), 0); /* on its way for ever */
    assert_int_equal(coir_read(stream, &byte, 1), -ETIMEDOUT);
    assert_int_equal(coir_write(stream, "x", 1), -ETIMEDOUT);
    coir_close(stream);
    close(peer);
    assert_int_equal(set_up("lo", true), 0);
    peer = peer_connect(port);
    assert_int_equal(coir_accept(listener, &stream), 0);
    peer_send(peer, "x", 1);
    session_expect(stream, "x");
    close(peer);
    coir_close(stream);
    coir_listener_close(listener);
}

/* A peer whose power is gone says nothing ever again: an idle session asks after a while. */
SESSION_TEST(an_idle_session_finds_out_that_its_peer_is_gone)
{
    struct coir_stream_options options = {.keepalive_ns = COIR_SECOND, .user_timeout_ns = COIR_SECOND};
    struct session session;
    coir_time from;
    int one = 1;
    char byte;

    leave_network();
    session = session_accept_with(&options);
    assert_int_equal(setsockopt(coir_fd(session.stream), IPPROTO_TCP, TCP_KEEPINTVL, &one, sizeof(one)), 0);
    assert_int_equal(set_up("lo", false), 0);
    from = coir_now();
    assert_int_equal(coir_read(session.stream, &byte, 1), -ETIMEDOUT);
    assert_in_range((coir_now() - from) / COIR_MILLISECOND, 1000, 20000);
    assert_int_equal(set_up("lo", true), 0);
    session_end(&session);
}

/* A live peer whose window is shut for ever looks the same to a writer. */
SESSION_TEST(a_write_to_a_peer_that_reads_nothing_ends)
{
    struct coir_stream_options options = {.user_timeout_ns = COIR_SECOND};
    struct session session = session_accept_with(&options);
    char bytes[65536] = {0};
    coir_time from = coir_now();
    int rc;

    peer_shrink(session.peer, 4096);
    while ((rc = coir_write(session.stream, bytes, sizeof(bytes))) == 0)
        ;
    assert_int_equal(rc, -ETIMEDOUT);
    assert_in_range((coir_now() - from) / COIR_MILLISECOND, 900, 20000);
    session_end(&session);
}

SESSION_TEST(a_connect_that_nobody_answers_is_the_networks_error_in_the_end)
{
    struct coir_stream_options options = {.user_timeout_ns = 500 * COIR_MILLISECOND};
    struct coir_stream *stream;
    uint16_t port;
    char uri[64];
    int listener = peer_listen(0, &port);
    int first = peer_connect(port); /* fills the queue: the next one is not answered */

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", port);
    assert_int_equal(coir_connect(uri, &options, &stream), -ETIMEDOUT);
    close(first);
    close(listener);
}

SESSION_TEST(without_a_way_there_errors_name_their_cause)
{
    struct coir_listener *listener;
    struct coir_stream *stream;

    leave_network();
    assert_int_equal(coir_connect("tcp://192.0.2.1:7", NULL, &stream), -ENETUNREACH);
    assert_int_equal(coir_listen("tcp://192.0.2.1:7", NULL, &listener), -EADDRNOTAVAIL);
}

/* Ports to connect from are a few thousand per peer. */
SESSION_TEST(a_connect_without_a_port_left_says_so)
{
    struct coir_stream *streams[3];
    uint16_t port;
    char uri[64];
    int listener;

    leave_network();
    listener = peer_listen(8, &port);
    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", port);
    set_ports("61000 61001");
    assert_int_equal(coir_connect(uri, NULL, &streams[0]), 0);
    assert_int_equal(coir_connect(uri, NULL, &streams[1]), 0);
    assert_int_equal(coir_connect(uri, NULL, &streams[2]), -EADDRNOTAVAIL);
    assert_non_null(strstr(coir_error_text(-EADDRNOTAVAIL), "port"));
    coir_abort(streams[0]);
    assert_int_equal(coir_connect(uri, NULL, &streams[0]), 0);
    coir_abort(streams[0]);
    coir_abort(streams[1]);
    close(listener);
}

/* Where nobody listens on a port of the range that the kernel picks from, it may pick that very port. */
SESSION_TEST(a_connection_to_itself_is_no_connection)
{
    struct coir_stream *stream;

    leave_network();
    set_ports("61000 61000");
    for (int i = 0; i < 3; i++)
        assert_int_equal(coir_connect("tcp://127.0.0.1:61000", NULL, &stream), -ECONNREFUSED);
}

SESSION_TEST(where_ip6_is_turned_off_an_empty_host_takes_ip4)
{
    struct coir_listener_info info;
    struct coir_listener *listener;
    struct coir_stream *stream;
    int peer;

    leave_network();
    if (peer_has_ip6())
        write_setting("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
    assert_int_equal(coir_listen("tcp://:0", NULL, &listener), 0);
    assert_int_equal(coir_listener_info(listener, &info), 0);
    peer = peer_connect(session_port(info.local));
    assert_int_equal(coir_accept(listener, &stream), 0);
    close(peer);
    coir_close(stream);
    coir_listener_close(listener);
    assert_int_equal(coir_connect("tcp://[::1]:7", NULL, &stream), -EADDRNOTAVAIL);
}

static void add_address(const char *interface, uint32_t host)
{
    struct ifreq request = {.ifr_flags = 0};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    assert_true(fd >= 0);
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
    memcpy(&request.ifr_addr, &address, sizeof(address));
    assert_int_equal(ioctl(fd, SIOCSIFADDR, &request), 0);
    close(fd);
}

/* A service that starts before its network does. */
SESSION_TEST(an_address_that_comes_late_can_be_listened_on_before)
{
    struct coir_listen_options options = {.free_bind = true};
    struct coir_datagram_options datagrams = {.free_bind = true};
    struct coir_datagram_socket *socket;
    struct coir_listener *listener;
    struct coir_stream *client;
    struct coir_stream *stream;

    leave_network();
    assert_int_equal(coir_listen("tcp://192.0.2.1:7007", NULL, &listener), -EADDRNOTAVAIL);
    assert_int_equal(coir_datagram_open("udp://192.0.2.1:7007", NULL, &socket), -EADDRNOTAVAIL);
    assert_int_equal(coir_listen("tcp://192.0.2.1:7007", &options, &listener), 0);
    assert_int_equal(coir_datagram_open("udp://192.0.2.1:7007", &datagrams, &socket), 0);
    add_address("lo:1", 0xc0000201);
    assert_int_equal(coir_connect("tcp://192.0.2.1:7007", NULL, &client), 0);
    assert_int_equal(coir_accept(listener, &stream), 0);
    coir_abort(client);
    coir_abort(stream);
    coir_listener_close(listener);
    if (peer_has_ip6()) {
        assert_int_equal(coir_listen("tcp://[2001:db8::1]:0", NULL, &listener), -EADDRNOTAVAIL);
        assert_int_equal(coir_listen("tcp://[2001:db8::1]:0", &options, &listener), 0);
        coir_listener_close(listener);
    }
    coir_datagram_close(socket);
}
