/* SPDX-License-Identifier: MIT
 *
 * Signals as events: coir_signal_wait(). The thread's mask is restored by
 * runtime/ when the run ends.
 */
#include "io/loop.h"
#include "kernel/kernel.h"
#include <coir/wait.h>
#include <errno.h>

/* Signals that cannot be blocked, or that a blocked mask would turn into a kill without a trace. */
static bool can_wait_for(int signal)
{
    switch (signal) {
    case SIGKILL:
    case SIGSTOP:
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
        return false;
    default:
        return true;
    }
}

static int make_set(const int *signals, size_t count, sigset_t *ret_set)
{
    if (count == 0)
        return -EINVAL;
    sigemptyset(ret_set);
    for (size_t i = 0; i < count; i++)
        if (!can_wait_for(signals[i]) || sigaddset(ret_set, signals[i]) < 0)
            return -EINVAL;
    return 0;
}

static int wait_for_signal(const sigset_t *set)
{
    struct engine *engine = loop_current()->engine;
    struct endpoint *endpoint;
    int rc = engine->table->open_signals(engine, set, &endpoint);

    if (rc < 0)
        return rc;
    endpoint->in.kind = OPERATION_SIGNAL;
    rc = operation_await(endpoint, &endpoint->in, COIR_FOREVER);
    engine->table->close(engine, endpoint, ENDPOINT_CLOSE);
    return rc;
}

int coir_signal_wait(const int *signals, size_t count, int *ret_signal)
{
    sigset_t set;
    int rc;

    ASSERT(task_is_running());
    rc = task_enter(NULL);
    ASSERT((signals != NULL || count == 0) && ret_signal != NULL);
    if (rc < 0)
        return rc;
    rc = make_set(signals, count, &set);
    if (rc == 0)
        rc = kernel_signal_mask(SIG_BLOCK, &set, NULL);
    if (rc == 0)
        rc = wait_for_signal(&set);
    if (rc < 0)
        return rc;
    *ret_signal = rc;
    return 0;
}
