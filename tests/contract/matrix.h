/* SPDX-License-Identifier: MIT
 *
 * Every kind of operation meets the same fates: each kind says how it is
 * opened, made to wait and made ready; each fate is one function here.
 * DONE_AT_ONCE(kind, family) and WAITING(kind, family) make cases of them.
 */
#ifndef CONTRACT_MATRIX_H
#define CONTRACT_MATRIX_H

#include "contract/rig.h"

struct subject;

struct subject_kind {
    enum operation_kind kind;
    bool outward;
    bool once;        /* an endpoint serves one such operation */
    const char *call; /* the system call that it makes */
    void (*open)(struct subject *subject);
    void (*make_wait)(struct subject *subject); /* NULL: it waits as it is */
    void (*make_ready)(struct subject *subject);
    /** Checks a result that is no failure, and disposes of it. */
    void (*expect)(struct subject *subject, int result);
};

/** An operation to be performed, and who is on the other side. */
struct subject {
    const struct subject_kind *kind;
    bool local;
    struct endpoint *endpoint;
    void *memory;
    uint32_t size;
    coir_time deadline;
    int peer;          /* -1 = none */
    int other;         /* a further descriptor of the other side; -1 = none */
    struct pair ready; /* what make_ready() opened; -1 = none */
    unsigned char bytes[64];
    int result; /* of the task that waits */
    bool ended;
};

static inline struct operation *operation_of(struct subject *subject)
{
    return subject->kind->outward ? &subject->endpoint->out : &subject->endpoint->in;
}

/** What every suspending call does. */
static inline int perform(struct subject *subject)
{
    struct operation *operation = operation_of(subject);
    int rc = task_enter(NULL);

    if (rc < 0)
        return rc;
    operation->kind = (uint8_t)subject->kind->kind;
    operation->memory = subject->memory;
    operation->size = subject->size;
    return operation_await(subject->endpoint, operation, subject->deadline);
}

static inline int run_subject(void *arg)
{
    struct subject *subject = arg;

    subject->result = perform(subject);
    subject->ended = true;
    return 0;
}

static inline void open_subject(struct subject *subject, const struct subject_kind *kind, bool local)
{
    *subject = (struct subject){
        .kind = kind, .local = local, .deadline = COIR_FOREVER, .peer = -1, .other = -1, .ready = {-1, -1}};
    kind->open(subject);
}

static inline void close_endpoint(struct subject *subject)
{
    engine_now()->table->close(engine_now(), subject->endpoint, ENDPOINT_CLOSE);
    subject->endpoint = NULL;
}

static inline void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

static inline void close_subject(struct subject *subject)
{
    if (subject->endpoint != NULL)
        close_endpoint(subject);
    close_if_open(subject->peer);
    close_if_open(subject->other);
    close_if_open(subject->ready.ours);
    close_if_open(subject->ready.theirs);
}

static inline void make_wait(struct subject *subject)
{
    if (subject->kind->make_wait != NULL)
        subject->kind->make_wait(subject);
}

/** Performs it in a task of its own, and sees that it waits. */
static inline void start_waiting(struct subject *subject, struct coir_scope *scope)
{
    assert_int_equal(coir_spawn(scope, run_subject, subject, NULL), 0);
    UNTIL(operation_of(subject)->state == OPERATION_STARTED);
    assert_false(subject->ended);
}

/** Nothing was lost: who asks again gets it. */
static inline void expect_still_there(struct subject *subject)
{
    assert_int_equal(operation_of(subject)->state, OPERATION_IDLE);
    if (!subject->kind->once)
        subject->kind->expect(subject, perform(subject));
}

static inline void make_ready_and_known(struct subject *subject)
{
    if (subject->kind->outward)
        return;
    subject->kind->make_ready(subject);
    subject->endpoint->flags |= ENDPOINT_INBOUND;
}

/* The fates. */

static inline void see_done_at_once(struct subject *subject)
{
    uint64_t turns = run_info().turns;
    int result;

    make_ready_and_known(subject);
    result = perform(subject);
    assert_int_equal(run_info().turns, turns);
    subject->kind->expect(subject, result);
}

static inline void see_done_later(struct subject *subject)
{
    struct coir_scope *scope = open_scope();

    make_wait(subject);
    start_waiting(subject, scope);
    subject->kind->make_ready(subject);
    assert_false(subject->ended);
    assert_int_equal(coir_scope_close(scope), 0);
    subject->kind->expect(subject, subject->result);
}

static inline void see_cancelled_before(struct subject *subject)
{
    struct coir_scope *scope = open_scope();
    unsigned calls = fault_calls(subject->kind->call);

    make_ready_and_known(subject);
    coir_scope_cancel(scope);
    assert_int_equal(perform(subject), -ECANCELED);
    assert_int_equal(fault_calls(subject->kind->call), calls);
    assert_int_equal(coir_scope_close(scope), 0);
    subject->kind->expect(subject, perform(subject));
}

static inline void see_cancelled_during(struct subject *subject)
{
    struct coir_scope *scope = open_scope();

    make_wait(subject);
    start_waiting(subject, scope);
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(subject->result, -ECANCELED);
    subject->kind->make_ready(subject);
    expect_still_there(subject);
}

/* It became ready, but whoever waits had no turn yet: a result may win, but nothing may be lost. */
static inline void see_cancelled_when_ready(struct subject *subject)
{
    struct coir_scope *scope = open_scope();

    make_wait(subject);
    start_waiting(subject, scope);
    subject->kind->make_ready(subject);
    take_in_events(operation_of(subject));
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
    if (subject->result == -ECANCELED)
        expect_still_there(subject);
    else
        subject->kind->expect(subject, subject->result);
}

/* Cancels at the moment when the system call of the subject has returned. */
struct canceller {
    const char *call;
    struct coir_scope *scope;
};

/* The poll engine's own, of several descriptors. */
static inline bool is_wait(const struct fault_call *call)
{
    return strcmp(call->function, "kernel_poll") == 0 && call->size > 1;
}

static inline void cancel_after_call(const struct fault_call *call, void *context)
{
    const struct canceller *canceller = context;

    if (strcmp(call->function, canceller->call) == 0 && !is_wait(call))
        coir_scope_cancel(canceller->scope);
}

static inline void see_result_before_cancel(struct subject *subject)
{
    struct coir_scope *scope = open_scope();
    struct canceller canceller = {subject->kind->call, scope};
    int result;

    make_ready_and_known(subject);
    fault_observe(NULL, cancel_after_call, &canceller);
    result = perform(subject);
    fault_observe(NULL, NULL, NULL);
    assert_int_equal(coir_scope_state(scope), COIR_SCOPE_CANCELLED);
    subject->kind->expect(subject, result);
    assert_int_equal(perform(subject), -ECANCELED); /* the next one */
    assert_int_equal(coir_scope_close(scope), 0);
}

/* The same where it had to wait: whoever waits has not yet run. */
static inline void see_result_wins(struct subject *subject)
{
    struct coir_scope *scope = open_scope();
    struct canceller canceller = {subject->kind->call, scope};

    make_wait(subject);
    start_waiting(subject, scope);
    subject->kind->make_ready(subject);
    take_in_events(operation_of(subject));
    fault_observe(NULL, cancel_after_call, &canceller);
    assert_int_equal(coir_scope_close(scope), 0);
    fault_observe(NULL, NULL, NULL);
    subject->kind->expect(subject, subject->result);
}

static inline void see_closed(struct subject *subject)
{
    struct coir_scope *scope = open_scope();

    make_wait(subject);
    start_waiting(subject, scope);
    close_endpoint(subject);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(subject->result, OPERATION_GONE);
}

static inline void see_closed_when_ready(struct subject *subject)
{
    struct coir_scope *scope = open_scope();

    make_wait(subject);
    start_waiting(subject, scope);
    subject->kind->make_ready(subject);
    take_in_events(operation_of(subject));
    close_endpoint(subject);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(subject->result, OPERATION_GONE);
}

static inline void see_deadline(struct subject *subject)
{
    make_wait(subject);
    subject->deadline = coir_now() + 3 * COIR_MILLISECOND;
    assert_int_equal(perform(subject), WAIT_RECONSIDER);
    assert_true(coir_now() >= subject->deadline);
    subject->deadline = COIR_FOREVER;
    subject->kind->make_ready(subject);
    expect_still_there(subject);
}

static inline void see_expired(struct subject *subject)
{
    struct coir_scope *scope = open_scope();
    coir_time start = coir_now();

    make_wait(subject);
    coir_scope_set_limit(scope, 3 * COIR_MILLISECOND);
    assert_int_equal(perform(subject), -ETIME);
    assert_true(coir_now() - start >= 3 * COIR_MILLISECOND);
    assert_int_equal(coir_scope_close(scope), 0);
    subject->kind->make_ready(subject);
    expect_still_there(subject);
}

static inline void see(const struct subject_kind *kind, bool local, void (*fate)(struct subject *subject))
{
    struct subject subject;

    open_subject(&subject, kind, local);
    fate(&subject);
    close_subject(&subject);
}

#define FAMILY_tcp false
#define FAMILY_local true

#define FATE(name, family, fate)                                                                                       \
    CASE(name##_##fate##_##family)                                                                                     \
    {                                                                                                                  \
        see(&name, FAMILY_##family, see_##fate);                                                                       \
    }

/** Cases of an operation that can be done at once. */
#define DONE_AT_ONCE(name, family)                                                                                     \
    FATE(name, family, done_at_once)                                                                                   \
    FATE(name, family, cancelled_before)                                                                               \
    FATE(name, family, result_before_cancel)

/** Cases of an operation that waits. */
#define WAITING(name, family)                                                                                          \
    FATE(name, family, done_later)                                                                                     \
    FATE(name, family, cancelled_during)                                                                               \
    FATE(name, family, cancelled_when_ready)                                                                           \
    FATE(name, family, result_wins)                                                                                    \
    FATE(name, family, closed)                                                                                         \
    FATE(name, family, closed_when_ready)                                                                              \
    FATE(name, family, deadline)                                                                                       \
    FATE(name, family, expired)

#endif
