/* SPDX-License-Identifier: MIT
 *
 * A million guarded stacks in one process, with the kernel's default limits.
 * Time limit: 120 s
 */
#include "context/sanitizer.h"
#include "stack/stack.h"
#include "support/test.h"
#include <unistd.h>

TEST_LIMIT(110)

#define MILLION 1000000

static struct stack_pools pools;
static struct stack stacks[MILLION];

static bool can_be_read(int pipe_end, const char *byte)
{
    return write(pipe_end, byte, 1) == 1;
}

static void check_guards(void)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < MILLION; i += 9973)
        assert_false(can_be_read(ends[1], (char *)stack_low(stacks[i]) - 1));
    close(ends[0]);
    close(ends[1]);
}

TEST(a_million_guarded_stacks)
{
    assert_int_equal(stack_pools_init(&pools), 0);
    if (pools.guard != STACK_GUARD_MARKERS)
        TEST_SKIP("mappings guard here, of which there are not enough");
    if (sizeof(void *) < 8)
        TEST_SKIP("there are not so many addresses");
    if (sanitizer_stack_factor() > 1 || sanitizer_watches_memory())
        TEST_SKIP("the sanitizer notes every stack in a list, and so does Valgrind");
    for (int i = 0; i < MILLION; i++)
        assert_int_equal(stack_take(&pools, COIR_STACK_DEFAULT, &pools, &stacks[i]), 0);
    check_guards();
    for (int i = 0; i < MILLION; i++)
        stack_give(&pools, stacks[i]);
    stack_pools_done(&pools);
}
