/* SPDX-License-Identifier: MIT
 *
 * Usage: wrecks overflow|inlined
 *
 * Ends by a signal in its task "crash", while the tasks "sleeper" and "deep"
 * wait, the latter in many frames: by a recursion that oversteps the stack, or
 * by a write to nowhere in an inlined function.
 */
#include "peer.h"
#include <coir.h>

#define DEPTH 300

static volatile int depth;

static inline __attribute__((always_inline)) void write_to_nowhere(volatile int *place)
{
    depth++; /* at the first instruction of an inlined function gdb says that it has not begun */
    *place = 1;
}

static __attribute__((noinline)) int crash_inlined(void)
{
    write_to_nowhere((volatile int *)(uintptr_t)(depth * 8));
    return depth;
}

static __attribute__((noinline)) int recurse(int more) /* NOLINT(misc-no-recursion) */
{
    volatile char frame[64] = {(char)more};
    int rc = more != 0 ? recurse(more - 1) : coir_sleep(3600 * COIR_SECOND);

    return rc + frame[0];
}

static int run_crash(void *arg)
{
    return strcmp(arg, "overflow") == 0 ? recurse(-1) : crash_inlined();
}

static int run_deep(void *arg)
{
    (void)arg;
    return recurse(DEPTH);
}

static int run_sleeper(void *arg)
{
    (void)arg;
    return coir_sleep(3600 * COIR_SECOND);
}

static int run(void *arg)
{
    static const struct {
        int (*fn)(void *arg);
        struct coir_task_options options;
    } tasks[] = {
        {run_sleeper, {.name = "sleeper"}},
        {run_deep, {.name = "deep"}},
        {run_sleeper, {.name = "\033[31m\"odd\""}},
        {run_crash, {.name = "crash"}},
    };
    struct coir_scope *scope;
    int rc = coir_scope_open(NULL, &scope);

    for (size_t i = 0; rc == 0 && i < sizeof(tasks) / sizeof(tasks[0]); i++)
        rc = coir_spawn(scope, tasks[i].fn, arg, &tasks[i].options);
    return rc < 0 ? rc : coir_scope_close(scope);
}

int main(int argc, char **argv)
{
    return argc == 2 ? coir_run(run, argv[1], NULL) : 2;
}
