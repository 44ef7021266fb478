/* SPDX-License-Identifier: MIT
 *
 * Operations on an engine that completes them by itself, as none of ours does
 * yet: a cancel takes a while, a result may come first, and what nobody takes
 * any more is disposed of. Here a case completes them.
 */
#include "io/loop.h"
#include "io/message.h"
#include "support/test.h"
#include "task/scope.h"
#include "task/task.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct loop loop;
static struct endpoint *subject;
static int cancels;

static int ready_nothing(struct engine *engine)
{
    (void)engine;
    return 0;
}

static void end_nothing(struct engine *engine)
{
    (void)engine;
}

static int start_later(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    (void)engine;
    (void)endpoint;
    operation->state = OPERATION_STARTED;
    return OPERATION_PENDING;
}

static void cancel_later(struct engine *engine, struct endpoint *endpoint, struct operation *operation)
{
    (void)engine;
    (void)endpoint;
    assert_int_equal(operation->state, OPERATION_STARTED);
    operation->state = OPERATION_CANCELLING;
    cancels++;
}

static void close_endpoint(struct engine *engine, struct endpoint *endpoint, enum endpoint_close how)
{
    (void)how;
    operation_abandon(&endpoint->in);
    slab_give(&engine->loop->endpoints, endpoint);
    subject = NULL;
}

static int tell_nothing_unsent(struct engine *engine, struct endpoint *endpoint, int *ret_bytes)
{
    (void)engine;
    (void)endpoint;
    *ret_bytes = 0;
    return 0;
}

static int finish_nothing(struct engine *engine, struct endpoint *endpoint)
{
    (void)engine;
    (void)endpoint;
    return 0;
}

static void wait_for_nothing(struct engine *engine, coir_time timeout_ns)
{
    (void)engine;
    (void)timeout_ns;
}

static coir_time tell_time(struct engine *engine)
{
    static coir_time now = COIR_SECOND;

    (void)engine;
    return ++now;
}

static const struct wait_kind waits[OPERATION_KIND_COUNT] = {
    [OPERATION_ACCEPT] = {.name = "accept", .cancel = operation_cancel_wait, .heeds_drain = true},
    [OPERATION_LEND] = {.name = "receive", .cancel = operation_cancel_wait, .heeds_drain = true},
    [OPERATION_RECEIVE_FROM] = {.name = "datagram", .cancel = operation_cancel_wait, .heeds_drain = true},
};

static const struct engine_table table = {
    .name = "completing",
    .waits = waits,
    .init = ready_nothing,
    .done = end_nothing,
    .close = close_endpoint,
    .start = {[OPERATION_ACCEPT] = start_later,
              [OPERATION_LEND] = start_later,
              [OPERATION_DISCARD] = start_later,
              [OPERATION_RECEIVE_FROM] = start_later},
    .cancel = cancel_later,
    .unsent = tell_nothing_unsent,
    .finish = finish_nothing,
    .wait = wait_for_nothing,
    .now = tell_time,
};

static int run_body(void *arg)
{
    void (*const *body)(void) = arg;

    (*body)();
    assert_int_equal(loop.endpoints.live, 0);
    assert_int_equal(buffers_lent_bytes(&loop.buffers), 0);
    return 0;
}

static void run_case(void (*body)(void))
{
    struct engine engine = {.table = &table};
    struct coir_task_options options = {.name = "main", .stack = COIR_STACK_HUGE};
    struct coir_scope *root;

    assert_int_equal(loop_init(&loop, &engine, 0), 0);
    root = scope_open_root(&loop.scheduler);
    assert_non_null(root);
    assert_int_equal(task_start(&loop.scheduler, root, run_body, &body, &options), 0);
    cancels = 0;
    loop_run(&loop);
    scope_close_root(&loop.scheduler, root);
    loop_done(&loop);
}

#define CASE(name)                                                                                                     \
    static void body_of_##name(void);                                                                                  \
    TEST(name)                                                                                                         \
    {                                                                                                                  \
        run_case(body_of_##name);                                                                                      \
    }                                                                                                                  \
    static void body_of_##name(void)

static void open_subject(enum operation_kind kind, void *memory)
{
    subject = slab_take(&loop.endpoints);
    assert_non_null(subject);
    subject->flags = 0;
    subject->in = (struct operation){.kind = (uint8_t)kind, .memory = memory};
    subject->out = (struct operation){.state = OPERATION_IDLE};
}

/* A task that waits for the operation. */
struct waiter {
    int result;
    bool ended;
};

static int await_subject(void *arg)
{
    struct waiter *waiter = arg;

    waiter->result = operation_await(subject, &subject->in, COIR_FOREVER);
    waiter->ended = true;
    return 0;
}

static struct coir_scope *start_waiter(struct waiter *waiter)
{
    static const struct coir_task_options options = {.stack = COIR_STACK_LARGE};
    struct coir_scope *scope;

    *waiter = (struct waiter){.ended = false};
    assert_int_equal(coir_scope_open(NULL, &scope), 0);
    assert_int_equal(coir_spawn(scope, await_subject, waiter, &options), 0);
    assert_int_equal(coir_yield(), 0);
    assert_int_equal(subject->in.state, OPERATION_STARTED);
    return scope;
}

static void complete(int result)
{
    operation_complete(&loop, subject, &subject->in, result);
}

static void end_waiter(struct coir_scope *scope, const struct waiter *waiter, int result)
{
    assert_int_equal(coir_scope_close(scope), 0);
    assert_true(waiter->ended);
    assert_int_equal(waiter->result, result);
}

static void close_idle(void)
{
    assert_int_equal(subject->in.state, OPERATION_IDLE);
    close_endpoint(loop.engine, subject, ENDPOINT_CLOSE);
}

CASE(a_result_comes_when_the_engine_has_it)
{
    struct waiter waiter;
    struct coir_scope *scope;

    open_subject(OPERATION_ACCEPT, NULL);
    scope = start_waiter(&waiter);
    complete(7);
    end_waiter(scope, &waiter, 7);
    close_idle();
}

CASE(a_cancelled_wait_lasts_until_the_engine_has_let_go)
{
    struct waiter waiter;
    struct coir_scope *scope;

    open_subject(OPERATION_ACCEPT, NULL);
    scope = start_waiter(&waiter);
    coir_scope_cancel(scope);
    assert_int_equal(cancels, 1);
    assert_int_equal(coir_yield(), -ECANCELED); /* the case's own call, as it is inside */
    assert_false(waiter.ended);
    complete(-ECANCELED);
    end_waiter(scope, &waiter, -ECANCELED);
    close_idle();
}

/* The second would meet an operation that is CANCELLING. */
CASE(a_wait_that_a_drain_ends_is_not_cancelled_again)
{
    struct waiter waiter;
    struct coir_scope *scope;

    open_subject(OPERATION_ACCEPT, NULL);
    scope = start_waiter(&waiter);
    coir_scope_drain(scope, 0);
    coir_scope_cancel(scope);
    assert_int_equal(cancels, 1);
    complete(-ECANCELED);
    end_waiter(scope, &waiter, WAIT_RECONSIDER); /* the caller asks its scope again */
    close_idle();
}

CASE(a_result_that_came_first_wins_over_a_cancel)
{
    struct waiter waiter;
    struct coir_scope *scope;

    open_subject(OPERATION_ACCEPT, NULL);
    scope = start_waiter(&waiter);
    coir_scope_cancel(scope);
    complete(7);
    end_waiter(scope, &waiter, 7);
    close_idle();
}

CASE(nothing_is_cancelled_that_is_done)
{
    struct waiter waiter;
    struct coir_scope *scope;

    open_subject(OPERATION_ACCEPT, NULL);
    scope = start_waiter(&waiter);
    complete(7);
    coir_scope_cancel(scope);
    assert_int_equal(cancels, 0);
    end_waiter(scope, &waiter, 7);
    close_idle();
}

/* The operation is done and its task ready, when the owner closes the endpoint. */
static void close_before_delivery(enum operation_kind kind, void *memory, int result)
{
    struct waiter waiter;
    struct coir_scope *scope;

    open_subject(kind, memory);
    scope = start_waiter(&waiter);
    complete(result);
    close_endpoint(loop.engine, subject, ENDPOINT_CLOSE);
    end_waiter(scope, &waiter, OPERATION_GONE);
}

static struct buffer *lend_buffer(void)
{
    struct buffer *buffer;

    assert_int_equal(buffer_lend_size(&loop.buffers, 100, &buffer), 0);
    return buffer;
}

CASE(what_a_closed_endpoint_brought_goes_back)
{
    struct message message = {.buffer = NULL};
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    close_before_delivery(OPERATION_LEND, lend_buffer(), 10);
    close_before_delivery(OPERATION_LEND, NULL, 0); /* the end takes no buffer */
    close_before_delivery(OPERATION_LEND, NULL, -ECONNRESET);
    message.buffer = lend_buffer();
    close_before_delivery(OPERATION_RECEIVE_FROM, &message, 10);
    message.buffer = NULL; /* an empty datagram */
    close_before_delivery(OPERATION_RECEIVE_FROM, &message, 0);
    close_before_delivery(OPERATION_ACCEPT, NULL, fd);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

CASE(a_lingering_endpoint_discards_until_the_peers_end)
{
    struct linger_limits limits = {.quiet_ms = 1000, .discard_kib = 1};

    open_subject(OPERATION_LEND, NULL);
    linger_start(&loop, subject, limits);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(subject->in.kind, OPERATION_DISCARD);
        assert_int_equal(subject->in.state, OPERATION_STARTED);
        complete(100);
        assert_int_equal(loop.lingering, 1);
    }
    complete(0);
    assert_int_equal(loop.lingering, 0);
    assert_null(subject);
}
