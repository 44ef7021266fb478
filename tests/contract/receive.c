/* SPDX-License-Identifier: MIT
 *
 * Receiving: into the caller's memory and into lent buffers. What lingering
 * throws away is in linger.c.
 */
#include "contract/matrix.h"

static void adopt_end(struct subject *subject)
{
    struct pair pair = new_pair(subject->local);

    subject->peer = pair.theirs;
    assert_int_equal(
        engine_now()->table->adopt(engine_now(), pair.ours, subject->local ? ENDPOINT_LOCAL : 0, &subject->endpoint),
        0);
}

static void send_hello(struct subject *subject)
{
    send_text(subject->peer, "hello");
}

static void open_receive(struct subject *subject)
{
    adopt_end(subject);
    subject->memory = subject->bytes;
    subject->size = sizeof(subject->bytes);
}

static void expect_hello(struct subject *subject, int result)
{
    assert_int_equal(result, 5);
    assert_memory_equal(subject->bytes, "hello", 5);
}

static const struct subject_kind receive = {
    .kind = OPERATION_RECEIVE,
    .call = "kernel_receive",
    .open = open_receive,
    .make_ready = send_hello,
    .expect = expect_hello,
};

static void expect_lent_hello(struct subject *subject, int result)
{
    struct buffer *buffer = operation_of(subject)->memory;

    assert_int_equal(result, 5);
    assert_memory_equal(buffer->bytes, "hello", 5);
    buffer_release(buffer);
}

static const struct subject_kind lend = {
    .kind = OPERATION_LEND,
    .call = "kernel_receive",
    .open = adopt_end,
    .make_ready = send_hello,
    .expect = expect_lent_hello,
};

DONE_AT_ONCE(receive, tcp)
DONE_AT_ONCE(receive, local)
DONE_AT_ONCE(lend, tcp)
DONE_AT_ONCE(lend, local)
WAITING(receive, tcp)
WAITING(receive, local)
WAITING(lend, tcp)
WAITING(lend, local)

/* The peer's end, for each of the kinds. */

static void finish_peer(struct subject *subject)
{
    assert_int_equal(shutdown(subject->peer, SHUT_WR), 0);
}

static void close_peer(struct subject *subject)
{
    close(subject->peer);
    subject->peer = -1;
}

static void break_peer(struct subject *subject)
{
    reset_peer(subject->local, subject->peer, subject->endpoint->fd);
    subject->peer = -1;
}

/* Someone waits when it happens; then it is so for ever. */
static void see_end(const struct subject_kind *kind, bool local, void (*end)(struct subject *subject), int expected)
{
    struct coir_scope *scope = open_scope();
    struct subject subject;

    open_subject(&subject, kind, local);
    start_waiting(&subject, scope);
    end(&subject);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(subject.result, expected);
    for (int i = 0; i < 3; i++)
        assert_int_equal(perform(&subject), expected);
    assert_int_equal(subject.endpoint->error, expected);
    assert_int_equal((subject.endpoint->flags & ENDPOINT_ENDED) != 0, expected == 0);
    close_subject(&subject);
}

/* It happens right behind bytes, which come first. */
static void see_bytes_then(const struct subject_kind *kind, bool local, void (*end)(struct subject *subject),
                           int expected)
{
    struct coir_scope *scope = open_scope();
    struct subject subject;

    open_subject(&subject, kind, local);
    start_waiting(&subject, scope);
    send_hello(&subject);
    end(&subject);
    assert_int_equal(coir_scope_close(scope), 0);
    kind->expect(&subject, subject.result);
    for (int i = 0; i < 3; i++)
        assert_int_equal(perform(&subject), expected);
    close_subject(&subject);
}

static void see_all_ends(const struct subject_kind *kind, bool local)
{
    see_end(kind, local, finish_peer, 0);
    see_end(kind, local, close_peer, 0);
    see_end(kind, local, break_peer, -ECONNRESET);
    see_bytes_then(kind, local, finish_peer, 0);
    see_bytes_then(kind, local, close_peer, 0);
    see_bytes_then(kind, local, break_peer, -ECONNRESET);
}

CASE_OF_BOTH(receive_sees_how_the_peer_ends)
{
    see_all_ends(&receive, local);
}

CASE_OF_BOTH(lend_sees_how_the_peer_ends)
{
    see_all_ends(&lend, local);
}

CASE_OF_BOTH(more_than_the_room_comes_in_pieces)
{
    struct subject subject;

    open_subject(&subject, &receive, local);
    subject.size = 2;
    send_hello(&subject);
    assert_int_equal(perform(&subject), 2);
    assert_memory_equal(subject.bytes, "he", 2);
    assert_int_equal(perform(&subject), 2);
    assert_memory_equal(subject.bytes, "ll", 2);
    assert_int_equal(perform(&subject), 1);
    assert_memory_equal(subject.bytes, "o", 1);
    close_subject(&subject);
}
