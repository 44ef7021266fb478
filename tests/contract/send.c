/* SPDX-License-Identifier: MIT
 *
 * Sending: of one piece and of several.
 */
#include "contract/matrix.h"

static unsigned char much[1 << 20];

static struct iovec pieces[] = {{much, 1000}, {much + 1000, 0}, {much + 1000, 60000}, {much + 61000, 900000}};
#define PIECES_SIZE 961000

static void adopt_narrow_end(struct subject *subject)
{
    struct pair pair = new_pair(subject->local);

    make_narrow(pair);
    subject->peer = pair.theirs;
    assert_int_equal(
        engine_now()->table->adopt(engine_now(), pair.ours, subject->local ? ENDPOINT_LOCAL : 0, &subject->endpoint),
        0);
    for (size_t i = 0; i < sizeof(much); i++)
        much[i] = (unsigned char)(i * 7 + i / 251);
}

static void open_send(struct subject *subject)
{
    adopt_narrow_end(subject);
    subject->memory = much;
    subject->size = sizeof(much);
}

static void open_pieces(struct subject *subject)
{
    adopt_narrow_end(subject);
    subject->memory = pieces;
    subject->size = sizeof(pieces) / sizeof(pieces[0]);
}

static void fill_end(struct subject *subject)
{
    fill(subject->endpoint->fd);
}

static void drain_peer(struct subject *subject)
{
    drain(subject->peer, subject->endpoint->fd);
}

static void expect_some_sent(struct subject *subject, int result)
{
    assert_in_range(result, 1, subject->kind->kind == OPERATION_SEND ? (int)sizeof(much) : PIECES_SIZE);
}

static const struct subject_kind send_one = {
    .kind = OPERATION_SEND,
    .outward = true,
    .call = "kernel_send",
    .open = open_send,
    .make_wait = fill_end,
    .make_ready = drain_peer,
    .expect = expect_some_sent,
};

static const struct subject_kind send_pieces = {
    .kind = OPERATION_SEND_PIECES,
    .outward = true,
    .call = "kernel_send_pieces",
    .open = open_pieces,
    .make_wait = fill_end,
    .make_ready = drain_peer,
    .expect = expect_some_sent,
};

DONE_AT_ONCE(send_one, tcp)
DONE_AT_ONCE(send_one, local)
DONE_AT_ONCE(send_pieces, tcp)
DONE_AT_ONCE(send_pieces, local)
WAITING(send_one, tcp)
WAITING(send_one, local)
WAITING(send_pieces, tcp)
WAITING(send_pieces, local)

/* Someone waits to send when the peer goes away. */
static void see_peer_gone(const struct subject_kind *kind, bool local, bool reset)
{
    struct coir_scope *scope = open_scope();
    struct subject subject;

    open_subject(&subject, kind, local);
    make_wait(&subject);
    start_waiting(&subject, scope);
    if (reset && !local)
        reset_peer(false, subject.peer, -1);
    else
        close(subject.peer); /* much is unread there: that is a reset, too */
    subject.peer = -1;
    assert_int_equal(coir_scope_close(scope), 0);
    assert_true(subject.result == -ECONNRESET || subject.result == -EPIPE);
    for (int i = 0; i < 3; i++)
        assert_int_equal(perform(&subject), subject.result);
    assert_int_equal(subject.endpoint->error, subject.result);
    close_subject(&subject);
}

CASE_OF_BOTH(send_sees_the_peer_close)
{
    see_peer_gone(&send_one, local, false);
}

CASE_OF_BOTH(send_sees_a_reset)
{
    see_peer_gone(&send_one, local, true);
}

CASE_OF_BOTH(send_of_pieces_sees_the_peer_close)
{
    see_peer_gone(&send_pieces, local, false);
}

CASE_OF_BOTH(send_of_pieces_sees_a_reset)
{
    see_peer_gone(&send_pieces, local, true);
}

/* A peer that has only finished sending still takes bytes. */
CASE_OF_BOTH(send_goes_on_after_the_peer_has_finished)
{
    struct coir_scope *scope = open_scope();
    struct subject subject;

    open_subject(&subject, &send_one, local);
    make_wait(&subject);
    start_waiting(&subject, scope);
    assert_int_equal(shutdown(subject.peer, SHUT_WR), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(coir_yield(), 0);
    drain_peer(&subject);
    assert_int_equal(coir_scope_close(scope), 0);
    expect_some_sent(&subject, subject.result);
    close_subject(&subject);
}

/* The other side of a write that takes many waits. */
struct collector {
    struct coir_stream *stream;
    int result;
    bool ended;
    bool in_pieces;
};

static int write_much(void *arg)
{
    struct collector *collector = arg;
    struct iovec halves[] = {{much, sizeof(much) / 2}, {much + sizeof(much) / 2, sizeof(much) / 2}};

    if (collector->in_pieces)
        collector->result = coir_writev(collector->stream, halves, 2);
    else
        collector->result = coir_write(collector->stream, much, sizeof(much));
    collector->ended = true;
    return 0;
}

static void see_all_arrive(bool local, bool in_pieces)
{
    struct pair pair = new_pair(local);
    struct coir_scope *scope = open_scope();
    struct collector collector = {.in_pieces = in_pieces};
    static unsigned char got[sizeof(much)];
    size_t size = 0;

    make_narrow(pair);
    for (size_t i = 0; i < sizeof(much); i++)
        much[i] = (unsigned char)(i * 7 + i / 251);
    collector.stream = adopt_stream(pair);
    assert_int_equal(coir_spawn(scope, write_much, &collector, NULL), 0);
    while (size < sizeof(got)) {
        ssize_t count;

        assert_int_equal(coir_yield(), 0);
        count = recv(pair.theirs, got + size, sizeof(got) - size, MSG_DONTWAIT);
        assert_true(count > 0 || errno == EAGAIN);
        if (count > 0)
            size += (size_t)count;
    }
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(collector.result, 0);
    assert_memory_equal(got, much, sizeof(got));
    close(pair.theirs);
    coir_close(collector.stream);
}

CASE_OF_BOTH(write_sends_all_through_a_narrow_pipe)
{
    see_all_arrive(local, false);
}

CASE_OF_BOTH(writev_sends_all_through_a_narrow_pipe)
{
    see_all_arrive(local, true);
}
