/* SPDX-License-Identifier: MIT
 *
 * Masks, actions, stacks and descriptors of signals.
 */
#include "kernel/kernel.h"
#include "support/test.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

static volatile sig_atomic_t handled;
static volatile uintptr_t handled_at;

static void note_signal(int signal)
{
    char here;

    handled = signal;
    handled_at = (uintptr_t)&here;
}

static sigset_t only(int signal)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, signal);
    return signals;
}

TEST(blocked_signal_comes_through_a_descriptor)
{
    struct signalfd_siginfo info;
    sigset_t signals = only(SIGUSR1);
    sigset_t previous;
    int fd = kernel_signalfd(&signals);

    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(kernel_signal_mask(SIG_BLOCK, &signals, &previous), 0);
    assert_false(sigismember(&previous, SIGUSR1));
    assert_int_equal(kernel_read(fd, &info, sizeof(info)), -EAGAIN);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    assert_int_equal(kernel_read(fd, &info, sizeof(info)), sizeof(info));
    assert_int_equal(info.ssi_signo, SIGUSR1);
    assert_int_equal(kernel_signal_mask(SIG_SETMASK, &previous, NULL), 0);
    close(fd);
}

TEST(action_is_set_and_the_last_one_told)
{
    struct sigaction action = {.sa_handler = note_signal};
    struct sigaction previous;

    assert_int_equal(kernel_signal_action(SIGUSR2, &action, &previous), 0);
    assert_true(previous.sa_handler == SIG_DFL);
    handled = 0;
    raise(SIGUSR2);
    assert_int_equal(handled, SIGUSR2);
    assert_int_equal(kernel_signal_action(SIGUSR2, &previous, &action), 0);
    assert_true(action.sa_handler == note_signal);
}

TEST(handler_runs_on_the_stack_it_was_given)
{
    stack_t stack = {.ss_size = 65536};
    stack_t previous;
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_ONSTACK};
    uintptr_t low;

    stack.ss_sp = malloc(stack.ss_size);
    assert_non_null(stack.ss_sp);
    low = (uintptr_t)stack.ss_sp;
    assert_int_equal(kernel_signal_stack(&stack, &previous), 0);
    assert_int_equal(kernel_signal_action(SIGUSR2, &action, NULL), 0);
    raise(SIGUSR2);
    if (!TEST_ASAN) /* which may keep locals elsewhere */
        assert_true(handled_at >= low && handled_at < low + stack.ss_size);
    action.sa_handler = SIG_DFL;
    assert_int_equal(kernel_signal_action(SIGUSR2, &action, NULL), 0);
    assert_int_equal(kernel_signal_stack(&previous, &stack), 0);
    assert_true((uintptr_t)stack.ss_sp == low);
    free(stack.ss_sp);
}

TEST(signal_calls_return_their_error)
{
    struct sigaction action = {.sa_handler = note_signal};
    stack_t tiny = {.ss_sp = &action, .ss_size = 8};
    sigset_t signals = only(SIGUSR1);

    assert_int_equal(kernel_signal_mask(12345, &signals, NULL), -EINVAL);
    assert_int_equal(kernel_signal_action(SIGKILL, &action, NULL), -EINVAL);
    assert_int_equal(kernel_signal_stack(&tiny, NULL), -ENOMEM);
}
