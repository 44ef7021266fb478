/* SPDX-License-Identifier: MIT
 *
 * Fault signals: see fault.h. The handlers are the process's, so that is the
 * count of threads that watch, and what was there before.
 */
#include "runtime/fault.h"
#include "base/alloc.h"
#include "kernel/kernel.h"
#include "observe/report.h"
#include <errno.h>
#include <pthread.h>

#define HANDLER_STACK_SIZE ((size_t)65536)
#define SIGNAL_COUNT 2

static const int fault_signals[SIGNAL_COUNT] = {SIGSEGV, SIGBUS};

static struct {
    pthread_mutex_t lock;
    unsigned int watchers;
    bool installed[SIGNAL_COUNT];
} faults = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void restore_default(int signal)
{
    struct sigaction action = {.sa_handler = SIG_DFL};

    (void)kernel_signal_action(signal, &action, NULL);
}

/* Returns into the instruction that faulted, which faults again and, by the default, dumps the core where it is. */
static void tell_fault(int signal, siginfo_t *information, void *context)
{
    (void)context;
    if (scheduler_current != NULL)
        report_overflow(scheduler_current, information->si_addr);
    restore_default(signal);
    if (information->si_code <= 0)
        (void)kernel_signal_raise(signal); /* somebody sent it: no instruction would fault again */
}

/* True if the signal's disposition was the default and the handler is in place now. */
static bool install_handler(int signal)
{
    struct sigaction action = {.sa_sigaction = tell_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction present;

    if (kernel_signal_action(signal, NULL, &present) < 0 || present.sa_flags & SA_SIGINFO ||
        present.sa_handler != SIG_DFL)
        return false;
    sigemptyset(&action.sa_mask);
    return kernel_signal_action(signal, &action, NULL) == 0;
}

static void install_handlers(void)
{
    pthread_mutex_lock(&faults.lock);
    if (faults.watchers++ == 0)
        for (size_t i = 0; i < SIGNAL_COUNT; i++)
            faults.installed[i] = install_handler(fault_signals[i]);
    pthread_mutex_unlock(&faults.lock);
}

/* Puts the default back, unless somebody has put another handler in our place meanwhile. */
static void remove_handler(int signal)
{
    struct sigaction present;

    if (kernel_signal_action(signal, NULL, &present) == 0 && present.sa_flags & SA_SIGINFO &&
        present.sa_sigaction == tell_fault)
        restore_default(signal);
}

static void remove_handlers(void)
{
    pthread_mutex_lock(&faults.lock);
    if (--faults.watchers == 0)
        for (size_t i = 0; i < SIGNAL_COUNT; i++)
            if (faults.installed[i])
                remove_handler(fault_signals[i]);
    pthread_mutex_unlock(&faults.lock);
}

/* The overflown stack cannot hold the handler's frame. */
static int give_handler_stack(struct fault_watch *watch)
{
    stack_t stack = {.ss_size = HANDLER_STACK_SIZE};
    stack_t present;
    int rc = kernel_signal_stack(NULL, &present);

    if (rc < 0 || !(present.ss_flags & SS_DISABLE))
        return rc;
    stack.ss_sp = alloc_bytes(HANDLER_STACK_SIZE);
    if (stack.ss_sp == NULL)
        return -ENOMEM;
    rc = kernel_signal_stack(&stack, NULL);
    if (rc < 0)
        alloc_free(stack.ss_sp);
    else
        watch->stack = stack.ss_sp;
    return rc;
}

int fault_watch(struct fault_watch *watch)
{
    int rc;

    *watch = (struct fault_watch){.stack = NULL};
    rc = give_handler_stack(watch);
    if (rc < 0)
        return rc;
    install_handlers();
    watch->watches = true;
    return 0;
}

void fault_unwatch(struct fault_watch *watch)
{
    stack_t none = {.ss_flags = SS_DISABLE};

    if (!watch->watches)
        return;
    remove_handlers();
    if (watch->stack != NULL && kernel_signal_stack(&none, NULL) == 0) /* else handlers still run on it */
        alloc_free(watch->stack);
    watch->watches = false;
}
