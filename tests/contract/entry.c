/* SPDX-License-Identifier: MIT
 *
 * The entry check: in a cancelled or expired scope a suspending call fails
 * before it has made any system call, though it could be done at once.
 */
#include "contract/rig.h"
#include <coir/wait.h>
#include <signal.h>

/* What the calls are tried on: all of them could be done at once. */
struct scene {
    struct pair pair;
    struct coir_stream *stream; /* with bytes to read */
    struct coir_listener *listener;
    char uri[COIR_ADDRESS_SIZE];
    int client;
};

static int try_receive(struct scene *scene)
{
    struct coir_slice slice;

    return coir_receive(scene->stream, &slice);
}

static int try_read(struct scene *scene)
{
    char byte;

    return (int)coir_read(scene->stream, &byte, 1);
}

static int try_read_exact(struct scene *scene)
{
    char byte;

    return (int)coir_read_exact(scene->stream, &byte, 1);
}

static int try_read_until(struct scene *scene)
{
    struct coir_slice slice;

    return coir_read_until(scene->stream, "l", 1, 64, &slice);
}

static int try_write(struct scene *scene)
{
    return coir_write(scene->stream, "x", 1);
}

static int try_writev(struct scene *scene)
{
    struct iovec piece = {scene->uri, 1};

    return coir_writev(scene->stream, &piece, 1);
}

static int try_finish(struct scene *scene)
{
    return coir_finish(scene->stream);
}

static int try_accept(struct scene *scene)
{
    struct coir_stream *stream;

    return coir_accept(scene->listener, &stream);
}

static int try_connect(struct scene *scene)
{
    struct coir_stream *stream;

    return coir_connect(scene->uri, NULL, &stream);
}

static int try_wait_fd(struct scene *scene)
{
    return coir_wait_fd(scene->client, POLLOUT);
}

static int try_signal_wait(struct scene *scene)
{
    int signals[] = {SIGUSR1};
    int signal;

    (void)scene;
    return coir_signal_wait(signals, 1, &signal);
}

static int (*const calls[])(struct scene *scene) = {
    try_receive, try_read,   try_read_exact, try_read_until, try_write,       try_writev,
    try_finish,  try_accept, try_connect,    try_wait_fd,    try_signal_wait,
};

static void open_scene(struct scene *scene, bool local)
{
    struct place place;
    char uri[32];

    scene->pair = new_pair(local);
    scene->stream = adopt_stream(scene->pair);
    send_text(scene->pair.theirs, "hello");
    snprintf(uri, sizeof(uri), "fd://%d", new_listener(local, 16, &place));
    assert_int_equal(coir_listen(uri, NULL, &scene->listener), 0);
    print_place(&place, scene->uri, sizeof(scene->uri));
    scene->client = new_client(&place);
}

/* Everything is as before: nothing was taken, sent, accepted or ended. */
static void close_scene(struct scene *scene)
{
    struct coir_stream *stream;

    expect_stream_text(scene->stream, "hello");
    assert_int_equal(coir_write(scene->stream, "x", 1), 0);
    expect_text(scene->pair.theirs, "x");
    assert_false(is_ready(scene->pair.theirs, POLLIN));
    assert_int_equal(coir_accept(scene->listener, &stream), 0);
    close(scene->client);
    close(scene->pair.theirs);
    coir_close(stream);
    coir_close(scene->stream);
    coir_listener_close(scene->listener);
}

/* All but the loop's own: the time and the engine's wait, as a call that fails gives way now and then. */
static void count_call(const struct fault_call *call, void *context)
{
    static const char *const of_the_loop[] = {"kernel_clock", "kernel_epoll_wait", "kernel_epoll_wait_ns",
                                              "kernel_poll"};

    for (size_t i = 0; i < sizeof(of_the_loop) / sizeof(of_the_loop[0]); i++)
        if (strcmp(call->function, of_the_loop[i]) == 0)
            return;
    ++*(unsigned *)context;
}

static void see_all_fail(struct scene *scene, int error)
{
    unsigned count = 0;

    fault_observe(count_call, NULL, &count);
    for (int times = 0; times < 3; times++)
        for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
            assert_int_equal(calls[i](scene), error);
    fault_observe(NULL, NULL, NULL);
    assert_int_equal(count, 0);
}

CASE_OF_BOTH(no_call_begins_in_a_cancelled_scope)
{
    struct coir_scope *scope = open_scope();
    struct scene scene;

    open_scene(&scene, local);
    coir_scope_cancel(scope);
    see_all_fail(&scene, -ECANCELED);
    assert_int_equal(coir_scope_close(scope), 0);
    close_scene(&scene);
}

CASE_OF_BOTH(no_call_begins_in_an_expired_scope)
{
    struct coir_scope *scope = open_scope();
    struct scene scene;

    open_scene(&scene, local);
    coir_scope_set_limit(scope, 0);
    see_all_fail(&scene, -ETIME);
    assert_int_equal(coir_scope_close(scope), 0);
    close_scene(&scene);
}

/* The deadline has passed, and no turn of the loop has noticed. */
CASE_OF_BOTH(deadline_is_looked_at_by_the_clock)
{
    struct coir_scope *scope = open_scope();
    struct scene scene;

    open_scene(&scene, local);
    coir_scope_set_limit(scope, COIR_MILLISECOND);
    usleep(2000);
    see_all_fail(&scene, -ETIME);
    assert_int_equal(coir_scope_close(scope), 0);
    close_scene(&scene);
}
