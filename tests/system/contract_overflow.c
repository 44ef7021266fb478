/* SPDX-License-Identifier: MIT
 *
 * Stack overflow: it "names the task, the stack's size and how to raise it,
 * then dies with a core" (by SIGSEGV). Under a sanitizer, too, as nobody here
 * has put its handler in place: AddressSanitizer makes stacks four times larger.
 */
#include "support/tasks.h"
#include <stdio.h>
#include <string.h>

#define LARGER (TEST_ASAN ? 4 : 1)

/* Never in one step over the guard; the sum keeps it from being a loop. */
static int recurse(int depth)
{
    volatile char block[512];

    block[depth % 512] = (char)depth;
    if (depth == 1 << 20)
        return 0;
    return recurse(depth + 1) + block[(depth + 1) % 512];
}

static int overflow(void *arg)
{
    (void)arg;
    return recurse(0);
}

/* Not inlined: the array has to be one. */
__attribute__((noinline)) static char touch_pages(volatile char *bytes, size_t size)
{
    for (size_t i = size; i > 0; i -= 4096)
        bytes[i - 1] = 1;
    return bytes[size / 2];
}

/* A local array larger than a page: a guard of one page would be stepped over. */
static int overflow_by_array(void *arg)
{
    volatile char block[LARGER * 100 * 1024];

    (void)arg;
    return touch_pages(block, sizeof(block));
}

struct victim {
    struct coir_task_options options;
    int (*fn)(void *arg);
};

static int spawn_victim(void *arg)
{
    const struct victim *victim = arg;
    struct coir_scope *scope;

    if (coir_scope_open(NULL, &scope) < 0 || coir_spawn(scope, sleep_for_ever, NULL, NULL) < 0 ||
        coir_spawn(scope, victim->fn, NULL, &victim->options) < 0)
        return 1;
    return coir_scope_close(scope);
}

static void run_victim(void *argument)
{
    (void)!coir_run(spawn_victim, argument, NULL);
}

/* Of a stack of `kib`, which is its class. */
static void check_report(const struct victim *victim, int kib, const char *remedy)
{
    char size[32];

    snprintf(size, sizeof(size), " %d KiB", LARGER * kib);
    ASSERT_DIES_OF(SIGSEGV, run_victim, (void *)(uintptr_t)victim, "coir: stack overflow: task \"deep one\"");
    assert_non_null(strstr(test_last_words(), size));
    assert_non_null(strstr(test_last_words(), remedy));
}

TEST(an_overflow_names_task_size_and_remedy)
{
    struct victim victim = {.options = {.name = "deep one"}, .fn = overflow};

    check_report(&victim, 64, ".stack = COIR_STACK_LARGE");
    victim.options.stack = COIR_STACK_SMALL;
    check_report(&victim, 16, ".stack = COIR_STACK_DEFAULT");
    victim.options.stack = COIR_STACK_LARGE;
    check_report(&victim, 256, ".stack = COIR_STACK_HUGE");
    victim.options.stack = COIR_STACK_HUGE;
    check_report(&victim, 1024, "no class is larger");
}

TEST(an_array_larger_than_a_page_is_no_way_over_the_guard)
{
    struct victim victim = {.options = {.name = "deep one"}, .fn = overflow_by_array};

    check_report(&victim, 64, ".stack = COIR_STACK_LARGE");
}

static void run_overflow(void *argument)
{
    (void)!coir_run(overflow, argument, NULL);
}

TEST(the_first_task_can_overflow_too)
{
    ASSERT_DIES_OF(SIGSEGV, run_overflow, NULL, "coir: stack overflow: task \"main\"");
}

static int write_to_argument(void *arg)
{
    *(volatile int *)arg = 1;
    return 0;
}

static void run_stray_write(void *argument)
{
    (void)!coir_run(write_to_argument, argument, NULL);
}

/* Other faults die of the same signal, and nobody calls them overflows. */
TEST(another_fault_is_not_called_an_overflow)
{
    /* Not NULL, which UndefinedBehaviorSanitizer would look for before. */
    ASSERT_DIES_OF(SIGSEGV, run_stray_write, (void *)64, "");
    assert_null(strstr(test_last_words(), "coir:"));
}

static void run_without_handlers(void *argument)
{
    struct coir_run_options options = {.leave_fault_signals = true};

    (void)!coir_run(overflow, argument, &options);
}

TEST(without_handlers_it_dies_silently)
{
    ASSERT_DIES_OF(SIGSEGV, run_without_handlers, NULL, "");
    assert_null(strstr(test_last_words(), "coir:"));
}
