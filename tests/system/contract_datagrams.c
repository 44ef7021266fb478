/* SPDX-License-Identifier: MIT
 *
 * The contract of datagrams: what comes with them, what can be sent to whom
 * and from where, and what is counted. Who waits, and how waits end, is in
 * tests/contract/.
 */
#include "support/datagrams.h"
#include <errno.h>

static struct coir_datagram receive(struct coir_datagram_socket *socket)
{
    struct coir_datagram datagram;

    assert_int_equal(coir_datagram_receive(socket, &datagram), 0);
    return datagram;
}

static void expect_data(const struct coir_datagram *datagram, const char *text)
{
    assert_int_equal(datagram->data.size, strlen(text));
    assert_memory_equal(datagram->data.bytes, text, strlen(text));
}

/* Sends the datagram back, and releases it. */
static void answer(struct coir_datagram_socket *socket, struct coir_datagram *datagram)
{
    assert_int_equal(coir_datagram_send(socket, datagram), 0);
    coir_release(&datagram->data);
}

SESSION_TEST(an_answer_leaves_from_the_address_that_was_asked)
{
    static const char *const uris[] = {"udp://:0", "udp://0.0.0.0:0"};
    static const char *const hosts[] = {"127.0.0.1", "127.0.0.2", "127.1.2.3"};

    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        struct coir_datagram_socket *socket = datagram_open_at(uris[i]);
        uint16_t port = datagram_port(socket);
        int peer = datagram_peer("127.0.0.1");

        for (size_t j = 0; j < sizeof(hosts) / sizeof(hosts[0]); j++) {
            struct coir_datagram datagram;

            assert_int_equal(datagram_send_to(peer, hosts[j], port, "ask", 3), 3);
            datagram = receive(socket);
            expect_data(&datagram, "ask");
            datagram_expect_address(&datagram.peer, datagram_uri("127.0.0.1", peer_port(peer)));
            datagram_expect_address(&datagram.local, datagram_uri(hosts[j], port));
            assert_false(datagram.to_many);
            answer(socket, &datagram);
            datagram_expect(peer, "ask", datagram_uri(hosts[j], port));
        }
        close(peer);
        coir_datagram_close(socket);
    }
}

SESSION_TEST(an_answer_over_ip6_leaves_from_the_address_that_was_asked)
{
    struct coir_datagram_socket *socket;
    struct coir_datagram datagram;
    int peer;

    if (!peer_has_ip6())
        TEST_SKIP("this host has no [::1]");
    socket = datagram_open_at("udp://[::]:0");
    peer = datagram_peer6();
    assert_int_equal(datagram_send_to6(peer, datagram_port(socket), "ask", 3), 3);
    datagram = receive(socket);
    datagram_expect_address(&datagram.local, datagram_uri("[::1]", datagram_port(socket)));
    assert_false(datagram.to_many);
    answer(socket, &datagram);
    datagram_expect(peer, "ask", datagram_uri("[::1]", datagram_port(socket)));
    close(peer);
    coir_datagram_close(socket);
}

/* Our own address as the peer's is seen by comparing them. */
SESSION_TEST(a_datagram_from_ourselves_has_the_same_address_twice)
{
    struct coir_datagram_socket *socket = datagram_open_at("udp://127.0.0.1:0");
    struct coir_datagram datagram = datagram_of("loop", datagram_address(datagram_info(socket).local));

    assert_int_equal(coir_datagram_send(socket, &datagram), 0);
    datagram = receive(socket);
    assert_true(coir_address_same(&datagram.peer, &datagram.local));
    coir_release(&datagram.data);
    coir_datagram_close(socket);
}

SESSION_TEST(a_broadcast_is_said_to_be_one_and_can_be_answered)
{
    static const char *const uris[] = {"udp://:0", "udp://0.0.0.0:0"};

    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        struct coir_datagram_socket *socket = datagram_open_at(uris[i]);
        uint16_t port = datagram_port(socket);
        int peer = datagram_peer("127.0.0.1");
        struct coir_datagram datagram;
        int on = 1;

        assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)), 0);
        assert_int_equal(datagram_send_to(peer, "127.255.255.255", port, "all", 3), 3);
        datagram = receive(socket);
        assert_true(datagram.to_many);
        datagram_expect_address(&datagram.local, datagram_uri("127.0.0.1", port));
        answer(socket, &datagram);
        datagram_expect(peer, "all", datagram_uri("127.0.0.1", port));
        assert_int_equal(datagram_send_to(peer, "127.0.0.1", port, "one", 3), 3);
        datagram = receive(socket);
        assert_false(datagram.to_many); /* not any more */
        coir_release(&datagram.data);
        close(peer);
        coir_datagram_close(socket);
    }
}

SESSION_TEST(a_multicast_is_said_to_be_one)
{
    struct ip_mreq group = {.imr_interface.s_addr = htonl(INADDR_LOOPBACK)};
    struct in_addr loopback = {.s_addr = htonl(INADDR_LOOPBACK)};
    int given = datagram_peer("0.0.0.0");
    int peer = datagram_peer("127.0.0.1");
    uint16_t port = peer_port(given);
    struct coir_datagram_socket *socket;
    struct coir_datagram datagram;

    if (test_is_emulated())
        TEST_SKIP("the emulator does not know IP_MULTICAST_IF");
    socket = datagram_open_at(session_fd(given));
    assert_int_equal(inet_pton(AF_INET, "239.1.2.3", &group.imr_multiaddr), 1);
    assert_int_equal(setsockopt(given, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
    assert_int_equal(setsockopt(peer, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof(loopback)), 0);
    assert_int_equal(datagram_send_to(peer, "239.1.2.3", port, "group", 5), 5);
    datagram = receive(socket);
    assert_true(datagram.to_many);
    datagram_expect_address(&datagram.local, datagram_uri("127.0.0.1", port));
    answer(socket, &datagram);
    datagram_expect(peer, "group", datagram_uri("127.0.0.1", port));
    close(peer);
    coir_datagram_close(socket);
}

SESSION_TEST(a_unix_sender_without_an_address_cannot_be_answered)
{
    struct coir_datagram_socket *socket = datagram_open_at(session_abstract());
    struct coir_address none = {{0}};
    struct coir_datagram datagram;
    int peer = datagram_peer_path(NULL);

    assert_int_equal(datagram_send_to_path(peer, session_abstract() + 7, "x", 1), 1);
    datagram = receive(socket);
    assert_true(coir_address_same(&datagram.peer, &none));
    datagram_expect_address(&datagram.local, session_abstract());
    assert_int_equal(coir_datagram_send(socket, &datagram), -ENOTCONN);
    coir_release(&datagram.data);
    close(peer);
    coir_datagram_close(socket);
}

/* Whatever bytes an abstract name has: a name that the kernel picks, and one with zeros. */
SESSION_TEST(every_unix_sender_with_an_address_can_be_answered)
{
    struct coir_datagram_socket *socket = datagram_open_at(session_abstract());
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0a\0b"};
    socklen_t sizes[] = {sizeof(sa_family_t), sizeof(sa_family_t) + 5, sizeof(sa_family_t) + 4};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int peer = datagram_plain(AF_UNIX);
        struct coir_datagram datagram;
        char byte = 0;

        assert_int_equal(bind(peer, (struct sockaddr *)&address, sizes[i]), 0);
        assert_int_equal(datagram_send_to_path(peer, session_abstract() + 7, "x", 1), 1);
        datagram = receive(socket);
        answer(socket, &datagram);
        assert_int_equal(recv(peer, &byte, 1, MSG_DONTWAIT), 1);
        assert_int_equal(byte, 'x');
        close(peer);
    }
    coir_datagram_close(socket);
}

/* 108 bytes, more than ours may have. */
SESSION_TEST(the_longest_unix_path_can_be_answered)
{
    const char *directory = peer_make_directory();
    struct coir_datagram_socket *socket = datagram_open_at(session_abstract());
    struct {
        struct sockaddr_un address;
        char end; /* of the path, for Valgrind */
    } named = {.address.sun_family = AF_UNIX};
    char path[sizeof(named.address.sun_path) + 1];
    struct coir_datagram datagram;
    int peer = datagram_plain(AF_UNIX);
    char byte;

    snprintf(path, sizeof(path), "%s/%0*d", directory, (int)(sizeof(path) - 2 - strlen(directory)), 7);
    assert_int_equal(strlen(path), sizeof(named.address.sun_path));
    memcpy(named.address.sun_path, path, sizeof(named.address.sun_path));
    assert_int_equal(bind(peer, (struct sockaddr *)&named.address, sizeof(named.address)), 0);
    assert_int_equal(datagram_send_to_path(peer, session_abstract() + 7, "x", 1), 1);
    datagram = receive(socket);
    answer(socket, &datagram);
    assert_int_equal(recv(peer, &byte, 1, MSG_DONTWAIT), 1);
    close(peer);
    unlink(path);
    coir_datagram_close(socket);
    peer_remove_directory(directory);
}

/* Sending. */

SESSION_TEST(a_send_leaves_from_local_whose_port_does_not_matter)
{
    static const char *const uris[] = {"udp://:0", "udp://0.0.0.0:0"};

    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        struct coir_datagram_socket *socket = datagram_open_at(uris[i]);
        int peer = datagram_peer("127.0.0.1");
        struct coir_datagram datagram = datagram_of("x", datagram_address(datagram_uri("127.0.0.1", peer_port(peer))));

        datagram.local = datagram_address("udp://127.0.0.9:1234");
        assert_int_equal(coir_datagram_send(socket, &datagram), 0);
        datagram_expect(peer, "x", datagram_uri("127.0.0.9", datagram_port(socket)));
        close(peer);
        coir_datagram_close(socket);
    }
}

SESSION_TEST(errors_of_sending_name_their_cause)
{
    static unsigned char much[65528];
    struct coir_datagram_socket *socket = datagram_open_at("udp://0.0.0.0:0");
    int peer = datagram_peer("127.0.0.1");
    struct coir_address there = datagram_address(datagram_uri("127.0.0.1", peer_port(peer)));
    struct coir_datagram datagram = {.peer = there, .data = {.bytes = much, .size = 65508}};

    assert_int_equal(coir_datagram_send(socket, &datagram), -EMSGSIZE);
    datagram.data.size = SIZE_MAX;
    assert_int_equal(coir_datagram_send(socket, &datagram), -EMSGSIZE);
    datagram.data.size = 1;
    datagram.local = datagram_address("udp://198.51.100.1:0");
    assert_int_equal(coir_datagram_send(socket, &datagram), -ENETUNREACH);
    datagram.local = datagram_address("udp://[::1]:0");
    assert_int_equal(coir_datagram_send(socket, &datagram), -EINVAL);
    datagram.local = (struct coir_address){{0}};
    datagram.peer = datagram_address("udp://[::1]:7");
    assert_int_equal(coir_datagram_send(socket, &datagram), -EAFNOSUPPORT);
    datagram.peer = datagram_address("unix://@x");
    assert_int_equal(coir_datagram_send(socket, &datagram), -EAFNOSUPPORT);
    datagram.peer = (struct coir_address){{0}};
    assert_int_equal(coir_datagram_send(socket, &datagram), -EDESTADDRREQ);
    datagram.peer = datagram_address(datagram_uri("127.255.255.255", peer_port(peer)));
    assert_int_equal(coir_datagram_send(socket, &datagram), -EACCES);
    assert_int_equal(datagram_info(socket).errors, 0); /* all of them were the datagrams' own */
    assert_int_equal(datagram_info(socket).datagrams_out, 0);
    datagram.peer = there;
    datagram.data.size = 65507;
    assert_int_equal(coir_datagram_send(socket, &datagram), 0); /* the socket is as good as ever */
    close(peer);
    coir_datagram_close(socket);
}

SESSION_TEST(errors_of_sending_over_ip6_name_their_cause)
{
    static unsigned char much[65528];
    struct coir_datagram_socket *socket;
    struct coir_datagram datagram = {.peer = datagram_address("udp://[::1]:9"), .data = {.bytes = much}};

    if (!peer_has_ip6())
        TEST_SKIP("this host has no [::1]");
    socket = datagram_open_at("udp://:0");
    datagram.data.size = 65528;
    assert_int_equal(coir_datagram_send(socket, &datagram), -EMSGSIZE);
    datagram.data.size = 65527;
    assert_int_equal(coir_datagram_send(socket, &datagram), 0);
    datagram.data.size = 1;
    datagram.local = datagram_address("udp://[2001:db8::1]:0");
    assert_int_equal(coir_datagram_send(socket, &datagram), -EINVAL);
    datagram.local = datagram_address("udp://127.0.0.1:0");
    assert_int_equal(coir_datagram_send(socket, &datagram), -EINVAL);
    coir_datagram_close(socket);
    socket = datagram_open_at("udp://[::]:0"); /* IPv6 alone */
    datagram = datagram_of("x", datagram_address("udp://127.0.0.1:9"));
    assert_int_equal(coir_datagram_send(socket, &datagram), -ENETUNREACH);
    coir_datagram_close(socket);
}

SESSION_TEST(errors_of_sending_to_unix_sockets_name_their_cause)
{
    const char *directory = peer_make_directory();
    struct coir_datagram_socket *socket = datagram_open_at(session_abstract());
    struct coir_datagram datagram;
    static unsigned char much[1 << 23];
    char uri[128];
    int other;

    session_path(directory, "s", uri);
    datagram = datagram_of("x", datagram_address(uri));
    assert_int_equal(coir_datagram_send(socket, &datagram), -ENOENT);
    other = datagram_peer_path(uri + 7);
    assert_int_equal(coir_datagram_send(socket, &datagram), 0);
    datagram.data = (struct coir_slice){.bytes = much, .size = sizeof(much)};
    assert_int_equal(coir_datagram_send(socket, &datagram), -EMSGSIZE);
    datagram.data.size = 1;
    close(other);
    assert_int_equal(coir_datagram_send(socket, &datagram), -ECONNREFUSED);
    unlink(uri + 7);
    other = peer_listen_path(uri + 7, 1);
    assert_int_equal(coir_datagram_send(socket, &datagram), -EPROTOTYPE);
    close(other);
    unlink(uri + 7);
    datagram.peer = datagram_address("unix://@nobody has this name");
    assert_int_equal(coir_datagram_send(socket, &datagram), -ECONNREFUSED);
    datagram.peer = datagram_address("udp://127.0.0.1:9");
    assert_int_equal(coir_datagram_send(socket, &datagram), -EAFNOSUPPORT);
    assert_int_equal(datagram_info(socket).errors, 0);
    coir_datagram_close(socket);
    peer_remove_directory(directory);
}

SESSION_TEST(a_broadcast_is_sent_where_that_is_allowed)
{
    struct coir_datagram_options options = {.broadcast = true};
    struct coir_datagram_socket *socket;
    int peer = datagram_peer("0.0.0.0");
    struct coir_datagram datagram =
        datagram_of("x", datagram_address(datagram_uri("127.255.255.255", peer_port(peer))));

    assert_int_equal(coir_datagram_open("udp://0.0.0.0:0", &options, &socket), 0);
    assert_int_equal(coir_datagram_send(socket, &datagram), 0);
    datagram_expect(peer, "x", datagram_uri("127.0.0.1", datagram_port(socket)));
    close(peer);
    coir_datagram_close(socket);
}

/* To a port where nobody is: the network's answer is nobody's error. */
SESSION_TEST(an_unrelated_report_disturbs_nobody)
{
    struct coir_datagram_socket *socket = datagram_open_at("udp://127.0.0.1:0");
    int gone = datagram_peer("127.0.0.1");
    int peer = datagram_peer("127.0.0.1");
    struct coir_datagram lost = datagram_of("x", datagram_address(datagram_uri("127.0.0.1", peer_port(gone))));
    struct coir_datagram datagram;

    close(gone);
    for (int i = 0; i < 3; i++)
        assert_int_equal(coir_datagram_send(socket, &lost), 0);
    assert_int_equal(datagram_send_to(peer, "127.0.0.1", datagram_port(socket), "y", 1), 1);
    datagram = receive(socket);
    answer(socket, &datagram);
    datagram_expect(peer, "y", datagram_uri("127.0.0.1", datagram_port(socket)));
    close(peer);
    coir_datagram_close(socket);
}

/* Both directions at once, through queues that are short: none is lost on a Unix socket, and the order is kept. */
#define COUNT 500

struct flow {
    struct coir_datagram_socket *socket;
    struct coir_address peer;
};

static int send_numbers(void *arg)
{
    const struct flow *flow = arg;

    for (int i = 0; i < COUNT; i++) {
        struct coir_datagram datagram = {.peer = flow->peer, .data = {.bytes = (unsigned char *)&i, .size = sizeof(i)}};

        assert_int_equal(coir_datagram_send(flow->socket, &datagram), 0);
    }
    return 0;
}

static int receive_numbers(void *arg)
{
    const struct flow *flow = arg;

    for (int i = 0; i < COUNT; i++) {
        struct coir_datagram datagram = receive(flow->socket);

        assert_int_equal(datagram.data.size, sizeof(i));
        assert_memory_equal(datagram.data.bytes, &i, sizeof(i));
        coir_release(&datagram.data);
    }
    return 0;
}

SESSION_TEST(unix_sockets_lose_nothing_and_keep_the_order)
{
    char uri[80];
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct flow one = {.peer = datagram_address(session_abstract())};
    struct flow other;

    snprintf(uri, sizeof(uri), "%.60s, too", session_abstract());
    one.socket = datagram_open_at(uri);
    other = (struct flow){datagram_open_at(session_abstract()), datagram_address(uri)};
    session_spawn(scope, send_numbers, &one);
    session_spawn(scope, send_numbers, &other);
    session_spawn(scope, receive_numbers, &one);
    session_spawn(scope, receive_numbers, &other);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(datagram_info(one.socket).datagrams_in, COUNT);
    assert_int_equal(datagram_info(one.socket).datagrams_out, COUNT);
    assert_int_equal(datagram_info(one.socket).bytes_in, COUNT * sizeof(int));
    assert_int_equal(datagram_info(one.socket).bytes_out, COUNT * sizeof(int));
    coir_datagram_close(one.socket);
    coir_datagram_close(other.socket);
}
