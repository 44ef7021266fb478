/* SPDX-License-Identifier: MIT
 *
 * Lent buffers, as streams see them: their size follows what comes, an idle
 * stream holds none, and a budget bounds them all.
 */
#include "contract/rig.h"

static unsigned char much[1 << 20];

/* A stream with so many bytes waiting. */
static struct coir_stream *stream_with(struct pair *ret_pair, bool local, size_t size)
{
    *ret_pair = new_pair(local);
    send_bytes(ret_pair->theirs, much, size);
    return adopt_stream(*ret_pair);
}

static void end_stream(struct coir_stream *stream, struct pair pair)
{
    close(pair.theirs);
    coir_close(stream);
}

/* A message, and the capacity it takes while a slice of it is out. */
static uint64_t capacity_of_message(struct coir_stream *stream, int theirs, size_t size)
{
    struct coir_slice slice;
    uint64_t capacity;

    send_bytes(theirs, much, size);
    assert_int_equal(coir_receive(stream, &slice), 1);
    assert_int_equal(slice.size, size);
    capacity = lent_bytes();
    coir_release(&slice);
    assert_int_equal(lent_bytes(), 0);
    return capacity;
}

CASE_OF_BOTH(idle_stream_holds_no_buffer)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;

    for (int i = 0; i < 3; i++)
        (void)capacity_of_message(stream, pair.theirs, 64);
    start_reader(scope, &reader, stream);
    assert_int_equal(lent_bytes(), 0);
    send_text(pair.theirs, "end");
    assert_int_equal(coir_scope_close(scope), 0);
    end_stream(stream, pair);
}

/* The same for a receive that lends: nothing is lent while it waits. */
static int run_receiver(void *arg)
{
    struct coir_slice slice;
    int rc = coir_receive(arg, &slice);

    coir_release(&slice);
    return rc;
}

CASE_OF_BOTH(receive_that_waits_holds_no_buffer)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();

    (void)capacity_of_message(stream, pair.theirs, 64); /* a Unix socket is now asked once more in vain */
    assert_int_equal(coir_spawn(scope, run_receiver, stream, NULL), 0);
    UNTIL(stream->endpoint->in.state == OPERATION_STARTED);
    assert_int_equal(lent_bytes(), 0);
    send_text(pair.theirs, "end");
    assert_int_equal(coir_scope_close(scope), 0);
    end_stream(stream, pair);
}

/* A held 64-byte slice must not pin 64 KiB: after a dozen messages it takes 1 KiB. */
CASE_OF_BOTH(buffers_shrink_to_small_messages)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    uint64_t before = capacity_of_message(stream, pair.theirs, 64);

    assert_int_equal(before, 65536);
    for (int i = 0; i < 12; i++) {
        uint64_t capacity = capacity_of_message(stream, pair.theirs, 64);

        assert_true(capacity <= before);
        before = capacity;
    }
    assert_int_equal(before, 1024);
    end_stream(stream, pair);
}

/* Several small ones, not one: a pause in a flood is no reason to shrink. */
CASE(one_small_message_shrinks_nothing)
{
    struct pair pair = new_pair(true);
    struct coir_stream *stream = adopt_stream(pair);

    for (int i = 0; i < 20; i++) {
        assert_int_equal(capacity_of_message(stream, pair.theirs, 64), 65536);
        assert_int_equal(capacity_of_message(stream, pair.theirs, 64), 65536);
        assert_int_equal(capacity_of_message(stream, pair.theirs, 20000), 65536);
    }
    end_stream(stream, pair);
}

CASE_OF_BOTH(buffers_grow_after_full_receives)
{
    struct pair pair;
    struct coir_stream *stream = stream_with(&pair, local, 100000);
    static const size_t sizes[] = {1024, 4096, 16384, 65536};
    struct coir_slice slice;
    size_t total = 0;

    stream->endpoint->class = BUFFER_CLASS_SMALLEST;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(coir_receive(stream, &slice), 1);
        assert_int_equal(lent_bytes(), sizes[i]);
        total += slice.size;
        if (!local && i < 3) /* a Unix socket's receive ends with what one send brought; TCP's window may be 64 KiB */
            assert_int_equal(slice.size, sizes[i]);
        coir_release(&slice);
    }
    while (total < 100000) {
        assert_int_equal(coir_receive(stream, &slice), 1);
        assert_int_equal(lent_bytes(), 65536);
        total += slice.size;
        coir_release(&slice);
    }
    end_stream(stream, pair);
}

/* A slice outlives its stream. */
CASE_OF_BOTH(slice_stays_valid_after_the_close)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_slice slice;

    send_text(pair.theirs, "hello");
    assert_int_equal(coir_receive(stream, &slice), 1);
    end_stream(stream, pair);
    assert_int_equal(lent_bytes(), 65536);
    assert_memory_equal(slice.bytes, "hello", 5);
    coir_release(&slice);
    coir_release(&slice);
    assert_int_equal(lent_bytes(), 0);
}

/* What a slice gave back is held, and goes with the stream. */
CASE_OF_BOTH(held_bytes_go_with_their_stream)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_slice slice;

    send_text(pair.theirs, "hello");
    assert_int_equal(coir_receive(stream, &slice), 1);
    coir_release_used(&slice, 2);
    assert_int_equal(lent_bytes(), 65536);
    end_stream(stream, pair);
    assert_int_equal(lent_bytes(), 0);
}

CASE_OF_BOTH(freed_buffers_are_lent_again)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    unsigned allocations;

    (void)capacity_of_message(stream, pair.theirs, 30000);
    allocations = fault_calls("alloc_bytes");
    for (int i = 0; i < 50; i++)
        assert_int_equal(capacity_of_message(stream, pair.theirs, 30000), 65536);
    assert_int_equal(fault_calls("alloc_bytes"), allocations);
    end_stream(stream, pair);
}

static const char line[] = "sixteen bytes..\n";
#define LINE_SIZE (sizeof(line) - 1)

/* Sends back what comes, by each call that reads and each that writes. */
static int echo_by_turns(void *arg)
{
    struct coir_stream *stream = arg;
    char bytes[LINE_SIZE];
    struct iovec piece = {bytes, LINE_SIZE};
    struct coir_slice slice;

    for (;;) {
        if (coir_receive(stream, &slice) <= 0)
            return 0;
        assert_int_equal(coir_write(stream, slice.bytes, slice.size), 0);
        coir_release(&slice);
        assert_int_equal(coir_read(stream, bytes, LINE_SIZE), LINE_SIZE);
        assert_int_equal(coir_writev(stream, &piece, 1), 0);
        assert_int_equal(coir_read_exact(stream, bytes, LINE_SIZE), LINE_SIZE);
        assert_int_equal(coir_write(stream, bytes, LINE_SIZE), 0);
        assert_int_equal(coir_read_until(stream, "\n", 1, LINE_SIZE, &slice), 1);
        assert_int_equal(coir_write(stream, slice.bytes, slice.size), 0);
        coir_release(&slice);
    }
}

static void exchange_lines(struct coir_stream *stream, int count)
{
    char bytes[LINE_SIZE];

    for (int i = 0; i < 4 * count; i++) {
        assert_int_equal(coir_write(stream, line, LINE_SIZE), 0);
        assert_int_equal(coir_read_exact(stream, bytes, LINE_SIZE), LINE_SIZE);
        assert_memory_equal(bytes, line, LINE_SIZE);
    }
}

static void count_allocation(const struct fault_call *call, void *context)
{
    if (strncmp(call->function, "alloc_", 6) == 0)
        ++*(unsigned *)context;
}

/* Once buffers are of the right size, whichever way it reads or writes, and though it waits each time. */
CASE_OF_BOTH(reads_and_writes_allocate_nothing)
{
    struct pair pair = new_pair(local);
    struct coir_scope *scope = open_scope();
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_stream *other = adopt_stream((struct pair){pair.theirs, pair.ours});
    unsigned allocations = 0;

    assert_int_equal(coir_spawn(scope, echo_by_turns, other, NULL), 0);
    exchange_lines(stream, 50);
    fault_observe(count_allocation, NULL, &allocations);
    exchange_lines(stream, 500);
    fault_observe(NULL, NULL, NULL);
    assert_int_equal(allocations, 0);
    assert_int_equal(coir_finish(stream), 0);
    assert_int_equal(coir_scope_close(scope), 0);
    coir_close(other);
    coir_close(stream);
}

CASE_OF_BOTH(no_memory_for_a_buffer_loses_nothing)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_slice slice;

    send_text(pair.theirs, "hello");
    fault_fail("alloc_bytes", 1, ENOMEM, FAULT_ONCE);
    assert_int_equal(coir_receive(stream, &slice), -ENOMEM);
    assert_int_equal(coir_receive(stream, &slice), 1);
    assert_int_equal(slice.size, 5);
    coir_release(&slice);
    end_stream(stream, pair);
}

/* Two slices of 64 KiB fit the budget; a third does not, until one is given back. */
static int spend_budget(void *arg)
{
    struct pair pairs[3];
    struct coir_stream *streams[3];
    struct coir_slice slices[3];
    char byte;

    (void)arg;
    for (int i = 0; i < 3; i++) {
        pairs[i] = new_pair(i == 1);
        streams[i] = adopt_stream(pairs[i]);
        send_text(pairs[i].theirs, "hello");
    }
    assert_int_equal(coir_receive(streams[0], &slices[0]), 1);
    assert_int_equal(coir_receive(streams[1], &slices[1]), 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(coir_receive(streams[2], &slices[2]), -ENOBUFS);
    assert_int_equal(coir_read(streams[2], &byte, 1), 1); /* that takes no buffer of ours */
    assert_int_equal(byte, 'h');
    coir_release(&slices[1]);
    assert_int_equal(coir_receive(streams[2], &slices[2]), 1);
    assert_int_equal(slices[2].size, 4);
    coir_release(&slices[0]);
    coir_release(&slices[2]);
    streams[0]->endpoint->class = BUFFER_CLASS_SMALLEST; /* free ones of another size do not count */
    send_text(pairs[0].theirs, "x");
    assert_int_equal(coir_receive(streams[0], &slices[0]), 1);
    assert_int_equal(lent_bytes(), 1024);
    coir_release(&slices[0]);
    for (int i = 0; i < 3; i++)
        end_stream(streams[i], pairs[i]);
    return (int)lent_bytes();
}

TEST(budget_bounds_what_is_lent)
{
    struct coir_run_options options = {.stack = COIR_STACK_HUGE, .byte_budget = 131072};

    assert_int_equal(coir_run(spend_budget, NULL, &options), 0);
}

/* Sessions whose peers have gone must not pile up until there is memory again. */
CASE_OF_BOTH(an_end_and_a_reset_take_no_memory)
{
    struct buffers *pool = &loop_current()->buffers;
    uint64_t budget = pool->budget_bytes;
    struct pair pairs[2] = {new_pair(local), new_pair(local)};
    struct coir_stream *streams[2] = {adopt_stream(pairs[0]), adopt_stream(pairs[1])};
    struct coir_slice slice;

    pool->budget_bytes = 0;
    send_text(pairs[0].theirs, "hello");
    shutdown(pairs[0].theirs, SHUT_WR);
    assert_int_equal(coir_receive(streams[0], &slice), -ENOBUFS); /* what came first is told first */
    reset_peer(local, pairs[1].theirs, pairs[1].ours);
    assert_int_equal(coir_receive(streams[1], &slice), -ECONNRESET);
    coir_close(streams[1]);
    expect_stream_text(streams[0], "hello");
    assert_int_equal(coir_receive(streams[0], &slice), 0);
    pool->budget_bytes = budget;
    end_stream(streams[0], pairs[0]);
}
