/* SPDX-License-Identifier: MIT
 *
 * The contract of coir_receive(), coir_read(), coir_read_exact(), of slices and
 * of what a stream holds.
 */
#include "support/session.h"

SESSION_TEST(receive_lends_what_came_and_says_1)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        struct coir_slice slice;

        peer_send(session.peer, "hello", 5);
        assert_int_equal(coir_receive(session.stream, &slice), 1);
        assert_int_equal(slice.size, 5);
        assert_memory_equal(slice.bytes, "hello", 5);
        assert_non_null(slice.origin);
        coir_release(&slice);
        session_end(&session);
    }
}

SESSION_TEST(receive_and_the_reads_say_0_when_the_peer_has_finished)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        struct coir_slice slice = {.bytes = (unsigned char *)"kept", .size = 4};
        char byte;

        peer_send(session.peer, "end", 3);
        peer_finish(session.peer);
        session_expect(session.stream, "end");
        for (int i = 0; i < 3; i++) {
            assert_int_equal(coir_receive(session.stream, &slice), 0);
            assert_int_equal(coir_read(session.stream, &byte, 1), 0);
            assert_int_equal(coir_read_exact(session.stream, &byte, 1), 0);
            assert_int_equal(coir_read_until(session.stream, "\n", 1, 10, &slice), 0);
        }
        assert_int_equal(slice.size, 4); /* written on success only */
        assert_int_equal(coir_write(session.stream, "still", 5), 0);
        session_end(&session);
    }
}

struct late_peer {
    int fd;
    const char *text;
};

static int send_late(void *arg)
{
    const struct late_peer *late = arg;

    session_settle();
    peer_send(late->fd, late->text, strlen(late->text));
    return 0;
}

SESSION_TEST(a_read_suspends_until_a_byte_arrives)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        struct session session = session_of_kind(kind);
        struct late_peer late = {session.peer, "late"};
        char bytes[100];

        session_spawn(scope, send_late, &late);
        assert_int_equal(coir_read(session.stream, bytes, sizeof(bytes)), 4);
        assert_memory_equal(bytes, "late", 4);
        coir_scope_close(scope);
        session_end(&session);
    }
}

SESSION_TEST(an_idle_session_holds_no_buffer)
{
    struct session session = session_accept();
    struct coir_slice slice;
    struct coir_run_info info;

    peer_send(session.peer, "x", 1);
    assert_int_equal(coir_receive(session.stream, &slice), 1);
    assert_int_equal(coir_run_info(&info), 0);
    assert_true(info.buffer_bytes > 0);
    assert_int_equal(info.slices_out, 1);
    coir_release(&slice);
    assert_int_equal(coir_run_info(&info), 0);
    assert_int_equal(info.buffer_bytes, 0);
    assert_int_equal(info.slices_out, 0);
    session_end(&session);
}

SESSION_TEST(a_slice_is_valid_after_the_streams_close)
{
    struct session session = session_accept();
    struct session other = session_accept();
    struct coir_slice slice, second;
    struct coir_run_info info;

    peer_send(session.peer, "outlives", 8);
    assert_int_equal(coir_receive(session.stream, &slice), 1);
    session_end(&session);
    peer_send(other.peer, "overwrite", 9); /* into another buffer */
    assert_int_equal(coir_receive(other.stream, &second), 1);
    assert_memory_equal(slice.bytes, "outlives", 8);
    slice.bytes[0] = 'O'; /* they may be changed in place */
    coir_release(&slice);
    coir_release(&second);
    assert_int_equal(coir_run_info(&info), 0);
    assert_int_equal(info.buffer_bytes, 0);
    session_end(&other);
}

SESSION_TEST(a_slice_with_surplus_is_valid_after_the_close_too)
{
    struct session session = session_accept();
    struct coir_slice slice;
    struct coir_run_info info;

    peer_send(session.peer, "line\nrest", 9);
    assert_int_equal(coir_read_until(session.stream, "\n", 1, 100, &slice), 1);
    session_end(&session);
    assert_memory_equal(slice.bytes, "line\n", 5);
    coir_release_used(&slice, 2); /* the rest goes to nobody */
    assert_int_equal(coir_run_info(&info), 0);
    assert_int_equal(info.buffer_bytes, 0);
}

SESSION_TEST(release_is_idempotent)
{
    struct session session = session_accept();
    struct coir_slice slice;
    struct coir_run_info info;

    peer_send(session.peer, "x", 1);
    assert_int_equal(coir_receive(session.stream, &slice), 1);
    for (int i = 0; i < 3; i++) {
        coir_release(&slice);
        assert_null(slice.bytes);
        assert_int_equal(slice.size, 0);
        coir_release_used(&slice, 0);
        coir_release(NULL);
        coir_release_used(NULL, 0);
    }
    assert_int_equal(coir_run_info(&info), 0);
    assert_int_equal(info.slices_out, 0);
    session_end(&session);
}

SESSION_TEST(release_used_gives_the_rest_back)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        struct coir_slice slice;

        peer_send(session.peer, "abcdef", 6);
        assert_int_equal(coir_receive(session.stream, &slice), 1);
        coir_release_used(&slice, 2);
        assert_int_equal(session_info(session.stream).held, 4);
        assert_int_equal(coir_receive(session.stream, &slice), 1);
        assert_int_equal(slice.size, 4);
        assert_memory_equal(slice.bytes, "cdef", 4);
        coir_release_used(&slice, 0);
        session_expect(session.stream, "cd");
        session_expect(session.stream, "ef");
        assert_int_equal(session_info(session.stream).held, 0);
        session_end(&session);
    }
}

SESSION_TEST(every_read_is_busy_while_a_slice_is_out_and_writes_are_not)
{
    struct session session = session_accept();
    struct coir_slice slice, second;
    char bytes[8];

    peer_send(session.peer, "ab", 2);
    assert_int_equal(coir_receive(session.stream, &slice), 1);
    peer_send(session.peer, "cd", 2);
    assert_int_equal(coir_receive(session.stream, &second), -EBUSY);
    assert_int_equal(coir_read(session.stream, bytes, 8), -EBUSY);
    assert_int_equal(coir_read_exact(session.stream, bytes, 2), -EBUSY);
    assert_int_equal(coir_read_until(session.stream, "d", 1, 8, &second), -EBUSY);
    assert_int_equal(coir_write(session.stream, "echo", 4), 0);
    assert_int_equal(coir_finish(session.stream), 0);
    coir_release(&slice);
    session_expect(session.stream, "cd");
    assert_int_equal(peer_read(session.peer, bytes, 8), 4);
    session_end(&session);
}

static int read_one(void *arg)
{
    char byte;

    return coir_read(arg, &byte, 1) == 1 ? byte : -EPROTO;
}

SESSION_TEST(a_second_reader_is_busy)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        struct session session = session_of_kind(kind);
        struct coir_slice slice;
        char bytes[8];

        session_spawn(scope, read_one, session.stream);
        session_settle();
        assert_int_equal(coir_receive(session.stream, &slice), -EBUSY);
        assert_int_equal(coir_read(session.stream, bytes, 8), -EBUSY);
        assert_int_equal(coir_read_exact(session.stream, bytes, 8), -EBUSY);
        assert_int_equal(coir_read_until(session.stream, "x", 1, 8, &slice), -EBUSY);
        assert_int_equal(coir_write(session.stream, "free", 4), 0); /* one reader *and* one writer */
        peer_send(session.peer, "!", 1);
        assert_int_equal(coir_scope_close(scope), 0);
        peer_send(session.peer, "?", 1);
        session_expect(session.stream, "?"); /* and the next may read again */
        session_end(&session);
    }
}

SESSION_TEST(read_gives_at_least_one_byte_and_no_more_than_there_is_room)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        char bytes[8] = "";

        peer_send(session.peer, "abc", 3);
        assert_int_equal(coir_read(session.stream, bytes, 1), 1);
        assert_int_equal(bytes[0], 'a');
        assert_int_equal(session_info(session.stream).last_in, 1);
        assert_int_equal(coir_read(session.stream, bytes, sizeof(bytes)), 2);
        assert_memory_equal(bytes, "bc", 2);
        assert_int_equal(session_info(session.stream).last_in, 2);
        session_end(&session);
    }
}

SESSION_TEST(read_of_nothing_is_a_wrong_value)
{
    struct session session = session_accept();
    char byte = 'k';

    peer_send(session.peer, "x", 1);
    assert_int_equal(coir_read(session.stream, &byte, 0), -EINVAL);
    assert_int_equal(byte, 'k');
    assert_int_equal(coir_read_exact(session.stream, &byte, 0), 0);
    session_expect(session.stream, "x");
    session_end(&session);
}

struct pieces {
    int fd;
    const char *const *texts; /* ends with NULL; one every few milliseconds */
    void (*end)(int fd);
};

static int send_pieces(void *arg)
{
    const struct pieces *pieces = arg;

    for (const char *const *text = pieces->texts; *text != NULL; text++) {
        session_sleep_ms(2);
        peer_send(pieces->fd, *text, strlen(*text));
    }
    session_sleep_ms(2);
    pieces->end(pieces->fd);
    return 0;
}

static void leave_open(int fd)
{
    (void)fd;
}

SESSION_TEST(read_exact_gives_the_whole_size_however_it_comes)
{
    static const char *const texts[] = {"a", "bc", "def", "g", "hij", NULL};

    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        struct session session = session_of_kind(kind);
        struct pieces pieces = {session.peer, texts, leave_open};
        char bytes[9];

        session_spawn(scope, send_pieces, &pieces);
        assert_int_equal(coir_read_exact(session.stream, bytes, 9), 9);
        assert_memory_equal(bytes, "abcdefghi", 9);
        assert_int_equal(session_info(session.stream).last_in, 9);
        assert_int_equal(coir_scope_close(scope), 0);
        session_expect(session.stream, "j");
        session_end(&session);
    }
}

SESSION_TEST(read_exact_gives_fewer_only_at_the_end)
{
    static const char *const texts[] = {"abc", "de", NULL};

    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        struct session session = session_of_kind(kind);
        struct pieces pieces = {session.peer, texts, peer_finish};
        char bytes[9];

        session_spawn(scope, send_pieces, &pieces);
        assert_int_equal(coir_read_exact(session.stream, bytes, 9), 5);
        assert_memory_equal(bytes, "abcde", 5);
        assert_int_equal(session_info(session.stream).last_in, 5);
        assert_int_equal(coir_read_exact(session.stream, bytes, 9), 0);
        assert_int_equal(coir_scope_close(scope), 0);
        session_end(&session);
    }
}

SESSION_TEST(what_came_before_an_error_is_in_the_bytes_and_info_says_how_much)
{
    static const char *const texts[] = {"abc", "de", NULL};
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    struct session session = session_accept();
    struct pieces pieces = {session.peer, texts, peer_reset};
    char bytes[9];

    session_spawn(scope, send_pieces, &pieces);
    assert_int_equal(coir_read_exact(session.stream, bytes, 9), -ECONNRESET);
    assert_memory_equal(bytes, "abcde", 5);
    assert_int_equal(session_info(session.stream).last_in, 5);
    assert_int_equal(session_info(session.stream).bytes_in, 5);
    assert_int_equal(coir_scope_close(scope), 0);
    session.peer = -1;
    session_end(&session);
}

struct expiry {
    struct coir_stream *stream;
    struct coir_scope *scope;
};

static int expire_after_four_bytes(void *arg)
{
    struct expiry *expiry = arg;

    while (session_info(expiry->stream).last_in < 4)
        session_settle();
    coir_scope_set_limit(expiry->scope, COIR_MILLISECOND);
    return 0;
}

SESSION_TEST(what_came_before_a_deadline_is_in_the_bytes_too)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        struct coir_scope *outer = session_scope(COIR_SCOPE_FAIL_FAST);
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        struct expiry expiry = {.stream = session.stream, .scope = scope};
        char bytes[9];

        session_spawn(outer, expire_after_four_bytes, &expiry);
        peer_send(session.peer, "abcd", 4);
        assert_int_equal(coir_read_exact(session.stream, bytes, 9), -ETIME);
        assert_memory_equal(bytes, "abcd", 4);
        assert_int_equal(session_info(session.stream).last_in, 4);
        assert_int_equal(coir_scope_close(scope), 0);
        assert_int_equal(coir_scope_close(outer), 0);
        peer_send(session.peer, "ef", 2);
        session_expect(session.stream, "ef"); /* the deadline broke nothing */
        session_end(&session);
    }
}

SESSION_TEST(a_cancelled_scope_reads_nothing_that_is_there)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        struct coir_slice slice;
        char byte;

        peer_send(session.peer, "kept", 4);
        coir_scope_cancel(scope);
        assert_int_equal(coir_receive(session.stream, &slice), -ECANCELED);
        assert_int_equal(coir_read(session.stream, &byte, 1), -ECANCELED);
        assert_int_equal(coir_read_exact(session.stream, &byte, 1), -ECANCELED);
        assert_int_equal(coir_read_until(session.stream, "t", 1, 9, &slice), -ECANCELED);
        coir_scope_close(scope);
        session_expect(session.stream, "kept");
        session_end(&session);
    }
}

SESSION_TEST(held_bytes_come_first_in_every_read)
{
    struct session session = session_accept();
    struct coir_slice slice;
    char bytes[16];

    peer_send(session.peer, "0\nabcdefg", 9);
    assert_int_equal(coir_read_until(session.stream, "\n", 1, 100, &slice), 1);
    coir_release(&slice);
    peer_send(session.peer, "hi\nj", 4);
    assert_int_equal(session_info(session.stream).held, 7);
    assert_int_equal(coir_read(session.stream, bytes, 2), 2); /* of what is held */
    assert_memory_equal(bytes, "ab", 2);
    assert_int_equal(coir_read(session.stream, bytes, sizeof(bytes)), 5); /* no more than that: it need not wait */
    assert_memory_equal(bytes, "cdefg", 5);
    assert_int_equal(coir_read_until(session.stream, "\n", 1, 100, &slice), 1);
    assert_memory_equal(slice.bytes, "hi\n", 3);
    coir_release_used(&slice, 1);
    assert_int_equal(coir_read_exact(session.stream, bytes, 3), 3); /* held, beyond the slice too */
    assert_memory_equal(bytes, "i\nj", 3);
    session_end(&session);
}

SESSION_TEST(read_exact_goes_on_from_what_is_held_to_what_comes)
{
    struct session session = session_accept();
    struct coir_slice slice;
    char bytes[8];

    peer_send(session.peer, "0\nabc", 5);
    assert_int_equal(coir_read_until(session.stream, "\n", 1, 100, &slice), 1);
    coir_release(&slice);
    peer_send(session.peer, "defgh", 5);
    assert_int_equal(coir_read_exact(session.stream, bytes, 8), 8);
    assert_memory_equal(bytes, "abcdefgh", 8);
    assert_int_equal(session_info(session.stream).last_in, 8);
    assert_int_equal(session_info(session.stream).bytes_in, 10);
    session_end(&session);
}

SESSION_TEST(the_descriptor_is_busy_while_bytes_are_held)
{
    struct session session = session_accept();
    struct coir_slice slice;
    int fd = coir_fd(session.stream);

    assert_true(fd >= 0);
    peer_send(session.peer, "a\nb", 3);
    assert_int_equal(coir_read_until(session.stream, "\n", 1, 100, &slice), 1);
    assert_int_equal(coir_fd(session.stream), -EBUSY);
    coir_release(&slice);
    assert_int_equal(coir_fd(session.stream), -EBUSY);
    session_expect(session.stream, "b");
    assert_int_equal(coir_fd(session.stream), fd);
    session_end(&session);
}

SESSION_TEST(info_counts_bytes_in_both_directions)
{
    struct session session = session_accept();
    struct coir_stream_info info;
    struct coir_slice slice;
    char bytes[8];

    peer_send(session.peer, "a\nbcd", 5);
    assert_int_equal(coir_read_until(session.stream, "\n", 1, 100, &slice), 1);
    coir_release(&slice);
    assert_int_equal(coir_write(session.stream, "12345", 5), 0);
    assert_int_equal(coir_write(session.stream, "678", 3), 0);
    info = session_info(session.stream);
    assert_int_equal(info.bytes_in, 5); /* held ones included */
    assert_int_equal(info.last_in, 2);
    assert_int_equal(info.held, 3);
    assert_int_equal(info.bytes_out, 8);
    assert_int_equal(info.last_out, 3);
    assert_int_equal(peer_read(session.peer, bytes, 8), 8);
    session_end(&session);
}
