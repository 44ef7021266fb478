/* SPDX-License-Identifier: MIT
 *
 * What coir_close() and coir_abort() do to a connection: the contract of
 * lingering. The first case shows why close(2) will not do.
 */
#include "support/session.h"
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>

#define FLOOD_SIZE ((size_t)4 << 20)
#define PATIENCE_MS 20000 /* less than a stream lingers where nothing else is said */

/* A peer that reads slowly, in a thread of its own. One that was held up makes up for it. */
struct slow_reader {
    int fd;
    size_t rate;        /* bytes a millisecond */
    _Atomic size_t got; /* looked at while it reads */
    int error;
    pthread_t thread;
};

static void *read_slowly(void *arg)
{
    struct slow_reader *reader = arg;
    coir_time from = coir_now();
    char bytes[65536];
    ssize_t count;

    do {
        size_t due;

        peer_block_ms(1);
        due = (size_t)((coir_now() - from) / COIR_MILLISECOND) * reader->rate - reader->got;
        count = recv(reader->fd, bytes, due < sizeof(bytes) ? due : sizeof(bytes), 0);
        if (count > 0)
            reader->got += (size_t)count;
    } while (count > 0);
    reader->error = count < 0 ? errno : 0;
    return NULL;
}

static void start_reader(struct slow_reader *reader, int fd, size_t rate)
{
    *reader = (struct slow_reader){.fd = fd, .rate = rate};
    assert_int_equal(pthread_create(&reader->thread, NULL, read_slowly, reader), 0);
}

static void join_reader(struct slow_reader *reader)
{
    assert_int_equal(pthread_join(reader->thread, NULL), 0);
    close(reader->fd);
}

static uint64_t count_lingering(void)
{
    struct coir_run_info info;

    assert_int_equal(coir_run_info(&info), 0);
    return info.lingering;
}

/* Sleeps until nothing lingers. Returns how long that took. */
static int64_t wait_for_none(void)
{
    coir_time from = coir_now();

    while (count_lingering() > 0 && coir_now() < from + PATIENCE_MS * COIR_MILLISECOND)
        session_sleep_ms(1);
    assert_int_equal(count_lingering(), 0);
    return (coir_now() - from) / COIR_MILLISECOND;
}

/* The end came before the reset, and hides it from reads. */
static void expect_reset(int peer)
{
    assert_int_equal(send(peer, "x", 1, MSG_NOSIGNAL), -1);
    assert_true(errno == EPIPE || errno == ECONNRESET);
    close(peer);
}

/* Sends until the kernel takes no more; returns how much that was. */
static size_t send_until_full(int fd)
{
    static const char bytes[65536];
    size_t sent = 0;
    ssize_t count;

    while ((count = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        sent += (size_t)count;
    assert_int_equal(errno, EAGAIN);
    return sent;
}

/* This is what the others are about. */
TEST(a_plain_close_with_unread_input_loses_what_is_on_its_way)
{
    char bytes[65536];
    size_t sent, got = 0;
    ssize_t count;
    uint16_t port;
    int listener = peer_listen(1, &port);
    int peer = peer_connect(port);
    int ours = peer_accept(listener);

    peer_send(peer, "unread", 6);
    sent = send_until_full(ours);
    close(ours);
    while ((count = recv(peer, bytes, sizeof(bytes), 0)) > 0)
        got += (size_t)count;
    print_message("a plain close delivered %zu of %zu bytes\n", got, sent);
    assert_int_equal(count, -1);
    assert_int_equal(errno, ECONNRESET);
    assert_true(got < sent);
    close(peer);
    close(listener);
}

SESSION_TEST(what_was_written_arrives_although_there_is_unread_input)
{
    char *flood = calloc(1, FLOOD_SIZE);

    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        struct slow_reader reader;

        peer_send(session.peer, "unread", 6);
        start_reader(&reader, session.peer, 16384);
        assert_int_equal(coir_write(session.stream, flood, FLOOD_SIZE), 0);
        coir_close(session.stream);
        assert_int_equal(count_lingering(), 1);
        while (count_lingering() > 0 && reader.got < FLOOD_SIZE)
            session_sleep_ms(2);
        join_reader(&reader);
        assert_int_equal(reader.got, FLOOD_SIZE);
        assert_int_equal(reader.error, 0); /* then the end */
        wait_for_none();
    }
    free(flood);
}

SESSION_TEST(a_close_in_a_cancelled_scope_delivers_too)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        char bytes[16];

        peer_send(session.peer, "unread", 6);
        assert_int_equal(coir_write(session.stream, "delivered", 9), 0);
        coir_scope_cancel(scope);
        coir_close(session.stream);
        coir_scope_close(scope);
        assert_int_equal(peer_read(session.peer, bytes, sizeof(bytes)), 9);
        assert_memory_equal(bytes, "delivered", 9);
        close(session.peer);
    }
}

SESSION_TEST(nothing_lingers_when_the_peers_end_was_seen)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        char bytes[8];

        peer_finish(session.peer);
        assert_int_equal(coir_read(session.stream, bytes, 8), 0);
        assert_int_equal(coir_write(session.stream, "last", 4), 0);
        coir_close(session.stream);
        assert_int_equal(count_lingering(), 0);
        assert_int_equal(peer_read(session.peer, bytes, 8), 4);
        close(session.peer);
    }
}

SESSION_TEST(nothing_lingers_for_long_when_the_peers_end_is_there_unseen)
{
    for (int kind = 0; kind < SESSION_KINDS; kind++) {
        struct session session = session_of_kind(kind);
        char bytes[8];

        peer_send(session.peer, "unread", 6);
        peer_finish(session.peer);
        assert_int_equal(coir_write(session.stream, "last", 4), 0);
        coir_close(session.stream);
        session_settle();
        assert_int_equal(count_lingering(), 0);
        assert_int_equal(peer_read(session.peer, bytes, 8), 4);
        close(session.peer);
    }
}

SESSION_TEST(a_peer_that_never_ends_is_reset_after_the_quiet_time)
{
    struct coir_stream_options options = {.linger_ns = 100 * COIR_MILLISECOND};
    struct session session = session_accept_with(&options);

    assert_int_equal(coir_write(session.stream, "x", 1), 0);
    coir_close(session.stream);
    assert_int_equal(count_lingering(), 1);
    assert_true(wait_for_none() >= 99);
    expect_reset(session.peer);
}

SESSION_TEST(a_peer_that_stops_reading_is_reset_after_the_quiet_time)
{
    struct coir_stream_options options = {.linger_ns = 100 * COIR_MILLISECOND};
    struct session session = session_accept_with(&options);
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    char *flood = calloc(1, FLOOD_SIZE * 4);

    coir_scope_set_limit(scope, 50 * COIR_MILLISECOND);
    assert_int_equal(coir_write(session.stream, flood, FLOOD_SIZE * 4), -ETIME); /* more than the kernel takes */
    coir_scope_close(scope);
    coir_close(session.stream);
    assert_true(wait_for_none() >= 99);
    expect_reset(session.peer);
    free(flood);
}

SESSION_TEST(a_byte_in_is_progress)
{
    struct coir_stream_options options = {.linger_ns = 500 * COIR_MILLISECOND};
    struct session session = session_accept_with(&options);

    coir_close(session.stream);
    for (int i = 0; i < 20; i++) {
        session_sleep_ms(50);
        assert_int_equal(count_lingering(), 1);
        peer_send(session.peer, "x", 1);
    }
    assert_true(wait_for_none() >= 450); /* and then there is none */
    expect_reset(session.peer);
}

SESSION_TEST(a_shrinking_queue_is_progress)
{
    struct coir_stream_options options = {.linger_ns = COIR_SECOND};
    struct session session = session_accept_with(&options);
    size_t size = 1 << 19;
    char *flood = calloc(1, size);
    struct slow_reader reader;
    coir_time from;

    peer_shrink(session.peer, 65536);
    peer_shrink(coir_fd(session.stream), (int)size * 2);
    start_reader(&reader, session.peer, 256);
    assert_int_equal(coir_write(session.stream, flood, size), 0);
    coir_close(session.stream);
    from = coir_now();
    while (count_lingering() > 0)
        session_sleep_ms(5);
    assert_true(coir_now() - from > 1300 * COIR_MILLISECOND); /* else this shows nothing */
    join_reader(&reader);
    close(reader.fd);
    assert_int_equal(reader.got, size);
    assert_int_equal(reader.error, 0);
    free(flood);
}

SESSION_TEST(a_peer_that_sends_too_much_is_reset)
{
    struct coir_stream_options options = {.linger_bytes = 64 * 1024};
    struct session session = session_accept_with(&options);
    char *bytes = calloc(1, 40 * 1024);

    coir_close(session.stream);
    peer_send(session.peer, bytes, 40 * 1024);
    session_settle();
    assert_int_equal(count_lingering(), 1);
    peer_send(session.peer, bytes, 24 * 1024);
    session_settle();
    assert_int_equal(count_lingering(), 1);
    peer_send(session.peer, bytes, 1);
    wait_for_none();
    expect_reset(session.peer);
    free(bytes);
}

SESSION_TEST(linger_stop_resets_what_is_left)
{
    struct session sessions[3];

    for (int i = 0; i < 3; i++) {
        sessions[i] = session_accept();
        coir_close(sessions[i].stream);
    }
    assert_int_equal(count_lingering(), 3);
    coir_linger_stop();
    assert_int_equal(count_lingering(), 0);
    coir_linger_stop();
    for (int i = 0; i < 3; i++)
        expect_reset(sessions[i].peer);
}

SESSION_TEST(abort_resets_now)
{
    for (int kind = 0; kind < 2; kind++) {
        struct session session = session_of_kind(kind);
        char bytes[8];

        assert_int_equal(coir_write(session.stream, "lost", 4), 0);
        coir_abort(session.stream);
        assert_int_equal(count_lingering(), 0);
        session_settle();
        assert_int_equal(peer_read(session.peer, bytes, 8), -ECONNRESET);
        close(session.peer);
    }
}

/* A run whose first task leaves a connection that lingers. */
struct leaving {
    struct session session;
    sem_t left;
    bool stop;
};

static int leave_it(void *arg)
{
    struct leaving *leaving = arg;

    leaving->session = session_accept();
    assert_int_equal(coir_write(leaving->session.stream, "owed", 4), 0);
    coir_close(leaving->session.stream);
    assert_int_equal(count_lingering(), 1);
    if (leaving->stop)
        coir_linger_stop();
    assert_int_equal(sem_post(&leaving->left), 0);
    return 0;
}

static void *finish_soon(void *arg)
{
    struct leaving *leaving = arg;

    while (sem_wait(&leaving->left) < 0)
        ;
    peer_block_ms(100);
    peer_finish(leaving->session.peer);
    return NULL;
}

TEST(run_returns_when_nothing_lingers_any_more)
{
    static const enum coir_engine engines[] = {COIR_ENGINE_EPOLL, COIR_ENGINE_POLL};

    for (int i = 0; i < 2; i++) {
        struct coir_run_options options = {.engine = engines[i], .stack = COIR_STACK_HUGE};
        struct leaving leaving = {.stop = false};
        coir_time from = coir_now();
        pthread_t thread;
        char bytes[8];

        assert_int_equal(sem_init(&leaving.left, 0, 0), 0);
        assert_int_equal(pthread_create(&thread, NULL, finish_soon, &leaving), 0);
        assert_int_equal(coir_run(leave_it, &leaving, &options), 0);
        assert_in_range((coir_now() - from) / COIR_MILLISECOND, 95, PATIENCE_MS);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(peer_read(leaving.session.peer, bytes, 8), 4);
        close(leaving.session.peer);
    }
}

TEST(run_returns_at_once_after_linger_stop)
{
    struct coir_run_options options = {.stack = COIR_STACK_HUGE};
    struct leaving leaving = {.stop = true};
    coir_time from = coir_now();

    assert_int_equal(sem_init(&leaving.left, 0, 0), 0);
    assert_int_equal(coir_run(leave_it, &leaving, &options), 0);
    assert_true(coir_now() - from < PATIENCE_MS * COIR_MILLISECOND);
    expect_reset(leaving.session.peer);
}
