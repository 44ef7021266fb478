/* SPDX-License-Identifier: MIT
 *
 * The calls of kernel.h about signals.
 */
#include "kernel/kernel.h"
#include <errno.h>
#include <sys/signalfd.h>

int kernel_signal_mask(int how, const sigset_t *signals, sigset_t *ret_previous)
{
    return -pthread_sigmask(how, signals, ret_previous); /* returns its error, positive */
}

int kernel_signal_action(int signal, const struct sigaction *action, struct sigaction *ret_previous)
{
    return sigaction(signal, action, ret_previous) < 0 ? -errno : 0;
}

int kernel_signal_stack(const stack_t *stack, stack_t *ret_previous)
{
    return sigaltstack(stack, ret_previous) < 0 ? -errno : 0;
}

int kernel_signal_raise(int signal)
{
    return raise(signal) != 0 ? -errno : 0;
}

int kernel_signalfd(const sigset_t *signals)
{
    int fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);

    return fd < 0 ? -errno : fd;
}
