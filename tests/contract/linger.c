/* SPDX-License-Identifier: MIT
 *
 * Closed streams whose peers have not finished: what was written arrives, what
 * the peer still sends is thrown away, and that has limits.
 */
#include "contract/rig.h"
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/ioctl.h>

static unsigned char much[1 << 20];

static struct coir_stream *adopt_lingering(struct pair pair, coir_time linger_ns, uint64_t linger_bytes)
{
    struct coir_stream_options options = {.linger_ns = linger_ns, .linger_bytes = linger_bytes};
    struct coir_stream *stream;

    assert_int_equal(coir_adopt(pair.ours, &options, &stream), 0);
    return stream;
}

static uint64_t lingering(void)
{
    return run_info().lingering;
}

/* Reads to the end or a reset; returns how much came, and in `ret_end` 0 or the error. */
static size_t read_to_end(int fd, int *ret_end)
{
    static char bytes[65536];
    size_t total = 0;
    ssize_t count;

    while ((count = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        total += (size_t)count;
    *ret_end = count < 0 ? errno : 0;
    return total;
}

/* With unread bytes in our queue a plain close(2) would reset the connection. */
CASE_OF_BOTH(what_was_written_arrives_though_we_did_not_read)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    int end;

    send_text(pair.theirs, "unread");
    assert_int_equal(coir_write(stream, much, 50000), 0);
    coir_close(stream);
    assert_int_equal(lingering(), 1);
    assert_int_equal(read_to_end(pair.theirs, &end), 50000);
    assert_int_equal(end, 0);
    assert_int_equal(coir_yield(), 0);
    assert_int_equal(lingering(), 1); /* the peer may still say something */
    send_text(pair.theirs, "more");
    close(pair.theirs);
    UNTIL(lingering() == 0);
}

CASE_OF_BOTH(no_lingering_where_the_peer_has_finished)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    char byte;

    assert_int_equal(shutdown(pair.theirs, SHUT_WR), 0);
    assert_int_equal(coir_read(stream, &byte, 1), 0);
    coir_close(stream);
    assert_int_equal(lingering(), 0);
    expect_end(pair.theirs);
    close(pair.theirs);
}

CASE_OF_BOTH(end_that_nobody_read_is_found)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);

    send_text(pair.theirs, "unread");
    close(pair.theirs);
    coir_close(stream);
    UNTIL(lingering() == 0);
}

CASE_OF_BOTH(reset_ends_lingering)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);

    coir_close(stream);
    assert_int_equal(lingering(), 1);
    if (local)
        close(pair.theirs);
    else
        reset_peer(false, pair.theirs, pair.ours);
    UNTIL(lingering() == 0);
}

CASE_OF_BOTH(broken_stream_does_not_linger)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    char byte;

    reset_peer(local, pair.theirs, pair.ours);
    assert_int_equal(coir_read(stream, &byte, 1), -ECONNRESET);
    coir_close(stream);
    assert_int_equal(lingering(), 0);
}

/* The discard is done at once, later, and in many pieces; all of it counts. */
CASE_OF_BOTH(peer_may_send_as_much_as_is_allowed)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_lingering(pair, 0, 1 << 20);
    int end;

    send_bytes(pair.theirs, much, 65536);
    coir_close(stream);
    for (int i = 1; i < 16; i++) {
        send_bytes(pair.theirs, much, 65536);
        assert_int_equal(coir_yield(), 0);
        while (!is_ready(pair.theirs, POLLOUT))
            assert_int_equal(coir_yield(), 0);
    }
    assert_int_equal(lingering(), 1);
    assert_int_equal(read_to_end(pair.theirs, &end), 0);
    assert_int_equal(end, 0);
    close(pair.theirs);
    UNTIL(lingering() == 0);
}

CASE_OF_BOTH(peer_that_sends_too_much_is_cut_off)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_lingering(pair, 0, 100000);
    ssize_t sent = 0;

    coir_close(stream);
    while (lingering() > 0) {
        sent = send(pair.theirs, much, 10000, MSG_NOSIGNAL | MSG_DONTWAIT);
        assert_true(sent > 0 || errno == EAGAIN);
        assert_int_equal(coir_yield(), 0);
    }
    assert_int_equal(send(pair.theirs, much, 1, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE); /* it had our end before: on TCP, too, the reset is called so */
    close(pair.theirs);
}

/* A peer that has more to send whenever we have taken something. */
struct flood {
    struct pair pair;
    size_t sent;
    size_t max;
};

static void send_more(const struct fault_call *call, void *context)
{
    struct flood *flood = context;
    ssize_t sent;

    if (call != NULL && (strcmp(call->function, "kernel_receive") != 0 || call->fd != flood->pair.ours))
        return;
    while (flood->sent < flood->max && (sent = send(flood->pair.theirs, much, 65536, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
        flood->sent += (size_t)sent;
}

static int unread_bytes(int fd)
{
    int bytes = 0;

    assert_int_equal(ioctl(fd, FIONREAD, &bytes), 0);
    return bytes;
}

/* It cannot keep the thread from other work; what it has sent is thrown away all the same, though no event tells of it,
 * and counts. */
CASE_OF_BOTH(flood_leaves_time_for_others)
{
    struct flood flood = {.pair = new_pair(local), .max = (size_t)16 << 20};
    struct coir_stream *stream = adopt_lingering(flood.pair, 0, (uint64_t)64 << 20);
    size_t before;

    send_more(NULL, &flood);
    fault_observe(NULL, send_more, &flood);
    coir_close(stream);
    assert_true(flood.sent < flood.max / 2);
    do {
        before = flood.sent;
        assert_int_equal(coir_yield(), 0);
        assert_true(flood.sent - before < flood.max / 2);
    } while (flood.sent < flood.max);
    fault_observe(NULL, NULL, NULL);
    UNTIL(unread_bytes(flood.pair.ours) == 0);
    assert_int_equal(lingering(), 1);
    close(flood.pair.theirs);
    UNTIL(lingering() == 0);
}

CASE_OF_BOTH(flood_that_goes_too_far_is_cut_off)
{
    struct flood flood = {.pair = new_pair(local), .max = (size_t)16 << 20};
    struct coir_stream *stream = adopt_lingering(flood.pair, 0, (uint64_t)4 << 20);

    send_more(NULL, &flood);
    fault_observe(NULL, send_more, &flood);
    coir_close(stream);
    UNTIL(lingering() == 0);
    fault_observe(NULL, NULL, NULL);
    assert_in_range(flood.sent, (size_t)4 << 20, flood.max - 1);
    close(flood.pair.theirs);
}

/* Without progress it is reset, but never early. */
CASE_OF_BOTH(quiet_peer_is_cut_off)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_lingering(pair, 40 * COIR_MILLISECOND, 0);
    coir_time start = coir_now();
    char byte;

    make_narrow(pair);
    send_text(pair.theirs, "unread");
    fill(pair.ours);
    coir_close(stream);
    UNTIL(lingering() == 0);
    assert_true(coir_now() - start >= 40 * COIR_MILLISECOND);
    if (!local) {
        while (recv(pair.theirs, &byte, 1, 0) > 0)
            continue;
        assert_int_equal(errno, ECONNRESET);
    }
    close(pair.theirs);
}

/* What cannot be asked for is no progress. */
CASE_OF_BOTH(quiet_peer_is_cut_off_also_where_the_queue_cannot_be_looked_at)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_lingering(pair, 20 * COIR_MILLISECOND, 0);

    make_narrow(pair);
    fill(pair.ours);
    fault_fail("kernel_unsent", 2, ENOTTY, FAULT_ALWAYS); /* after the first, which says how much there is */
    coir_close(stream);
    UNTIL(lingering() == 0);
    assert_true(fault_hits() > 3);
    fault_clear();
    close(pair.theirs);
}

/* It is tried again, whether the first discard met it or a later one: else what was written would be lost with what was
 * not read. */
CASE_OF_BOTH(shortage_of_memory_ends_no_lingering)
{
    for (int later = 0; later < 2; later++) {
        struct pair pair = new_pair(local);
        struct coir_stream *stream = adopt_lingering(pair, 2 * COIR_SECOND, 0);
        int end;

        if (!later)
            send_text(pair.theirs, "unread");
        fault_fail("kernel_receive", 1 + (unsigned)later, later ? ENOBUFS : ENOMEM, FAULT_ONCE);
        assert_int_equal(coir_write(stream, much, 50000), 0);
        coir_close(stream);
        if (later)
            send_text(pair.theirs, "unread");
        UNTIL(fault_hits() == 1);
        assert_int_equal(lingering(), 1);
        UNTIL(unread_bytes(pair.ours) == 0);
        assert_int_equal(read_to_end(pair.theirs, &end), 50000);
        assert_int_equal(end, 0);
        close(pair.theirs);
        UNTIL(lingering() == 0);
        fault_clear();
    }
}

CASE_OF_BOTH(lasting_shortage_of_memory_is_no_progress)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_lingering(pair, 40 * COIR_MILLISECOND, 0);
    coir_time start = coir_now();

    send_text(pair.theirs, "unread");
    fault_fail("kernel_receive", 1, ENOMEM, FAULT_ALWAYS);
    coir_close(stream);
    UNTIL(lingering() == 0);
    assert_true(coir_now() - start >= 40 * COIR_MILLISECOND);
    assert_in_range(fault_hits(), 2, 10);
    fault_clear();
    close(pair.theirs);
}

/* Much room on our side, little on the other, and small segments, so that every read there is progress here. */
static struct pair new_slow_pair(void)
{
    struct place place;
    int listener = new_listener(false, 1, &place);
    struct pair pair = {.theirs = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int segment = 1000;
    int little = 8192;
    int large = 200000;

    assert_int_equal(setsockopt(listener, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment)), 0);
    assert_int_equal(setsockopt(pair.theirs, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)), 0);
    assert_int_equal(connect(pair.theirs, (struct sockaddr *)&place.address, place.size), 0);
    pair.ours = accept(listener, NULL, NULL);
    assert_int_equal(setsockopt(pair.ours, SOL_SOCKET, SO_SNDBUF, &large, sizeof(large)), 0);
    close(listener);
    return pair;
}

/* A peer that reads slowly makes progress: it gets all, though that takes longer than it may be quiet. */
CASE(slow_reader_is_not_cut_off)
{
    struct pair pair = new_slow_pair();
    coir_time start = coir_now();
    static char bytes[65536];
    size_t total = fill(pair.ours);
    size_t got = 0;

    coir_close(adopt_lingering(pair, 400 * COIR_MILLISECOND, 0));
    while (got < total) {
        size_t part = coir_now() - start < COIR_SECOND ? total / 100 : sizeof(bytes);
        ssize_t count = recv(pair.theirs, bytes, part, MSG_DONTWAIT);

        assert_true(count > 0 || errno == EAGAIN);
        got += count > 0 ? (size_t)count : 0;
        assert_int_equal(coir_sleep(10 * COIR_MILLISECOND), 0);
    }
    assert_true(coir_now() - start >= COIR_SECOND);
    expect_end(pair.theirs);
    close(pair.theirs);
    UNTIL(lingering() == 0);
}

/* Their peers have not read all, so that our end has not reached them. */
CASE_OF_BOTH(stop_resets_all_that_linger)
{
    struct pair pairs[3];
    struct pair pair = new_pair(local);
    struct coir_stream *open = adopt_stream(pair);

    for (int i = 0; i < 3; i++) {
        pairs[i] = new_pair(local);
        make_narrow(pairs[i]);
        fill(pairs[i].ours);
        coir_close(adopt_stream(pairs[i]));
    }
    assert_int_equal(lingering(), 3);
    coir_linger_stop();
    assert_int_equal(lingering(), 0);
    send_text(pair.theirs, "hello"); /* what is open goes on */
    expect_stream_text(open, "hello");
    coir_abort(open);
    close(pair.theirs);
    for (int i = 0; i < 3; i++) {
        int end;

        (void)read_to_end(pairs[i].theirs, &end);
        assert_int_equal(end, local ? 0 : ECONNRESET);
        close(pairs[i].theirs);
    }
}

/* The task that waits is told; the connection lingers on. */
CASE_OF_BOTH(close_while_a_task_reads_lingers)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;

    start_reader(scope, &reader, stream);
    coir_close(stream);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(reader.result, -EBADF);
    assert_int_equal(lingering(), 1);
    expect_end(pair.theirs);
    close(pair.theirs);
    UNTIL(lingering() == 0);
}

static int close_and_return(void *arg)
{
    coir_close(adopt_stream(*(struct pair *)arg));
    return 0;
}

static void *finish_later(void *arg)
{
    usleep(20000);
    close(*(int *)arg);
    return NULL;
}

/* coir_run() itself waits for what lingers. */
TEST(run_returns_when_nothing_lingers)
{
    struct pair pair = new_pair(false);
    coir_time start = coir_now();
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, finish_later, &pair.theirs), 0);
    assert_int_equal(coir_run(close_and_return, &pair, NULL), 0);
    assert_true(coir_now() - start >= 20 * COIR_MILLISECOND);
    assert_int_equal(pthread_join(thread, NULL), 0);
}
