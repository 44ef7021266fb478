/* SPDX-License-Identifier: MIT
 *
 * Lent buffers, as datagrams see them: a socket that waits holds none, what is
 * kept pins little, and a budget that is spent loses nothing.
 */
#include "contract/datagram.h"

static unsigned char much[100000];

CASE_OF_KINDS(a_socket_that_waits_holds_no_buffer)
{
    struct exchange exchange = open_exchange(local);
    struct coir_scope *scope = open_scope();
    struct receiver receiver;

    start_receiver(scope, &receiver, &exchange);
    assert_int_equal(lent_bytes(), 0);
    send_to_us(&exchange, "x");
    assert_int_equal(coir_scope_close(scope), 0);
    expect_received(&receiver, "x");
    assert_int_equal(lent_bytes(), 0);
    close_exchange(&exchange);
}

CASE_OF_KINDS(a_datagram_that_is_kept_pins_what_it_needs)
{
    static const size_t sizes[][2] = {{1, 1024}, {1024, 1024}, {1025, 4096}, {16384, 16384}, {16385, 65536}};
    struct exchange exchange = open_exchange(local);

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct coir_datagram datagram;

        send_datagram(exchange.peer, &exchange.place, much, sizes[i][0]);
        assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), 0);
        assert_int_equal(lent_bytes(), sizes[i][1]);
        coir_release(&datagram.data);
    }
    close_exchange(&exchange);
}

CASE_OF_KINDS(several_are_out_also_after_the_close)
{
    static const char *const texts[] = {"one", "two", "three"};
    struct exchange exchange = open_exchange(local);
    struct coir_datagram datagrams[3];

    for (int i = 0; i < 3; i++) {
        send_to_us(&exchange, texts[i]);
        assert_int_equal(coir_datagram_receive(exchange.socket, &datagrams[i]), 0);
    }
    assert_int_equal(run_info().slices_out, 3);
    coir_release(&datagrams[1].data);
    close_exchange(&exchange);
    for (int i = 0; i < 3; i += 2) {
        assert_memory_equal(datagrams[i].data.bytes, texts[i], strlen(texts[i]));
        coir_release(&datagrams[i].data);
    }
    coir_release(&datagrams[1].data); /* once more changes nothing */
}

/* The last buffer given back is the next to be lent, to whomever. */
CASE_OF_KINDS(a_buffer_that_a_stream_has_used_is_not_its_any_more)
{
    struct exchange exchange = open_exchange(local);
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_datagram datagram;
    struct coir_slice slice;

    send_text(pair.theirs, "stream");
    assert_int_equal(coir_receive(stream, &slice), 1);
    coir_release(&slice);
    send_datagram(exchange.peer, &exchange.place, much, 20000);
    assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), 0);
    coir_release(&datagram.data);
    assert_int_equal(lent_bytes(), 0);
    close(pair.theirs);
    coir_close(stream);
    close_exchange(&exchange);
}

CASE_OF_KINDS(a_spent_byte_budget_loses_nothing)
{
    struct exchange exchange = open_exchange(local);
    struct buffers *pool = &loop_current()->buffers;
    uint64_t budget = pool->budget_bytes;
    struct coir_datagram datagram;

    send_to_us(&exchange, "hello");
    pool->budget_bytes = 65535;
    for (int i = 0; i < 3; i++)
        assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), -ENOBUFS);
    pool->budget_bytes = 65536; /* no copy, then */
    assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), 0);
    assert_int_equal(lent_bytes(), 65536);
    assert_memory_equal(datagram.data.bytes, "hello", 5);
    coir_release(&datagram.data);
    pool->budget_bytes = budget;
    close_exchange(&exchange);
}

CASE_OF_KINDS(without_memory_nothing_is_lost)
{
    struct exchange exchange = open_exchange(local);
    struct coir_datagram datagram;

    send_to_us(&exchange, "hello");
    fault_fail("alloc_bytes", 1, ENOMEM, FAULT_ONCE);
    assert_int_equal(coir_datagram_receive(exchange.socket, &datagram), -ENOMEM);
    fault_fail("alloc_bytes", 2, ENOMEM, FAULT_ONCE); /* that of the copy */
    expect_from_peer(&exchange, "hello");
    close_exchange(&exchange);
}
