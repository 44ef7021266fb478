/* SPDX-License-Identifier: MIT
 *
 * The contract of coir_write(), coir_writev() and coir_finish().
 */
#include "support/session.h"

#define FLOOD_SIZE ((size_t)8 << 20) /* twice what tcp_wmem lets a socket hold that nobody reads from */

static unsigned char *make_flood(void)
{
    unsigned char *bytes = malloc(FLOOD_SIZE);
    struct test_random random;

    assert_non_null(bytes);
    test_random_seed(&random, 5);
    test_random_fill(&random, bytes, FLOOD_SIZE);
    return bytes;
}

/* A stream of the other end, so that both ends are tasks of one thread. */
static struct coir_stream *adopt_peer(struct session *session)
{
    struct coir_stream *stream = NULL;

    assert_int_equal(coir_adopt(session->peer, NULL, &stream), 0);
    session->peer = -1;
    return stream;
}

struct flood {
    struct coir_stream *stream;
    const unsigned char *bytes;
    int pieces; /* 0 = by coir_write() */
};

static int write_flood(void *arg)
{
    struct flood *flood = arg;
    struct iovec pieces[40];
    size_t at = 0;

    if (flood->pieces == 0)
        return coir_write(flood->stream, flood->bytes, FLOOD_SIZE);
    for (int i = 0; i < flood->pieces; i++) {
        size_t size = i == flood->pieces - 1 ? FLOOD_SIZE - at : (size_t)i * 4001;

        pieces[i] = (struct iovec){.iov_base = (void *)(uintptr_t)(flood->bytes + at), .iov_len = size};
        at += size;
    }
    return coir_writev(flood->stream, pieces, flood->pieces);
}

SESSION_TEST(all_of_it_is_written_however_much_the_kernel_takes_at_once)
{
    static const int pieces[] = {0, 1, 16, 17, 40};
    unsigned char *bytes = make_flood();
    unsigned char *got = malloc(FLOOD_SIZE);

    for (int i = 0; i < 5 * SESSION_KINDS; i++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        struct session session = session_of_kind(i % SESSION_KINDS);
        struct coir_stream *peer = adopt_peer(&session);
        struct flood flood = {session.stream, bytes, pieces[i / SESSION_KINDS]};

        session_spawn(scope, write_flood, &flood);
        assert_int_equal(coir_read_exact(peer, got, FLOOD_SIZE), FLOOD_SIZE);
        assert_memory_equal(got, bytes, FLOOD_SIZE);
        assert_int_equal(coir_scope_close(scope), 0);
        assert_int_equal(session_info(session.stream).last_out, FLOOD_SIZE);
        assert_int_equal(session_info(session.stream).bytes_out, FLOOD_SIZE);
        coir_close(peer);
        session_end(&session);
    }
    free(bytes);
    free(got);
}

SESSION_TEST(pieces_go_in_order_and_empty_ones_are_nothing)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        char text[100], got[100];
        struct iovec pieces[100];
        int count = 0;

        for (int i = 0; i < 100; i++) {
            text[i] = (char)('0' + i % 64);
            pieces[i] = (struct iovec){.iov_base = i % 3 == 0 ? NULL : text + count, .iov_len = i % 3 == 0 ? 0 : 1};
            count += i % 3 != 0;
        }
        assert_int_equal(coir_writev(session.stream, pieces, 100), 0);
        assert_int_equal(session_info(session.stream).last_out, count);
        assert_int_equal(peer_read(session.peer, got, (size_t)count), count);
        assert_memory_equal(got, text, (size_t)count);
        session_end(&session);
    }
}

SESSION_TEST(writing_nothing_does_nothing)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        struct iovec pieces[20] = {{.iov_len = 0}};
        char byte;

        assert_int_equal(coir_write(session.stream, NULL, 0), 0);
        assert_int_equal(coir_writev(session.stream, NULL, 0), 0);
        assert_int_equal(coir_writev(session.stream, pieces, 20), 0);
        assert_int_equal(coir_writev(session.stream, pieces, -1), -EINVAL);
        assert_int_equal(session_info(session.stream).bytes_out, 0);
        assert_int_equal(coir_finish(session.stream), 0); /* refusals latched nothing */
        assert_int_equal(peer_read(session.peer, &byte, 1), 0);
        session_end(&session);
    }
}

SESSION_TEST(a_second_writer_is_busy_and_a_reader_is_not)
{
    unsigned char *bytes = make_flood();

    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        struct session session = session_of_kind(kind);
        struct flood flood = {session.stream, bytes, 0};
        struct iovec piece = {.iov_base = bytes, .iov_len = 1};
        struct coir_stream *peer;

        session_spawn(scope, write_flood, &flood);
        session_settle();
        assert_int_equal(coir_write(session.stream, bytes, 1), -EBUSY);
        assert_int_equal(coir_writev(session.stream, &piece, 1), -EBUSY);
        assert_int_equal(coir_finish(session.stream), -EBUSY);
        peer_send(session.peer, "hello", 5);
        session_expect(session.stream, "hello");
        peer = adopt_peer(&session);
        for (size_t got = 0; got < FLOOD_SIZE;) {
            struct coir_slice slice;

            assert_int_equal(coir_receive(peer, &slice), 1);
            got += slice.size;
            coir_release(&slice);
        }
        assert_int_equal(coir_scope_close(scope), 0);
        assert_int_equal(coir_write(session.stream, "more", 4), 0); /* the refusals latched nothing */
        session_expect(peer, "more");
        coir_close(peer);
        session_end(&session);
    }
    free(bytes);
}

/* Writes more than the kernel takes, until something ends it. */
static int write_and_keep_code(void *arg)
{
    struct flood *flood = arg;
    int rc = write_flood(flood);

    assert_true(rc < 0);
    return rc;
}

static void expect_latched(struct coir_stream *stream, int code)
{
    struct iovec piece = {.iov_base = "x", .iov_len = 1};

    for (int i = 0; i < 3; i++) {
        assert_int_equal(coir_write(stream, "x", 1), code);
        assert_int_equal(coir_writev(stream, &piece, 1), code);
        assert_int_equal(coir_finish(stream), code);
    }
}

SESSION_TEST(a_write_that_a_deadline_ends_latches_its_code)
{
    unsigned char *bytes = make_flood();

    for (int i = 0; i < 2 * SESSION_KINDS; i++) {
        struct coir_scope_options limit = {.limit_ns = 50 * COIR_MILLISECOND};
        struct session session = session_of_kind(i % SESSION_KINDS);
        struct flood flood = {session.stream, bytes, i < SESSION_KINDS ? 0 : 20};
        struct coir_scope *scope;
        struct coir_stream_info info;

        assert_int_equal(coir_scope_open(&limit, &scope), 0);
        assert_int_equal(write_and_keep_code(&flood), -ETIME);
        assert_int_equal(coir_scope_close(scope), 0);
        info = session_info(session.stream);
        assert_in_range(info.last_out, 1, FLOOD_SIZE - 1); /* says how much the peer can get */
        assert_int_equal(info.bytes_out, info.last_out);
        expect_latched(session.stream, -ETIME);
        peer_send(session.peer, "in", 2);
        session_expect(session.stream, "in"); /* of writes, not of reads */
        session_end(&session);
    }
    free(bytes);
}

SESSION_TEST(a_write_that_a_cancel_ends_latches_its_code)
{
    unsigned char *bytes = make_flood();

    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        struct session session = session_of_kind(kind);
        struct flood flood = {session.stream, bytes, 0};
        int result = 0;
        struct coir_task_options options = {.stack = COIR_STACK_LARGE, .ret_result = &result};

        assert_int_equal(coir_spawn(scope, write_and_keep_code, &flood, &options), 0);
        session_settle();
        coir_scope_cancel(scope);
        assert_int_equal(coir_scope_close(scope), 0);
        assert_int_equal(result, -ECANCELED);
        expect_latched(session.stream, -ECANCELED);
        session_end(&session);
    }
    free(bytes);
}

SESSION_TEST(a_write_that_a_reset_ends_latches_its_code)
{
    unsigned char *bytes = make_flood();
    struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
    struct session session = session_accept();
    struct flood flood = {session.stream, bytes, 0};

    session_spawn(scope, write_and_keep_code, &flood);
    session_settle();
    peer_reset(session.peer);
    session.peer = -1;
    assert_int_equal(coir_scope_close(scope), -ECONNRESET);
    expect_latched(session.stream, -ECONNRESET);
    session_end(&session);
    free(bytes);
}

SESSION_TEST(a_write_refused_at_entry_latches_nothing)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        struct session session = session_of_kind(kind);
        struct iovec piece = {.iov_base = "x", .iov_len = 1};
        char text[8];

        coir_scope_cancel(scope);
        assert_int_equal(coir_write(session.stream, "x", 1), -ECANCELED);
        assert_int_equal(coir_writev(session.stream, &piece, 1), -ECANCELED);
        assert_int_equal(coir_finish(session.stream), -ECANCELED);
        coir_scope_close(scope);
        scope = session_scope(COIR_SCOPE_FAIL_FAST);
        coir_scope_set_limit(scope, 0);
        assert_int_equal(coir_write(session.stream, "x", 1), -ETIME);
        coir_scope_close(scope);
        assert_int_equal(session_info(session.stream).bytes_out, 0);
        assert_int_equal(coir_write(session.stream, "ok", 2), 0);
        assert_int_equal(coir_finish(session.stream), 0);
        assert_int_equal(peer_read(session.peer, text, 8), 2);
        session_end(&session);
    }
}

SESSION_TEST(a_finished_half_writes_no_more_and_goes_on_reading)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        struct iovec piece = {.iov_base = "x", .iov_len = 1};
        char text[8];

        assert_int_equal(coir_write(session.stream, "all", 3), 0);
        assert_int_equal(coir_finish(session.stream), 0);
        assert_int_equal(coir_finish(session.stream), 0);      /* once more changes nothing */
        assert_int_equal(peer_read(session.peer, text, 8), 3); /* what was written, then the end */
        assert_int_equal(coir_write(session.stream, "x", 1), -EPIPE);
        assert_int_equal(coir_writev(session.stream, &piece, 1), -EPIPE);
        peer_send(session.peer, "answer", 6);
        session_expect(session.stream, "answer");
        peer_finish(session.peer);
        assert_int_equal(coir_read(session.stream, text, 8), 0); /* a clean end: the -EPIPE was ours alone */
        session_end(&session);
    }
}

SESSION_TEST(no_write_raises_sigpipe)
{
    struct sigaction before;

    assert_int_equal(sigaction(SIGPIPE, NULL, &before), 0);
    assert_ptr_equal(before.sa_handler, SIG_DFL); /* it would kill us */
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        struct iovec piece = {.iov_base = "x", .iov_len = 1};
        int rc;

        close(session.peer);
        session.peer = -1;
        do
            rc = coir_write(session.stream, "x", 1);
        while (rc == 0);
        assert_true(rc == -EPIPE || rc == -ECONNRESET);
        assert_int_equal(coir_writev(session.stream, &piece, 1), rc);
        session_end(&session);
    }
}
