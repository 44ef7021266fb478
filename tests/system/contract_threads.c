/* SPDX-License-Identifier: MIT
 *
 * Threads: "One scheduler per core, nothing shared; a task never moves between
 * threads", and of misuse: "wrong thread". Two threads run, each with its own
 * coir_run; what belongs to one and is used in the other is caught.
 */
#include "support/tasks.h"
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#define THREADS 4

static _Thread_local int thread_mark;

static int sleep_and_check_thread(void *arg)
{
    int mark = *(int *)arg;

    for (int i = 0; i < 50; i++) {
        if (thread_mark != mark)
            return -EXDEV;
        if (coir_sleep(i % 5 == 0 ? 50 * COIR_MICROSECOND : 0) < 0)
            return -EIO;
    }
    return 0;
}

static int work(void *arg)
{
    struct coir_run_info info;
    struct coir_scope *scope;
    int rc;

    thread_mark = *(int *)arg;
    if (coir_scope_open(NULL, &scope) < 0)
        return -EIO;
    for (int i = 0; i < 50; i++)
        if (coir_spawn(scope, sleep_and_check_thread, arg, NULL) < 0)
            return -EIO;
    rc = coir_scope_close(scope);
    if (rc == 0 && (coir_run_info(&info) < 0 || info.tasks_spawned != 51))
        rc = -ERANGE;
    return rc;
}

static void *run_work(void *arg)
{
    int rc = 0;

    for (int i = 0; i < 5 && rc == 0; i++)
        rc = coir_run(work, arg, NULL);
    return (void *)(intptr_t)rc;
}

TEST(threads_run_each_its_own_and_tasks_stay_where_they_are)
{
    pthread_t threads[THREADS];
    int marks[THREADS];

    for (int i = 0; i < THREADS; i++) {
        marks[i] = i + 1;
        assert_int_equal(pthread_create(&threads[i], NULL, run_work, &marks[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result;

        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_int_equal((intptr_t)result, 0);
    }
}

/* What one thread made, and what the other does with it. */
struct theft {
    int (*make)(void **ret_object);
    int (*use)(void *object);
    const char *place;
};

static pthread_barrier_t made;
static void *object;

static int make_object(void *arg)
{
    const struct theft *theft = arg;
    int rc = theft->make(&object);

    pthread_barrier_wait(&made);
    if (rc < 0)
        return rc;
    return coir_sleep(1000 * COIR_SECOND);
}

static void *run_maker(void *arg)
{
    return coir_run(make_object, arg, NULL) == 0 ? NULL : arg;
}

static int use_object(void *arg)
{
    const struct theft *theft = arg;
    struct coir_task_options options = {.name = "thief"};
    struct coir_scope *scope;

    pthread_barrier_wait(&made);
    if (coir_scope_open(NULL, &scope) < 0 || coir_spawn(scope, theft->use, object, &options) < 0)
        return 1;
    return coir_scope_close(scope);
}

static void steal(void *argument)
{
    pthread_t thread;

    if (pthread_barrier_init(&made, NULL, 2) != 0 || pthread_create(&thread, NULL, run_maker, argument) != 0)
        return;
    (void)!coir_run(use_object, argument, NULL);
}

static int make_scope(void **ret_object)
{
    struct coir_scope *scope;
    int rc = coir_scope_open(NULL, &scope);

    *ret_object = scope;
    return rc;
}

static int make_channel(void **ret_object)
{
    struct coir_channel *channel;
    int rc = coir_channel_open(1, 1, &channel);

    *ret_object = channel;
    return rc;
}

static int make_stream(void **ret_object)
{
    struct coir_stream *stream;
    int ends[2];
    int rc = socketpair(AF_UNIX, SOCK_STREAM, 0, ends);

    if (rc == 0)
        rc = coir_adopt(ends[0], NULL, &stream);
    if (rc == 0)
        *ret_object = stream;
    return rc;
}

static int make_listener(void **ret_object)
{
    struct coir_listener *listener = NULL;
    int rc = coir_listen("tcp://127.0.0.1:0", NULL, &listener);

    *ret_object = listener;
    return rc;
}

static int cancel_scope(void *stolen)
{
    coir_scope_cancel(stolen);
    return 0;
}

static int ask_scope(void *stolen)
{
    return coir_scope_state(stolen);
}

static int spawn_into(void *stolen)
{
    return coir_spawn(stolen, sleep_for_ever, NULL, NULL);
}

static int send_to(void *stolen)
{
    return coir_channel_send(stolen, "");
}

static int close_channel(void *stolen)
{
    coir_channel_close(stolen);
    return 0;
}

static int write_to(void *stolen)
{
    return coir_write(stolen, "x", 1);
}

static int close_stream(void *stolen)
{
    coir_close(stolen);
    return 0;
}

static int accept_from(void *stolen)
{
    struct coir_stream *stream;

    return coir_accept(stolen, &stream);
}

TEST(what_belongs_to_another_thread_is_caught)
{
    static const struct theft thefts[] = {
        {make_scope, cancel_scope, "coir_scope_cancel"},
        {make_scope, ask_scope, "coir_scope_state"},
        {make_scope, spawn_into, "coir_spawn"},
        {make_channel, send_to, "coir_channel_send"},
        {make_channel, close_channel, "coir_channel_close"},
        {make_stream, write_to, ""},
        {make_stream, close_stream, ""},
        {make_listener, accept_from, ""},
    };

    for (size_t i = 0; i < sizeof(thefts) / sizeof(thefts[0]); i++) {
        ASSERT_DIES(steal, (void *)(uintptr_t)&thefts[i], "coir: misuse: ");
        assert_non_null(strstr(test_last_words(), thefts[i].place));
        assert_non_null(strstr(test_last_words(), "task \"thief\""));
    }
}
