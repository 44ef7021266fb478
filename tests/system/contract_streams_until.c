/* SPDX-License-Identifier: MIT
 *
 * The contract of coir_read_until().
 */
#include "support/session.h"

static void expect_piece(struct coir_stream *stream, const char *delimiter, const char *text)
{
    struct coir_slice slice;

    assert_int_equal(coir_read_until(stream, delimiter, strlen(delimiter), 1000, &slice), 1);
    assert_int_equal(slice.size, strlen(text));
    assert_memory_equal(slice.bytes, text, slice.size);
    coir_release(&slice);
}

SESSION_TEST(the_slice_ends_with_the_delimiter_and_the_surplus_stays)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);

        peer_send(session.peer, "one\ntwo\n\nfo", 11);
        expect_piece(session.stream, "\n", "one\n");
        assert_int_equal(session_info(session.stream).last_in, 4);
        assert_int_equal(session_info(session.stream).held, 7);
        expect_piece(session.stream, "\n", "two\n");
        expect_piece(session.stream, "\n", "\n");
        peer_send(session.peer, "ur\n", 3);
        expect_piece(session.stream, "\n", "four\n");
        session_end(&session);
    }
}

SESSION_TEST(the_end_before_the_delimiter_gives_0_and_the_rest_stays_readable)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        struct coir_slice slice = {.size = 77};

        peer_send(session.peer, "line\nrest", 9);
        peer_finish(session.peer);
        expect_piece(session.stream, "\n", "line\n");
        for (int i = 0; i < 3; i++)
            assert_int_equal(coir_read_until(session.stream, "\n", 1, 100, &slice), 0);
        assert_int_equal(slice.size, 77);
        assert_int_equal(session_info(session.stream).held, 4);
        session_expect(session.stream, "rest");
        assert_int_equal(coir_receive(session.stream, &slice), 0);
        session_end(&session);
    }
}

SESSION_TEST(nothing_is_consumed_by_a_search_that_fails)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct coir_scope_options limit = {.limit_ns = 10 * COIR_MILLISECOND};
        struct session session = session_of_kind(kind);
        struct coir_scope *scope;
        struct coir_slice slice;

        peer_send(session.peer, "abc", 3);
        assert_int_equal(coir_scope_open(&limit, &scope), 0);
        assert_int_equal(coir_read_until(session.stream, "\n", 1, 100, &slice), -ETIME);
        assert_int_equal(coir_scope_close(scope), 0);
        assert_int_equal(coir_read_until(session.stream, "\n", 1, 2, &slice), -EMSGSIZE);
        assert_int_equal(session_info(session.stream).held, 3);
        peer_send(session.peer, "d\n", 2);
        expect_piece(session.stream, "\n", "abcd\n");
        session_end(&session);
    }
}

SESSION_TEST(an_error_consumes_nothing_either)
{
    struct session session = session_accept();
    struct coir_slice slice;

    peer_send(session.peer, "abc", 3);
    assert_int_equal(coir_read_until(session.stream, "b", 1, 100, &slice), 1);
    coir_release_used(&slice, 0);
    peer_reset(session.peer);
    session_settle();
    assert_int_equal(coir_read_until(session.stream, "\n", 1, 100, &slice), -ECONNRESET);
    session_expect(session.stream, "abc");
    assert_int_equal(coir_receive(session.stream, &slice), -ECONNRESET);
    session.peer = -1;
    session_end(&session);
}

SESSION_TEST(max_counts_the_delimiter)
{
    struct session session = session_accept();
    struct coir_slice slice;

    peer_send(session.peer, "abcd\r\nefg", 9);
    for (size_t max = 2; max < 6; max++)
        assert_int_equal(coir_read_until(session.stream, "\r\n", 2, max, &slice), -EMSGSIZE);
    assert_int_equal(coir_read_until(session.stream, "\r\n", 2, 6, &slice), 1);
    assert_int_equal(slice.size, 6);
    coir_release(&slice);
    session_expect(session.stream, "efg");
    session_end(&session);
}

SESSION_TEST(an_empty_delimiter_and_one_longer_than_max_are_wrong_values)
{
    struct session session = session_accept();
    struct coir_slice slice;

    peer_send(session.peer, "ab", 2);
    assert_int_equal(coir_read_until(session.stream, "", 0, 100, &slice), -EINVAL);
    assert_int_equal(coir_read_until(session.stream, "abc", 3, 2, &slice), -EINVAL);
    assert_int_equal(coir_read_until(session.stream, "a", 1, 0, &slice), -EINVAL);
    expect_piece(session.stream, "ab", "ab");
    session_end(&session);
}

SESSION_TEST(release_used_of_a_piece_leaves_its_rest_before_the_surplus)
{
    struct session session = session_accept();
    struct coir_slice slice;

    peer_send(session.peer, "ab;cd", 5);
    assert_int_equal(coir_read_until(session.stream, ";", 1, 100, &slice), 1);
    coir_release_used(&slice, 1);
    session_expect(session.stream, "b;cd");
    session_end(&session);
}

/* Its beginning is moved to the front of the buffer, which is then not full any more. */
SESSION_TEST(a_line_at_the_end_of_a_full_buffer_is_completed)
{
    static char text[65536]; /* as much as the first buffer holds */
    const size_t last = sizeof(text) - 5;

    memset(text, 'x', sizeof(text));
    text[last - 1] = '\n';
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        struct coir_slice slice;

        peer_send(session.peer, text, sizeof(text));
        session_settle();
        assert_int_equal(coir_read_until(session.stream, "\n", 1, sizeof(text), &slice), 1);
        assert_int_equal(slice.size, last);
        coir_release(&slice);
        peer_send(session.peer, "yz\n", 3);
        expect_piece(session.stream, "\n", "xxxxxyz\n");
        session_end(&session);
    }
}

struct dribble {
    int fd;
    const char *text;
    size_t size;
    size_t step;
};

static int send_dribble(void *arg)
{
    const struct dribble *dribble = arg;

    for (size_t at = 0; at < dribble->size; at += dribble->step) {
        size_t left = dribble->size - at;

        peer_send(dribble->fd, dribble->text + at, left < dribble->step ? left : dribble->step);
        if (coir_yield() < 0 || coir_yield() < 0)
            return -EPROTO;
    }
    peer_finish(dribble->fd);
    return 0;
}

SESSION_TEST(a_delimiter_split_over_reads_is_found_and_a_false_start_is_not)
{
    static const char text[] = "aa\r\r\nb--==--=--==--end\r\n";

    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        for (size_t step = 1; step < 6; step++) {
            struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
            struct session session = session_of_kind(kind);
            struct dribble dribble = {session.peer, text, sizeof(text) - 1, step};

            session_spawn(scope, send_dribble, &dribble);
            expect_piece(session.stream, "\r\n", "aa\r\r\n");
            expect_piece(session.stream, "--==--", "b--==--");
            expect_piece(session.stream, "--==--", "=--==--");
            expect_piece(session.stream, "\r\n", "end\r\n");
            assert_int_equal(coir_scope_close(scope), 0);
            session_end(&session);
        }
    }
}

/* Lines of more than the largest pooled buffer, behind surplus, from a peer in the same thread. */
struct long_lines {
    int fd;
    size_t size;
};

static int send_long_line(void *arg)
{
    struct long_lines *lines = arg;
    char *line = malloc(lines->size);
    struct coir_stream *stream;
    int rc;

    for (size_t i = 0; i < lines->size; i++)
        line[i] = (char)('a' + i % 23);
    line[lines->size - 1] = '\n';
    assert_int_equal(coir_adopt(lines->fd, NULL, &stream), 0);
    rc = coir_write(stream, "short\n", 6);
    if (rc == 0)
        rc = coir_write(stream, line, lines->size);
    if (rc == 0)
        rc = coir_write(stream, "after", 5);
    coir_close(stream);
    free(line);
    return rc;
}

SESSION_TEST(a_line_may_be_longer_than_any_pooled_buffer)
{
    static const size_t sizes[] = {1023, 1024, 1025, 65535, 65536, 65537, 300000, 2000001};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        struct session session = session_of_kind((int)i % SESSION_KINDS);
        struct long_lines lines = {session.peer, sizes[i]};
        struct coir_slice slice;

        session_spawn(scope, send_long_line, &lines);
        expect_piece(session.stream, "\n", "short\n");
        assert_int_equal(coir_read_until(session.stream, "\n", 1, sizes[i] - 1, &slice), -EMSGSIZE);
        assert_int_equal(coir_read_until(session.stream, "\n", 1, sizes[i], &slice), 1);
        assert_int_equal(slice.size, sizes[i]);
        for (size_t at = 0; at < sizes[i] - 1; at++)
            if (slice.bytes[at] != 'a' + at % 23)
                fail_msg("byte %zu of %zu is wrong", at, sizes[i]);
        coir_release(&slice);
        session_expect(session.stream, "after");
        coir_close(session.stream);
        assert_int_equal(coir_scope_close(scope), 0);
    }
}

/* Reads all of it by one call or another, and compares each with what it should give. */
static void read_randomly(struct test_random *random, struct session *session, const unsigned char *bytes, size_t size)
{
    static const char delimiters[3][3] = {"\n", "ab", "a\na"};
    size_t at = 0;

    while (at < size) {
        unsigned char space[64];
        struct coir_slice slice = {.size = 0};
        size_t got = 0;

        if (test_random_below(random, 2) == 0) {
            const char *delimiter = delimiters[test_random_below(random, 3)];
            size_t length = delimiter[0] == '\n' ? 1 : delimiter[1] == 'b' ? 2 : 3;
            int rc = coir_read_until(session->stream, delimiter, length, 40, &slice);
            const unsigned char *found = memmem(bytes + at, size - at, delimiter, length);

            if (rc != 1) {
                assert_true(rc == 0 ? found == NULL : rc == -EMSGSIZE);
                assert_true(found == NULL || found + length > bytes + at + 40);
            } else {
                assert_ptr_equal(found + length, bytes + at + slice.size); /* the first one */
                got = test_random_below(random, slice.size + 1);
                assert_memory_equal(slice.bytes, bytes + at, slice.size);
                coir_release_used(&slice, got);
            }
        } else {
            got = 1 + test_random_below(random, sizeof(space));
            got = got < size - at ? got : size - at;
            assert_int_equal(coir_read_exact(session->stream, space, got), (ssize_t)got);
            assert_memory_equal(space, bytes + at, got);
        }
        at += got;
    }
}

SESSION_TEST(random_text_is_cut_where_a_plain_search_cuts_it)
{
    static char text[2000];
    struct test_random random;

    test_random_init(&random);
    for (int round = 0; round < 30; round++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        struct session session = session_of_kind(round % SESSION_KINDS);
        struct dribble dribble = {session.peer, text, sizeof(text), 1 + test_random_below(&random, 50)};

        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = "ab\n"[test_random_below(&random, 3)];
        session_spawn(scope, send_dribble, &dribble);
        read_randomly(&random, &session, (const unsigned char *)text, dribble.size);
        assert_int_equal(coir_scope_close(scope), 0);
        session_end(&session);
    }
}
