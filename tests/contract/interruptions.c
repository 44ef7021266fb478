/* SPDX-License-Identifier: MIT
 *
 * Interruptions: by real signals, at any moment; by readiness that was none;
 * and close(2), which may say that it was interrupted and has closed. None is
 * noticed, none moves a deadline, and no descriptor is closed twice.
 */
#include "contract/rig.h"
#include "io/readiness.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define BYTES ((size_t)4 << 20) /* far more than a socket takes at once */

static atomic_uint interruptions;

static void note_interruption(int signal)
{
    (void)signal;
    atomic_fetch_add(&interruptions, 1);
}

/* Another thread, which sends signals to ours. */
struct disturber {
    pthread_t thread;
    pthread_t victim;
    atomic_bool ends;
};

static void *disturb(void *arg)
{
    struct disturber *disturber = arg;

    while (!atomic_load(&disturber->ends)) {
        pthread_kill(disturber->victim, SIGUSR2);
        usleep(100);
    }
    return NULL;
}

static void start_disturbing(struct disturber *disturber)
{
    struct sigaction action = {.sa_handler = note_interruption, .sa_flags = SA_ONSTACK}; /* no SA_RESTART */

    assert_int_equal(sigaction(SIGUSR2, &action, NULL), 0);
    atomic_store(&interruptions, 0);
    disturber->victim = pthread_self();
    atomic_init(&disturber->ends, false);
    assert_int_equal(pthread_create(&disturber->thread, NULL, disturb, disturber), 0);
}

static void stop_disturbing(struct disturber *disturber)
{
    atomic_store(&disturber->ends, true);
    assert_int_equal(pthread_join(disturber->thread, NULL), 0);
    assert_true(atomic_load(&interruptions) > 0);
}

static unsigned char byte_at(size_t position)
{
    return (unsigned char)(position * 2654435761u >> 24);
}

static int write_many(void *arg)
{
    unsigned char bytes[16384];
    int rc = 0;

    for (size_t at = 0; at < BYTES && rc == 0; at += sizeof(bytes)) {
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = byte_at(at + i);
        rc = coir_write(arg, bytes, sizeof(bytes));
    }
    return rc == 0 ? coir_finish(arg) : rc;
}

static size_t read_to_end(struct coir_stream *stream)
{
    struct coir_slice slice;
    size_t at = 0;
    int rc;

    while ((rc = coir_receive(stream, &slice)) == 1) {
        for (size_t i = 0; i < slice.size; i++)
            assert_int_equal(slice.bytes[i], byte_at(at + i));
        at += slice.size;
        coir_release(&slice);
    }
    assert_int_equal(rc, 0);
    return at;
}

CASE_OF_BOTH(signals_at_any_moment_lose_no_byte)
{
    struct coir_task_options options = {.stack = COIR_STACK_LARGE};
    struct pair pair = new_pair(local);
    struct coir_stream *reads = adopt_stream(pair);
    struct disturber disturber;
    struct coir_stream *writes;
    struct coir_scope *scope;

    assert_int_equal(coir_adopt(pair.theirs, NULL, &writes), 0);
    start_disturbing(&disturber);
    scope = open_scope();
    assert_int_equal(coir_spawn(scope, write_many, writes, &options), 0);
    assert_int_equal(read_to_end(reads), BYTES);
    assert_int_equal(coir_scope_close(scope), 0);
    stop_disturbing(&disturber);
    coir_close(reads);
    coir_close(writes);
    UNTIL(run_info().lingering == 0);
}

CASE(signals_make_no_sleep_shorter_or_longer)
{
    struct disturber disturber;
    coir_time from = coir_now();

    start_disturbing(&disturber);
    for (int i = 0; i < 20; i++) {
        coir_time before = coir_now();

        assert_int_equal(coir_sleep(5 * COIR_MILLISECOND), 0);
        assert_true(coir_now() - before >= 5 * COIR_MILLISECOND);
    }
    stop_disturbing(&disturber);
    assert_true(coir_now() - from < 20 * COIR_SECOND); /* and not begun anew by each */
}

/* Readiness that was none, again and again: the wait goes on, and its deadline stays what it was. */
static int mislead(void *arg)
{
    struct coir_stream *stream = arg;
    int rc = 0;

    while (rc == 0) {
        readiness_event(engine_now(), stream->endpoint, POLLIN);
        rc = coir_sleep(COIR_MILLISECOND);
    }
    return 0;
}

/* Returns how often the read looked for bytes until its deadline. */
static unsigned read_misled(struct coir_stream *stream)
{
    struct coir_scope *scope = open_scope();
    unsigned calls = fault_calls("kernel_receive");
    coir_time from = coir_now();
    char byte;

    assert_int_equal(coir_spawn(scope, mislead, stream, NULL), 0);
    coir_scope_set_limit(scope, 40 * COIR_MILLISECOND);
    assert_int_equal(coir_read(stream, &byte, 1), -ETIME);
    assert_true(coir_now() - from >= 40 * COIR_MILLISECOND);
    assert_true(coir_now() - from < 20 * COIR_SECOND);
    calls = fault_calls("kernel_receive") - calls;
    assert_int_equal(coir_scope_close(scope), 0);
    return calls;
}

CASE_OF_BOTH(readiness_that_was_none_moves_no_deadline)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);

    while (read_misled(stream) <= 5) /* else the machine was too slow to mislead it */
        ;
    close(pair.theirs);
    coir_close(stream);
}

/* The quiet time of a drain is a deadline of the wait itself. */
CASE(readiness_that_was_none_moves_no_quiet_time)
{
    struct coir_scope *scope = open_scope();
    struct coir_listener *listener;
    struct coir_stream *stream;
    struct place place;
    char uri[COIR_ADDRESS_SIZE];
    coir_time from;
    int client;
    char byte;

    snprintf(uri, sizeof(uri), "fd://%d", new_listener(false, 16, &place));
    assert_int_equal(coir_listen(uri, NULL, &listener), 0);
    client = new_client(&place);
    assert_int_equal(coir_accept(listener, &stream), 0);
    coir_listener_close(listener);
    assert_int_equal(coir_spawn(scope, mislead, stream, NULL), 0);
    from = coir_now();
    coir_scope_drain(scope, 40 * COIR_MILLISECOND);
    assert_int_equal(coir_read(stream, &byte, 1), -ESHUTDOWN);
    assert_true(coir_now() - from >= 40 * COIR_MILLISECOND);
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
    close(client);
    coir_close(stream);
}

struct closes {
    unsigned count;
    unsigned of_closed; /* descriptors that were closed already: by now they could be somebody else's */
};

static void check_close(const struct fault_call *call, void *context)
{
    struct closes *closes = context;

    if (strcmp(call->function, "kernel_close") != 0)
        return;
    closes->count++;
    closes->of_closed += fcntl(call->fd, F_GETFD) < 0;
}

static int open_and_close_all(void *arg)
{
    struct coir_listener *listener;
    struct coir_datagram_socket *socket;
    struct coir_stream *stream;
    struct pair pair = new_pair(true);

    (void)arg;
    assert_int_equal(coir_listen("tcp://127.0.0.1:0", NULL, &listener), 0);
    assert_int_equal(coir_datagram_open("udp://127.0.0.1:0", NULL, &socket), 0);
    stream = adopt_stream(pair);
    close(pair.theirs);
    assert_int_equal(coir_wait_fd(coir_fd(stream), POLLIN), POLLIN | POLLHUP);
    coir_close(stream);
    coir_datagram_close(socket);
    coir_listener_close(listener);
    return 0;
}

TEST(a_close_that_fails_is_not_repeated)
{
    static const int errors[] = {EINTR, EIO};
    struct coir_run_options options = {.stack = COIR_STACK_HUGE};

    assert_int_equal(coir_run(open_and_close_all, NULL, &options), 0);
    for (size_t i = 0; i < 2; i++) {
        struct closes closes = {.count = 0};
        int descriptors = count_descriptors();

        fault_clear();
        fault_observe(check_close, NULL, &closes);
        fault_fail("kernel_close", 1, errors[i], FAULT_ALWAYS);
        assert_int_equal(coir_run(open_and_close_all, NULL, &options), 0);
        fault_clear();
        assert_true(closes.count >= 4);
        assert_int_equal(closes.of_closed, 0);
        assert_int_equal(count_descriptors(), descriptors);
    }
}
