/* SPDX-License-Identifier: MIT
 *
 * The public receive of datagrams: what it delivers, what it must not lose,
 * whatever the kernel answers and whoever ends the wait.
 */
#include "contract/datagram.h"
#include "io/readiness.h"

static unsigned char much[100000];

CASE_OF_KINDS(a_datagram_comes_with_its_addresses)
{
    struct exchange exchange = open_exchange(local);
    struct coir_datagram datagram;
    char text[COIR_ADDRESS_SIZE];

    send_to_us(&exchange, "hello");
    assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), 0);
    assert_int_equal(datagram.data.size, 5);
    assert_memory_equal(datagram.data.bytes, "hello", 5);
    assert_true(coir_address_same(&datagram.peer, &exchange.address));
    coir_address_print(&datagram.local, text);
    assert_string_equal(text, info_of(&exchange).local);
    assert_false(datagram.truncated);
    assert_false(datagram.to_many);
    assert_int_equal(coir_datagram_send(exchange.socket, &datagram), 0);
    coir_release(&datagram.data);
    expect_datagram(exchange.peer, "hello");
    assert_int_equal(info_of(&exchange).datagrams_in, 1);
    assert_int_equal(info_of(&exchange).datagrams_out, 1);
    assert_int_equal(info_of(&exchange).bytes_in, 5);
    assert_int_equal(info_of(&exchange).bytes_out, 5);
    close_exchange(&exchange);
}

/* Two datagrams bring one event, and a short one says nothing of the next. */
CASE_OF_KINDS(all_that_one_event_announces_come)
{
    struct exchange exchange = open_exchange(local);
    struct coir_scope *scope = open_scope();
    struct receiver receiver;

    start_receiver(scope, &receiver, &exchange);
    for (int i = 0; i < 5; i++)
        send_to_us(&exchange, "some");
    take_in_events(&exchange.socket->endpoint->in);
    assert_int_equal(coir_scope_close(scope), 0);
    expect_received(&receiver, "some");
    for (int i = 0; i < 4; i++)
        expect_from_peer(&exchange, "some");
    close_exchange(&exchange);
}

CASE_OF_KINDS(boundaries_are_kept_whatever_the_size)
{
    static const size_t sizes[] = {0, 1, 1024, 1025, 0, 4097, 16384, 16385, 65506, 65507, 0};
    struct exchange exchange = open_exchange(local);

    for (size_t i = 0; i < sizeof(much); i++)
        much[i] = (unsigned char)(i * 7 + i / 251);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct coir_datagram datagram;
        static unsigned char back[sizeof(much)];

        send_datagram(exchange.peer, &exchange.place, much + i, sizes[i]);
        assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), 0);
        assert_int_equal(datagram.data.size, sizes[i]);
        if (sizes[i] > 0)
            assert_memory_equal(datagram.data.bytes, much + i, sizes[i]);
        assert_false(datagram.truncated);
        assert_int_equal(coir_datagram_send(exchange.socket, &datagram), 0);
        coir_release(&datagram.data);
        assert_int_equal(recv(exchange.peer, back, sizeof(back), 0), (ssize_t)sizes[i]);
        assert_memory_equal(back, much + i, sizes[i]);
    }
    close_exchange(&exchange);
}

CASE(a_longer_unix_datagram_is_truncated_and_said_to_be)
{
    struct exchange exchange = open_exchange(true);
    struct coir_datagram datagram;

    send_datagram(exchange.peer, &exchange.place, much, 65536);
    send_datagram(exchange.peer, &exchange.place, much, 65537);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), 0);
        assert_int_equal(datagram.data.size, 65536);
        assert_int_equal(datagram.truncated, i == 1);
        coir_release(&datagram.data);
    }
    assert_int_equal(info_of(&exchange).truncated, 1);
    send_to_us(&exchange, "next");
    expect_from_peer(&exchange, "next");
    close_exchange(&exchange);
}

CASE_OF_KINDS(an_empty_datagram_holds_nothing)
{
    struct exchange exchange = open_exchange(local);
    struct coir_datagram datagram;

    send_to_us(&exchange, "");
    assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), 0);
    assert_int_equal(datagram.data.size, 0);
    assert_int_equal(lent_bytes(), 0);
    assert_int_equal(run_info().slices_out, 0);
    coir_release(&datagram.data);
    close_exchange(&exchange);
}

/* What the kernel may answer. */

CASE_OF_KINDS(a_receive_may_be_interrupted_and_the_kernel_short)
{
    struct exchange exchange = open_exchange(local);
    struct coir_datagram datagram;

    send_to_us(&exchange, "hello");
    fault_fail("kernel_receive_message", 1, EINTR, FAULT_ONCE);
    fault_fail("kernel_receive_message", 2, EINTR, FAULT_ONCE);
    fault_fail("kernel_receive_message", 3, ENOMEM, FAULT_ONCE);
    fault_fail("kernel_receive_message", 4, ENOBUFS, FAULT_ONCE);
    assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), -ENOMEM);
    assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), -ENOBUFS);
    expect_from_peer(&exchange, "hello");
    assert_int_equal(info_of(&exchange).errors, 0);
    close_exchange(&exchange);
}

/* As after a checksum that was wrong. */
CASE_OF_KINDS(readiness_that_was_none)
{
    struct exchange exchange = open_exchange(local);
    struct coir_scope *scope = open_scope();
    struct receiver receiver;

    start_receiver(scope, &receiver, &exchange);
    fault_fail("kernel_receive_message", 1, EAGAIN, FAULT_ONCE);
    send_to_us(&exchange, "a");
    UNTIL(fault_hits() == 1);
    send_to_us(&exchange, "b"); /* epoll tells no more of the first */
    assert_int_equal(coir_scope_close(scope), 0);
    expect_received(&receiver, "a");
    expect_from_peer(&exchange, "b");
    close_exchange(&exchange);
}

CASE_OF_KINDS(spurious_events_disturb_nobody)
{
    struct exchange exchange = open_exchange(local);
    struct coir_scope *scope = open_scope();
    struct receiver receiver;

    start_receiver(scope, &receiver, &exchange);
    for (uint32_t events = 1; events < 64; events++) {
        readiness_event(engine_now(), exchange.socket->endpoint, events);
        assert_int_equal(coir_yield(), 0);
        assert_false(receiver.ended);
    }
    send_to_us(&exchange, "x");
    assert_int_equal(coir_scope_close(scope), 0);
    expect_received(&receiver, "x");
    close_exchange(&exchange);
}

CASE_OF_KINDS(reports_of_the_network_are_counted_and_no_end)
{
    static const int reports[] = {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN,  ENETDOWN, EPROTO,
                                  ENOPROTOOPT,  EOPNOTSUPP,   EMSGSIZE,    ECONNRESET, EACCES,   ETIMEDOUT};
    struct exchange exchange = open_exchange(local);
    unsigned count = sizeof(reports) / sizeof(reports[0]);

    send_to_us(&exchange, "hello");
    for (unsigned i = 0; i < count; i++)
        fault_fail("kernel_receive_message", i + 1, reports[i], FAULT_ONCE);
    expect_from_peer(&exchange, "hello");
    assert_int_equal(info_of(&exchange).errors, count);
    close_exchange(&exchange);
}

CASE_OF_KINDS(errors_of_the_socket_itself_are_returned)
{
    static const int errors[] = {EBADF, ENOTSOCK, EINVAL, EFAULT};
    struct exchange exchange = open_exchange(local);
    struct coir_datagram datagram;

    send_to_us(&exchange, "hello");
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        fault_fail("kernel_receive_message", 1, errors[i], FAULT_ONCE);
        assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), -errors[i]);
    }
    expect_from_peer(&exchange, "hello");
    assert_int_equal(info_of(&exchange).errors, 0);
    close_exchange(&exchange);
}

/* Others have their turn, another receiver is still kept out, and the scope and the owner are still heard. */
CASE_OF_KINDS(endless_reports_hold_up_nobody)
{
    struct exchange exchange = open_exchange(local);
    struct coir_scope *scope = open_scope();
    struct receiver receiver = {.exchange = &exchange};
    struct coir_datagram datagram;

    exchange.socket->endpoint->flags |= ENDPOINT_INBOUND;
    fault_fail("kernel_receive_message", 1, ECONNREFUSED, FAULT_ALWAYS);
    assert_int_equal(coir_spawn(scope, run_receiver, &receiver, NULL), 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(coir_yield(), 0);
        assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), -EBUSY);
    }
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(receiver.result, -ECANCELED);
    scope = open_scope();
    receiver.ended = false;
    assert_int_equal(coir_spawn(scope, run_receiver, &receiver, NULL), 0);
    assert_int_equal(coir_yield(), 0);
    assert_false(receiver.ended);
    close_exchange(&exchange);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(receiver.result, -EBADF);
}

/* Whoever gave us the socket has shut it down, before or while we wait. What has come by then is received; else a shut
 * down socket would be readable for ever, and the poll engine never wait again. */
CASE_OF_KINDS(a_socket_that_is_shut_down_is_dead)
{
    for (int waiting = 0; waiting < 2; waiting++) {
        struct exchange exchange = open_exchange(local);
        struct coir_scope *scope = open_scope();
        struct coir_datagram datagram;
        struct receiver receiver;

        send_to_us(&exchange, "before");
        if (waiting) {
            expect_from_peer(&exchange, "before");
            start_receiver(scope, &receiver, &exchange);
        }
        (void)shutdown(exchange.socket->endpoint->fd, SHUT_RD); /* of UDP it says -ENOTCONN, and does it */
        assert_int_equal(coir_scope_close(scope), 0);
        fault_fail("kernel_poll", 1, EINTR, FAULT_ONCE);
        if (waiting)
            assert_int_equal(receiver.result, -EINVAL);
        else
            expect_from_peer(&exchange, "before");
        for (int i = 0; i < 2; i++)
            assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), -EINVAL);
        assert_int_equal(info_of(&exchange).errors, 0);
        close_exchange(&exchange);
    }
}

/* Reports in a queue of their own, which nobody here reads, would be an event for ever. */
CASE(reports_that_the_giver_wanted_queued_make_nobody_spin)
{
    struct coir_datagram_socket *socket;
    struct coir_scope *scope = open_scope();
    struct coir_datagram datagram;
    struct place ours, gone;
    char uri[32];
    uint64_t waits;
    int on = 1;
    int given = new_bound(false, SOCK_DGRAM, &ours);

    close(new_bound(false, SOCK_DGRAM, &gone));
    assert_int_equal(setsockopt(given, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)), 0);
    send_datagram(given, &gone, "x", 1);
    assert_true(is_ready(given, POLLERR));
    snprintf(uri, sizeof(uri), "fd://%d", given);
    assert_int_equal(coir_datagram_open(uri, NULL, &socket), 0);
    waits = run_info().waits;
    coir_scope_set_limit(scope, 20 * COIR_MILLISECOND);
    assert_int_equal(coir_datagram_receive(socket, &datagram), -ETIME);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_in_range(run_info().waits - waits, 0, 10); /* on a slow machine the time is over before the first */
    coir_datagram_close(socket);
}

/* Who ends the wait. */

CASE_OF_KINDS(a_second_receiver_is_refused_and_the_first_goes_on)
{
    struct exchange exchange = open_exchange(local);
    struct coir_scope *scope = open_scope();
    struct coir_datagram datagram;
    struct receiver receiver;

    start_receiver(scope, &receiver, &exchange);
    for (int i = 0; i < 3; i++)
        assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), -EBUSY);
    send_to_us(&exchange, "x");
    assert_int_equal(coir_scope_close(scope), 0);
    expect_received(&receiver, "x");
    close_exchange(&exchange);
}

CASE_OF_KINDS(the_owners_close_ends_a_receive)
{
    for (int ready = 0; ready < 2; ready++) {
        struct exchange exchange = open_exchange(local);
        struct coir_scope *scope = open_scope();
        struct receiver receiver;

        start_receiver(scope, &receiver, &exchange);
        if (ready) {
            send_to_us(&exchange, "x");
            take_in_events(&exchange.socket->endpoint->in);
        }
        close_exchange(&exchange);
        assert_int_equal(coir_scope_close(scope), 0);
        assert_int_equal(receiver.result, -EBADF);
    }
}

CASE_OF_KINDS(a_cancel_loses_no_datagram)
{
    struct exchange exchange = open_exchange(local);

    for (int ready = 0; ready < 2; ready++) {
        struct coir_scope *scope = open_scope();
        struct receiver receiver;

        start_receiver(scope, &receiver, &exchange);
        if (ready) {
            send_to_us(&exchange, "x");
            take_in_events(&exchange.socket->endpoint->in);
        }
        coir_scope_cancel(scope);
        assert_int_equal(coir_scope_close(scope), 0);
        assert_int_equal(receiver.result, -ECANCELED);
        if (!ready)
            send_to_us(&exchange, "x");
        expect_from_peer(&exchange, "x");
    }
    close_exchange(&exchange);
}

CASE_OF_KINDS(a_deadline_loses_no_datagram)
{
    struct exchange exchange = open_exchange(local);
    struct coir_scope *scope = open_scope();
    struct coir_datagram datagram;

    coir_scope_set_limit(scope, 3 * COIR_MILLISECOND);
    assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), -ETIME);
    send_to_us(&exchange, "x");
    assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), -ETIME);
    assert_int_equal(coir_scope_close(scope), 0);
    expect_from_peer(&exchange, "x");
    close_exchange(&exchange);
}

/* Nobody knows yet that something is there: it is found all the same. */
CASE_OF_KINDS(a_drain_empties_the_queue_first)
{
    struct exchange exchange = open_exchange(local);
    struct coir_scope *scope = open_scope();
    struct coir_datagram datagram;

    for (int i = 0; i < 3; i++)
        send_to_us(&exchange, "queued");
    coir_scope_drain(scope, COIR_SECOND);
    for (int i = 0; i < 3; i++)
        expect_from_peer(&exchange, "queued");
    for (int i = 0; i < 3; i++)
        assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), -ESHUTDOWN);
    send_to_us(&exchange, "late");
    expect_from_peer(&exchange, "late"); /* asked again, it looks again */
    assert_int_equal(coir_scope_close(scope), 0);
    close_exchange(&exchange);
}

/* An interruption proves nothing. */
CASE_OF_KINDS(an_interrupted_try_in_a_drain_is_made_again)
{
    struct exchange exchange = open_exchange(local);
    struct coir_scope *scope = open_scope();
    struct coir_datagram datagram;

    send_to_us(&exchange, "queued");
    coir_scope_drain(scope, 0);
    fault_fail("kernel_receive_message", 1, EINTR, FAULT_ONCE);
    expect_from_peer(&exchange, "queued");
    assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), -ESHUTDOWN);
    assert_int_equal(coir_scope_close(scope), 0);
    close_exchange(&exchange);
}

CASE_OF_KINDS(a_drain_ends_a_receive_that_waits)
{
    for (int ready = 0; ready < 2; ready++) {
        struct exchange exchange = open_exchange(local);
        struct coir_scope *scope = open_scope();
        struct receiver receiver;

        start_receiver(scope, &receiver, &exchange);
        if (ready)
            send_to_us(&exchange, "x");
        coir_scope_drain(scope, COIR_SECOND);
        assert_int_equal(coir_scope_close(scope), 0);
        if (ready)
            expect_received(&receiver, "x");
        else
            assert_int_equal(receiver.result, -ESHUTDOWN);
        close_exchange(&exchange);
    }
}

/* Descriptors that a Unix peer passes. */

static void pass_descriptor(const struct exchange *exchange, const char *text, int fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.room = {0}};
    struct iovec piece = {(void *)(uintptr_t)text, strlen(text)};
    struct msghdr header = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};

    header.msg_name = (void *)(uintptr_t)&exchange->place.address;
    header.msg_namelen = exchange->place.size;
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
    assert_int_equal(sendmsg(exchange->peer, &header, MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* The other end of a pipe sees when the last copy of the one that was passed is closed. */
CASE(passed_descriptors_are_closed_at_once)
{
    struct exchange exchange = open_exchange(true);
    int descriptors = count_descriptors();
    char byte;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    pass_descriptor(&exchange, "take this", ends[1]);
    close(ends[1]);
    assert_false(is_ready(ends[0], POLLHUP)); /* it is on its way */
    expect_from_peer(&exchange, "take this");
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
    assert_int_equal(count_descriptors(), descriptors);
    close_exchange(&exchange);
}

/* In one turn: the drain has woken it, the cancel finds it awake. */
CASE_OF_KINDS(a_cancel_after_the_drain_that_ended_the_wait_is_heeded)
{
    struct exchange exchange = open_exchange(local);
    struct coir_scope *scope = open_scope();
    struct receiver receiver;

    start_receiver(scope, &receiver, &exchange);
    coir_scope_drain(scope, 0);
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(receiver.result, -ECANCELED);
    close_exchange(&exchange);
}
