/* SPDX-License-Identifier: MIT
 *
 * Threads: "One scheduler per core, nothing shared; a task never moves between
 * threads", and of misuse: "wrong thread". Two threads run, each with its own
 * coir_run; what belongs to one is caught where it is used in the other, or in
 * a thread that runs nothing ("outside a task").
 */
#include "support/tasks.h"
#include "support/uses.h"
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

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
static pthread_barrier_t made;
static void *object;

static int make_object(void *arg)
{
    const struct use *use = arg;

    object = use_make(use->handle);
    pthread_barrier_wait(&made);
    return coir_sleep(1000 * COIR_SECOND);
}

static void *run_maker(void *arg)
{
    return coir_run(make_object, arg, NULL) == 0 ? NULL : arg;
}

/* Where the object could not be made there is nobody to be caught. */
static void wait_for_object(void)
{
    pthread_barrier_wait(&made);
    if (object == NULL)
        _exit(1);
}

static int use_object(void *arg)
{
    const struct use *use = arg;

    use->fn(object);
    return 0;
}

static int spawn_thief(void *arg)
{
    struct coir_task_options options = {.name = "thief"};
    struct coir_scope *scope;

    wait_for_object();
    if (coir_scope_open(NULL, &scope) < 0 || coir_spawn(scope, use_object, arg, &options) < 0)
        return 1;
    return coir_scope_close(scope);
}

static void start_maker(void *argument)
{
    pthread_t thread;

    if (pthread_barrier_init(&made, NULL, 2) != 0 || pthread_create(&thread, NULL, run_maker, argument) != 0)
        _exit(1);
}

static void steal(void *argument)
{
    start_maker(argument);
    (void)!coir_run(spawn_thief, argument, NULL);
}

static void steal_without_a_run(void *argument)
{
    start_maker(argument);
    wait_for_object();
    (void)use_object(argument);
}

static void expect_theft_is_caught(const struct use *use)
{
    print_message("%s\n", use->call);
    ASSERT_DIES(steal, (void *)(uintptr_t)use, "coir: misuse: ");
    assert_non_null(strstr(test_last_words(), "task \"thief\""));
    ASSERT_DIES(steal_without_a_run, (void *)(uintptr_t)use, "coir: misuse: ");
    assert_null(strstr(test_last_words(), "task \""));
}

TEST(what_belongs_to_another_thread_is_caught_by_every_call)
{
    for (size_t i = 0; i < USE_COUNT(use_others); i++)
        expect_theft_is_caught(&use_others[i]);
    for (size_t i = 0; i < USE_COUNT(use_endings); i++)
        expect_theft_is_caught(&use_endings[i]);
    for (size_t i = 0; i < USE_COUNT(use_releases); i++)
        expect_theft_is_caught(&use_releases[i]);
}
