/* SPDX-License-Identifier: MIT
 *
 * Address space: mapped, forbidden, given back.
 */
#include "kernel/kernel.h"
#include "support/test.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE ((size_t)1 << 20)

/* Whether the kernel can read there: write(2) says EFAULT where it cannot. */
static bool readable(const void *address)
{
    int ends[2];
    ssize_t count;

    if (test_is_under_valgrind())
        TEST_SKIP("Valgrind reports what the kernel is asked to read here");
    assert_int_equal(pipe(ends), 0);
    count = kernel_write(ends[1], address, 1);
    close(ends[0]);
    close(ends[1]);
    assert_true(count == 1 || count == -EFAULT);
    return count == 1;
}

TEST(mapped_memory_is_zero_and_writable)
{
    void *memory = NULL;
    unsigned char *bytes;

    assert_int_equal(kernel_map(SIZE, &memory), 0);
    bytes = memory;
    assert_int_equal(bytes[SIZE - 1], 0);
    memset(bytes, 1, SIZE);
    assert_int_equal(kernel_unmap(memory, SIZE), 0);
    assert_false(readable(memory));
}

TEST(reservation_larger_than_memory_is_granted)
{
    /* Emulators note every page; ThreadSanitizer and Valgrind leave us less address space. */
    bool scarce = sizeof(size_t) < 8 || test_is_emulated() || test_is_under_valgrind() || TEST_TSAN;
    size_t size = scarce ? (size_t)1 << 30 : SIZE_MAX / (1 << 22) + 1; /* else 4 TiB */
    void *memory = NULL;

    assert_int_equal(kernel_map(size, &memory), 0); /* MAP_NORESERVE */
    assert_int_equal(kernel_unmap(memory, size), 0);
}

TEST(forbidden_page_cannot_be_read_and_its_neighbour_can)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *memory = NULL;
    char *bytes;

    assert_int_equal(kernel_map(SIZE, &memory), 0);
    bytes = memory;
    assert_int_equal(kernel_forbid(bytes, page), 0);
    assert_false(readable(bytes + page - 1));
    assert_true(readable(bytes + page));
    assert_int_equal(kernel_unmap(memory, SIZE), 0);
}

TEST(advice_reaches_the_kernel)
{
    void *memory = NULL;
    unsigned char *bytes;

    assert_int_equal(kernel_map(SIZE, &memory), 0);
    bytes = memory;
    memset(bytes, 1, SIZE);
    assert_int_equal(kernel_advise(memory, SIZE, MADV_DONTNEED), 0);
    assert_int_equal(bytes[0], 0); /* a fresh page */
    if (test_is_emulated())
        TEST_SKIP("the emulator takes any advice");
    assert_int_equal(kernel_advise(memory, SIZE, 12345), -EINVAL);
    assert_int_equal(kernel_unmap(memory, SIZE), 0);
}

TEST(failed_mapping_leaves_the_output_alone)
{
    void *memory = &memory;

    assert_int_equal(kernel_map(SIZE_MAX - SIZE, &memory), test_is_under_valgrind() ? -EINVAL : -ENOMEM);
    assert_ptr_equal(memory, &memory);
    assert_int_equal(kernel_unmap((void *)1, SIZE), -EINVAL);
    assert_in_range(-kernel_forbid((void *)1, SIZE), ENOMEM, EINVAL); /* the first where a C library rounds down */
}
