/* SPDX-License-Identifier: MIT
 *
 * Choosing how stacks are guarded, and that guards hold. What was chosen is
 * remembered by the process, so each case asks in a child that is fresh.
 */
#include "context/sanitizer.h"
#include "stack/guard.h"
#include "stack/stack.h"
#include "support/faults.h"
#include "support/test.h"
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `body` in a fresh process and returns what it returns, which is small and not negative. */
static int in_child(int (*body)(void))
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        int result;

        alarm(50);
        result = body();
        _exit(result);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int choose(void)
{
    enum stack_guard guard;

    return guard_choose(&guard) < 0 ? 99 : (int)guard;
}

static int choose_without_advice(void)
{
    fault_fail("kernel_advise", 2, EINVAL, FAULT_ALWAYS); /* the first is the nonsense, refused anyway */
    return choose();
}

TEST(without_markers_mappings_guard)
{
    assert_int_equal(in_child(choose_without_advice), STACK_GUARD_MAPPINGS);
}

/* As under an emulator: the advice is accepted and nothing is installed, so the page can be read. */
static int choose_with_marker_of_no_effect(void)
{
    fault_fail("kernel_write", 1, EIO, FAULT_ONCE); /* not EFAULT */
    return choose();
}

TEST(a_marker_of_no_effect_is_not_trusted)
{
    assert_int_equal(in_child(choose_with_marker_of_no_effect), STACK_GUARD_MAPPINGS);
}

static int count_advice(void)
{
    (void)choose();
    return (int)fault_calls("kernel_advise");
}

TEST(whoever_accepts_nonsense_is_not_asked_for_markers)
{
    static _Alignas(65536) char page[65536];
    bool accepts_nonsense = madvise(page, sizeof page, 0x7fff) == 0;

    assert_int_equal(in_child(count_advice), accepts_nonsense ? 1 : 2);
    if (accepts_nonsense)
        assert_int_equal(in_child(choose), STACK_GUARD_MAPPINGS);
}

static int choose_twice(void)
{
    int first = choose();
    unsigned maps = fault_calls("kernel_map");

    return choose() == first && fault_calls("kernel_map") == maps ? 0 : 1;
}

TEST(the_choice_is_remembered)
{
    assert_int_equal(in_child(choose_twice), 0);
}

static int choose_without_descriptors(void)
{
    int first;

    fault_fail("kernel_eventfd", 1, EMFILE, FAULT_ONCE);
    first = choose();
    return first == STACK_GUARD_MAPPINGS && choose() == STACK_GUARD_MARKERS ? 0 : 1;
}

TEST(without_a_descriptor_mappings_guard_until_there_is_one)
{
    if (in_child(choose) != STACK_GUARD_MARKERS)
        TEST_SKIP("no markers here");
    assert_int_equal(in_child(choose_without_descriptors), 0);
}

static int choose_without_memory(void)
{
    struct stack_pools pools;

    fault_fail("kernel_map", 1, ENOMEM, FAULT_ONCE);
    if (stack_pools_init(&pools) != -ENOMEM)
        return 1;
    return stack_pools_init(&pools);
}

TEST(without_memory_the_pools_cannot_start)
{
    assert_int_equal(in_child(choose_without_memory), 0);
}

/* Which way, and where on its stack to write. */
struct trespass {
    bool markers;
    enum coir_stack_class stack_class;
    long offset; /* from the lowest usable byte */
};

static void write_at(void *argument)
{
    const struct trespass *trespass = argument;
    struct stack_pools pools;
    struct stack stack;

    if (!trespass->markers)
        fault_fail("kernel_advise", 2, EINVAL, FAULT_ONCE);
    if (stack_pools_init(&pools) < 0 || stack_take(&pools, trespass->stack_class, &pools, &stack) < 0)
        _exit(2);
    if (!trespass->markers && pools.guard != STACK_GUARD_MAPPINGS)
        _exit(3);
    *((volatile char *)stack_low(stack) + trespass->offset) = 1;
    raise(SIGUSR1); /* survived */
}

static void expect_guard(bool markers, enum coir_stack_class stack_class)
{
    const long guard = (long)STACK_GUARD_SIZE;
    const long bad[] = {-1, -guard / 2, -guard};
    struct trespass trespass = {.markers = markers, .stack_class = stack_class};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        trespass.offset = bad[i];
        ASSERT_DIES_OF(SIGSEGV, write_at, &trespass, "");
    }
    trespass.offset = 0;
    ASSERT_DIES_OF(SIGUSR1, write_at, &trespass, "");
}

TEST(no_byte_of_the_guard_can_be_written)
{
    for (int i = 0; i < STACK_CLASS_COUNT; i++)
        expect_guard(true, (enum coir_stack_class)i);
}

TEST(nor_where_mappings_guard)
{
    for (int i = 0; i < STACK_CLASS_COUNT; i++)
        expect_guard(false, (enum coir_stack_class)i);
}

/* Takes stacks until there is no more; returns how many thousand, or 99 if the end is not as it should be. */
static int exhaust_mappings(void)
{
    struct stack_pools pools;
    struct stack stack = {NULL, 0};
    int count = 0;
    int rc;

    fault_fail("kernel_advise", 2, EINVAL, FAULT_ONCE);
    if (stack_pools_init(&pools) < 0 || pools.guard != STACK_GUARD_MAPPINGS)
        return 99;
    while ((rc = stack_take(&pools, COIR_STACK_SMALL, &pools, &stack)) == 0)
        if (++count == 90000)
            return 90; /* this machine allows more mappings than is worth trying */
    /* What was given stays good, and what is given back can be had again. */
    stack_give(&pools, stack);
    if (rc != -ENOMEM || stack_take(&pools, COIR_STACK_SMALL, &pools, &stack) != 0)
        return 99;
    return count / 1000;
}

TEST(when_mappings_run_out_no_stack_is_given)
{
    int thousands;

    if (sanitizer_watches_memory())
        TEST_SKIP("the sanitizer needs mappings too, and Valgrind counts no more than 30,000");
    thousands = in_child(exhaust_mappings);
    assert_in_range(thousands, 16, 90);
}
