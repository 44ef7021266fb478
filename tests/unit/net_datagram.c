/* SPDX-License-Identifier: MIT
 *
 * Opening datagram sockets where something fails, or a host lacks something.
 * Rooms: runtime
 */
#include "support/datagrams.h"
#include "support/openings.h"
#include <fcntl.h>

SESSION_TEST(an_empty_host_is_ip4_alone_where_ip6_is_off)
{
    static const struct {
        const char *call;
        int error;
    } ways[] = {{"kernel_socket", EAFNOSUPPORT}, {"kernel_bind", EADDRNOTAVAIL}};

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct coir_datagram_socket *socket;
        struct coir_datagram datagram;
        int peer = datagram_peer("127.0.0.1");

        fault_fail(ways[i].call, 1, ways[i].error, FAULT_ONCE);
        socket = datagram_open_at("udp://:0");
        assert_int_equal(fault_hits(), 1);
        fault_clear();
        assert_string_equal(datagram_info(socket).local, datagram_uri("0.0.0.0", datagram_port(socket)));
        assert_int_equal(datagram_send_to(peer, "127.0.0.2", datagram_port(socket), "x", 1), 1);
        assert_int_equal(coir_datagram_receive(socket, &datagram), 0);
        assert_int_equal(coir_datagram_send(socket, &datagram), 0);
        coir_release(&datagram.data);
        datagram_expect(peer, "x", datagram_uri("127.0.0.2", datagram_port(socket)));
        close(peer);
        coir_datagram_close(socket);
    }
}

static int open_and_close(const char *uri)
{
    struct coir_datagram_options options = {.receive_queue_bytes = 5000, .broadcast = true};
    struct coir_datagram_socket *socket;
    int rc = coir_datagram_open(uri, &options, &socket);

    if (rc == 0)
        coir_datagram_close(socket);
    return rc;
}

SESSION_TEST(each_call_that_fails_leaves_nothing_behind)
{
    openings_fail_each_call(open_and_close, "udp");
}

SESSION_TEST(a_given_socket_that_is_not_taken_stays_open)
{
    int given = datagram_peer("127.0.0.1");

    for (unsigned n = 1; n < 40; n++) {
        struct coir_datagram_socket *socket;
        bool failed;
        int rc;

        fault_fail(FAULT_ANY, n, EACCES, FAULT_ONCE);
        rc = coir_datagram_open(session_fd(given), NULL, &socket);
        failed = fault_hits() > 0;
        fault_clear();
        assert_true(fcntl(given, F_GETFD) >= 0);
        if (rc < 0)
            continue;
        coir_datagram_close(socket);
        assert_int_equal(fcntl(given, F_GETFD), -1);
        if (!failed) {
            assert_true(n > 4);
            return;
        }
        given = datagram_peer("127.0.0.1");
    }
    fail_msg("opening never ends");
}
