/* SPDX-License-Identifier: MIT
 *
 * The allocator's four calls, and that each of them can be failed.
 */
#include "base/alloc.h"
#include "support/faults.h"
#include "support/test.h"
#include <errno.h>
#include <string.h>

TEST(bytes_can_be_written_and_given_back)
{
    unsigned char *bytes = alloc_bytes(1000);

    assert_non_null(bytes);
    memset(bytes, 7, 1000);
    assert_int_equal(bytes[999], 7);
    alloc_free(bytes);
    alloc_free(NULL);
}

TEST(zeroed_is_zero_even_where_memory_was_used)
{
    unsigned char *used = alloc_bytes(4096);
    unsigned char *zeroed;

    assert_non_null(used);
    memset(used, 0xFF, 4096);
    alloc_free(used);
    zeroed = alloc_zeroed(64, 64);
    assert_non_null(zeroed);
    for (size_t i = 0; i < 4096; i++)
        assert_int_equal(zeroed[i], 0);
    alloc_free(zeroed);
}

TEST(count_times_size_that_overflows_gives_nothing)
{
    volatile size_t half = SIZE_MAX / 2; /* volatile: the compiler would refuse it at sight */

    assert_null(alloc_zeroed(half, 4));
}

TEST(aligned_memory_is)
{
    for (size_t alignment = sizeof(void *); alignment <= 65536; alignment *= 2) {
        unsigned char *memory = alloc_aligned(alignment, alignment + 3); /* no multiple of it */

        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignment, 0);
        memory[alignment + 2] = 1;
        alloc_free(memory);
    }
}

TEST(each_allocation_is_counted_once_and_can_fail)
{
    void *memory;

    fault_clear();
    fault_fail("alloc_bytes", 1, ENOMEM, FAULT_ONCE);
    fault_fail("alloc_zeroed", 1, ENOMEM, FAULT_ONCE);
    fault_fail("alloc_aligned", 1, ENOMEM, FAULT_ONCE);
    assert_null(alloc_bytes(8));
    assert_null(alloc_zeroed(1, 8));
    assert_null(alloc_aligned(64, 8));
    memory = alloc_aligned(64, 8);
    assert_non_null(memory);
    alloc_free(memory);
    assert_int_equal(fault_hits(), 3);
    assert_int_equal(fault_calls("alloc_bytes"), 1);
    assert_int_equal(fault_calls("alloc_zeroed"), 1);
    assert_int_equal(fault_calls("alloc_aligned"), 2);
    assert_int_equal(fault_calls("alloc_free"), 1);
}

static void allocate_nothing(void *argument)
{
    alloc_free(alloc_bytes((size_t)(uintptr_t)argument));
}

static void align_to_three(void *argument)
{
    alloc_free(alloc_aligned(24 + (size_t)(uintptr_t)argument, 8));
}

TEST(size_zero_and_odd_alignment_are_misuse)
{
    ASSERT_DIES(allocate_nothing, NULL, "coir: misuse: size > 0");
    ASSERT_DIES(align_to_three, NULL, "coir: misuse: alignment");
}
