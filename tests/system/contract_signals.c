/* SPDX-License-Identifier: MIT
 *
 * Process manners: "other signals arrive as events, coir_signal_wait(signals,
 * count, &ret_signal)", and what coir/wait.h says of it.
 */
#include "support/tasks.h"
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

static int two[] = {SIGUSR1, SIGUSR2};

static int raise_later(void *arg)
{
    if (coir_sleep(COIR_MILLISECOND) < 0)
        return 1;
    return kill(getpid(), *(int *)arg);
}

TASK_TEST(a_signal_arrives_as_an_event)
{
    struct coir_scope *scope = open_scope(NULL);

    for (int i = 0; i < 2; i++) {
        int received = 0;

        spawn(scope, raise_later, &two[i]);
        assert_int_equal(coir_signal_wait(two, 2, &received), 0);
        assert_int_equal(received, two[i]);
    }
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(others_run_while_a_task_waits_for_a_signal)
{
    struct coir_scope *scope = open_scope(NULL);
    int received = 0;
    coir_time start = coir_now();

    spawn(scope, raise_later, &two[0]);
    assert_int_equal(coir_signal_wait(two, 1, &received), 0);
    assert_true(coir_now() - start >= COIR_MILLISECOND);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(a_signal_between_two_calls_is_kept_for_the_second)
{
    struct coir_scope *scope = open_scope(NULL);
    int received = 0;

    spawn(scope, raise_later, &two[0]);
    assert_int_equal(coir_signal_wait(two, 2, &received), 0);
    assert_int_equal(kill(getpid(), SIGUSR2), 0);
    assert_int_equal(coir_sleep(COIR_MILLISECOND), 0);
    assert_int_equal(coir_signal_wait(two, 2, &received), 0);
    assert_int_equal(received, SIGUSR2);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(a_wait_for_signals_obeys_its_scope)
{
    struct coir_scope *scope = open_scope(&(struct coir_scope_options){.limit_ns = COIR_MILLISECOND});
    int received = 0;

    assert_int_equal(coir_signal_wait(two, 2, &received), -ETIME);
    assert_int_equal(coir_scope_close(scope), 0);
    scope = open_scope(NULL);
    coir_scope_cancel(scope);
    assert_int_equal(coir_signal_wait(two, 2, &received), -ECANCELED);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(received, 0);
}

struct reception {
    int signal;
    int received;
};

static int wait_for_one(void *arg)
{
    struct reception *reception = arg;

    return coir_signal_wait(&reception->signal, 1, &reception->received);
}

TASK_TEST(each_task_gets_the_signal_that_it_waits_for)
{
    struct coir_scope *scope = open_scope(NULL);
    struct reception receptions[2] = {{SIGUSR1, 0}, {SIGUSR2, 0}};

    spawn(scope, wait_for_one, &receptions[0]);
    spawn(scope, wait_for_one, &receptions[1]);
    let_others_run(1);
    assert_int_equal(kill(getpid(), SIGUSR2), 0);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(receptions[0].received, SIGUSR1);
    assert_int_equal(receptions[1].received, SIGUSR2);
}

TASK_TEST(of_several_that_wait_for_a_signal_one_gets_it)
{
    struct coir_scope *scope = open_scope(NULL);
    struct reception receptions[3] = {{SIGUSR1, 0}, {SIGUSR1, 0}, {SIGUSR1, 0}};
    int got = 0;

    for (int i = 0; i < 3; i++)
        spawn(scope, wait_for_one, &receptions[i]);
    let_others_run(1);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    assert_int_equal(coir_sleep(5 * COIR_MILLISECOND), 0);
    for (int i = 0; i < 3; i++)
        got += receptions[i].received == SIGUSR1;
    assert_int_equal(got, 1);
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
}

static bool is_blocked(int signal)
{
    sigset_t mask;

    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    return sigismember(&mask, signal) == 1;
}

static int wait_shortly(void *arg)
{
    struct coir_scope *scope = open_scope(&(struct coir_scope_options){.limit_ns = 100 * COIR_MILLISECOND});
    int received;

    (void)arg;
    assert_false(is_blocked(SIGUSR1));
    assert_int_equal(coir_signal_wait(two, 1, &received), -ETIME);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_true(is_blocked(SIGUSR1)); /* until the run has ended */
    assert_false(is_blocked(SIGUSR2));
    return 0;
}

TEST(signals_waited_for_are_blocked_until_the_run_has_ended)
{
    assert_false(is_blocked(SIGUSR1));
    assert_int_equal(coir_run(wait_shortly, NULL, NULL), 0);
    assert_false(is_blocked(SIGUSR1));
}
