/* SPDX-License-Identifier: MIT
 *
 * The pool of lent buffers.
 */
#include "io/buffer.h"
#include "support/faults.h"
#include "support/test.h"
#include <errno.h>
#include <string.h>

static struct buffer *lend(struct buffers *pool, size_t size)
{
    struct buffer *buffer = NULL;

    assert_int_equal(buffer_lend_size(pool, size, &buffer), 0);
    assert_true(buffer->capacity >= size);
    assert_int_equal(buffer->first, 0);
    assert_int_equal(buffer->end, 0);
    memset(buffer->bytes, 0x11, buffer->capacity); /* all of it is ours */
    return buffer;
}

TEST(a_size_gets_the_smallest_class_that_holds_it)
{
    static const size_t sizes[][2] = {{1, 1024},      {1024, 1024},      {1025, 4096},   {4096, 4096},
                                      {4097, 16384},  {16384, 16384},    {16385, 65536}, {65536, 65536},
                                      {65537, 65537}, {3000000, 3000000}};
    struct buffers pool;

    buffers_init(&pool, 0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct buffer *buffer = lend(&pool, sizes[i][0]);

        assert_int_equal(buffer->capacity, sizes[i][1]);
        buffer_release(buffer);
    }
    buffers_done(&pool);
}

TEST(the_last_one_given_back_is_the_next_to_be_lent)
{
    struct buffer *first, *second;
    struct buffers pool;

    buffers_init(&pool, 0);
    first = lend(&pool, 4096);
    second = lend(&pool, 4096);
    buffer_release(first);
    buffer_release(second);
    assert_ptr_equal(lend(&pool, 4096), second);
    assert_ptr_equal(lend(&pool, 4096), first);
    buffer_release(first);
    buffer_release(second);
    buffers_done(&pool);
}

TEST(the_budget_is_never_exceeded_and_never_waits)
{
    struct buffer *buffer, *kept = NULL;
    struct buffers pool;

    buffers_init(&pool, 5 * 1024);
    buffer = lend(&pool, 4096);
    assert_int_equal(buffer_lend_size(&pool, 1025, &kept), -ENOBUFS);
    assert_int_equal(buffer_lend_size(&pool, 65536, &kept), -ENOBUFS);
    assert_null(kept);
    kept = lend(&pool, 1024); /* to the last byte */
    assert_int_equal(buffer_lend_size(&pool, 1, &(struct buffer *){NULL}), -ENOBUFS);
    buffer_release(kept);
    buffer_release(buffer);
    buffer_release(lend(&pool, 4096)); /* what is given back counts no more */
    buffers_done(&pool);
}

TEST(what_lies_free_in_another_class_stands_in_nobodys_way)
{
    struct buffer *buffers[5];
    struct buffers pool;

    buffers_init(&pool, 5 * 1024);
    buffer_release(lend(&pool, 4096));
    for (int i = 0; i < 5; i++)
        buffers[i] = lend(&pool, 1024);
    for (int i = 0; i < 5; i++)
        buffer_release(buffers[i]);
    buffer_release(lend(&pool, 4096));
    buffers_done(&pool);
}

TEST(a_size_beyond_all_sense_is_refused)
{
    struct buffer *buffer = NULL;
    struct buffers pool;

    buffers_init(&pool, 0);
    assert_int_equal(buffer_lend_size(&pool, SIZE_MAX, &buffer), -ENOBUFS);
    if (SIZE_MAX > UINT32_MAX)
        assert_int_equal(buffer_lend_size(&pool, (size_t)UINT32_MAX + 1, &buffer), -ENOBUFS);
    assert_null(buffer);
    buffers_done(&pool);
}

TEST(no_memory_changes_nothing)
{
    struct buffer *buffer = NULL;
    struct buffers pool;

    buffers_init(&pool, 0);
    fault_fail("alloc_bytes", 1, ENOMEM, FAULT_ONCE);
    assert_int_equal(buffer_lend_size(&pool, 100, &buffer), -ENOMEM);
    fault_clear();
    assert_null(buffer);
    buffer_release(lend(&pool, 100));
    buffers_done(&pool);
}

TEST(a_class_keeps_so_much_and_frees_the_rest)
{
    enum { COUNT = 200 };
    struct buffer *buffers[COUNT];
    struct buffers pool;

    buffers_init(&pool, 0);
    for (int i = 0; i < COUNT; i++)
        buffers[i] = lend(&pool, 65536);
    for (int i = 0; i < COUNT; i++)
        buffer_release(buffers[i]);
    assert_in_range(fault_calls("alloc_free"), COUNT / 2, COUNT - 16);
    fault_clear();
    for (int i = 0; i < 16; i++)
        buffers[i] = lend(&pool, 65536);
    assert_int_equal(fault_calls("alloc_bytes"), 0);
    for (int i = 0; i < 16; i++)
        buffer_release(buffers[i]);
    buffers_done(&pool);
}

/* The class of the receive after one of `got` bytes into a buffer of `class`. */
static uint8_t next_class(struct buffers *pool, uint8_t class, size_t got, uint8_t *small)
{
    struct buffer *buffer = lend(pool, buffer_class_size(class));

    if (buffer_misfits(buffer, got))
        class = buffer_other_class(buffer, got, small);
    else
        *small = 0;
    buffer_release(buffer);
    return class;
}

TEST(the_next_class_grows_at_once_and_shrinks_with_hesitation)
{
    struct buffers pool;
    uint8_t small = 0;
    uint8_t class = BUFFER_CLASS_SMALLEST;

    buffers_init(&pool, 0);
    class = next_class(&pool, class, 1024, &small); /* full */
    assert_int_equal(class, 1);
    class = next_class(&pool, class, 4095, &small); /* nearly */
    assert_int_equal(class, 1);
    class = next_class(&pool, next_class(&pool, class, 4096, &small), 16384, &small);
    assert_int_equal(class, BUFFER_CLASS_LARGEST);
    assert_int_equal(next_class(&pool, class, 65536, &small), BUFFER_CLASS_LARGEST);
    for (int i = 0; i < 3; i++)
        assert_int_equal(next_class(&pool, class, 64, &small), BUFFER_CLASS_LARGEST);
    assert_int_equal(next_class(&pool, class, 30000, &small), BUFFER_CLASS_LARGEST); /* one large, and again */
    for (int i = 0; i < 3; i++)
        assert_int_equal(next_class(&pool, class, 64, &small), BUFFER_CLASS_LARGEST);
    assert_int_equal(next_class(&pool, class, 64, &small), BUFFER_CLASS_LARGEST - 1);
    small = 0;
    for (int i = 0; i < 20; i++)
        assert_int_equal(next_class(&pool, BUFFER_CLASS_SMALLEST, 1, &small), BUFFER_CLASS_SMALLEST);
    buffers_done(&pool);
}

/* Random lends and releases, with contents that must survive. */
TEST(lent_buffers_never_overlap)
{
    enum { COUNT = 40 };
    struct buffer *buffers[COUNT] = {NULL};
    struct test_random random;
    struct buffers pool;

    test_random_init(&random);
    buffers_init(&pool, 0);
    for (int round = 0; round < 5000; round++) {
        size_t i = test_random_below(&random, COUNT);

        if (buffers[i] == NULL) {
            buffers[i] = lend(&pool, 1 + test_random_below(&random, 70000));
            memset(buffers[i]->bytes, (int)i, buffers[i]->capacity);
        } else {
            for (size_t at = 0; at < buffers[i]->capacity; at += 509)
                assert_int_equal(buffers[i]->bytes[at], i);
            buffer_release(buffers[i]);
            buffers[i] = NULL;
        }
    }
    for (size_t i = 0; i < COUNT; i++)
        if (buffers[i] != NULL)
            buffer_release(buffers[i]);
    buffers_done(&pool);
}
