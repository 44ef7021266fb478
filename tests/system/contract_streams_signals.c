/* SPDX-License-Identifier: MIT
 *
 * The contract of coir_signal_wait().
 */
#include "support/session.h"
#include <signal.h>

static const int both[] = {SIGUSR1, SIGUSR2};

static int raise_soon(void *arg)
{
    session_settle();
    kill(getpid(), *(const int *)arg);
    return 0;
}

SESSION_TEST(a_signal_is_an_event)
{
    for (int i = 0; i < 4; i++) {
        struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
        int signal = 0;

        session_spawn(scope, raise_soon, (void *)(uintptr_t)&both[i % 2]);
        assert_int_equal(coir_signal_wait(both, 2, &signal), 0);
        assert_int_equal(signal, both[i % 2]);
        assert_int_equal(coir_scope_close(scope), 0);
    }
}

SESSION_TEST(one_that_comes_between_two_calls_is_kept)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);
    int signal = 0;

    coir_scope_set_limit(scope, 100 * COIR_MILLISECOND);
    assert_int_equal(coir_signal_wait(both, 2, &signal), -ETIME);
    assert_int_equal(signal, 0);
    coir_scope_close(scope);
    kill(getpid(), SIGUSR2); /* its default is to kill */
    session_settle();
    assert_int_equal(coir_signal_wait(both, 2, &signal), 0);
    assert_int_equal(signal, SIGUSR2);
}

static int wait_for_both(void *arg)
{
    (void)arg;
    return coir_signal_wait(both, 2, &(int){0});
}

SESSION_TEST(one_of_several_waiters_gets_it)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
    struct coir_scope_info info;

    for (int i = 0; i < 3; i++)
        session_spawn(scope, wait_for_both, NULL);
    session_settle();
    for (uint64_t left = 3; left > 0; left--) {
        kill(getpid(), SIGUSR1);
        session_settle();
        assert_int_equal(coir_scope_info(scope, &info), 0);
        assert_int_equal(info.children, left - 1);
    }
    assert_int_equal(coir_scope_close(scope), 0);
}

SESSION_TEST(a_signal_wait_obeys_the_scope)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
    int signal = 0;
    int result = 0;
    struct coir_task_options options = {.stack = COIR_STACK_LARGE, .ret_result = &result};

    assert_int_equal(coir_spawn(scope, wait_for_both, NULL, &options), 0);
    session_settle();
    coir_scope_cancel(scope);
    assert_int_equal(coir_signal_wait(both, 2, &signal), -ECANCELED);
    coir_scope_close(scope);
    assert_int_equal(result, -ECANCELED);
}

SESSION_TEST(what_cannot_be_waited_for_is_a_wrong_value)
{
    static const int wrong[] = {0, -1, 65, 1000, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    int signal = 0;

    assert_int_equal(coir_signal_wait(NULL, 0, &signal), -EINVAL);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        int set[] = {SIGUSR1, wrong[i]};

        assert_int_equal(coir_signal_wait(set, 2, &signal), -EINVAL);
    }
    assert_int_equal(signal, 0);
}

static int wait_once(void *arg)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_FAIL_FAST);

    (void)arg;
    coir_scope_set_limit(scope, COIR_MILLISECOND);
    assert_int_equal(coir_signal_wait(both, 2, &(int){0}), -ETIME);
    coir_scope_close(scope);
    return 0;
}

TEST(the_threads_mask_is_restored_when_the_run_ends)
{
    struct coir_run_options options = {.stack = COIR_STACK_HUGE};
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    assert_int_equal(sigprocmask(SIG_BLOCK, &mask, NULL), 0);
    assert_int_equal(coir_run(wait_once, NULL, &options), 0);
    assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
    assert_int_equal(sigismember(&mask, SIGUSR1), 1); /* as it was */
    assert_int_equal(sigismember(&mask, SIGUSR2), 0);
}
