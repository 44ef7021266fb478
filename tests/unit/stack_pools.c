/* SPDX-License-Identifier: MIT
 *
 * Pools of stacks: sizes, addresses, recycling, growth, finding, and what
 * happens where there is no memory.
 */
#include "context/sanitizer.h"
#include "stack/stack.h"
#include "support/faults.h"
#include "support/test.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct stack_pools pools;
static int owners[8]; /* their addresses serve as owners */

static void open_pools(void)
{
    assert_int_equal(stack_pools_init(&pools), 0);
    fault_clear();
}

static struct stack take(enum coir_stack_class stack_class)
{
    struct stack stack = {NULL, 0};

    assert_int_equal(stack_take(&pools, stack_class, &owners[0], &stack), 0);
    return stack;
}

static bool is_same(struct stack left, struct stack right)
{
    return left.chunk == right.chunk && left.slot == right.slot;
}

TEST(every_class_has_its_size_and_can_be_written)
{
    static const size_t sizes[STACK_CLASS_COUNT] = {65536, 16384, 262144, 1048576};

    open_pools();
    for (int i = 0; i < STACK_CLASS_COUNT; i++) {
        struct stack stack = take((enum coir_stack_class)i);

        assert_int_equal(stack_size(stack), stack_round_size(sizes[i]));
        assert_in_range(stack_size(stack), sizes[i] * sanitizer_stack_factor(), SIZE_MAX);
        memset(stack_low(stack), 0xA5, stack_size(stack));
        stack_give(&pools, stack);
    }
    stack_pools_done(&pools);
}

TEST(a_class_that_does_not_exist_is_refused)
{
    struct stack stack = {NULL, 7};

    open_pools();
    assert_int_equal(stack_take(&pools, (enum coir_stack_class)4, &owners[0], &stack), -EINVAL);
    assert_int_equal(stack_take(&pools, (enum coir_stack_class) - 1, &owners[0], &stack), -EINVAL);
    assert_int_equal(stack.slot, 7);
    assert_int_equal(stack_reserved(&pools), 0);
    stack_pools_done(&pools);
}

TEST(the_last_given_is_the_next_taken)
{
    struct stack stacks[10];

    open_pools();
    for (int i = 0; i < 10; i++)
        stacks[i] = take(COIR_STACK_SMALL);
    for (int i = 0; i < 10; i++)
        stack_give(&pools, stacks[i]);
    for (int i = 9; i >= 0; i--)
        assert_true(is_same(take(COIR_STACK_SMALL), stacks[i]));
    for (int i = 0; i < 10; i++)
        stack_give(&pools, stacks[i]);
    stack_pools_done(&pools);
}

TEST(a_recycled_stack_costs_no_system_call)
{
    open_pools();
    stack_give(&pools, take(COIR_STACK_DEFAULT));
    fault_clear();
    stack_give(&pools, take(COIR_STACK_DEFAULT));
    assert_int_equal(fault_calls("kernel_advise") + fault_calls("kernel_forbid") + fault_calls("kernel_map"), 0);
    assert_int_equal(fault_calls("alloc_bytes") + fault_calls("alloc_zeroed"), 0);
    stack_pools_done(&pools);
}

static int compare_addresses(const void *left, const void *right)
{
    uintptr_t a = *(const uintptr_t *)left;
    uintptr_t b = *(const uintptr_t *)right;

    return (a > b) - (a < b);
}

TEST(no_two_stacks_touch)
{
    enum { COUNT = 5000 }; /* three chunks */
    static struct stack stacks[COUNT];
    static uintptr_t lows[COUNT];

    open_pools();
    for (int i = 0; i < COUNT; i++) {
        stacks[i] = take(COIR_STACK_DEFAULT);
        lows[i] = (uintptr_t)stack_low(stacks[i]);
    }
    qsort(lows, COUNT, sizeof lows[0], compare_addresses);
    for (int i = 1; i < COUNT; i++)
        assert_in_range(lows[i] - lows[i - 1], stack_size(stacks[0]) + STACK_GUARD_SIZE, UINTPTR_MAX);
    for (int i = 0; i < COUNT; i++)
        stack_give(&pools, stacks[i]);
    stack_pools_done(&pools);
}

TEST(the_stride_is_no_power_of_two)
{
    for (int i = 0; i < STACK_CLASS_COUNT; i++) {
        struct stack first;
        struct stack second;
        size_t stride;

        open_pools();
        first = take((enum coir_stack_class)i);
        second = take((enum coir_stack_class)i);
        stride = (uintptr_t)stack_low(second) - (uintptr_t)stack_low(first);
        assert_true((stride & (stride - 1)) != 0);
        stack_give(&pools, first);
        stack_give(&pools, second);
        stack_pools_done(&pools);
    }
}

/* Takes `count` stacks, tells how much is reserved then, gives all back. */
static uint64_t reserved_for(int count)
{
    static struct stack stacks[4000];
    uint64_t reserved;

    open_pools();
    for (int i = 0; i < count; i++)
        stacks[i] = take(COIR_STACK_SMALL);
    reserved = stack_reserved(&pools);
    for (int i = 0; i < count; i++)
        stack_give(&pools, stacks[i]);
    stack_pools_done(&pools);
    return reserved;
}

TEST(chunks_double)
{
    uint64_t first = reserved_for(1);

    assert_int_equal(first % 1024, 0);
    assert_int_equal(reserved_for(1024), first);
    assert_int_equal(reserved_for(1025), first * 3);
    assert_int_equal(reserved_for(3073),
                     first * (sizeof(void *) < 8 ? 5 : 7)); /* where addresses are scarce, no more */
}

TEST(a_chunk_is_a_small_part_of_all_addresses)
{
    struct stack stack;

    open_pools();
    stack = take(COIR_STACK_HUGE);
    assert_in_range(stack_reserved(&pools), 16 * stack.chunk->stride, SIZE_MAX / 16);
    stack_give(&pools, stack);
    stack_pools_done(&pools);
}

TEST(a_chunk_halves_until_there_is_room)
{
    uint64_t whole = reserved_for(1);
    struct stack stack;

    open_pools();
    for (unsigned nth = 1; nth <= 6; nth++)
        fault_fail("kernel_map", nth, ENOMEM, FAULT_ONCE);
    stack = take(COIR_STACK_SMALL);
    assert_int_equal(stack_reserved(&pools), whole / 64); /* 16 slots */
    stack_give(&pools, stack);
    stack_pools_done(&pools);
}

TEST(without_address_space_there_is_no_stack)
{
    struct stack stack = {NULL, 7};

    open_pools();
    fault_fail("kernel_map", 1, ENOMEM, FAULT_ALWAYS);
    assert_int_equal(stack_take(&pools, COIR_STACK_DEFAULT, &owners[0], &stack), -ENOMEM);
    assert_int_equal(fault_calls("kernel_map"), 7); /* 1,024 to 16 */
    assert_int_equal(stack.slot, 7);
    fault_clear();
    stack_give(&pools, take(COIR_STACK_DEFAULT));
    stack_pools_done(&pools);
}

static void expect_nothing_kept(const char *function)
{
    struct stack stack;

    open_pools();
    fault_fail(function, 1, ENOMEM, FAULT_ONCE);
    assert_int_equal(stack_take(&pools, COIR_STACK_DEFAULT, &owners[0], &stack), -ENOMEM);
    assert_int_equal(fault_hits(), 1);
    assert_int_equal(fault_calls("kernel_map"), fault_calls("kernel_unmap"));
    assert_int_equal(stack_reserved(&pools), 0);
    stack_give(&pools, take(COIR_STACK_DEFAULT));
    stack_pools_done(&pools);
}

TEST(without_memory_for_the_books_nothing_is_kept)
{
    expect_nothing_kept("alloc_zeroed");
    expect_nothing_kept("alloc_bytes");
}

TEST(a_later_chunk_that_fails_leaves_the_earlier_ones)
{
    static struct stack stacks[1025];
    uint64_t reserved;

    open_pools();
    for (int i = 0; i < 1024; i++)
        stacks[i] = take(COIR_STACK_SMALL);
    reserved = stack_reserved(&pools);
    fault_fail("alloc_bytes", 1, ENOMEM, FAULT_ONCE);
    assert_int_equal(stack_take(&pools, COIR_STACK_SMALL, &owners[0], &stacks[1024]), -ENOMEM);
    assert_int_equal(stack_reserved(&pools), reserved);
    stacks[1024] = take(COIR_STACK_SMALL);
    for (int i = 0; i < 1025; i++)
        stack_give(&pools, stacks[i]);
    stack_pools_done(&pools);
}

TEST(without_a_guard_there_is_no_stack)
{
    const char *place = NULL;
    struct stack first;
    struct stack stack = {NULL, 7};

    open_pools();
    place = pools.guard == STACK_GUARD_MARKERS ? "kernel_advise" : "kernel_forbid";
    first = take(COIR_STACK_DEFAULT);
    fault_fail(place, 1, ENOMEM, FAULT_ONCE);
    assert_int_equal(stack_take(&pools, COIR_STACK_DEFAULT, &owners[0], &stack), -ENOMEM);
    assert_int_equal(stack.slot, 7);
    fault_clear();
    stack = take(COIR_STACK_DEFAULT);
    assert_int_equal(fault_calls(place), 1); /* the guard that failed was tried again */
    stack_give(&pools, first);
    stack_give(&pools, stack);
    stack_pools_done(&pools);
}

static void expect_site(const char *address, void *owner, bool in_guard, struct stack stack)
{
    struct stack_site site;

    memset(&site, 0xEE, sizeof site);
    assert_true(stack_find(&pools, address, &site));
    assert_ptr_equal(site.owner, owner);
    assert_int_equal(site.in_guard, in_guard);
    assert_int_equal(site.size, stack_size(stack));
    assert_int_equal(site.stack_class, stack.chunk->stack_class);
}

TEST(an_address_is_found)
{
    struct stack_site site;

    open_pools();
    for (int i = 0; i < STACK_CLASS_COUNT; i++) {
        struct stack stack;
        struct stack above;
        const char *low;

        assert_int_equal(stack_take(&pools, (enum coir_stack_class)i, &owners[i], &stack), 0);
        assert_int_equal(stack_take(&pools, (enum coir_stack_class)i, &owners[i + 4], &above), 0);
        low = stack_low(stack);
        expect_site(low, &owners[i], false, stack);
        expect_site(low + stack_size(stack) - 1, &owners[i], false, stack);
        expect_site(low + stack_size(stack), &owners[i + 4], true, above);
        expect_site(low - 1, &owners[i], true, stack);
        expect_site(low - STACK_GUARD_SIZE, &owners[i], true, stack);
        stack_give(&pools, stack);
        expect_site(low, NULL, false, stack);
        stack_give(&pools, above);
    }
    assert_false(stack_find(&pools, &site, &site));
    assert_false(stack_find(&pools, NULL, &site));
    assert_false(stack_find(&pools, (void *)UINTPTR_MAX, &site));
    stack_pools_done(&pools);
}

static void close_pools_in_use(void *argument)
{
    (void)argument;
    stack_pools_done(&pools);
}

TEST(closing_pools_in_use_is_misuse)
{
    struct stack stack;

    open_pools();
    stack = take(COIR_STACK_DEFAULT);
    ASSERT_DIES(close_pools_in_use, NULL, "owners[slot] == NULL");
    stack_give(&pools, stack);
    stack_pools_done(&pools);
}

TEST(sizes_are_rounded_up_to_pages)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    for (size_t size = 1; size < 3 * page; size += 511) {
        assert_int_equal(stack_round_size(size) % page, 0);
        assert_in_range(stack_round_size(size), size * sanitizer_stack_factor(),
                        size * sanitizer_stack_factor() + page - 1);
    }
}

TEST(a_single_stack_is_guarded_and_unmapped)
{
    size_t size = stack_round_size(20000);
    unsigned int name;
    void *low;

    fault_clear();
    assert_int_equal(stack_map(size, &low, &name), 0);
    memset(low, 1, size);
    stack_unmap(low, size, name);
    assert_int_equal(fault_calls("kernel_map"), fault_calls("kernel_unmap"));
}

TEST(a_single_stack_without_memory_or_guard_is_refused)
{
    size_t size = stack_round_size(20000);
    const char *place;
    unsigned int name;
    void *low = NULL;

    open_pools();
    place = pools.guard == STACK_GUARD_MARKERS ? "kernel_advise" : "kernel_forbid";
    fault_fail("kernel_map", 1, ENOMEM, FAULT_ONCE);
    assert_int_equal(stack_map(size, &low, &name), -ENOMEM);
    fault_clear();
    /* Where markers guard, the first advice is about huge pages. */
    fault_fail(place, pools.guard == STACK_GUARD_MARKERS ? 2 : 1, ENOMEM, FAULT_ONCE);
    assert_int_equal(stack_map(size, &low, &name), -ENOMEM);
    assert_int_equal(fault_hits(), 1);
    assert_int_equal(fault_calls("kernel_unmap"), 1);
    assert_null(low);
    fault_clear();
    stack_pools_done(&pools);
}
