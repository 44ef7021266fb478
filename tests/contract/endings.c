/* SPDX-License-Identifier: MIT
 *
 * How connections end, and what comes together with the end: bytes and a FIN
 * or a reset in one batch of events, errors that are kept, endpoints that are
 * gone when their event comes.
 */
#include "contract/rig.h"

/* The bytes and the end are there before anybody looks. */
CASE_OF_BOTH(bytes_and_end_in_one_batch)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_slice slice;
    char byte;

    send_text(pair.theirs, "hello");
    assert_int_equal(shutdown(pair.theirs, SHUT_WR), 0);
    assert_int_equal(coir_receive(stream, &slice), 1);
    assert_int_equal(slice.size, 5);
    coir_release(&slice);
    assert_int_equal(coir_receive(stream, &slice), 0);
    assert_int_equal(coir_read(stream, &byte, 1), 0);
    assert_int_equal(coir_write(stream, "bye", 3), 0); /* our half goes on */
    expect_text(pair.theirs, "bye");
    close(pair.theirs);
    coir_close(stream);
}

/* Someone waits already; the event names both. */
CASE_OF_BOTH(bytes_and_end_wake_one_who_waits)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;

    start_reader(scope, &reader, stream);
    send_text(pair.theirs, "hello");
    close(pair.theirs);
    take_in_events(&stream->endpoint->in);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(reader.result, 5);
    assert_int_equal(coir_read(stream, reader.bytes, sizeof(reader.bytes)), 0);
    coir_close(stream);
}

/* The end comes between the event of the bytes and their receive. */
CASE_OF_BOTH(end_right_after_the_event_of_bytes)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;

    start_reader(scope, &reader, stream);
    send_text(pair.theirs, "hello");
    take_in_events(&stream->endpoint->in);
    close(pair.theirs);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(reader.result, 5);
    assert_int_equal(coir_read(stream, reader.bytes, sizeof(reader.bytes)), 0);
    coir_close(stream);
}

static void expect_broken(struct coir_stream *stream, int error)
{
    char byte;
    struct iovec piece = {&byte, 1};
    struct coir_slice slice;

    byte = 'x';
    for (int i = 0; i < 3; i++) {
        assert_int_equal(coir_read(stream, &byte, 1), error);
        assert_int_equal(coir_receive(stream, &slice), error);
        assert_int_equal(coir_write(stream, &byte, 1), error);
        assert_int_equal(coir_writev(stream, &piece, 1), error);
        assert_int_equal(coir_finish(stream), error);
    }
}

/* Bytes and a reset in one batch: the bytes come first, then the error, in both directions and for ever. */
CASE_OF_BOTH(bytes_and_reset_in_one_batch)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;

    start_reader(scope, &reader, stream);
    send_text(pair.theirs, "hello");
    reset_peer(local, pair.theirs, pair.ours);
    take_in_events(&stream->endpoint->in);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(reader.result, 5);
    assert_memory_equal(reader.bytes, "hello", 5);
    expect_broken(stream, -ECONNRESET);
    coir_close(stream);
}

/* A send meets the reset first; the kernel would then tell a receive that the peer has finished. */
CASE(send_that_meets_the_reset_leaves_the_bytes_to_be_read)
{
    struct pair pair = new_pair(false);
    struct coir_stream *stream = adopt_stream(pair);
    int error;

    send_text(pair.theirs, "hello");
    reset_peer(false, pair.theirs, pair.ours);
    error = coir_write(stream, "x", 1);
    assert_true(error == -ECONNRESET || error == -EPIPE);
    expect_stream_text(stream, "hello");
    expect_broken(stream, error);
    coir_close(stream);
}

CASE(send_that_meets_the_reset_is_no_clean_end_for_a_reader)
{
    struct pair pair = new_pair(false);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;
    int error;

    start_reader(scope, &reader, stream);
    reset_peer(false, pair.theirs, pair.ours);
    error = coir_write(stream, "x", 1); /* before the reader has its turn */
    assert_true(error == -ECONNRESET || error == -EPIPE);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(reader.result, error);
    expect_broken(stream, error);
    coir_close(stream);
}

/* A Unix peer that reads no more, but has not closed: the kernel has no error for our receive. */
CASE(error_of_a_send_is_a_receives_too)
{
    struct pair pair = new_pair(true);
    struct coir_stream *stream = adopt_stream(pair);

    send_text(pair.theirs, "hello");
    assert_int_equal(shutdown(pair.theirs, SHUT_RD), 0);
    assert_int_equal(coir_write(stream, "x", 1), -EPIPE);
    expect_stream_text(stream, "hello");
    expect_broken(stream, -EPIPE);
    close(pair.theirs);
    coir_close(stream);
}

CASE(error_of_a_send_wakes_a_waiting_receive)
{
    struct pair pair = new_pair(true);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;

    start_reader(scope, &reader, stream);
    assert_int_equal(shutdown(pair.theirs, SHUT_RD), 0);
    assert_int_equal(coir_write(stream, "x", 1), -EPIPE);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(reader.result, -EPIPE);
    close(pair.theirs);
    coir_close(stream);
}

/* Errors of memory end nothing. */
CASE_OF_BOTH(shortage_is_not_kept)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_slice slice;

    fault_fail("kernel_receive", 1, ENOMEM, FAULT_ONCE);
    send_text(pair.theirs, "hello");
    assert_int_equal(coir_receive(stream, &slice), -ENOMEM);
    assert_int_equal(stream->endpoint->error, 0);
    expect_stream_text(stream, "hello");
    close(pair.theirs);
    coir_close(stream);
}

struct closer {
    struct coir_stream *stream;
    struct coir_stream *victim;
    bool abort;
    ssize_t result;
};

/* Reads one stream, and closes another as soon as something comes. */
static int read_and_close(void *arg)
{
    struct closer *closer = arg;
    char bytes[8];

    closer->result = coir_read(closer->stream, bytes, sizeof(bytes));
    if (closer->abort)
        coir_abort(closer->victim);
    else
        coir_close(closer->victim);
    return 0;
}

static void see_closed_in_the_batch(bool local, bool abort)
{
    struct pair first = new_pair(local);
    struct pair second = new_pair(local);
    struct coir_scope *scope = open_scope();
    struct closer closer = {.abort = abort};
    struct reader reader;

    closer.stream = adopt_stream(first);
    closer.victim = adopt_stream(second);
    assert_int_equal(coir_spawn(scope, read_and_close, &closer, NULL), 0);
    UNTIL(closer.stream->endpoint->in.state == OPERATION_STARTED);
    start_reader(scope, &reader, closer.victim);
    send_text(first.theirs, "go");
    take_in_events(&closer.stream->endpoint->in);
    send_text(second.theirs, "never read");
    take_in_events(&closer.victim->endpoint->in);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(closer.result, 2);
    assert_int_equal(reader.result, -EBADF);
    close(second.theirs);
    close(first.theirs);
    coir_close(closer.stream);
}

CASE_OF_BOTH(closed_in_the_batch_that_brought_its_bytes)
{
    see_closed_in_the_batch(local, false);
}

CASE_OF_BOTH(aborted_in_the_batch_that_brought_its_bytes)
{
    see_closed_in_the_batch(local, true);
}

/* A copy of the descriptor that nobody told us of keeps epoll's registration alive past our close. */
CASE(event_of_an_endpoint_that_is_gone_is_dropped)
{
    const struct engine_table *table = engine_now()->table;
    struct pair pair = new_pair(true);
    struct pair next = new_pair(true);
    struct endpoint *endpoint;
    struct coir_stream *stream;
    int copy = dup(pair.ours);
    uint64_t stale = run_info().stale_events;

    assert_int_equal(table->adopt(engine_now(), pair.ours, ENDPOINT_LOCAL, &endpoint), 0);
    table->close(engine_now(), endpoint, ENDPOINT_CLOSE);
    stream = adopt_stream(next); /* in the same memory, maybe */
    send_text(pair.theirs, "hello");
    send_text(next.theirs, "for us");
    expect_stream_text(stream, "for us");
    for (int i = 0; i < 40; i++)
        assert_int_equal(coir_yield(), 0);
    assert_int_equal(run_info().stale_events - stale, engine_is_epoll());
    assert_true(stream->endpoint->in.state == OPERATION_IDLE);
    close(copy);
    close(pair.theirs);
    close(next.theirs);
    coir_close(stream);
}

/* Of an adopted descriptor others may have copies: its registration is ended by hand. */
static void see_forgotten_though_a_copy_lives(bool local)
{
    const struct engine_table *table = engine_now()->table;
    struct pair pair = new_pair(local);
    struct endpoint *endpoint;
    int copy = dup(pair.ours);
    uint64_t stale = run_info().stale_events;

    assert_int_equal(
        table->adopt(engine_now(), pair.ours, local ? ENDPOINT_LOCAL | ENDPOINT_EXPOSED : ENDPOINT_EXPOSED, &endpoint),
        0);
    table->close(engine_now(), endpoint, ENDPOINT_CLOSE);
    send_text(pair.theirs, "hello");
    table->wait(engine_now(), 0);
    assert_int_equal(run_info().stale_events, stale);
    close(copy);
    close(pair.theirs);
}

CASE_OF_ENGINE(epoll, adopted_descriptor_is_forgotten_though_a_copy_lives)
{
    see_forgotten_though_a_copy_lives(false);
    see_forgotten_though_a_copy_lives(true);
}

/* Fetched together with the event whose task closes it. */
CASE(event_of_an_endpoint_closed_by_another_task_harms_nobody)
{
    struct pair pairs[20];
    struct coir_stream *streams[20];
    struct coir_slice slice;

    for (int i = 0; i < 20; i++) {
        pairs[i] = new_pair(i % 2 == 0);
        streams[i] = adopt_stream(pairs[i]);
        send_text(pairs[i].theirs, "x");
    }
    assert_int_equal(coir_receive(streams[0], &slice), 1); /* its wait fetched the events of all */
    for (int i = 1; i < 20; i++)
        coir_abort(streams[i]);
    for (int i = 1; i < 20; i++) {
        close(pairs[i].theirs);
        pairs[i] = new_pair(i % 2 == 0);
        streams[i] = adopt_stream(pairs[i]);
    }
    for (int i = 1; i < 20; i++) {
        send_text(pairs[i].theirs, "y");
        expect_stream_text(streams[i], "y");
    }
    coir_release(&slice);
    for (int i = 0; i < 20; i++) {
        close(pairs[i].theirs);
        coir_close(streams[i]);
    }
}
