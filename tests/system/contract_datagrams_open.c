/* SPDX-License-Identifier: MIT
 *
 * The contract of datagram sockets: what they are opened on, what they say of
 * it, whose a descriptor is, and what closing does. Files: contract_paths.c.
 */
#include "support/datagrams.h"
#include "support/tasks.h"
#include <errno.h>
#include <fcntl.h>

SESSION_TEST(port_0_is_picked_and_told)
{
    struct coir_datagram_socket *socket = datagram_open_at("udp://127.0.0.1:0");
    struct coir_datagram_info info = datagram_info(socket);

    assert_memory_equal(info.local, "udp://127.0.0.1:", 16);
    assert_true(session_port(info.local) > 0);
    coir_datagram_close(socket);
    coir_datagram_close(datagram_open_at(info.local)); /* what is told can be opened */
}

/* With SO_REUSEADDR on both sides, a second socket would get what is sent to the first. */
SESSION_TEST(nobody_else_gets_an_address_that_is_ours)
{
    struct coir_datagram_socket *socket = datagram_open_at("udp://127.0.0.1:0");
    struct coir_datagram_info info = datagram_info(socket);
    struct coir_datagram_socket *second = NULL;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int thief = datagram_plain(AF_INET);
    int on = 1;

    assert_int_equal(coir_datagram_open(info.local, NULL, &second), -EADDRINUSE);
    assert_null(second);
    address.sin_port = htons(session_port(info.local));
    assert_int_equal(setsockopt(thief, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    assert_int_equal(bind(thief, (struct sockaddr *)&address, sizeof(address)), -1);
    assert_int_equal(errno, EADDRINUSE);
    close(thief);
    coir_datagram_close(socket);
}

SESSION_TEST(an_empty_host_takes_both_families)
{
    struct coir_datagram_socket *every = datagram_open_at("udp://:0");
    uint16_t port = datagram_port(every);
    struct coir_datagram datagram;
    int four = datagram_peer("127.0.0.1");

    assert_int_equal(datagram_send_to(four, "127.0.0.1", port, "4", 1), 1);
    assert_int_equal(coir_datagram_receive(every, &datagram), 0);
    datagram_expect_address(&datagram.peer, datagram_uri("127.0.0.1", peer_port(four)));
    coir_release(&datagram.data);
    close(four);
    if (peer_has_ip6()) {
        int six = datagram_peer6();

        assert_string_equal(datagram_info(every).local, datagram_uri("[::]", port)); /* one socket */
        assert_int_equal(datagram_send_to6(six, port, "6", 1), 1);
        assert_int_equal(coir_datagram_receive(every, &datagram), 0);
        assert_int_equal(coir_datagram_send(every, &datagram), 0);
        coir_release(&datagram.data);
        datagram_expect(six, "6", datagram_uri("[::1]", port));
        close(six);
    }
    coir_datagram_close(every);
}

SESSION_TEST(a_written_out_ip6_host_takes_ip6_alone)
{
    int rc = peer_has_ip6() ? -EADDRINUSE : 0;

    for (int i = 0; i < 20 && rc == -EADDRINUSE; i++) { /* others may have that port */
        struct coir_datagram_socket *six = datagram_open_at("udp://[::]:0");
        struct coir_datagram_socket *four = NULL;

        rc = coir_datagram_open(datagram_uri("0.0.0.0", datagram_port(six)), NULL, &four);
        coir_datagram_close(six);
        coir_datagram_close(four);
    }
    assert_int_equal(rc, 0);
}

SESSION_TEST(errors_of_opening_name_their_cause)
{
    struct coir_datagram_options wrong = {.receive_queue_bytes = 1u << 31};
    struct coir_datagram_socket *kept = (struct coir_datagram_socket *)&wrong;
    struct coir_datagram_socket *socket = kept;
    struct coir_listener *listener;
    struct coir_stream *stream;

    assert_int_equal(coir_datagram_open("udp://198.51.100.1:0", NULL, &socket), -EADDRNOTAVAIL);
    assert_int_equal(coir_datagram_open("udp://127.0.0.1:0", &wrong, &socket), -EINVAL);
    assert_int_equal(coir_datagram_open("fd://0", &wrong, &socket), -EINVAL);
    assert_int_equal(coir_datagram_open("udp://localhost:0", NULL, &socket), COIR_ERROR_HOST_NAME);
    assert_int_equal(coir_datagram_open("udp://127.0.0.1", NULL, &socket), COIR_ERROR_ADDRESS);
    assert_int_equal(coir_datagram_open("tcp://127.0.0.1:0", NULL, &socket), COIR_ERROR_ADDRESS);
    assert_int_equal(coir_datagram_open("fd://", NULL, &socket), COIR_ERROR_ADDRESS);
    assert_int_equal(coir_datagram_open("udp6://[::1]:0", NULL, &socket), COIR_ERROR_ADDRESS); /* no such scheme */
    assert_ptr_equal(socket, kept);
    assert_int_equal(coir_listen("udp://127.0.0.1:0", NULL, &listener), COIR_ERROR_ADDRESS);
    assert_int_equal(coir_connect("udp://127.0.0.1:7", NULL, &stream), COIR_ERROR_ADDRESS);
}

/* Descriptors that we are given. */

SESSION_TEST(a_given_socket_is_used_and_closed_with_ours)
{
    int given = datagram_peer("0.0.0.0"); /* blocking, and with no option of ours */
    int peer = datagram_peer("127.0.0.1");
    uint16_t port = peer_port(given);
    struct coir_datagram_socket *socket;
    struct coir_datagram datagram;

    fcntl(given, F_SETFD, 0);
    socket = datagram_open_at(session_fd(given));
    assert_string_equal(datagram_info(socket).local, datagram_uri("0.0.0.0", port));
    assert_true(fcntl(given, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(datagram_send_to(peer, "127.0.0.2", port, "x", 1), 1);
    assert_int_equal(coir_datagram_receive(socket, &datagram), 0);
    assert_int_equal(coir_datagram_send(socket, &datagram), 0);
    coir_release(&datagram.data);
    datagram_expect(peer, "x", datagram_uri("127.0.0.2", port));
    coir_datagram_close(socket);
    assert_int_equal(fcntl(given, F_GETFD), -1);
    close(peer);
}

/* As a supervisor's, whose service starts with the first datagram. */
SESSION_TEST(what_came_before_a_socket_was_given_is_answered_from_where_it_was_asked)
{
    static const int families[] = {AF_INET, AF_INET6};
    size_t family_count = peer_has_ip6() ? 2 : 1;

    for (size_t i = 0; i < family_count; i++) {
        struct sockaddr_in6 every = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
        socklen_t size = sizeof(every);
        int given = families[i] == AF_INET ? datagram_peer("0.0.0.0") : datagram_plain(AF_INET6);
        int peer = datagram_peer("127.0.0.1");
        struct coir_datagram_socket *socket;
        struct coir_datagram datagram;
        uint16_t port;

        if (families[i] == AF_INET6)
            assert_int_equal(bind(given, (struct sockaddr *)&every, size), 0);
        assert_int_equal(getsockname(given, (struct sockaddr *)&every, &size), 0);
        port = ntohs(every.sin6_port); /* at the same place in both families */
        assert_int_equal(datagram_send_to(peer, "127.0.0.2", port, "early", 5), 5);
        socket = datagram_open_at(session_fd(given));
        assert_int_equal(coir_datagram_receive(socket, &datagram), 0);
        assert_false(datagram.to_many);
        datagram_expect_address(&datagram.local, datagram_uri("127.0.0.2", port));
        assert_int_equal(coir_datagram_send(socket, &datagram), 0);
        coir_release(&datagram.data);
        datagram_expect(peer, "early", datagram_uri("127.0.0.2", port));
        close(peer);
        coir_datagram_close(socket);
    }
}

SESSION_TEST(a_given_socket_without_an_address_gets_one_by_sending)
{
    struct coir_datagram_socket *socket = datagram_open_at(session_fd(datagram_plain(AF_INET)));
    int peer = datagram_peer("127.0.0.1");
    struct coir_datagram datagram = datagram_of("x", datagram_address(datagram_uri("127.0.0.1", peer_port(peer))));
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    char byte;

    assert_int_equal(coir_datagram_send(socket, &datagram), 0);
    assert_int_equal(recvfrom(peer, &byte, 1, 0, (struct sockaddr *)&from, &size), 1);
    assert_int_equal(datagram_send_to(peer, "127.0.0.1", ntohs(from.sin_port), "y", 1), 1);
    assert_int_equal(coir_datagram_receive(socket, &datagram), 0);
    assert_int_equal(coir_address_port(&datagram.local), ntohs(from.sin_port));
    coir_release(&datagram.data);
    coir_datagram_close(socket);
    close(peer);
}

/* It has the one peer: the sender may still say which address of ours it is to come from. */
SESSION_TEST(a_given_socket_that_is_connected_sends_from_local_too)
{
    int given = datagram_plain(AF_INET);
    int peer = datagram_peer("127.0.0.1");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(peer_port(peer))};
    struct coir_datagram datagram = {.data = {.bytes = (unsigned char *)(uintptr_t) "x", .size = 1}};
    struct coir_datagram_socket *socket;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(given, (struct sockaddr *)&address, sizeof(address)), 0);
    socket = datagram_open_at(session_fd(given));
    datagram.local = datagram_address("udp://127.0.0.1:0");
    assert_int_equal(coir_datagram_send(socket, &datagram), 0);
    datagram_expect(peer, "x", datagram_uri("127.0.0.1", datagram_port(socket)));
    coir_datagram_close(socket);
    close(peer);
}

SESSION_TEST(a_given_unix_socket_may_have_no_name)
{
    struct coir_datagram_socket *socket = datagram_open_at(session_fd(datagram_peer_path(NULL)));

    assert_string_equal(datagram_info(socket).local, "");
    coir_datagram_close(socket);
}

SESSION_TEST(a_descriptor_that_is_refused_stays_the_givers)
{
    struct coir_datagram_socket *taken;
    int stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int foreign = datagram_plain(AF_NETLINK);
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(coir_datagram_open(session_fd(stream), NULL, &taken), -ESOCKTNOSUPPORT);
    assert_int_equal(coir_datagram_open(session_fd(foreign), NULL, &taken), -EAFNOSUPPORT);
    assert_int_equal(coir_datagram_open(session_fd(ends[0]), NULL, &taken), -ENOTSOCK);
    assert_int_equal(coir_datagram_open("fd://999999", NULL, &taken), -EBADF);
    assert_int_equal(close(stream), 0);
    assert_int_equal(close(foreign), 0);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
}

/* Options, seen through another descriptor of the same socket. */
SESSION_TEST(options_are_set_where_they_are_given_and_nowhere_else)
{
    struct coir_datagram_options options = {.receive_queue_bytes = 20000, .broadcast = true};
    int other = datagram_peer("127.0.0.1");
    int usual = peer_option(other, SOL_SOCKET, SO_RCVBUF);
    struct coir_datagram_socket *socket;

    coir_datagram_close(datagram_open_at(session_fd(dup(other))));
    assert_int_equal(peer_option(other, SOL_SOCKET, SO_RCVBUF), usual);
    assert_int_equal(peer_option(other, SOL_SOCKET, SO_BROADCAST), 0);
    assert_int_equal(coir_datagram_open(session_fd(dup(other)), &options, &socket), 0);
    assert_int_equal(peer_option(other, SOL_SOCKET, SO_RCVBUF), 2 * 20000); /* socket(7) doubles it */
    assert_int_equal(peer_option(other, SOL_SOCKET, SO_BROADCAST), 1);
    coir_datagram_close(socket);
    close(other);
}

/* Less than by default, as how much more is allowed is the system's to say. */
SESSION_TEST(a_receive_queue_holds_what_it_was_asked_to)
{
    struct coir_datagram_options options = {.receive_queue_bytes = 32768};
    struct coir_datagram_socket *large = datagram_open_at("udp://127.0.0.1:0");
    struct coir_datagram_socket *small;
    struct coir_datagram_socket *sockets[2];
    int peer = datagram_peer("127.0.0.1");
    int counts[2] = {0, 0};
    char bytes[1000] = "";

    assert_int_equal(coir_datagram_open("udp://127.0.0.1:0", &options, &small), 0);
    sockets[0] = small;
    sockets[1] = large;
    for (int i = 0; i < 2; i++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
        struct coir_datagram datagram;

        for (int j = 0; j < 800; j++)
            assert_int_equal(datagram_send_to(peer, "127.0.0.1", datagram_port(sockets[i]), bytes, sizeof(bytes)),
                             sizeof(bytes));
        coir_scope_drain(scope, 0);
        while (coir_datagram_receive(sockets[i], &datagram) == 0) {
            counts[i]++;
            coir_release(&datagram.data);
        }
        assert_int_equal(coir_scope_close(scope), 0);
        coir_datagram_close(sockets[i]);
    }
    assert_in_range(counts[0], 1, counts[1] / 2);
    close(peer);
}

/* Closing. */

SESSION_TEST(what_was_sent_arrives_after_the_close)
{
    struct coir_datagram_socket *socket = datagram_open_at("udp://127.0.0.1:0");
    int peer = datagram_peer("127.0.0.1");
    struct coir_datagram datagram = datagram_of("x", datagram_address(datagram_uri("127.0.0.1", peer_port(peer))));
    const char *local = datagram_uri("127.0.0.1", datagram_port(socket));

    assert_int_equal(coir_datagram_send(socket, &datagram), 0);
    coir_datagram_close(socket);
    datagram_expect(peer, "x", local);
    close(peer);
}

SESSION_TEST(a_close_ignores_cancellation_and_null)
{
    struct coir_datagram_socket *socket = datagram_open_at("udp://127.0.0.1:0");
    struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);

    coir_scope_cancel(scope);
    coir_datagram_close(socket);
    coir_datagram_close(NULL);
    coir_scope_close(scope);
}

static int close_twice(void *arg)
{
    struct coir_datagram_socket *socket = NULL;

    if (coir_datagram_open(arg, NULL, &socket) < 0)
        return 1;
    coir_datagram_close(socket);
    coir_datagram_close(socket);
    return 0;
}

static int receive_from_closed(void *arg)
{
    struct coir_datagram_socket *socket = NULL;
    struct coir_datagram datagram;

    if (coir_datagram_open(arg, NULL, &socket) < 0)
        return 1;
    coir_datagram_close(socket);
    return coir_datagram_receive(socket, &datagram);
}

static int leave_open(void *arg)
{
    struct coir_datagram_socket *socket = NULL;

    return coir_datagram_open(arg, NULL, &socket);
}

TEST(misuse_is_caught)
{
    char uri[] = "udp://127.0.0.1:0";

    ASSERT_TASK_DIES(close_twice, uri, "is_socket(socket)");
    ASSERT_TASK_DIES(receive_from_closed, uri, "coir: misuse: ");
    ASSERT_TASK_DIES(leave_open, uri, "every_datagram_socket_was_closed");
}
