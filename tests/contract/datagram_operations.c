/* SPDX-License-Identifier: MIT
 *
 * Receiving and sending datagrams, as operations: the fates of matrix.h. On
 * the loopback a UDP socket is never full, so here the kernel is made to say
 * so. Who sends to a full Unix socket waits outside the engine: datagrams.c.
 */
#include "contract/datagram.h"
#include "contract/matrix.h"
#include "io/message.h"
#include "io/readiness.h"

static struct message message;
static struct place ours;

#define FAMILY_udp false

static void open_endpoint(struct subject *subject)
{
    struct sockaddr_in ip = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct endpoint_plan plan = {.purpose = ENDPOINT_FOR_DATAGRAMS, .family = subject->local ? AF_UNIX : AF_INET};

    plan.address = subject->local ? (struct sockaddr *)&path : (struct sockaddr *)&ip;
    plan.address_size = subject->local ? sizeof(sa_family_t) : sizeof(ip);
    assert_int_equal(engine_now()->table->open(engine_now(), &plan, &subject->endpoint), 0);
    ours = place_of(subject->endpoint->fd);
}

static void open_receive(struct subject *subject)
{
    struct place place;

    open_endpoint(subject);
    subject->peer = new_bound(subject->local, SOCK_DGRAM, &place);
    subject->memory = &message;
}

static void send_hello(struct subject *subject)
{
    send_datagram(subject->peer, &ours, "hello", 5);
}

static void expect_hello(struct subject *subject, int result)
{
    (void)subject;
    assert_int_equal(result, 5);
    assert_memory_equal(message.buffer->bytes, "hello", 5);
    buffer_release(message.buffer);
}

static const struct subject_kind receive_from = {
    .kind = OPERATION_RECEIVE_FROM,
    .call = "kernel_receive_message",
    .open = open_receive,
    .make_ready = send_hello,
    .expect = expect_hello,
};

DONE_AT_ONCE(receive_from, udp)
DONE_AT_ONCE(receive_from, local)
WAITING(receive_from, udp)
WAITING(receive_from, local)

static void open_send(struct subject *subject)
{
    struct place place;

    open_endpoint(subject);
    subject->peer = new_bound(subject->local, SOCK_DGRAM, &place);
    message = (struct message){.bytes = "hello", .size = 5, .peer_size = place.size};
    memcpy(&message.peer, &place.address, place.size);
    subject->memory = &message;
}

static void refuse_to_send(struct subject *subject)
{
    (void)subject;
    fault_fail("kernel_send_message", 1, EAGAIN, FAULT_ALWAYS);
}

static void allow_to_send(struct subject *subject)
{
    fault_clear();
    readiness_event(engine_now(), subject->endpoint, POLLOUT);
}

static void expect_sent(struct subject *subject, int result)
{
    assert_int_equal(result, 5);
    expect_datagram(subject->peer, "hello");
}

static const struct subject_kind send_to = {
    .kind = OPERATION_SEND_TO,
    .outward = true,
    .call = "kernel_send_message",
    .open = open_send,
    .make_wait = refuse_to_send,
    .make_ready = allow_to_send,
    .expect = expect_sent,
};

DONE_AT_ONCE(send_to, udp)
DONE_AT_ONCE(send_to, local)
WAITING(send_to, udp)

/* What the kernel has said of its queue holds until there is an event: nobody tries in vain. */
static void see_no_needless_call(const struct subject_kind *kind, bool local)
{
    struct subject subject;
    unsigned calls = 0;

    open_subject(&subject, kind, local);
    make_wait(&subject);
    subject.endpoint->flags |= ENDPOINT_INBOUND;
    for (int i = 0; i < 5; i++) {
        struct coir_scope *scope = open_scope();

        subject.ended = false;
        start_waiting(&subject, scope);
        coir_scope_cancel(scope);
        assert_int_equal(coir_scope_close(scope), 0);
        if (i <= 1) /* to find out, once more after the event that a new socket brings */
            calls = fault_calls(kind->call);
        assert_true(calls > 0);
        if (!kind->outward || engine_is_epoll()) /* poll(2) says again and again that there is room */
            assert_int_equal(fault_calls(kind->call), calls);
    }
    close_subject(&subject);
}

CASE_OF_KINDS(an_empty_queue_is_not_tried_again)
{
    see_no_needless_call(&receive_from, local);
}

CASE(a_full_queue_is_not_tried_again)
{
    see_no_needless_call(&send_to, false);
}

/* No event tells that a Unix receiver has room. */
CASE(a_full_unix_receiver_is_told_at_once)
{
    struct subject subject;
    int result;
    int sent = 0;

    open_subject(&subject, &send_to, true);
    while ((result = perform(&subject)) == 5)
        sent++;
    assert_int_equal(result, -EBUSY);
    for (; sent > 0; sent--)
        expect_datagram(subject.peer, "hello");
    expect_sent(&subject, perform(&subject));
    close_subject(&subject);
}

/* A completion that its task does not come to take: the bytes go back. */
CASE(what_an_abandoned_receive_brought_is_dropped)
{
    struct subject subject;

    open_subject(&subject, &receive_from, false);
    make_ready_and_known(&subject);
    assert_int_equal(perform(&subject), 5);
    assert_true(lent_bytes() > 0);
    subject.endpoint->in =
        (struct operation){.kind = OPERATION_RECEIVE_FROM, .state = OPERATION_DONE, .memory = &message, .result = 5};
    close_subject(&subject);
    assert_int_equal(lent_bytes(), 0);
}

CASE(waits_are_named)
{
    const struct wait_kind *waits = engine_now()->table->waits;

    assert_string_equal(waits[OPERATION_RECEIVE_FROM].name, "receive a datagram");
    assert_true(waits[OPERATION_RECEIVE_FROM].heeds_drain);
    assert_string_equal(waits[OPERATION_SEND_TO].name, "send a datagram");
    assert_false(waits[OPERATION_SEND_TO].heeds_drain);
}
