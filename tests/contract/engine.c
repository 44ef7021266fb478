/* SPDX-License-Identifier: MIT
 *
 * The engine's own works: waking from another thread, time-outs, how often the
 * kernel is asked, registrations, and the poll engine's places.
 */
#include "contract/rig.h"
#include <pthread.h>

static void wait_at_most(coir_time timeout_ns)
{
    engine_now()->table->wait(engine_now(), timeout_ns);
}

static void *wake_soon(void *arg)
{
    struct engine *engine = arg;

    usleep(5000);
    engine->table->wake(engine);
    return NULL;
}

CASE(wake_from_another_thread_ends_a_wait)
{
    for (int i = 0; i < 5; i++) {
        coir_time start = coir_now();
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, wake_soon, engine_now()), 0);
        do
            wait_at_most(COIR_FOREVER); /* which a debugger's signals may end, too */
        while (coir_now() - start < 5 * COIR_MILLISECOND);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

CASE(wake_before_the_wait_ends_it)
{
    for (int i = 0; i < 5; i++) {
        engine_now()->table->wake(engine_now());
        engine_now()->table->wake(engine_now());
        wait_at_most(COIR_FOREVER);
    }
}

/* A wake is good for one wait. */
CASE(wake_is_used_up)
{
    coir_time start;

    engine_now()->table->wake(engine_now());
    wait_at_most(COIR_FOREVER);
    start = coir_now();
    wait_at_most(3 * COIR_MILLISECOND);
    assert_true(coir_now() - start >= 3 * COIR_MILLISECOND);
}

static void *wake_often(void *arg)
{
    struct engine *engine = arg;

    for (int i = 0; i < 100000; i++)
        engine->table->wake(engine);
    return NULL;
}

/* Wakes that meet, also with events: none of the bytes is late. */
CASE(wakes_and_events_do_not_harm_each_other)
{
    struct pair pair = new_pair(true);
    struct coir_stream *stream = adopt_stream(pair);
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, wake_often, engine_now()), 0);
    for (int i = 0; i < 1000; i++) {
        send_text(pair.theirs, "x");
        expect_stream_text(stream, "x");
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(pair.theirs);
    coir_close(stream);
}

static const coir_time lengths[] = {1,       999,     1000,    50000,   100000,  999999,
                                    1000000, 1000001, 1500000, 2000000, 4999999, 5000001};

static void see_waits_long_enough(void)
{
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        coir_time start = coir_now();

        wait_at_most(lengths[i]);
        assert_true(coir_now() - start >= lengths[i]);
        start = coir_now();
        assert_int_equal(coir_sleep(lengths[i]), 0);
        assert_true(coir_now() - start >= lengths[i]);
    }
}

CASE(waits_are_never_too_short)
{
    see_waits_long_enough();
    wait_at_most(0); /* returns at once */
}

static int run_short_waits(void *arg)
{
    (void)arg;
    see_waits_long_enough();
    if (engine_is_epoll()) {
        assert_int_equal(fault_calls("kernel_epoll_wait_ns"), 1); /* asked once, and never again */
        assert_true(fault_calls("kernel_epoll_wait") > 0);
    }
    return 0;
}

/* Before Linux 5.11 epoll knows only milliseconds. */
TEST(waits_are_never_too_short_in_milliseconds)
{
    struct coir_run_options options = {.stack = COIR_STACK_HUGE};

    fault_fail("kernel_epoll_wait_ns", 1, ENOSYS, FAULT_ALWAYS);
    assert_int_equal(coir_run(run_short_waits, NULL, &options), 0);
    fault_clear();
}

/* In milliseconds they do not fit an int, and cut off would be none, or next to none. */
static int run_long_waits(void *arg)
{
    static const coir_time days[] = {25, 50, 36500};

    (void)arg;
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        coir_time start = coir_now();
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, wake_soon, engine_now()), 0);
        wait_at_most(days[i] * 86400 * COIR_SECOND + 5 * COIR_MICROSECOND);
        assert_true(coir_now() - start >= 5 * COIR_MILLISECOND);
        assert_int_equal(pthread_join(thread, NULL), 0);
        wait_at_most(0); /* a wake that came late */
    }
    return 0;
}

TEST(waits_of_weeks_are_no_shorter_in_milliseconds)
{
    struct coir_run_options options = {.stack = COIR_STACK_HUGE};

    fault_fail("kernel_epoll_wait_ns", 1, ENOSYS, FAULT_ALWAYS);
    assert_int_equal(coir_run(run_long_waits, NULL, &options), 0);
    fault_clear();
}

CASE(short_receive_on_tcp_is_not_tried_again)
{
    struct pair pair = new_pair(false);
    struct coir_stream *stream = adopt_stream(pair);
    uint64_t calls = run_info().receive_calls;
    char bytes[16];

    for (int i = 0; i < 10; i++) {
        send_text(pair.theirs, "hello");
        assert_int_equal(coir_read(stream, bytes, sizeof(bytes)), 5);
    }
    assert_int_equal(run_info().receive_calls - calls, 10);
    close(pair.theirs);
    coir_close(stream);
}

static void see_reads_until_nothing(bool local, bool finish, uint64_t expected)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;
    uint64_t calls;

    start_reader(scope, &reader, stream);
    calls = run_info().receive_calls;
    send_text(pair.theirs, "hello");
    if (finish)
        assert_int_equal(shutdown(pair.theirs, SHUT_WR), 0);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(reader.result, 5);
    assert_int_equal(run_info().receive_calls - calls, 1);
    scope = open_scope();
    reader = (struct reader){.stream = stream};
    assert_int_equal(coir_spawn(scope, run_reader, &reader, NULL), 0);
    UNTIL(reader.ended || stream->endpoint->in.state == OPERATION_STARTED);
    assert_int_equal(reader.ended, finish);
    assert_int_equal(run_info().receive_calls - calls, expected);
    close(pair.theirs);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(reader.result, 0);
    coir_close(stream);
}

CASE(after_a_short_receive_tcp_waits)
{
    see_reads_until_nothing(false, false, 1);
}

CASE(after_a_short_receive_a_unix_socket_is_asked_again)
{
    see_reads_until_nothing(true, false, 2);
}

CASE_OF_BOTH(after_a_hangup_it_is_asked_again)
{
    see_reads_until_nothing(local, true, 2);
}

/* Waiting, however often, takes no further call. */
CASE_OF_BOTH(one_registration_per_descriptor)
{
    struct place place;
    char uri[COIR_ADDRESS_SIZE];
    struct coir_listener *listener;
    struct coir_stream *stream;
    uint64_t registered = run_info().register_calls;
    uint64_t once = engine_is_epoll() ? 1 : 0;
    int client;

    snprintf(uri, sizeof(uri), "fd://%d", new_listener(local, 16, &place));
    assert_int_equal(coir_listen(uri, NULL, &listener), 0);
    assert_int_equal(run_info().register_calls - registered, once);
    client = new_client(&place);
    assert_int_equal(coir_accept(listener, &stream), 0);
    assert_int_equal(run_info().register_calls - registered, 2 * once);
    for (int i = 0; i < 100; i++) {
        send_text(client, "ping");
        expect_stream_text(stream, "ping");
        assert_int_equal(coir_write(stream, "pong", 4), 0);
        expect_text(client, "pong");
    }
    assert_int_equal(run_info().register_calls - registered, 2 * once);
    close(client);
    coir_close(stream);
    UNTIL(loop_current()->endpoints.live == 1);
    assert_int_equal(run_info().register_calls - registered, 2 * once); /* close(2) ends it */
    coir_listener_close(listener);
    assert_int_equal(run_info().register_calls - registered, 3 * once); /* not where others may have a copy */
}

/* A connection that broke while nobody waits for it is no reason to look again and again. */
CASE_OF_BOTH(broken_and_idle_costs_nothing)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;
    uint64_t waits;

    start_reader(scope, &reader, stream);
    send_text(pair.theirs, "hello");
    assert_int_equal(coir_scope_close(scope), 0);
    reset_peer(local, pair.theirs, pair.ours);
    waits = run_info().waits;
    assert_int_equal(coir_sleep(20 * COIR_MILLISECOND), 0);
    assert_in_range(run_info().waits - waits, 1, 4);
    coir_close(stream);
}

/* Endpoints come and go in random order, waited for or not; each stays itself. */
#define PLACES 150
#define STEPS 3000

struct crowd {
    struct coir_scope *scope;
    struct pair pairs[PLACES];
    struct coir_stream *streams[PLACES]; /* NULL = none */
    struct reader readers[PLACES];
    bool waiting[PLACES];
};

static void open_place(struct crowd *crowd, size_t place, bool local)
{
    crowd->pairs[place] = new_pair(local);
    crowd->streams[place] = adopt_stream(crowd->pairs[place]);
    crowd->waiting[place] = false;
}

static void close_place(struct crowd *crowd, size_t place)
{
    struct reader *reader = &crowd->readers[place];

    close(crowd->pairs[place].theirs);
    if (crowd->waiting[place]) {
        coir_abort(crowd->streams[place]);
        UNTIL(reader->ended);
        assert_int_equal(reader->result, -EBADF);
    } else {
        coir_close(crowd->streams[place]);
    }
    crowd->streams[place] = NULL;
}

/* Has it told its number, to a reader that may wait already. */
static void talk_to_place(struct crowd *crowd, size_t place)
{
    struct reader *reader = &crowd->readers[place];
    char number[16];

    snprintf(number, sizeof(number), "%zu", place);
    if (!crowd->waiting[place]) {
        start_reader(crowd->scope, reader, crowd->streams[place]);
        crowd->waiting[place] = true;
        return;
    }
    send_text(crowd->pairs[place].theirs, number);
    UNTIL(reader->ended);
    assert_int_equal(reader->result, (ssize_t)strlen(number));
    assert_memory_equal(reader->bytes, number, strlen(number));
    crowd->waiting[place] = false;
}

CASE(endpoints_in_random_order)
{
    static struct crowd crowd;
    struct test_random random;

    test_random_init(&random);
    crowd.scope = open_scope();
    for (int step = 0; step < STEPS; step++) {
        size_t place = (size_t)test_random_below(&random, PLACES);

        if (crowd.streams[place] == NULL)
            open_place(&crowd, place, test_random_below(&random, 4) != 0);
        else if (test_random_below(&random, 3) == 0)
            close_place(&crowd, place);
        else
            talk_to_place(&crowd, place);
    }
    for (size_t place = 0; place < PLACES; place++)
        if (crowd.streams[place] != NULL)
            close_place(&crowd, place);
    assert_int_equal(coir_scope_close(crowd.scope), 0);
}
