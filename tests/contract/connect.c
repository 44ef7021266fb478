/* SPDX-License-Identifier: MIT
 *
 * Connecting. One that has to wait needs a listener whose queue is full: it
 * does not answer, and the client's TCP asks again after a second.
 */
#include "contract/matrix.h"
#include "io/readiness.h"

static struct place listener_place; /* of the subject: there is one at a time */

static void open_socket(struct subject *subject)
{
    struct endpoint_plan plan = {.purpose = ENDPOINT_TO_CONNECT, .family = listener_place.address.ss_family};

    subject->memory = &listener_place.address;
    subject->size = listener_place.size;
    assert_int_equal(engine_now()->table->open(engine_now(), &plan, &subject->endpoint), 0);
}

static void open_connect(struct subject *subject)
{
    subject->other = new_listener(subject->local, 16, &listener_place);
    open_socket(subject);
}

/* The connection works both ways, and bytes on it can be waited for. */
static void expect_connected(struct subject *subject, int result)
{
    struct operation *in = &subject->endpoint->in;
    int fd;

    assert_int_equal(result, 0);
    fd = accept(subject->other, NULL, NULL);
    assert_true(fd >= 0);
    send_text(subject->endpoint->fd, "it is me");
    expect_text(fd, "it is me");
    send_text(fd, "ok");
    *in = (struct operation){.kind = OPERATION_RECEIVE, .memory = subject->bytes, .size = 2};
    assert_int_equal(operation_await(subject->endpoint, in, coir_now() + 5 * COIR_SECOND), 2);
    close(fd);
}

static const struct subject_kind connecting = {
    .kind = OPERATION_CONNECT,
    .outward = true,
    .once = true,
    .call = "kernel_connect",
    .open = open_connect,
    .expect = expect_connected,
};

static void open_busy(struct subject *subject)
{
    subject->other = new_listener(false, 0, &listener_place);
    subject->peer = new_client(&listener_place); /* the only place */
    open_socket(subject);
}

static void accept_first(struct subject *subject)
{
    int fd = accept(subject->other, NULL, NULL);

    assert_true(fd >= 0);
    close(fd);
}

static const struct subject_kind connecting_slowly = {
    .kind = OPERATION_CONNECT,
    .outward = true,
    .once = true,
    .call = "kernel_peer_address",
    .open = open_busy,
    .make_ready = accept_first,
    .expect = expect_connected,
};

DONE_AT_ONCE(connecting, local)
FATE(connecting, tcp, cancelled_before)
WAITING(connecting_slowly, tcp)

/* An address where nobody listens any more. */
static struct place deserted_place(bool local)
{
    struct place place;

    close(new_listener(local, 1, &place));
    return place;
}

static void note_result(const struct fault_call *call, void *context)
{
    if (strcmp(call->function, "kernel_connect") == 0)
        *(int64_t *)context = call->result;
}

CASE_OF_BOTH(nobody_there_refuses)
{
    struct subject subject = {
        .kind = &connecting, .local = local, .deadline = COIR_FOREVER, .peer = -1, .other = -1, .ready = {-1, -1}};
    int64_t first = 0;

    listener_place = deserted_place(local);
    open_socket(&subject);
    fault_observe(NULL, note_result, &first);
    assert_int_equal(perform(&subject), -ECONNREFUSED);
    assert_int_equal(first, local ? -ECONNREFUSED : -EINPROGRESS); /* TCP learns of it later */
    close_subject(&subject);
}

CASE(refusal_comes_to_who_waits)
{
    struct coir_scope *scope = open_scope();
    struct subject subject;

    open_subject(&subject, &connecting_slowly, false);
    start_waiting(&subject, scope);
    close(subject.other);
    subject.other = -1;
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(subject.result, -ECONNREFUSED);
    close_subject(&subject);
}

/* An event before the kernel has decided says nothing. */
CASE(not_yet_connected_is_not_connected)
{
    struct coir_scope *scope = open_scope();
    struct subject subject;

    open_subject(&subject, &connecting_slowly, false);
    start_waiting(&subject, scope);
    for (int i = 0; i < 3; i++) {
        readiness_event(engine_now(), subject.endpoint, POLLOUT);
        assert_int_equal(coir_yield(), 0);
        assert_false(subject.ended);
    }
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
    close_subject(&subject);
}

/* What an interrupted connect(2) does: the connection goes on in the background. */
static void connect_behind(const struct fault_call *call, void *context)
{
    const struct place *place = context;

    if (strcmp(call->function, "kernel_connect") == 0)
        assert_int_equal(connect(call->fd, (const struct sockaddr *)&place->address, place->size), -1);
}

CASE(interrupted_connect_is_waited_for)
{
    struct subject subject;
    int result;

    open_subject(&subject, &connecting, false);
    fault_fail("kernel_connect", 1, EINTR, FAULT_ONCE);
    fault_observe(connect_behind, NULL, &listener_place);
    result = perform(&subject);
    fault_observe(NULL, NULL, NULL);
    assert_int_equal(fault_hits(), 1);
    expect_connected(&subject, result);
    close_subject(&subject);
}

/* Nothing has begun then, and no event would come. */
CASE(connect_that_the_kernel_puts_off_is_told)
{
    struct subject subject;

    open_subject(&subject, &connecting, false);
    fault_fail("kernel_connect", 1, EAGAIN, FAULT_ONCE);
    assert_int_equal(perform(&subject), -ENOBUFS);
    close_subject(&subject);
}

CASE_OF_BOTH(stream_of_a_connect_can_wait_to_receive)
{
    struct place place;
    char uri[COIR_ADDRESS_SIZE];
    struct coir_stream *stream;
    struct coir_scope *scope = open_scope();
    struct reader reader;
    int listener = new_listener(local, 16, &place);
    int fd;

    print_place(&place, uri, sizeof(uri));
    assert_int_equal(coir_connect(uri, NULL, &stream), 0);
    fd = accept(listener, NULL, NULL);
    start_reader(scope, &reader, stream);
    send_text(fd, "ok");
    coir_scope_set_limit(scope, 5 * COIR_SECOND);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(reader.result, 2);
    close(fd);
    close(listener);
    coir_close(stream);
}

/* A Unix listener with a full queue: no event tells when it has room again. */
struct dialler {
    char uri[COIR_ADDRESS_SIZE];
    struct coir_stream *stream;
    int result;
    bool ended;
};

static int run_dialler(void *arg)
{
    struct dialler *dialler = arg;

    dialler->result = coir_connect(dialler->uri, NULL, &dialler->stream);
    dialler->ended = true;
    return 0;
}

static void see_full_queue(bool cancel)
{
    struct dialler dialler = {.stream = NULL};
    struct coir_scope *scope = open_scope();
    struct place place;
    int listener = new_listener(true, 0, &place);
    int first = new_client(&place);

    print_place(&place, dialler.uri, sizeof(dialler.uri));
    assert_int_equal(coir_spawn(scope, run_dialler, &dialler, NULL), 0);
    UNTIL(fault_calls("kernel_connect") >= 2);
    assert_false(dialler.ended);
    if (cancel)
        coir_scope_cancel(scope);
    else
        close(accept(listener, NULL, NULL));
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(dialler.result, cancel ? -ECANCELED : 0);
    coir_abort(dialler.stream);
    close(first);
    close(listener);
}

CASE(full_queue_of_a_unix_listener_is_waited_for)
{
    see_full_queue(false);
}

CASE(cancel_ends_the_wait_for_a_full_queue)
{
    see_full_queue(true);
}

CASE(cancelled_connect_leaves_nothing)
{
    struct dialler dialler = {.stream = NULL};
    struct coir_scope *scope = open_scope();
    struct place place;
    int listener = new_listener(false, 0, &place);
    int first = new_client(&place);

    print_place(&place, dialler.uri, sizeof(dialler.uri));
    assert_int_equal(coir_spawn(scope, run_dialler, &dialler, NULL), 0);
    UNTIL(waiting_operations() == 1);
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(dialler.result, -ECANCELED);
    assert_int_equal(loop_current()->endpoints.live, 0);
    close(first);
    close(listener);
}
