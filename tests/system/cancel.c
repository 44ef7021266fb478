/* SPDX-License-Identifier: MIT
 *
 * Scopes cancelled and expired at random moments, on both engines: no byte and
 * no connection that an operation had got is lost, none comes twice, and
 * nothing is left behind. Bytes follow a pattern of their offset, so that one
 * that is lost, doubled or moved shows at once. COIR_TEST_SEED repeats a run.
 */
#include "support/session.h"
#include <fcntl.h>
#include <sys/socket.h>

#define READERS 16
#define STEPS (TEST_TSAN ? 4000 : 20000) /* gcc's ThreadSanitizer takes a millisecond to start a task */
#define PIECE_MAX 8192
#define DELIMITER '\n'
#define PERIOD 65536 /* the pattern's, and as many bytes as any call delivers */

static struct test_random source;
static unsigned char pattern[2 * PERIOD]; /* made once: what is done byte by byte costs most under a sanitizer */

static size_t draw(size_t limit)
{
    return test_random_below(&source, limit);
}

/* What every case begins with. */
static void prepare(void)
{
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (unsigned char)(i * 131 + (i >> 8) * 7);
    test_random_init(&source);
}

static const unsigned char *pattern_from(uint64_t offset)
{
    return pattern + offset % PERIOD;
}

/* The bytes are those from `*offset` on; moves it behind them. */
static void take_bytes(uint64_t *offset, const unsigned char *bytes, size_t size)
{
    assert_in_range(size, 0, PERIOD);
    if (memcmp(bytes, pattern_from(*offset), size) != 0)
        fail_msg("some of %zu bytes at offset %llu are wrong", size, (unsigned long long)*offset);
    *offset += size;
}

/* A stream whose reader is cancelled over and over, and replaced. */
struct reading {
    struct coir_stream *stream;
    int peer;
    uint64_t sent;
    uint64_t delivered;
    struct coir_scope *scope; /* the reader's; NULL between two */
    uint64_t cancelled;       /* readers that ended so */
};

static int take_slice(struct reading *reading)
{
    struct coir_slice slice;
    size_t used;
    int rc = coir_receive(reading->stream, &slice);

    if (rc <= 0)
        return rc;
    used = draw(2) == 0 ? slice.size : draw(slice.size + 1);
    take_bytes(&reading->delivered, slice.bytes, used);
    coir_release_used(&slice, used);
    return 1;
}

static int take_some(struct reading *reading)
{
    unsigned char bytes[PIECE_MAX];
    ssize_t size = coir_read(reading->stream, bytes, 1 + draw(sizeof(bytes)));

    if (size > 0)
        take_bytes(&reading->delivered, bytes, (size_t)size);
    return size > 0 ? 1 : (int)size;
}

static int take_exactly(struct reading *reading)
{
    unsigned char bytes[PIECE_MAX];
    size_t wanted = 1 + draw(sizeof(bytes));
    ssize_t size = coir_read_exact(reading->stream, bytes, wanted);
    struct coir_stream_info info;

    coir_stream_info(reading->stream, &info);
    if (size >= 0)
        assert_int_equal(info.last_in, size);
    take_bytes(&reading->delivered, bytes, (size_t)info.last_in);
    if (size < 0)
        return (int)size;
    return (size_t)size == wanted;
}

static int take_line(struct reading *reading)
{
    struct coir_slice slice;
    int rc = coir_read_until(reading->stream, "\n", 1, 1 + draw(512), &slice);

    if (rc == -EMSGSIZE || rc == 0)
        return take_some(reading); /* nothing was consumed */
    if (rc < 0)
        return rc;
    assert_int_equal(slice.bytes[slice.size - 1], DELIMITER);
    take_bytes(&reading->delivered, slice.bytes, slice.size);
    coir_release(&slice);
    return 1;
}

static int read_until_stopped(void *arg)
{
    static int (*const ways[])(struct reading * reading) = {take_slice, take_some, take_exactly, take_line};
    int rc;

    do
        rc = ways[draw(sizeof(ways) / sizeof(ways[0]))](arg);
    while (rc > 0);
    return rc;
}

/* One reader after the other, each in a scope of its own, until one has met the end. */
static int supervise(void *arg)
{
    struct reading *reading = arg;
    int result;

    do {
        struct coir_task_options options = {.stack = COIR_STACK_LARGE, .ret_result = &result};

        reading->scope = session_scope(COIR_SCOPE_FAIL_FAST);
        assert_int_equal(coir_spawn(reading->scope, read_until_stopped, reading, &options), 0);
        assert_int_equal(coir_scope_close(reading->scope), 0);
        reading->scope = NULL;
        if (result < 0)
            assert_true(result == -ECANCELED || result == -ETIME);
        reading->cancelled += result < 0;
    } while (result < 0);
    assert_int_equal(result, 0);
    return 0;
}

static void send_piece(struct reading *reading)
{
    size_t size = 1 + draw(draw(4) == 0 ? PIECE_MAX : 64);
    ssize_t sent = send(reading->peer, pattern_from(reading->sent), size, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent < 0)
        assert_int_equal(errno, EAGAIN);
    else
        reading->sent += (uint64_t)sent;
}

static void stop_reader(struct reading *reading)
{
    if (reading->scope == NULL)
        return;
    if (draw(2) == 0)
        coir_scope_cancel(reading->scope);
    else
        coir_scope_set_limit(reading->scope, (coir_time)draw(100) * COIR_MICROSECOND);
}

static void let_time_pass(void)
{
    if (draw(8) == 0)
        assert_int_equal(coir_sleep((coir_time)draw(200) * COIR_MICROSECOND), 0);
    else
        assert_int_equal(coir_yield(), 0);
}

static struct coir_run_info read_info(void)
{
    struct coir_run_info info;

    coir_run_info(&info);
    return info;
}

static void check_nothing_left(const struct coir_run_info *before)
{
    struct coir_run_info now = read_info();

    assert_int_equal(now.tasks_live, before->tasks_live);
    assert_int_equal(now.slices_out, 0);
    assert_int_equal(now.buffer_bytes, before->buffer_bytes);
    assert_int_equal(now.lingering, 0);
}

SESSION_TEST(no_byte_is_lost_by_cancelled_reads)
{
    static struct reading readings[READERS];
    struct coir_run_info before = read_info();
    struct coir_scope *all = session_scope(COIR_SCOPE_FAIL_FAST);
    uint64_t cancelled = 0;

    prepare();
    for (size_t i = 0; i < READERS; i++) {
        struct session session = session_of_kind((int)(i % SESSION_KINDS));

        readings[i] = (struct reading){.stream = session.stream, .peer = session.peer};
        session_spawn(all, supervise, &readings[i]);
    }
    for (size_t step = 0; step < STEPS; step++) {
        send_piece(&readings[draw(READERS)]);
        if (draw(3) == 0)
            stop_reader(&readings[draw(READERS)]);
        if (draw(3) == 0)
            let_time_pass();
    }
    for (size_t i = 0; i < READERS; i++)
        peer_finish(readings[i].peer);
    assert_int_equal(coir_scope_close(all), 0);
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(readings[i].delivered, readings[i].sent);
        cancelled += readings[i].cancelled;
        coir_close(readings[i].stream);
        close(readings[i].peer);
    }
    assert_true(cancelled > STEPS / 100); /* or this has tested nothing */
    check_nothing_left(&before);
}

/* A stream whose writer is cancelled once. */
struct writing {
    struct coir_stream *stream;
    uint64_t written; /* by the stream's own account */
};

static int write_until_stopped(void *arg)
{
    struct writing *writing = arg;
    struct coir_stream_info info;
    int rc;

    do {
        size_t size = 1 + draw(4 * PIECE_MAX);

        rc = coir_write(writing->stream, pattern_from(writing->written), size);
        coir_stream_info(writing->stream, &info);
        if (rc == 0)
            assert_int_equal(info.last_out, size);
        writing->written += info.last_out;
        assert_int_equal(info.bytes_out, writing->written);
    } while (rc == 0);
    return rc;
}

/* Reads what is there, up to `max` bytes; returns false at the end. */
static bool read_at_peer(int peer, size_t max, uint64_t *offset)
{
    unsigned char bytes[PIECE_MAX];
    ssize_t size = recv(peer, bytes, max, MSG_DONTWAIT);

    if (size > 0)
        take_bytes(offset, bytes, (size_t)size);
    else if (size < 0)
        assert_int_equal(errno, EAGAIN);
    return size != 0;
}

static void cancel_one_write(struct session session)
{
    struct writing writing = {.stream = session.stream};
    uint64_t received = 0;
    struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);

    session_spawn(scope, write_until_stopped, &writing);
    for (size_t steps = draw(20); steps > 0; steps--) {
        assert_true(read_at_peer(session.peer, 1 + draw(PIECE_MAX), &received));
        assert_int_equal(coir_yield(), 0);
    }
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
    coir_close(session.stream);
    while (read_at_peer(session.peer, PIECE_MAX, &received))
        assert_int_equal(coir_yield(), 0); /* the unsent part leaves as there is room */
    assert_int_equal(received, writing.written);
    close(session.peer);
}

SESSION_TEST(what_a_cancelled_write_has_sent_is_counted)
{
    struct coir_run_info before = read_info();

    prepare();
    for (size_t i = 0; i < 200; i++) {
        cancel_one_write(session_of_kind((int)(i % SESSION_KINDS)));
        while (read_info().lingering > 0)
            assert_int_equal(coir_sleep(COIR_MILLISECOND), 0);
    }
    check_nothing_left(&before);
}

struct accepting {
    struct coir_listener *listener;
    uint64_t accepted;
};

static int accept_until_stopped(void *arg)
{
    struct accepting *accepting = arg;
    struct coir_stream *stream;
    int rc;

    while ((rc = coir_accept(accepting->listener, &stream)) == 0) {
        accepting->accepted++;
        coir_abort(stream);
    }
    return rc;
}

SESSION_TEST(no_connection_is_lost_by_cancelled_accepts)
{
    struct accepting accepting = {.accepted = 0};
    struct coir_run_info before = read_info();
    uint64_t connected = 0;
    uint16_t port;

    prepare();
    accepting.listener = session_listen(NULL, &port);
    while (connected < 1000 || accepting.accepted < connected) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);

        session_spawn(scope, accept_until_stopped, &accepting);
        for (size_t count = connected < 1000 ? draw(8) : 0; count > 0; count--) {
            close(peer_connect(port));
            connected++;
            if (draw(4) == 0)
                let_time_pass();
        }
        if (draw(2) == 0)
            let_time_pass();
        coir_scope_cancel(scope);
        assert_int_equal(coir_scope_close(scope), 0);
    }
    assert_int_equal(accepting.accepted, connected);
    coir_listener_close(accepting.listener);
    check_nothing_left(&before);
}
