/* SPDX-License-Identifier: MIT
 *
 * Scopes, entry check and sticky cancel: "in a cancelled or expired scope a
 * suspending call fails before it attempts anything, on every engine. Only an
 * operation already started may still complete, and then its result wins: no
 * byte and no accepted connection is ever lost to a cancel. Sticky: once
 * cancelled, every suspending call in the scope fails until the scope ends.
 * Failing calls count against the turn budget and really yield; a thousand in
 * a row without a success is counted" (that it asserts in debug builds only is
 * in unit/task_livelock.c).
 */
#include "support/tasks.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static const enum coir_engine engines[] = {COIR_ENGINE_EPOLL, COIR_ENGINE_POLL};

static void run_on_every_engine(int (*fn)(void *arg))
{
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
        struct coir_run_options options = {.engine = engines[i]};

        assert_int_equal(coir_run(fn, NULL, &options), 0);
    }
}

/* Everything that may suspend, with nothing in the way of succeeding at once but the scope. */
struct works {
    struct coir_stream *ours;
    struct coir_listener *listener;
    struct coir_channel *channel; /* one item in it, room for one more */
    struct coir_datagram_socket *datagrams;
    struct coir_datagram datagram; /* to itself; one is in its queue */
    int theirs;                    /* the peer of `ours`, who has sent 4 bytes */
    int client;                    /* queued at the listener */
    char address[COIR_ADDRESS_SIZE];
};

static void open_datagrams(struct works *works)
{
    struct coir_datagram_info info;

    assert_int_equal(coir_datagram_open("udp://127.0.0.1:0", NULL, &works->datagrams), 0);
    assert_int_equal(coir_datagram_info(works->datagrams, &info), 0);
    works->datagram = (struct coir_datagram){.data = {.bytes = (unsigned char *)"d", .size = 1}};
    assert_int_equal(coir_address_read(info.local, &works->datagram.peer), 0);
    assert_int_equal(coir_datagram_send(works->datagrams, &works->datagram), 0);
}

static void open_works(struct works *works)
{
    struct coir_listener_info info;
    int ends[2], item = 1;
    struct coir_stream *stream;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    works->theirs = ends[1];
    assert_int_equal(coir_adopt(ends[0], NULL, &works->ours), 0);
    assert_int_equal(send(works->theirs, "abc\n", 4, 0), 4);
    works->channel = open_channel(2, sizeof(item));
    assert_int_equal(coir_channel_send(works->channel, &item), 0);
    assert_int_equal(coir_listen("tcp://127.0.0.1:0", NULL, &works->listener), 0);
    assert_int_equal(coir_listener_info(works->listener, &info), 0);
    memcpy(works->address, info.local, sizeof(works->address));
    assert_int_equal(coir_connect(works->address, NULL, &stream), 0);
    works->client = fcntl(coir_fd(stream), F_DUPFD_CLOEXEC, 0);
    coir_close(stream);
    open_datagrams(works);
}

/* The one connection is still there to be accepted, the bytes to be read, and nothing was added. */
static void check_untouched(struct works *works)
{
    struct coir_datagram_info datagram_info;
    struct coir_datagram datagram;
    struct coir_stream *accepted;
    struct coir_stream_info info;
    char bytes[8];
    int item = 0, waiting = -1;

    assert_int_equal(coir_read(works->ours, bytes, sizeof(bytes)), 4);
    assert_int_equal(coir_stream_info(works->ours, &info), 0);
    assert_int_equal(info.bytes_out, 0);
    assert_int_equal(ioctl(works->theirs, FIONREAD, &waiting), 0);
    assert_int_equal(waiting, 0);
    assert_int_equal(coir_channel_receive(works->channel, &item), 1);
    assert_int_equal(item, 1);
    coir_channel_finish(works->channel);
    assert_int_equal(coir_channel_receive(works->channel, &item), 0);
    assert_int_equal(coir_accept(works->listener, &accepted), 0);
    coir_abort(accepted);
    assert_int_equal(coir_datagram_receive(works->datagrams, &datagram), 0);
    coir_release(&datagram.data);
    assert_int_equal(coir_datagram_info(works->datagrams, &datagram_info), 0);
    assert_true(datagram_info.datagrams_in == 1 && datagram_info.datagrams_out == 1);
}

static void close_works(struct works *works)
{
    coir_listener_close(works->listener);
    coir_datagram_close(works->datagrams);
    coir_channel_close(works->channel);
    coir_abort(works->ours);
    close(works->theirs);
    close(works->client);
}

static void check_refused(struct works *works, int code)
{
    struct iovec piece = {.iov_base = "x", .iov_len = 1};
    struct coir_datagram datagram;
    struct coir_stream *stream;
    struct coir_slice slice;
    char bytes[8];
    int item = 2;

    assert_int_equal(coir_yield(), code);
    assert_int_equal(coir_sleep(0), code);
    assert_int_equal(coir_sleep(1), code);
    assert_int_equal(coir_channel_send(works->channel, &item), code);
    assert_int_equal(coir_channel_receive(works->channel, &item), code);
    assert_int_equal(coir_read(works->ours, bytes, 8), code);
    assert_int_equal(coir_read_exact(works->ours, bytes, 4), code);
    assert_int_equal(coir_read_until(works->ours, "\n", 1, 8, &slice), code);
    assert_int_equal(coir_receive(works->ours, &slice), code);
    assert_int_equal(coir_write(works->ours, "x", 1), code);
    assert_int_equal(coir_writev(works->ours, &piece, 1), code);
    assert_int_equal(coir_finish(works->ours), code);
    assert_int_equal(coir_accept(works->listener, &stream), code);
    assert_int_equal(coir_connect(works->address, NULL, &stream), code);
    assert_int_equal(coir_wait_fd(works->theirs, POLLOUT), code);
    assert_int_equal(coir_signal_wait((int[]){SIGUSR1}, 1, &item), code);
    assert_int_equal(coir_datagram_receive(works->datagrams, &datagram), code);
    assert_int_equal(coir_datagram_send(works->datagrams, &works->datagram), code);
}

static int check_cancelled_entry(void *arg)
{
    struct works works;
    struct coir_scope *scope;

    (void)arg;
    open_works(&works);
    scope = open_scope(NULL);
    coir_scope_cancel(scope);
    check_refused(&works, -ECANCELED);
    assert_int_equal(coir_scope_close(scope), 0);
    check_untouched(&works);
    close_works(&works);
    return 0;
}

TEST(a_call_in_a_cancelled_scope_attempts_nothing_on_every_engine)
{
    run_on_every_engine(check_cancelled_entry);
}

static int check_expired_entry(void *arg)
{
    struct works works;
    struct coir_scope *scope;

    (void)arg;
    open_works(&works);
    scope = open_scope(NULL);
    coir_scope_set_limit(scope, 0);
    check_refused(&works, -ETIME);
    assert_int_equal(coir_scope_close(scope), 0);
    check_untouched(&works);
    close_works(&works);
    return 0;
}

TEST(a_call_in_an_expired_scope_attempts_nothing_on_every_engine)
{
    run_on_every_engine(check_expired_entry);
}

/* No loop has turned since the deadline passed: the entry check itself looks at the clock. */
static int check_computed_past_entry(void *arg)
{
    struct works works;
    struct coir_scope *outer, *scope;

    (void)arg;
    open_works(&works);
    outer = open_scope(&(struct coir_scope_options){.limit_ns = COIR_MILLISECOND});
    scope = open_scope(NULL);
    compute(2 * COIR_MILLISECOND);
    check_refused(&works, -ETIME);
    assert_int_equal(coir_scope_state(outer), COIR_SCOPE_EXPIRED);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(coir_scope_close(outer), 0);
    check_untouched(&works);
    close_works(&works);
    return 0;
}

TEST(a_deadline_that_passed_during_computation_is_seen_at_entry)
{
    run_on_every_engine(check_computed_past_entry);
}

/* Each needs a scope of its own: the first refusal would be remembered. */
TASK_TEST(a_deadline_that_passed_during_computation_refuses_a_task)
{
    struct coir_scope *scope = open_scope(&(struct coir_scope_options){.limit_ns = COIR_MILLISECOND});

    compute(2 * COIR_MILLISECOND);
    assert_int_equal(coir_spawn(scope, sleep_for_ever, NULL, NULL), -ETIME);
    assert_int_equal(coir_scope_close(scope), 0);
}

struct exchange {
    struct coir_channel *channel;
    struct coir_scope *scope;
    int item;
    int result;
};

static int receive_item(void *arg)
{
    struct exchange *exchange = arg;

    exchange->result = coir_channel_receive(exchange->channel, &exchange->item);
    return 0;
}

static int send_item(void *arg)
{
    struct exchange *exchange = arg;

    exchange->result = coir_channel_send(exchange->channel, &exchange->item);
    return 0;
}

/* The item was handed over before the cancel, though the receiver has not run since. */
TASK_TEST(what_has_happened_wins_over_a_cancel)
{
    struct exchange exchange = {.channel = open_channel(0, sizeof(int))};
    int item = 42;

    exchange.scope = open_scope(NULL);
    spawn(exchange.scope, receive_item, &exchange);
    let_others_run(1);
    assert_int_equal(coir_channel_send(exchange.channel, &item), 0);
    coir_scope_cancel(exchange.scope);
    assert_int_equal(coir_scope_close(exchange.scope), 0);
    assert_int_equal(exchange.result, 1);
    assert_int_equal(exchange.item, 42);

    exchange.scope = open_scope(NULL);
    spawn(exchange.scope, send_item, &exchange);
    let_others_run(1);
    assert_int_equal(coir_channel_receive(exchange.channel, &item), 1);
    coir_scope_cancel(exchange.scope);
    assert_int_equal(coir_scope_close(exchange.scope), 0);
    assert_int_equal(exchange.result, 0);
    coir_channel_close(exchange.channel);
}

TASK_TEST(what_has_not_happened_does_not_happen_after_a_cancel)
{
    struct exchange exchange = {.channel = open_channel(0, sizeof(int)), .item = 42};
    struct coir_scope *rest;
    int item = 0;

    exchange.scope = open_scope(NULL);
    spawn(exchange.scope, send_item, &exchange);
    let_others_run(1);
    coir_scope_cancel(exchange.scope);
    rest = open_scope(&(struct coir_scope_options){.shield = true, .limit_ns = 2 * COIR_MILLISECOND});
    assert_int_equal(coir_channel_receive(exchange.channel, &item), -ETIME);
    assert_int_equal(coir_scope_close(rest), 0);
    assert_int_equal(coir_scope_close(exchange.scope), 0);
    assert_int_equal(exchange.result, -ECANCELED);
    coir_channel_close(exchange.channel);
}

struct collector {
    struct coir_stream *stream;
    char bytes[65536];
    size_t got;
};

static int collect(void *arg)
{
    struct collector *collector = arg;
    ssize_t count = 1;

    while (count > 0 && collector->got < sizeof(collector->bytes)) {
        size_t room = sizeof(collector->bytes) - collector->got;

        count = coir_read(collector->stream, collector->bytes + collector->got, room < 100 ? room : 100);
        if (count > 0)
            collector->got += (size_t)count;
    }
    return (int)count;
}

/* A limit of random length, in units that double while nobody gets anything: where starting a task takes longer than
 * the limit, nobody ever would. */
static struct coir_scope_options draw_limit(struct test_random *random, size_t count, coir_time *unit, bool got)
{
    *unit = got || *unit == 0 ? COIR_MICROSECOND : 2 * *unit;
    return (struct coir_scope_options){.limit_ns = 1 + (coir_time)test_random_below(random, count) * *unit};
}

/* One pattern, sent in random pieces to readers that are cancelled at random moments, again and again. */
static int check_no_byte_lost(void *arg)
{
    static struct collector collector;
    struct coir_scope_options shortly;
    struct test_random random;
    char pattern[20000];
    size_t sent = 0, had = 0;
    coir_time unit = 0;
    int theirs[2];

    (void)arg;
    test_random_init(&random);
    test_random_fill(&random, pattern, sizeof(pattern));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, theirs), 0);
    collector.got = 0;
    assert_int_equal(coir_adopt(theirs[0], NULL, &collector.stream), 0);
    while (collector.got < sizeof(pattern)) {
        size_t piece = 1 + test_random_below(&random, 300);

        shortly = draw_limit(&random, 20, &unit, collector.got > had);
        had = collector.got;
        struct coir_scope *scope = open_scope(&shortly);
        (void)!coir_spawn(scope, collect, &collector, NULL);
        (void)!coir_yield();
        if (piece > sizeof(pattern) - sent)
            piece = sizeof(pattern) - sent;
        if (piece > 0)
            assert_int_equal(send(theirs[1], pattern + sent, piece, 0), piece);
        sent += piece;
        for (uint64_t turns = test_random_below(&random, 3); turns > 0; turns--)
            (void)!coir_yield();
        coir_scope_cancel(scope);
        assert_int_equal(coir_scope_close(scope), 0);
    }
    assert_memory_equal(collector.bytes, pattern, sizeof(pattern));
    coir_abort(collector.stream);
    close(theirs[1]);
    return 0;
}

TEST(no_byte_is_lost_to_a_cancel_on_every_engine)
{
    run_on_every_engine(check_no_byte_lost);
}

#define CLIENTS 200

struct reception {
    struct coir_listener *listener;
    struct coir_stream *sessions[CLIENTS];
    int accepted;
};

static int accept_all(void *arg)
{
    struct reception *reception = arg;
    struct coir_stream *session;
    int rc;

    while ((rc = coir_accept(reception->listener, &session)) == 0)
        reception->sessions[reception->accepted++] = session;
    return rc;
}

static int check_no_connection_lost(void *arg)
{
    static struct reception reception;
    struct coir_scope_options shortly;
    struct coir_stream *clients[CLIENTS];
    struct coir_listener_info info;
    struct test_random random;
    int connected = 0, had = 0;
    coir_time unit = 0;

    (void)arg;
    test_random_init(&random);
    reception.accepted = 0;
    assert_int_equal(coir_listen("tcp://127.0.0.1:0", NULL, &reception.listener), 0);
    assert_int_equal(coir_listener_info(reception.listener, &info), 0);
    while (reception.accepted < CLIENTS) {
        shortly = draw_limit(&random, 50, &unit, reception.accepted > had);
        had = reception.accepted;
        struct coir_scope *scope = open_independent();
        struct coir_scope *inner = open_scope(&shortly);

        (void)!coir_spawn(inner, accept_all, &reception, NULL);
        if (connected < CLIENTS) {
            struct coir_scope *shield =
                open_scope(&(struct coir_scope_options){.shield = true, .limit_ns = COIR_SECOND});

            assert_int_equal(coir_connect(info.local, NULL, &clients[connected]), 0);
            connected++;
            assert_int_equal(coir_scope_close(shield), 0);
        }
        for (uint64_t turns = test_random_below(&random, 3); turns > 0; turns--)
            (void)!coir_yield();
        coir_scope_cancel(inner);
        assert_int_equal(coir_scope_close(inner), 0);
        assert_int_equal(coir_scope_close(scope), 0);
    }
    assert_int_equal(coir_listener_info(reception.listener, &info), 0);
    assert_int_equal(info.accepted, CLIENTS);
    coir_listener_close(reception.listener);
    for (int i = 0; i < CLIENTS; i++) {
        coir_abort(clients[i]);
        coir_abort(reception.sessions[i]);
    }
    return 0;
}

TEST(no_accepted_connection_is_lost_to_a_cancel_on_every_engine)
{
    run_on_every_engine(check_no_connection_lost);
}

TASK_TEST(a_cancel_is_sticky_until_the_scope_ends)
{
    struct coir_scope *outer = open_scope(NULL);
    struct coir_scope *inner;

    coir_scope_cancel(outer);
    for (int i = 0; i < 100; i++)
        assert_int_equal(coir_sleep(1), -ECANCELED);
    inner = open_scope(NULL); /* opening works there too, and changes nothing */
    assert_int_equal(coir_sleep(1), -ECANCELED);
    assert_int_equal(coir_scope_close(inner), 0);
    assert_int_equal(coir_sleep(1), -ECANCELED);
    assert_int_equal(coir_scope_close(outer), 0);
    assert_int_equal(coir_sleep(1), 0);
}

static int count_turns(void *arg)
{
    int *turns = arg;

    while (coir_yield() == 0)
        ++*turns;
    return 0;
}

TASK_TEST(failing_calls_really_yield)
{
    struct coir_scope *scope = open_scope(NULL);
    struct coir_scope *failing;
    int turns = 0;

    spawn(scope, count_turns, &turns);
    failing = open_scope(NULL);
    coir_scope_cancel(failing);
    for (int i = 0; i < 900; i++)
        assert_int_equal(coir_sleep(1), -ECANCELED);
    assert_int_equal(coir_scope_close(failing), 0);
    assert_in_range(turns, 900 / 64, 900); /* the budget is some calls, not hundreds */
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
}

static uint64_t count_livelocks(void)
{
    struct coir_run_info info;

    assert_int_equal(coir_run_info(&info), 0);
    return info.livelocks;
}

TASK_TEST(less_than_a_thousand_failing_calls_in_a_row_are_not_counted)
{
    for (int i = 0; i < 3; i++) {
        struct coir_scope *scope = open_scope(NULL);

        coir_scope_cancel(scope);
        for (int call = 0; call < 999; call++)
            assert_int_equal(coir_yield(), -ECANCELED);
        assert_int_equal(coir_scope_close(scope), 0);
        assert_int_equal(coir_yield(), 0); /* a success begins a new row */
    }
    assert_int_equal(count_livelocks(), 0);
}
