/* SPDX-License-Identifier: MIT
 *
 * What the kernel may answer any time: interruptions, readiness that was none,
 * pieces of one byte, no room for one more registration, nothing to start with.
 */
#include "contract/rig.h"
#include "io/readiness.h"
#include "kernel/kernel.h"
#include <coir/wait.h>

/* A dialogue that makes every call a session makes: of a client, and of a server in the same run. */
#define QUESTION "a question of some bytes"
#define ANSWER "and an answer"

static int serve_one(void *arg)
{
    struct coir_stream *stream;
    char bytes[sizeof(QUESTION)];
    struct iovec pieces[] = {{"and ", 4}, {"an answer", 9}};
    int rc = coir_accept(arg, &stream);

    if (rc < 0)
        return rc;
    if (coir_read_exact(stream, bytes, strlen(QUESTION)) != (ssize_t)strlen(QUESTION))
        rc = -EIO;
    if (rc == 0 && memcmp(bytes, QUESTION, strlen(QUESTION)) != 0)
        rc = -EILSEQ;
    if (rc == 0)
        rc = coir_writev(stream, pieces, 2);
    coir_close(stream);
    return rc;
}

static int ask(const char *uri)
{
    struct coir_stream *stream;
    struct coir_slice slice;
    char answer[64];
    size_t size = 0;
    int rc = coir_connect(uri, NULL, &stream);

    if (rc < 0)
        return rc;
    rc = coir_write(stream, QUESTION, strlen(QUESTION));
    if (rc == 0)
        rc = coir_finish(stream);
    while (rc >= 0 && (rc = coir_receive(stream, &slice)) > 0) {
        assert_true(size + slice.size <= sizeof(answer));
        memcpy(answer + size, slice.bytes, slice.size);
        size += slice.size;
        coir_release(&slice);
    }
    coir_close(stream);
    if (rc == 0 && (size != strlen(ANSWER) || memcmp(answer, ANSWER, size) != 0))
        rc = -EILSEQ;
    return rc;
}

static int talk(bool local)
{
    struct coir_scope *scope = open_scope();
    struct coir_listener *listener;
    struct coir_listener_info info;
    char uri[64] = "tcp://127.0.0.1:0";
    int rc;
    int served;

    if (local)
        snprintf(uri, sizeof(uri), "unix://@coir-contract-%d", (int)getpid());
    rc = coir_listen(uri, NULL, &listener);
    assert_int_equal(rc, 0);
    assert_int_equal(coir_listener_info(listener, &info), 0);
    assert_int_equal(coir_spawn(scope, serve_one, listener, NULL), 0);
    rc = ask(info.local);
    served = coir_scope_close(scope);
    coir_listener_close(listener);
    return rc < 0 ? rc : served;
}

CASE_OF_BOTH(dialogue_without_faults)
{
    assert_int_equal(talk(local), 0);
}

/* Calls that signal(7) says may be interrupted; the first twelve calls of each, one after the other. */
CASE_OF_BOTH(any_call_may_be_interrupted)
{
    static const char *const calls[] = {"kernel_accept", "kernel_receive",       "kernel_send", "kernel_send_pieces",
                                        "kernel_close",  "kernel_epoll_wait_ns", "kernel_poll"};

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        for (unsigned nth = 1; nth <= 12; nth++) {
            fault_clear();
            fault_fail(calls[i], nth, EINTR, FAULT_ONCE);
            assert_int_equal(talk(local), 0);
        }
}

CASE(interrupted_wait_in_milliseconds_is_waited_again)
{
    fault_fail("kernel_epoll_wait", 1, EINTR, FAULT_ONCE);
    assert_int_equal(coir_sleep(2 * COIR_MILLISECOND), 0);
    assert_int_equal(talk(false), 0);
}

CASE_OF_BOTH(bytes_one_by_one)
{
    fault_limit("kernel_receive", 1, 1, FAULT_ALWAYS);
    fault_limit("kernel_send_pieces", 1, 1, FAULT_ALWAYS);
    fault_limit("kernel_send", 1, 1, FAULT_ALWAYS);
    for (int i = 0; i < 3; i++) {
        unsigned received = fault_calls("kernel_receive");

        assert_int_equal(talk(local), 0);
        assert_true(fault_calls("kernel_receive") - received >= strlen(QUESTION) + strlen(ANSWER));
    }
}

/* A receive finds nothing though the kernel said "ready": whoever waits goes on waiting, and nothing is lost. */
CASE_OF_BOTH(readiness_that_was_none)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;

    start_reader(scope, &reader, stream);
    fault_fail("kernel_receive", 1, EAGAIN, FAULT_ONCE);
    send_text(pair.theirs, "a");
    UNTIL(fault_hits() == 1);
    send_text(pair.theirs, "b"); /* epoll tells no more of the first */
    assert_int_equal(coir_scope_close(scope), 0);
    assert_in_range(reader.result, 1, 2);
    assert_int_equal(reader.bytes[0], 'a');
    if (reader.result == 1)
        expect_stream_text(stream, "b");
    close(pair.theirs);
    coir_close(stream);
}

CASE_OF_BOTH(spurious_events_disturb_nobody)
{
    struct pair pair = new_pair(local);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_scope *scope = open_scope();
    struct reader reader;

    start_reader(scope, &reader, stream);
    for (uint32_t events = 1; events < 64; events++) {
        readiness_event(engine_now(), stream->endpoint, events);
        assert_int_equal(coir_yield(), 0);
        assert_false(reader.ended);
    }
    send_text(pair.theirs, "hello");
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(reader.result, 5);
    close(pair.theirs);
    coir_close(stream);
}

/* No room for one more registration: the caller is told and keeps its descriptor; later it works. */
static void see_no_registration(int error)
{
    struct pair pair = new_pair(false);
    struct coir_stream *stream;
    struct coir_listener *listener;
    struct place place;
    char uri[COIR_ADDRESS_SIZE];

    fault_fail("kernel_epoll_control", 1, error, FAULT_ALWAYS);
    assert_int_equal(coir_adopt(pair.ours, NULL, &stream), -error);
    assert_int_equal(coir_wait_fd(pair.ours, POLLIN), -error);
    assert_int_equal(coir_listen("tcp://127.0.0.1:0", NULL, &listener), -error);
    place.size = 0;
    close(new_listener(false, 1, &place)); /* a connect that would have to wait for its answer */
    print_place(&place, uri, sizeof(uri));
    assert_int_equal(coir_connect(uri, NULL, &stream), -error);
    assert_int_equal(loop_current()->endpoints.live, 0);
    fault_clear();
    stream = adopt_stream(pair);
    send_text(pair.theirs, "hello");
    expect_stream_text(stream, "hello");
    close(pair.theirs);
    coir_close(stream);
}

CASE_OF_ENGINE(epoll, no_room_for_a_registration)
{
    see_no_registration(ENOSPC);
    see_no_registration(ENOMEM);
}

/* A mistake of the program, told as such; the stream that was there first goes on. */
CASE_OF_ENGINE(epoll, descriptor_that_is_a_stream_already)
{
    struct pair pair = new_pair(true);
    struct coir_stream *stream = adopt_stream(pair);
    struct coir_stream *second;

    assert_int_equal(coir_adopt(pair.ours, NULL, &second), -EEXIST);
    send_text(pair.theirs, "hello");
    expect_stream_text(stream, "hello");
    close(pair.theirs);
    coir_close(stream);
}

/* The poll engine's arrays grow at 64 descriptors. */
CASE_OF_ENGINE(poll, no_memory_for_more_places)
{
    struct pair pairs[80];
    struct coir_stream *streams[80];
    int count = 0;
    int rc;

    for (; count < 63; count++) {
        pairs[count] = new_pair(true);
        streams[count] = adopt_stream(pairs[count]);
    }
    pairs[count] = new_pair(true);
    for (unsigned nth = 1; nth <= 2; nth++) {
        fault_fail("alloc_zeroed", nth, ENOMEM, FAULT_ONCE);
        rc = coir_adopt(pairs[count].ours, NULL, &streams[count]);
        assert_int_equal(rc, -ENOMEM);
    }
    streams[count] = adopt_stream(pairs[count]);
    for (count++; count < 80; count++) {
        pairs[count] = new_pair(true);
        streams[count] = adopt_stream(pairs[count]);
    }
    for (int i = 0; i < 80; i++) {
        send_text(pairs[i].theirs, "x");
        expect_stream_text(streams[i], "x");
        close(pairs[i].theirs);
        coir_close(streams[i]);
    }
}

/* An accepted connection that cannot be registered is closed, and the listener goes on. */
CASE_OF_ENGINE(epoll, accept_goes_on_after_a_failed_registration)
{
    struct coir_listener *listener;
    struct coir_stream *stream;
    struct place place;
    char uri[COIR_ADDRESS_SIZE];
    int first;
    int second;

    snprintf(uri, sizeof(uri), "fd://%d", new_listener(false, 16, &place));
    assert_int_equal(coir_listen(uri, NULL, &listener), 0);
    first = new_client(&place);
    second = new_client(&place);
    fault_fail("kernel_epoll_control", 1, ENOSPC, FAULT_ONCE);
    assert_int_equal(coir_accept(listener, &stream), 0);
    expect_end(first);
    send_text(second, "hello");
    expect_stream_text(stream, "hello");
    close(first);
    close(second);
    coir_close(stream);
    coir_listener_close(listener);
}

/* The poll engine is told of too little memory now and then. */
CASE_OF_ENGINE(poll, wait_without_memory_is_tried_again)
{
    fault_fail("kernel_poll", 1, ENOMEM, FAULT_ONCE);
    assert_int_equal(coir_sleep(COIR_MILLISECOND), 0);
    assert_int_equal(talk(true), 0);
}

/* Every other of these calls fails: the wait, where the pause after it is the call that works. */
static void see_no_spin(const char *wait, unsigned step)
{
    for (unsigned i = 0; i < 5; i++)
        fault_fail(wait, 1 + step * i, ENOMEM, FAULT_ONCE);
    assert_int_equal(coir_sleep(4 * COIR_MILLISECOND), 0);
    assert_in_range(fault_hits(), 1, 4); /* each cost a millisecond */
}

CASE_OF_ENGINE(epoll, waits_without_memory_do_not_spin)
{
    bool has_nanoseconds = kernel_epoll_wait_ns(-1, NULL, 1, 0) != -ENOSYS;

    see_no_spin(has_nanoseconds ? "kernel_epoll_wait_ns" : "kernel_epoll_wait", 1);
}

CASE_OF_ENGINE(poll, waits_without_memory_do_not_spin_either)
{
    see_no_spin("kernel_poll", 2);
}

static int do_nothing(void *arg)
{
    (void)arg;
    return 7;
}

/* Every call that a start makes fails once: it is said, or done without; nothing is left. Twice, as the first start of
 * a process finds out things that later ones know. */
TEST(start_may_fail_anywhere)
{
    int descriptors = count_descriptors();
    unsigned failed = 0;

    for (unsigned nth = 0; nth < 80; nth++) {
        int rc;

        fault_clear();
        fault_fail(FAULT_ANY, nth % 40 + 1, EMFILE, FAULT_ONCE);
        rc = coir_run(do_nothing, NULL, NULL);
        test_free_handler_stack();
        assert_true(rc == 7 || rc == -EMFILE || rc == -ENOMEM);
        failed += rc != 7;
        assert_int_equal(count_descriptors(), descriptors);
    }
    fault_clear();
    assert_true(failed >= 6);
    assert_int_equal(coir_run(do_nothing, NULL, NULL), 7);
}

static void see_no_start(const char *call, int error)
{
    int descriptors = count_descriptors();

    fault_clear();
    fault_fail(call, 1, error, FAULT_ALWAYS);
    assert_int_equal(coir_run(do_nothing, NULL, NULL), -error);
    fault_clear();
    assert_int_equal(count_descriptors(), descriptors);
}

TEST(no_descriptor_for_the_engine)
{
    see_no_start("kernel_eventfd", EMFILE);
    see_no_start("kernel_eventfd", ENFILE);
    if (getenv("COIR_ENGINE") == NULL || strcmp(getenv("COIR_ENGINE"), "poll") != 0)
        see_no_start("kernel_epoll_create", EMFILE);
}

static int tell_engine(void *arg)
{
    struct coir_run_info info;

    (void)arg;
    assert_int_equal(coir_run_info(&info), 0);
    return strcmp(info.engine, "poll") == 0;
}

/* Without epoll, poll serves; who asked for epoll by name is told. */
TEST(host_without_epoll_gets_poll)
{
    struct coir_run_options options = {.engine = COIR_ENGINE_EPOLL};

    unsetenv("COIR_ENGINE");
    fault_fail("kernel_epoll_create", 1, ENOSYS, FAULT_ALWAYS);
    assert_int_equal(coir_run(tell_engine, NULL, NULL), 1);
    assert_int_equal(coir_run(tell_engine, NULL, &options), -ENOSYS);
    fault_clear();
    assert_int_equal(coir_run(tell_engine, NULL, NULL), 0);
}
