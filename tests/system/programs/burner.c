/* SPDX-License-Identifier: MIT
 *
 * Usage: burner MILLISECONDS
 *
 * For profilers to look at: two tasks that take turns, each computing for a
 * millisecond, three functions below its entry, until that much time is over.
 */
#include "peer.h"
#include <coir.h>

static coir_time end;

static __attribute__((noinline)) void compute(void)
{
    coir_time until = coir_now() + COIR_MILLISECOND;
    volatile unsigned count;

    do {
        for (count = 0; count < 100000;)
            count = count + 1;
    } while (coir_now() < until);
}

static __attribute__((noinline)) int take_turns(void)
{
    int rc = 0;

    while (rc == 0 && coir_now() < end) {
        compute();
        rc = coir_yield();
    }
    return rc;
}

static int run_burner(void *arg)
{
    int rc = take_turns();

    (void)arg;
    return rc;
}

static int start_burners(void *arg)
{
    struct coir_scope *scope;
    int rc = coir_scope_open(NULL, &scope);

    if (rc < 0)
        return rc;
    end = coir_now() + (coir_time) * (size_t *)arg * COIR_MILLISECOND;
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = coir_spawn(scope, run_burner, NULL, NULL);
    if (rc < 0)
        PEER_DIE("coir_spawn: %s", strerror(-rc));
    return coir_scope_close(scope);
}

int main(int argument_count, char **arguments)
{
    size_t milliseconds;

    if (argument_count != 2)
        PEER_DIE("usage: burner MILLISECONDS");
    milliseconds = peer_number(arguments[1]);
    return coir_run(start_burners, &milliseconds, NULL) == 0 ? 0 : 1;
}
