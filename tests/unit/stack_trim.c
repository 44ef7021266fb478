/* SPDX-License-Identifier: MIT
 *
 * Trimming: what was free all the time goes back to the kernel, a reserve and
 * what was in use do not, and guards outlive it.
 */
#include "context/sanitizer.h"
#include "stack/stack.h"
#include "support/faults.h"
#include "support/test.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT 200
#define RESERVE 16

static struct stack_pools pools;
static struct stack stacks[COUNT];

static void take_all(void)
{
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(stack_take(&pools, COIR_STACK_SMALL, &pools, &stacks[i]), 0);
        memset(stack_low(stacks[i]), 0x77, stack_size(stacks[i]));
    }
}

static void give_all(void)
{
    for (int i = 0; i < COUNT; i++)
        stack_give(&pools, stacks[i]);
}

/* True if any page of the stack is in memory. */
static bool has_memory(struct stack stack)
{
    unsigned char pages[4096];
    size_t count = stack_size(stack) / (size_t)sysconf(_SC_PAGESIZE);

    assert_in_range(count, 1, sizeof pages);
    assert_int_equal(mincore(stack_low(stack), stack_size(stack), pages), 0);
    for (size_t i = 0; i < count; i++)
        if ((pages[i] & 1) != 0)
            return true;
    return false;
}

static int count_with_memory(void)
{
    int count = 0;

    for (int i = 0; i < COUNT; i++)
        count += has_memory(stacks[i]);
    return count;
}

static void open_idle_pools(void)
{
    assert_int_equal(stack_pools_init(&pools), 0);
    take_all();
    give_all();
}

TEST(what_was_free_all_the_time_goes_back_but_for_a_reserve)
{
    open_idle_pools();
    stack_trim(&pools); /* they were in use since the last call, which was never */
    assert_int_equal(count_with_memory(), COUNT);
    stack_trim(&pools);
    assert_int_equal(count_with_memory(), RESERVE);
    stack_pools_done(&pools);
}

TEST(neighbours_go_back_in_one_call)
{
    open_idle_pools();
    stack_trim(&pools);
    fault_clear();
    stack_trim(&pools);
    assert_int_equal(fault_calls("kernel_advise"), 1);
    stack_pools_done(&pools);
}

TEST(a_stack_in_use_between_them_keeps_its_memory)
{
    struct stack held[4];

    assert_int_equal(stack_pools_init(&pools), 0);
    take_all();
    for (int i = 0; i < COUNT; i++)
        if (i % 50 != 10)
            stack_give(&pools, stacks[i]);
        else
            held[i / 50] = stacks[i];
    stack_trim(&pools);
    fault_clear();
    stack_trim(&pools);
    assert_int_equal(fault_calls("kernel_advise"), 5); /* the pieces between them */
    assert_int_equal(count_with_memory(), RESERVE + 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(*(unsigned char *)stack_low(held[i]), 0x77);
        stack_give(&pools, held[i]);
    }
    stack_pools_done(&pools);
}

TEST(what_was_needed_meanwhile_stays)
{
    open_idle_pools();
    stack_trim(&pools);
    take_all();
    give_all();
    stack_trim(&pools); /* none was free all the time */
    assert_int_equal(count_with_memory(), COUNT);
    stack_pools_done(&pools);
}

TEST(only_the_low_water_counts)
{
    struct stack busy[100];

    open_idle_pools();
    stack_trim(&pools);
    for (int i = 0; i < 100; i++)
        assert_int_equal(stack_take(&pools, COIR_STACK_SMALL, &pools, &busy[i]), 0);
    for (int i = 0; i < 100; i++)
        stack_give(&pools, busy[i]);
    stack_trim(&pools);
    assert_int_equal(count_with_memory(), 100 + RESERVE);
    stack_pools_done(&pools);
}

TEST(nothing_is_trimmed_twice)
{
    open_idle_pools();
    stack_trim(&pools);
    assert_true(stack_trim_wanted(&pools));
    stack_trim(&pools);
    assert_false(stack_trim_wanted(&pools));
    fault_clear();
    stack_trim(&pools);
    assert_int_equal(fault_calls("kernel_advise"), 0);
    stack_pools_done(&pools);
}

TEST(what_was_trimmed_is_trimmed_again_after_use)
{
    open_idle_pools();
    stack_trim(&pools);
    stack_trim(&pools);
    take_all();
    give_all();
    assert_true(stack_trim_wanted(&pools));
    stack_trim(&pools);
    stack_trim(&pools);
    assert_int_equal(count_with_memory(), RESERVE);
    stack_pools_done(&pools);
}

TEST(few_free_stacks_are_not_worth_a_trim)
{
    struct stack few[RESERVE];

    assert_int_equal(stack_pools_init(&pools), 0);
    assert_false(stack_trim_wanted(&pools));
    for (int i = 0; i < RESERVE; i++)
        assert_int_equal(stack_take(&pools, COIR_STACK_LARGE, &pools, &few[i]), 0);
    for (int i = 0; i < RESERVE; i++)
        stack_give(&pools, few[i]);
    assert_false(stack_trim_wanted(&pools));
    stack_trim(&pools);
    fault_clear();
    stack_trim(&pools);
    assert_int_equal(fault_calls("kernel_advise"), 0);
    stack_pools_done(&pools);
}

/* Whether the kernel can read the byte, which tells of a guard without a signal. */
static bool can_be_read(const char *byte)
{
    int ends[2];
    bool readable;

    assert_int_equal(pipe(ends), 0);
    readable = write(ends[1], byte, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return readable;
}

TEST(guards_and_stacks_work_after_a_trim)
{
    open_idle_pools();
    stack_trim(&pools);
    stack_trim(&pools);
    take_all();
    for (int i = 0; i < COUNT; i++) {
        const char *low = stack_low(stacks[i]);

        assert_false(can_be_read(low - 1));
        assert_false(can_be_read(low - STACK_GUARD_SIZE));
        assert_true(can_be_read(low));
    }
    give_all();
    stack_pools_done(&pools);
}
