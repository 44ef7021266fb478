/* SPDX-License-Identifier: MIT
 *
 * Misuse: "(NULL, except to close, abort and release: a no-op there; double or
 * stale close, wrong thread, outside a task, forbidden nesting) asserts, in
 * release too, naming expression, place and task. A stale pointer is caught
 * until its slot is reused. A wrong value that may come from data is -EINVAL."
 * Also: "A task that returns with a scope open is misuse"; "a slice still out
 * when coir_run returns is misuse". Wrong threads are in contract_threads.c.
 */
#include "support/tasks.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static struct coir_scope *make_scope(void)
{
    struct coir_scope *scope = NULL;

    return coir_scope_open(NULL, &scope) == 0 ? scope : NULL;
}

static struct coir_channel *make_channel(void)
{
    struct coir_channel *channel = NULL;

    return coir_channel_open(1, 1, &channel) == 0 ? channel : NULL;
}

static struct coir_stream *make_stream(int *ret_other)
{
    struct coir_stream *stream = NULL;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 || coir_adopt(ends[0], NULL, &stream) < 0)
        return NULL;
    *ret_other = ends[1];
    return stream;
}

static int close_twice(void *arg)
{
    struct coir_scope *scope = make_scope();

    (void)arg;
    (void)coir_scope_close(scope);
    return coir_scope_close(scope);
}

static int close_twice_in_named_task(void *arg)
{
    struct coir_task_options options = {.name = "the culprit"};
    struct coir_scope *scope = make_scope();

    if (coir_spawn(scope, close_twice, arg, &options) < 0)
        return 1;
    return coir_scope_close(scope);
}

TEST(a_report_names_expression_place_and_task)
{
    ASSERT_TASK_DIES(close_twice_in_named_task, NULL, "coir: misuse: ");
    assert_non_null(strstr(test_last_words(), "is_scope(scope)"));
    assert_non_null(strstr(test_last_words(), "src/task/scope_calls.c:"));
    assert_non_null(strstr(test_last_words(), "in coir_scope_close"));
    assert_non_null(strstr(test_last_words(), "task \"the culprit\""));
    assert_ptr_equal(strchr(test_last_words(), '\n') + 1, strchr(test_last_words(), '\0')); /* in one line */
}

static int close_outer_first(void *arg)
{
    struct coir_scope *outer = make_scope();

    (void)arg;
    (void)make_scope();
    return coir_scope_close(outer);
}

static int close_mine(void *arg)
{
    return coir_scope_close(arg);
}

static int let_child_close(void *arg)
{
    struct coir_scope *scope = make_scope();

    (void)arg;
    if (coir_spawn(scope, close_mine, scope, NULL) < 0)
        return 1;
    return coir_sleep(COIR_SECOND);
}

static int use_stale_scope(void *arg)
{
    struct coir_scope *scope = make_scope();

    (void)arg;
    (void)coir_scope_close(scope);
    coir_scope_cancel(scope);
    return 0;
}

static int return_with_scope_open(void *arg)
{
    (void)arg;
    return make_scope() == NULL;
}

static int spawn_returner(void *arg)
{
    struct coir_scope *scope = make_scope();

    if (coir_spawn(scope, return_with_scope_open, arg, NULL) < 0)
        return 1;
    return coir_scope_close(scope);
}

TEST(closing_the_wrong_scope)
{
    ASSERT_TASK_DIES(close_outer_first, NULL, "current->scope == scope");
}

TEST(closing_a_scope_that_another_task_opened)
{
    ASSERT_TASK_DIES(let_child_close, NULL, "in coir_scope_close");
}

TEST(closing_a_scope_twice)
{
    ASSERT_TASK_DIES(close_twice, NULL, "in coir_scope_close, task \"main\"");
}

TEST(using_a_stale_scope)
{
    ASSERT_TASK_DIES(use_stale_scope, NULL, "in coir_scope_cancel, task \"main\"");
}

TEST(returning_with_a_scope_open)
{
    ASSERT_TASK_DIES(return_with_scope_open, NULL, "task->scope == task->home");
    ASSERT_TASK_DIES(spawn_returner, NULL, "task->scope == task->home");
}

static int spawn_outside(void *arg)
{
    return coir_spawn(arg, sleep_for_ever, NULL, NULL);
}

/* The first child is not inside the scope that its sibling opened. */
static int open_for_sibling(void *arg)
{
    struct coir_scope *scope = make_scope();

    *(struct coir_scope **)arg = scope;
    (void)!coir_sleep(COIR_MILLISECOND);
    return coir_scope_close(scope);
}

static int spawn_into_sibling(void *arg)
{
    struct coir_scope *around = make_scope(), *inner = NULL;

    (void)arg;
    if (coir_spawn(around, open_for_sibling, &inner, NULL) < 0 || coir_yield() < 0 ||
        coir_spawn(around, spawn_outside, inner, NULL) < 0)
        return 1;
    return coir_scope_close(around);
}

TEST(spawning_into_a_scope_that_the_caller_is_not_inside)
{
    ASSERT_TASK_DIES(spawn_into_sibling, NULL, "scope_contains(scope");
}

static int lift_shield(void *arg)
{
    struct coir_scope_options options = {.shield = true, .limit_ns = COIR_SECOND};
    struct coir_scope *shield;

    (void)arg;
    if (coir_scope_open(&options, &shield) < 0)
        return 1;
    coir_scope_set_limit(shield, COIR_FOREVER);
    return coir_scope_close(shield);
}

TEST(lifting_the_limit_of_a_shield)
{
    ASSERT_TASK_DIES(lift_shield, NULL, "shield");
}

static int run_inside(void *arg)
{
    return coir_run(sleep_for_ever, arg, NULL);
}

TEST(a_run_inside_a_task)
{
    ASSERT_TASK_DIES(run_inside, NULL, "in coir_run, task \"main\"");
}

static int keep_slice(void *arg)
{
    static struct coir_slice slice;
    int other = -1;
    struct coir_stream *stream = make_stream(&other);

    (void)arg;
    if (send(other, "abc", 3, 0) != 3 || coir_receive(stream, &slice) != 1)
        return 1;
    coir_abort(stream); /* the slice stays valid */
    return slice.bytes[0] != 'a';
}

TEST(a_slice_still_out_at_the_end_of_the_run)
{
    ASSERT_TASK_DIES(keep_slice, NULL, "every_slice_was_released");
}

static int release_too_much(void *arg)
{
    struct coir_slice slice;
    int other = -1;
    struct coir_stream *stream = make_stream(&other);

    (void)arg;
    if (send(other, "abc", 3, 0) != 3 || coir_receive(stream, &slice) != 1)
        return 1;
    coir_release_used(&slice, 4);
    coir_abort(stream);
    return 0;
}

TEST(releasing_more_than_a_slice_has)
{
    ASSERT_TASK_DIES(release_too_much, NULL, "coir: misuse: used <= ");
}

/* Each call with a stale handle, in a process of its own. */
enum handle { SCOPE, CHANNEL, STREAM, LISTENER };

static void *make_stale(enum handle handle)
{
    struct coir_listener *listener = NULL;
    struct coir_channel *channel;
    struct coir_stream *stream;
    struct coir_scope *scope;
    int other;

    switch (handle) {
    case SCOPE:
        scope = make_scope();
        (void)coir_scope_close(scope);
        return scope;
    case CHANNEL:
        channel = make_channel();
        coir_channel_close(channel);
        return channel;
    case STREAM:
        stream = make_stream(&other);
        coir_abort(stream);
        return stream;
    case LISTENER:
        if (coir_listen("tcp://127.0.0.1:0", NULL, &listener) == 0)
            coir_listener_close(listener);
        return listener;
    }
    return NULL;
}

static char bytes[8];
static struct iovec piece = {.iov_base = bytes, .iov_len = 1};
static struct coir_slice slice;
static struct coir_scope_info scope_info;
static struct coir_stream_info stream_info;
static struct coir_listener_info listener_info;
static struct coir_stream *accepted;

#define USE(title, handle_kind, expression)                                                                            \
    static void use_##title(void *handle)                                                                              \
    {                                                                                                                  \
        (void)!(expression);                                                                                           \
    }
#define USE_VOID(title, handle_kind, expression)                                                                       \
    static void use_##title(void *handle)                                                                              \
    {                                                                                                                  \
        expression;                                                                                                    \
    }
#define LIST_USE(title, handle_kind, expression) {"in coir_" #title, handle_kind, use_##title},

/* What ends a handle is a no-op for NULL, but not for a stale one. */
#define ENDINGS(X_INT, X_VOID)                                                                                         \
    X_VOID(channel_close, CHANNEL, coir_channel_close(handle))                                                         \
    X_VOID(close, STREAM, coir_close(handle))                                                                          \
    X_VOID(abort, STREAM, coir_abort(handle))                                                                          \
    X_VOID(listener_close, LISTENER, coir_listener_close(handle))

#define USES(X_INT, X_VOID)                                                                                            \
    X_INT(scope_close, SCOPE, coir_scope_close(handle))                                                                \
    X_VOID(scope_cancel, SCOPE, coir_scope_cancel(handle))                                                             \
    X_VOID(scope_set_limit, SCOPE, coir_scope_set_limit(handle, 1))                                                    \
    X_VOID(scope_drain, SCOPE, coir_scope_drain(handle, 0))                                                            \
    X_INT(scope_state, SCOPE, coir_scope_state(handle))                                                                \
    X_INT(scope_info, SCOPE, coir_scope_info(handle, &scope_info))                                                     \
    X_INT(spawn, SCOPE, coir_spawn(handle, sleep_for_ever, NULL, NULL))                                                \
    X_INT(channel_send, CHANNEL, coir_channel_send(handle, bytes))                                                     \
    X_INT(channel_receive, CHANNEL, coir_channel_receive(handle, bytes))                                               \
    X_VOID(channel_finish, CHANNEL, coir_channel_finish(handle))                                                       \
    X_INT(receive, STREAM, coir_receive(handle, &slice))                                                               \
    X_INT(read, STREAM, coir_read(handle, bytes, 1))                                                                   \
    X_INT(read_exact, STREAM, coir_read_exact(handle, bytes, 1))                                                       \
    X_INT(read_until, STREAM, coir_read_until(handle, "\n", 1, 8, &slice))                                             \
    X_INT(write, STREAM, coir_write(handle, bytes, 1))                                                                 \
    X_INT(writev, STREAM, coir_writev(handle, &piece, 1))                                                              \
    X_INT(finish, STREAM, coir_finish(handle))                                                                         \
    X_INT(stream_info, STREAM, coir_stream_info(handle, &stream_info))                                                 \
    X_INT(fd, STREAM, coir_fd(handle))                                                                                 \
    X_INT(accept, LISTENER, coir_accept(handle, &accepted))                                                            \
    X_INT(listener_info, LISTENER, coir_listener_info(handle, &listener_info))

USES(USE, USE_VOID)
ENDINGS(USE, USE_VOID)

static struct use {
    const char *place;
    enum handle handle;
    void (*call)(void *handle);
} uses[] = {USES(LIST_USE, LIST_USE)}, endings[] = {ENDINGS(LIST_USE, LIST_USE)};

static int use_stale(void *arg)
{
    const struct use *use = arg;

    use->call(make_stale(use->handle));
    return 0;
}

static int use_null(void *arg)
{
    const struct use *use = arg;

    use->call(NULL);
    return 0;
}

TEST(stale_handles_are_caught_by_every_call)
{
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        ASSERT_TASK_DIES(use_stale, &uses[i], "coir: misuse: ");
        assert_non_null(strstr(test_last_words(), "task \"main\""));
    }
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        ASSERT_TASK_DIES(use_stale, &endings[i], "coir: misuse: ");
}

TEST(null_is_caught_by_every_call_but_those_that_end_a_handle)
{
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
        ASSERT_TASK_DIES(use_null, &uses[i], "coir: misuse: ");
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        assert_int_equal(coir_run(use_null, &endings[i], NULL), 0);
}

TASK_TEST(null_and_empty_slices_may_be_released)
{
    struct coir_slice empty = {NULL, 0, NULL};
    struct coir_slice lent;
    int other = -1;
    struct coir_stream *stream = make_stream(&other);

    coir_release(NULL);
    coir_release(&empty);
    assert_int_equal(send(other, "abc", 3, 0), 3);
    assert_int_equal(coir_receive(stream, &lent), 1);
    coir_release(&lent);
    coir_release(&lent); /* idempotent */
    coir_abort(stream);
}
