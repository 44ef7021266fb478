/* SPDX-License-Identifier: MIT
 *
 * Tasks, "coir_run_info (engine and why, counters)": the engine asked for by
 * option, else by the environment's COIR_ENGINE, else the best that works; and
 * whichever it is, tasks, time and scopes behave the same.
 */
#include "support/tasks.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct coir_run_info info;

static int tell_info(void *arg)
{
    (void)arg;
    return coir_run_info(&info);
}

static void set_environment(const char *engine)
{
    assert_int_equal(engine != NULL ? setenv("COIR_ENGINE", engine, 1) : unsetenv("COIR_ENGINE"), 0);
}

static void check_engine(const char *environment, enum coir_engine asked, const char *name, const char *reason)
{
    struct coir_run_options options = {.engine = asked};

    set_environment(environment);
    assert_int_equal(coir_run(tell_info, NULL, &options), 0);
    assert_string_equal(info.engine, name);
    assert_non_null(strstr(info.engine_reason, reason));
}

TEST(the_engine_asked_for_by_option_is_used_whatever_the_environment_says)
{
    check_engine(NULL, COIR_ENGINE_EPOLL, "epoll", "asked for");
    check_engine(NULL, COIR_ENGINE_POLL, "poll", "asked for");
    check_engine("poll", COIR_ENGINE_EPOLL, "epoll", "asked for");
    check_engine("epoll", COIR_ENGINE_POLL, "poll", "asked for");
    check_engine("nonsense", COIR_ENGINE_POLL, "poll", "asked for");
}

TEST(else_the_environment_decides)
{
    check_engine("poll", COIR_ENGINE_AUTO, "poll", "COIR_ENGINE");
    check_engine("epoll", COIR_ENGINE_AUTO, "epoll", "COIR_ENGINE");
}

TEST(else_it_is_the_best_one)
{
    check_engine(NULL, COIR_ENGINE_AUTO, "epoll", "best");
    set_environment(NULL);
    assert_int_equal(coir_run(tell_info, NULL, NULL), 0);
    assert_string_equal(info.engine, "epoll");
}

TEST(an_engine_that_does_not_exist_is_refused)
{
    struct coir_run_options options = {.engine = (enum coir_engine)3};

    set_environment(NULL);
    assert_int_equal(coir_run(tell_info, NULL, &options), -EINVAL);
    set_environment("nonsense");
    assert_int_equal(coir_run(tell_info, NULL, NULL), -EINVAL);
}

static int note_order(void *arg)
{
    static const coir_time durations[] = {3 * COIR_MILLISECOND, 1, 0};
    struct coir_scope *scope = open_scope(NULL);
    coir_time start = coir_now();

    (void)arg;
    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++)
        assert_int_equal(coir_sleep(durations[i]), 0);
    assert_true(coir_now() - start >= 3 * COIR_MILLISECOND + 1);
    spawn(scope, sleep_for_ever, NULL);
    start = coir_now();
    coir_scope_set_limit(scope, 20 * COIR_MILLISECOND);
    assert_int_equal(coir_sleep(1000 * COIR_SECOND), -ETIME);
    assert_true(coir_now() - start >= 20 * COIR_MILLISECOND);
    assert_int_equal(coir_scope_close(scope), 0);
    return 0;
}

TEST(time_passes_alike_on_every_engine)
{
    static const enum coir_engine engines[] = {COIR_ENGINE_EPOLL, COIR_ENGINE_POLL};

    for (size_t i = 0; i < 2; i++) {
        struct coir_run_options options = {.engine = engines[i]};

        assert_int_equal(coir_run(note_order, NULL, &options), 0);
    }
}

TEST(the_version_is_that_of_the_headers)
{
    assert_string_equal(coir_version(), COIR_VERSION);
}
