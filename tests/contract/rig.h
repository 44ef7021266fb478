/* SPDX-License-Identifier: MIT
 *
 * What a case on engines is made of: CASE(name) { ... } is the first task of a
 * run, on the engine that COIR_ENGINE names. It must leave no endpoint, no lent
 * byte and no descriptor behind.
 */
#ifndef CONTRACT_RIG_H
#define CONTRACT_RIG_H

#include "contract/peer.h"
#include "io/loop.h"
#include "net/stream.h"
#include "support/faults.h"
#include <coir.h>
#include <stdlib.h>

static inline struct coir_run_info run_info(void)
{
    struct coir_run_info info;

    assert_int_equal(coir_run_info(&info), 0);
    return info;
}

/** Bytes in buffers that are lent or held. */
static inline uint64_t lent_bytes(void)
{
    return run_info().buffer_bytes;
}

/** Operations that somebody waits for. */
static inline int waiting_operations(void)
{
    const struct endpoint *endpoint = NULL;
    int count = 0;

    while ((endpoint = slab_next(&loop_current()->endpoints, endpoint)) != NULL)
        if (!(endpoint->flags & ENDPOINT_LINGERS))
            count += (endpoint->in.state != OPERATION_IDLE) + (endpoint->out.state != OPERATION_IDLE);
    return count;
}

static inline int run_case_body(void *arg)
{
    void (*const *body)(void) = arg;
    struct loop *loop = loop_current();

    (*body)();
    assert_int_equal(loop->endpoints.live, run_info().lingering);
    assert_int_equal(lent_bytes(), 0);
    assert_int_equal(loop->scheduler.waits_for_tasks, 0);
    return 0;
}

static inline void run_case(void (*body)(void))
{
    struct coir_run_options options = {.stack = COIR_STACK_HUGE};
    int descriptors = count_descriptors();

    assert_int_equal(coir_run(run_case_body, &body, &options), 0);
    fault_clear();
    assert_int_equal(count_descriptors(), descriptors);
}

#define CASE(name)                                                                                                     \
    static void body_of_##name(void);                                                                                  \
    TEST(name)                                                                                                         \
    {                                                                                                                  \
        run_case(body_of_##name);                                                                                      \
    }                                                                                                                  \
    static void body_of_##name(void)

/** A case that makes sense on one engine alone. */
#define CASE_OF_ENGINE(engine_name, name)                                                                              \
    static void body_of_##name(void);                                                                                  \
    TEST(name)                                                                                                         \
    {                                                                                                                  \
        const char *asked_for = getenv("COIR_ENGINE");                                                                 \
        if (asked_for == NULL || strcmp(asked_for, #engine_name) != 0)                                                 \
            TEST_SKIP("it is about the engine " #engine_name);                                                         \
        run_case(body_of_##name);                                                                                      \
    }                                                                                                                  \
    static void body_of_##name(void)

/** Two cases, NAME_INET and NAME_local: over IP, and over Unix sockets. */
#define CASE_OF_FAMILIES(name, inet)                                                                                   \
    static void name(bool local);                                                                                      \
    CASE(name##_##inet)                                                                                                \
    {                                                                                                                  \
        name(false);                                                                                                   \
    }                                                                                                                  \
    CASE(name##_local)                                                                                                 \
    {                                                                                                                  \
        name(true);                                                                                                    \
    }                                                                                                                  \
    static void name(bool local)

/** Streams of both families. */
#define CASE_OF_BOTH(name) CASE_OF_FAMILIES(name, tcp)

/** Gives way to the others, and so to the engine, until it holds. */
#define UNTIL(condition)                                                                                               \
    do                                                                                                                 \
        assert_int_equal(coir_yield(), 0);                                                                             \
    while (!(condition))

static inline struct engine *engine_now(void)
{
    return loop_current()->engine;
}

static inline bool engine_is_epoll(void)
{
    return strcmp(engine_now()->table->name, "epoll") == 0;
}

/** A stream of our end. */
static inline struct coir_stream *adopt_stream(struct pair pair)
{
    struct coir_stream *stream;

    assert_int_equal(coir_adopt(pair.ours, NULL, &stream), 0);
    return stream;
}

/** A scope whose tasks do not end each other. */
static inline struct coir_scope *open_scope(void)
{
    static const struct coir_scope_options options = {.policy = COIR_SCOPE_INDEPENDENT};
    struct coir_scope *scope;

    assert_int_equal(coir_scope_open(&options, &scope), 0);
    return scope;
}

/** A read of one stream by a task of its own. */
struct reader {
    struct coir_stream *stream;
    char bytes[64];
    ssize_t result;
    bool ended;
};

static inline int run_reader(void *arg)
{
    struct reader *reader = arg;

    reader->result = coir_read(reader->stream, reader->bytes, sizeof(reader->bytes));
    reader->ended = true;
    return 0;
}

/** Starts the read and sees it waiting. */
static inline void start_reader(struct coir_scope *scope, struct reader *reader, struct coir_stream *stream)
{
    *reader = (struct reader){.stream = stream};
    assert_int_equal(coir_spawn(scope, run_reader, reader, NULL), 0);
    UNTIL(stream->endpoint->in.state == OPERATION_STARTED);
}

/** Reads exactly `text` from the stream, however it comes. */
static inline void expect_stream_text(struct coir_stream *stream, const char *text)
{
    char bytes[256];
    size_t size = strlen(text);

    assert_true(size <= sizeof(bytes));
    assert_int_equal(coir_read_exact(stream, bytes, size), (ssize_t)size);
    assert_memory_equal(bytes, text, size);
}

/** Has the engine take in events until the task that waits for the operation is ready. */
static inline void take_in_events(const struct operation *operation)
{
    while (operation->waiter->state == TASK_PARKED)
        engine_now()->table->wait(engine_now(), COIR_SECOND);
}

#endif
