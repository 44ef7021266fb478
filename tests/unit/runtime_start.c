/* SPDX-License-Identifier: MIT
 *
 * Starting a run when the kernel or memory says no: coir_run() returns why,
 * leaves nothing behind, and works the next time. The engine falls back only
 * where none was asked for by name.
 */
#include "support/faults.h"
#include "support/test.h"
#include <coir.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct coir_run_info info;

static int tell_info(void *arg)
{
    (void)arg;
    return coir_run_info(&info);
}

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 200; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static int run_on(enum coir_engine engine)
{
    struct coir_run_options options = {.engine = engine};

    return coir_run(tell_info, NULL, &options);
}

TEST(whatever_fails_is_returned_and_nothing_stays_behind)
{
    static const enum coir_engine engines[] = {COIR_ENGINE_EPOLL, COIR_ENGINE_POLL};

    for (size_t i = 0; i < 2; i++) {
        int before = count_descriptors();
        int failed = 0;

        for (unsigned int nth = 1; nth < 40; nth++) {
            int rc;

            fault_clear();
            fault_fail(FAULT_ANY, nth, ENOMEM, FAULT_ONCE);
            rc = run_on(engines[i]);
            assert_true(rc == 0 || (rc == -ENOMEM && fault_hits() == 1));
            failed += rc < 0;
            fault_clear();
            assert_int_equal(count_descriptors(), before);
            assert_int_equal(run_on(engines[i]), 0);
            test_free_handler_stack();
        }
        assert_true(failed > 2);
    }
}

TEST(an_engine_asked_for_by_name_is_not_replaced)
{
    fault_fail("kernel_epoll_create", 1, ENOSYS, FAULT_ALWAYS);
    assert_int_equal(run_on(COIR_ENGINE_EPOLL), -ENOSYS);
    assert_int_equal(setenv("COIR_ENGINE", "epoll", 1), 0);
    assert_int_equal(run_on(COIR_ENGINE_AUTO), -ENOSYS);
    fault_clear();
}

TEST(an_engine_that_does_not_work_here_is_replaced_where_none_was_asked_for)
{
    assert_int_equal(unsetenv("COIR_ENGINE"), 0);
    fault_fail("kernel_epoll_create", 1, ENOSYS, FAULT_ALWAYS);
    assert_int_equal(run_on(COIR_ENGINE_AUTO), 0);
    assert_string_equal(info.engine, "poll");
    assert_non_null(strstr(info.engine_reason, "best"));
    fault_clear();
}

TEST(a_lack_of_descriptors_is_no_reason_for_another_engine)
{
    assert_int_equal(unsetenv("COIR_ENGINE"), 0);
    fault_fail("kernel_epoll_create", 1, EMFILE, FAULT_ALWAYS);
    assert_int_equal(run_on(COIR_ENGINE_AUTO), -EMFILE);
    fault_clear();
}

static const char *const needs_of_epoll[] = {"kernel_epoll_create", "kernel_epoll_wait"};

/* As a sandbox does that knows only poll(2). */
TEST(an_engine_that_a_sandbox_denies_is_replaced_where_none_was_asked_for)
{
    static const int errors[] = {EPERM, EACCES, ENOSYS};

    assert_int_equal(unsetenv("COIR_ENGINE"), 0);
    for (size_t i = 0; i < 2 * sizeof(errors) / sizeof(errors[0]); i++) {
        int before = count_descriptors();

        fault_fail(needs_of_epoll[i % 2], 1, errors[i / 2], FAULT_ALWAYS);
        assert_int_equal(run_on(COIR_ENGINE_AUTO), 0);
        assert_string_equal(info.engine, "poll");
        assert_int_equal(run_on(COIR_ENGINE_EPOLL), -errors[i / 2]);
        fault_clear();
        assert_int_equal(count_descriptors(), before);
    }
}

TEST(where_no_engine_may_wait_the_start_says_so)
{
    assert_int_equal(unsetenv("COIR_ENGINE"), 0);
    fault_fail("kernel_epoll_wait", 1, EPERM, FAULT_ALWAYS);
    fault_fail("kernel_poll", 1, EPERM, FAULT_ALWAYS);
    assert_int_equal(run_on(COIR_ENGINE_AUTO), -EPERM);
    fault_clear();
}

/* What is not needed is done without: nanoseconds in waits, stack overflows told by name. */
TEST(what_a_sandbox_denies_and_nobody_needs_is_done_without)
{
    static const char *const optional[] = {"kernel_epoll_wait_ns", "kernel_signal_action"};

    for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
        fault_fail(optional[i], 1, EPERM, FAULT_ALWAYS);
        assert_int_equal(run_on(COIR_ENGINE_EPOLL), 0);
        fault_clear();
    }
}

static int sleep_a_little(void *arg)
{
    (void)arg;
    return coir_sleep(COIR_MILLISECOND);
}

static void lose_the_right_to_wait(void *arg)
{
    const enum coir_engine *engine = arg;
    struct coir_run_options options = {.engine = *engine};

    fault_fail("kernel_epoll_wait_ns", 2, EPERM, FAULT_ALWAYS);
    fault_fail("kernel_epoll_wait", 2, EPERM, FAULT_ALWAYS); /* where there is no other */
    fault_fail("kernel_poll", 2, EPERM, FAULT_ALWAYS);
    (void)!coir_run(sleep_a_little, NULL, &options);
}

/* A scheduler that can wait for nothing any more must not go round in silence. */
TEST(a_wait_that_is_denied_later_is_reported)
{
    static enum coir_engine engines[] = {COIR_ENGINE_EPOLL, COIR_ENGINE_POLL};

    for (size_t i = 0; i < 2; i++)
        ASSERT_DIES(lose_the_right_to_wait, &engines[i], "error == -ENOMEM");
}
