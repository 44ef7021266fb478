/* SPDX-License-Identifier: MIT
 *
 * The public send of datagrams: who waits, in which order, and which errors
 * are the datagram's own.
 */
#include "contract/datagram.h"
#include "io/readiness.h"

/* A send by a task of its own. */
struct sender {
    struct line *line;
    const char *text;
    void (*then)(struct line *line); /* in the same turn */
    bool apart;                      /* its task is in the scope of few */
    int result;
    bool ended;
};

/* Senders, one behind the other, to a peer that takes no more. */
struct line {
    struct exchange exchange;
    struct coir_scope *scope;
    struct coir_scope *few; /* inside the other */
    struct sender senders[4];
    int filled; /* datagrams in the peer's queue */
};

static const char *const texts[] = {"one", "two", "three", "four"};

static int run_sender(void *arg)
{
    struct sender *sender = arg;
    struct exchange *exchange = &sender->line->exchange;
    struct coir_datagram datagram = datagram_of(exchange, sender->text);

    sender->result = coir_datagram_send(exchange->socket, &datagram);
    sender->ended = true;
    if (sender->then != NULL)
        sender->then(sender->line);
    return 0;
}

/* Starts the send of the text at `place` and sees it in line behind `place` others, or (0) at the kernel's door. */
static void start_sender(struct line *line, int place)
{
    struct coir_datagram_socket *socket = line->exchange.socket;
    struct sender *sender = &line->senders[place];
    int in_line;

    sender->line = line;
    sender->text = texts[place];
    assert_int_equal(coir_spawn(sender->apart ? line->few : line->scope, run_sender, sender, NULL), 0);
    do {
        in_line = 0;
        assert_int_equal(coir_yield(), 0);
        LIST_FOR_EACH(entry, &socket->senders)
        in_line++;
    } while (!socket->sending || in_line != place);
    assert_false(sender->ended);
}

/* Fills the peer's queue, by sockets of others; returns how many datagrams it took. */
static int fill_peer(const struct exchange *exchange)
{
    struct place place = place_of(exchange->peer);
    int total = 0;
    int count;

    do {
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        count = 0;
        while (sendto(fd, "fill", 4, MSG_DONTWAIT, (struct sockaddr *)&place.address, place.size) == 4)
            count++;
        assert_int_equal(errno, EAGAIN);
        close(fd);
        total += count;
    } while (count > 0);
    return total;
}

static void drain_peer(const struct exchange *exchange, int count)
{
    for (; count > 0; count--)
        expect_datagram(exchange->peer, "fill");
}

/* Fills the peer's queue, and has `count` senders wait for it. */
static void form_line(struct line *line, int count)
{
    line->exchange = open_exchange(true);
    line->scope = open_scope();
    line->few = open_scope();
    line->filled = fill_peer(&line->exchange);
    for (int i = 0; i < count; i++)
        start_sender(line, i);
}

static void end_line(struct line *line)
{
    assert_int_equal(coir_scope_close(line->few), 0);
    assert_int_equal(coir_scope_close(line->scope), 0);
}

/* Makes room, and sees all who are in line end. */
static void serve_line(struct line *line)
{
    drain_peer(&line->exchange, line->filled);
    end_line(line);
}

CASE(senders_to_a_full_unix_socket_keep_their_order)
{
    struct line line = {.filled = 0};

    form_line(&line, 4);
    serve_line(&line);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(line.senders[i].result, 0);
        expect_datagram(line.exchange.peer, texts[i]);
    }
    close_exchange(&line.exchange);
}

/* One that comes when there is room again, but others are still in line. */
CASE(nobody_gets_in_between)
{
    struct line line = {.filled = 0};
    struct coir_datagram late;

    form_line(&line, 2);
    late = datagram_of(&line.exchange, "late");
    drain_peer(&line.exchange, line.filled);
    assert_int_equal(coir_datagram_send(line.exchange.socket, &late), 0);
    end_line(&line);
    expect_datagram(line.exchange.peer, "one");
    expect_datagram(line.exchange.peer, "two");
    expect_datagram(line.exchange.peer, "late");
    close_exchange(&line.exchange);
}

static void send_more(struct line *line)
{
    struct coir_datagram more = datagram_of(&line->exchange, "more");

    assert_int_equal(coir_datagram_send(line->exchange.socket, &more), 0);
}

/* Nor does who has just sent, before the next in line has run. */
CASE(nobody_takes_the_turn_twice)
{
    struct line line = {.senders = {{.then = send_more}}};

    form_line(&line, 2);
    serve_line(&line);
    expect_datagram(line.exchange.peer, "one");
    expect_datagram(line.exchange.peer, "two");
    expect_datagram(line.exchange.peer, "more");
    close_exchange(&line.exchange);
}

/* A receiver whose queue is full is tried again soon, but not all the time. */
CASE(waiting_for_a_unix_receiver_costs_little)
{
    struct line line = {.filled = 0};
    coir_time room;
    unsigned calls;

    form_line(&line, 1);
    calls = fault_calls("kernel_send_message");
    assert_int_equal(coir_sleep(50 * COIR_MILLISECOND), 0);
    assert_in_range(fault_calls("kernel_send_message") - calls, 1, 40);
    drain_peer(&line.exchange, line.filled);
    room = coir_now();
    end_line(&line);
    assert_in_range(coir_now() - room, 0, 100 * COIR_MILLISECOND);
    expect_datagram(line.exchange.peer, "one");
    close_exchange(&line.exchange);
}

CASE(a_sender_that_is_cancelled_leaves_its_place)
{
    struct line line = {.senders = {{.apart = true}, {.apart = true}}};

    form_line(&line, 3); /* one at the door, one in line, and one who goes on */
    coir_scope_cancel(line.few);
    serve_line(&line);
    assert_int_equal(line.senders[0].result, -ECANCELED);
    assert_int_equal(line.senders[1].result, -ECANCELED);
    assert_int_equal(line.senders[2].result, 0);
    expect_datagram(line.exchange.peer, "three");
    close_exchange(&line.exchange);
}

static void cancel_few(struct line *line)
{
    coir_scope_cancel(line->few);
}

/* It has been called, but has not run yet. */
CASE(a_sender_that_is_cancelled_with_the_turn_passes_it_on)
{
    struct line line = {.senders = {{.then = cancel_few}, {.apart = true}}};

    form_line(&line, 3);
    serve_line(&line);
    assert_int_equal(line.senders[1].result, -ECANCELED);
    expect_datagram(line.exchange.peer, "one");
    expect_datagram(line.exchange.peer, "three");
    close_exchange(&line.exchange);
}

CASE(a_deadline_ends_the_wait_for_a_unix_receiver)
{
    struct exchange exchange = open_exchange(true);
    struct coir_datagram datagram = datagram_of(&exchange, "x");
    struct coir_scope *scope = open_scope();
    int filled = fill_peer(&exchange);

    coir_scope_set_limit(scope, 10 * COIR_MILLISECOND);
    assert_int_equal(coir_datagram_send(exchange.socket, &datagram), -ETIME);
    assert_int_equal(coir_scope_close(scope), 0);
    drain_peer(&exchange, filled);
    assert_int_equal(coir_datagram_send(exchange.socket, &datagram), 0);
    expect_datagram(exchange.peer, "x");
    close_exchange(&exchange);
}

CASE(the_owners_close_ends_all_sends)
{
    struct line line = {.filled = 0};

    form_line(&line, 3);
    close_exchange(&line.exchange);
    end_line(&line);
    for (int i = 0; i < 3; i++)
        assert_int_equal(line.senders[i].result, -EBADF);
}

static void close_socket(struct line *line)
{
    coir_datagram_close(line->exchange.socket);
}

CASE(the_owners_close_also_ends_a_send_that_has_the_turn)
{
    struct line line = {.senders = {{.then = close_socket}}};

    form_line(&line, 3);
    serve_line(&line);
    assert_int_equal(line.senders[0].result, 0);
    assert_int_equal(line.senders[1].result, -EBADF);
    assert_int_equal(line.senders[2].result, -EBADF);
    close(line.exchange.peer);
}

/* As form_line(), but it is the kernel's own queue that is full, which a loopback never fills. */
static void form_line_for_kernel(struct line *line, int count)
{
    line->exchange = open_exchange(false);
    line->scope = open_scope();
    line->few = open_scope();
    fault_fail("kernel_send_message", 1, EAGAIN, FAULT_ALWAYS);
    for (int i = 0; i < count; i++)
        start_sender(line, i);
}

CASE(the_owners_close_ends_a_send_that_waits_for_the_kernel)
{
    struct line line = {.filled = 0};

    form_line_for_kernel(&line, 2);
    assert_int_equal(line.exchange.socket->endpoint->out.state, OPERATION_STARTED);
    close_exchange(&line.exchange);
    end_line(&line);
    assert_int_equal(line.senders[0].result, -EBADF);
    assert_int_equal(line.senders[1].result, -EBADF);
}

CASE(senders_that_wait_for_the_kernel_keep_their_order)
{
    struct line line = {.filled = 0};

    form_line_for_kernel(&line, 3);
    fault_clear();
    readiness_event(engine_now(), line.exchange.socket->endpoint, POLLOUT);
    end_line(&line);
    for (int i = 0; i < 3; i++)
        expect_datagram(line.exchange.peer, texts[i]);
    close_exchange(&line.exchange);
}

CASE_OF_KINDS(a_cancelled_scope_sends_nothing)
{
    struct exchange exchange = open_exchange(local);
    struct coir_datagram datagram = datagram_of(&exchange, "x");
    struct coir_scope *scope = open_scope();

    coir_scope_cancel(scope);
    assert_int_equal(coir_datagram_send(exchange.socket, &datagram), -ECANCELED);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(fault_calls("kernel_send_message"), 0);
    close_exchange(&exchange);
}

CASE_OF_KINDS(a_drain_lets_sends_go_on)
{
    struct exchange exchange = open_exchange(local);
    struct coir_datagram datagram = datagram_of(&exchange, "x");
    struct coir_scope *scope = open_scope();

    coir_scope_drain(scope, 0);
    assert_int_equal(coir_datagram_send(exchange.socket, &datagram), 0);
    assert_int_equal(coir_scope_close(scope), 0);
    expect_datagram(exchange.peer, "x");
    close_exchange(&exchange);
}

CASE(a_drain_ends_no_wait_for_a_unix_receiver)
{
    struct line line = {.filled = 0};

    form_line(&line, 2);
    coir_scope_drain(line.scope, 0);
    assert_int_equal(coir_sleep(5 * COIR_MILLISECOND), 0);
    assert_false(line.senders[0].ended || line.senders[1].ended);
    serve_line(&line);
    expect_datagram(line.exchange.peer, "one");
    expect_datagram(line.exchange.peer, "two");
    close_exchange(&line.exchange);
}

/* Errors. */

CASE_OF_KINDS(a_send_may_be_interrupted)
{
    struct exchange exchange = open_exchange(local);
    struct coir_datagram datagram = datagram_of(&exchange, "x");

    fault_fail("kernel_send_message", 1, EINTR, FAULT_ONCE);
    fault_fail("kernel_send_message", 2, EINTR, FAULT_ONCE);
    assert_int_equal(coir_datagram_send(exchange.socket, &datagram), 0);
    expect_datagram(exchange.peer, "x");
    close_exchange(&exchange);
}

CASE_OF_KINDS(a_report_of_another_datagram_is_counted_and_no_end)
{
    static const int reports[] = {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, EPROTO, EMSGSIZE};
    struct exchange exchange = open_exchange(local);
    struct coir_datagram datagram = datagram_of(&exchange, "x");

    for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
        fault_fail("kernel_send_message", 1, reports[i], FAULT_ONCE);
        assert_int_equal(coir_datagram_send(exchange.socket, &datagram), 0);
        expect_datagram(exchange.peer, "x");
        assert_int_equal(info_of(&exchange).errors, i + 1);
    }
    close_exchange(&exchange);
}

CASE_OF_KINDS(what_is_said_twice_is_the_datagrams_own_error)
{
    static const int errors[] = {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EMSGSIZE, EACCES, EPERM};
    struct exchange exchange = open_exchange(local);
    struct coir_datagram datagram = datagram_of(&exchange, "x");

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        unsigned calls = fault_calls("kernel_send_message");

        fault_fail("kernel_send_message", 1, errors[i], FAULT_ONCE);
        fault_fail("kernel_send_message", 2, errors[i], FAULT_ONCE);
        assert_int_equal(coir_datagram_send(exchange.socket, &datagram), -errors[i]);
        assert_int_equal(fault_calls("kernel_send_message") - calls, 2);
        assert_int_equal(info_of(&exchange).errors, 0);
        assert_int_equal(info_of(&exchange).datagrams_out, i);
        assert_int_equal(coir_datagram_send(exchange.socket, &datagram), 0); /* the socket goes on */
        expect_datagram(exchange.peer, "x");
    }
    close_exchange(&exchange);
}

CASE_OF_KINDS(a_shortage_is_told_at_once)
{
    static const int errors[] = {ENOBUFS, ENOMEM};
    struct exchange exchange = open_exchange(local);
    struct coir_datagram datagram = datagram_of(&exchange, "x");

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        unsigned calls = fault_calls("kernel_send_message");

        fault_fail("kernel_send_message", 1, errors[i], FAULT_ONCE);
        assert_int_equal(coir_datagram_send(exchange.socket, &datagram), -errors[i]);
        assert_int_equal(fault_calls("kernel_send_message") - calls, 1);
    }
    assert_int_equal(coir_datagram_send(exchange.socket, &datagram), 0);
    expect_datagram(exchange.peer, "x");
    close_exchange(&exchange);
}

/* The scope is ended between the two tries: the second must not begin. */
static void cancel_after_send(const struct fault_call *call, void *scope)
{
    if (strcmp(call->function, "kernel_send_message") == 0)
        coir_scope_cancel(scope);
}

CASE(a_second_try_heeds_the_scope)
{
    struct exchange exchange = open_exchange(false);
    struct coir_datagram datagram = datagram_of(&exchange, "x");
    struct coir_scope *scope = open_scope();

    fault_fail("kernel_send_message", 1, ECONNREFUSED, FAULT_ONCE);
    fault_observe(NULL, cancel_after_send, scope);
    assert_int_equal(coir_datagram_send(exchange.socket, &datagram), -ECANCELED);
    fault_observe(NULL, NULL, NULL);
    assert_int_equal(fault_calls("kernel_send_message"), 1);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(coir_datagram_send(exchange.socket, &datagram), 0);
    close_exchange(&exchange);
}

/* A socket that somebody has connected is told what becomes of its datagrams: that of the first, by the second call
 * and whichever comes after it. */
CASE(real_reports_are_absorbed)
{
    struct exchange exchange = open_exchange(false);
    struct coir_datagram datagram = datagram_of(&exchange, "x");
    struct place place = place_of(exchange.peer);
    int fd = exchange.socket->endpoint->fd;

    assert_int_equal(connect(fd, (struct sockaddr *)&place.address, place.size), 0);
    close(exchange.peer); /* nobody is there any more */
    assert_int_equal(coir_datagram_send(exchange.socket, &datagram), 0);
    assert_int_equal(coir_datagram_send(exchange.socket, &datagram), 0);
    assert_int_equal(info_of(&exchange).errors, 1);
    exchange.peer = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(exchange.peer, (struct sockaddr *)&place.address, place.size), 0);
    exchange.place = place_of(fd);
    send_to_us(&exchange, "back");
    expect_from_peer(&exchange, "back");
    assert_int_equal(info_of(&exchange).errors, 2);
    close_exchange(&exchange);
}
