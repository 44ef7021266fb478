/* SPDX-License-Identifier: MIT
 *
 * Boundaries inside what was sent, where a receive is short though there is
 * more: urgent data on TCP, passed descriptors on Unix sockets. Nobody may be
 * stuck there, nobody may spin.
 */
#include "contract/rig.h"

/* Waits for this many milliseconds cost this many looks at the kernel at most. */
#define QUIET_MS 30
#define QUIET_WAITS 6

static void expect_quiet(void)
{
    uint64_t waits = run_info().waits;

    assert_int_equal(coir_sleep(QUIET_MS * COIR_MILLISECOND), 0);
    assert_in_range(run_info().waits - waits, 1, QUIET_WAITS);
}

static void send_urgent(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_OOB), (ssize_t)strlen(text));
}

/* The mark is inside: "ab" | urgent "!" | "cd". The urgent byte itself is no part of the stream. */
CASE(urgent_byte_amid_others)
{
    struct pair pair = new_pair(false);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;

    send_urgent(pair.theirs, "ab!");
    send_text(pair.theirs, "cd");
    expect_stream_text(stream, "abcd");
    start_reader(scope, &reader, stream);
    expect_quiet();
    assert_false(reader.ended);
    send_text(pair.theirs, "ef");
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(reader.result, 2);
    close(pair.theirs);
    coir_close(stream);
}

/* All that comes is urgent: nothing to read, and no reason to try again and again. */
CASE(urgent_byte_alone)
{
    struct pair pair = new_pair(false);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;

    start_reader(scope, &reader, stream);
    for (int i = 0; i < 5; i++) {
        send_urgent(pair.theirs, "!");
        expect_quiet();
        assert_false(reader.ended);
    }
    send_text(pair.theirs, "end");
    UNTIL(reader.ended);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(reader.result, 3);
    close(pair.theirs);
    coir_close(stream);
}

/* The same with the bytes behind the mark in the queue when the reader's turn comes. */
CASE(bytes_behind_an_urgent_one_wake_who_waits)
{
    struct pair pair = new_pair(false);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;
    size_t total = 0;

    start_reader(scope, &reader, stream);
    send_urgent(pair.theirs, "ab!");
    send_urgent(pair.theirs, "cd!");
    send_text(pair.theirs, "ef");
    assert_int_equal(coir_scope_close(scope), 0);
    assert_true(reader.result > 0);
    total = (size_t)reader.result;
    while (total < 7) { /* the first "!" is ordinary once there is a second */
        ssize_t count = coir_read(stream, reader.bytes, sizeof(reader.bytes));

        assert_true(count > 0);
        total += (size_t)count;
    }
    assert_int_equal(total, 7);
    shutdown(pair.theirs, SHUT_WR);
    assert_int_equal(coir_read(stream, reader.bytes, sizeof(reader.bytes)), 0);
    close(pair.theirs);
    coir_close(stream);
}

CASE(urgent_byte_and_the_end)
{
    struct pair pair = new_pair(false);
    struct coir_stream *stream = adopt_stream(pair);
    char byte;

    send_urgent(pair.theirs, "ab!");
    close(pair.theirs);
    expect_stream_text(stream, "ab");
    assert_int_equal(coir_read(stream, &byte, 1), 0);
    coir_close(stream);
}

/* Unix sockets know urgent bytes too, where the kernel was built with them. */
CASE(urgent_byte_on_a_unix_socket)
{
    struct pair pair = new_pair(true);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;

    if (send(pair.theirs, "ab!", 3, MSG_OOB) == 3) {
        send_text(pair.theirs, "cd");
        expect_stream_text(stream, "abcd");
        start_reader(scope, &reader, stream);
        expect_quiet();
        assert_false(reader.ended);
        send_text(pair.theirs, "ef");
    } else {
        start_reader(scope, &reader, stream);
        send_text(pair.theirs, "ef");
    }
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(reader.result, 2);
    close(pair.theirs);
    coir_close(stream);
}

/* Sends `text` together with a copy of `fd`. */
static void pass_descriptor(int socket, const char *text, int fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.room = {0}};
    struct iovec piece = {(void *)(uintptr_t)text, strlen(text)};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(int));
    assert_int_equal(sendmsg(socket, &message, MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* A receive ends where a descriptor was passed: one event, many short receives. */
CASE(passed_descriptors_cut_receives_short)
{
    struct pair pair = new_pair(true);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;
    int descriptors;

    start_reader(scope, &reader, stream);
    descriptors = count_descriptors();
    pass_descriptor(pair.theirs, "ab", pair.theirs);
    pass_descriptor(pair.theirs, "cd", pair.theirs);
    send_text(pair.theirs, "ef");
    pass_descriptor(pair.theirs, "gh", pair.theirs);
    take_in_events(&stream->endpoint->in);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(reader.result, 2);
    expect_stream_text(stream, "cdefgh");
    assert_int_equal(count_descriptors(), descriptors); /* nobody asked for them: the kernel closes them */
    close(pair.theirs);
    assert_int_equal(coir_read(stream, reader.bytes, 1), 0);
    coir_close(stream);
}

CASE(passed_descriptors_and_the_end)
{
    struct pair pair = new_pair(true);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_slice slice;
    size_t total = 0;

    for (int i = 0; i < 10; i++)
        pass_descriptor(pair.theirs, "ab", pair.theirs);
    close(pair.theirs);
    while (coir_receive(stream, &slice) == 1) {
        total += slice.size;
        coir_release(&slice);
    }
    assert_int_equal(total, 20);
    assert_int_equal(coir_receive(stream, &slice), 0);
    coir_close(stream);
}

/* What is thrown away after a close may carry descriptors, too. */
CASE(passed_descriptors_are_not_kept_by_lingering)
{
    struct pair pair = new_pair(true);
    struct coir_stream *stream = adopt_stream(pair);
    int descriptors = count_descriptors();

    for (int i = 0; i < 10; i++)
        pass_descriptor(pair.theirs, "ab", pair.theirs);
    coir_close(stream);
    assert_int_equal(run_info().lingering, 1);
    expect_end(pair.theirs);
    assert_int_equal(count_descriptors(), descriptors);
    close(pair.theirs);
    UNTIL(run_info().lingering == 0);
}
