/* SPDX-License-Identifier: MIT
 *
 * The stack of a bare coroutine: all of it can be used, not a byte more; and
 * misuse is diagnosed.
 */
#include "context/sanitizer.h"
#include "support/test.h"
#include <coir/coroutine.h>
#include <stdlib.h>
#include <string.h>

static struct coir_coroutine *create(void *(*fn)(struct coir_coroutine *self, void *value, void *arg), void *arg,
                                     size_t stack_size)
{
    struct coir_coroutine_options options = {.stack_size = stack_size};
    struct coir_coroutine *coroutine = NULL;

    if (coir_coroutine_create(fn, arg, &options, &coroutine) < 0)
        abort();
    return coroutine;
}

static void *pass(struct coir_coroutine *self, void *value, void *arg)
{
    (void)self;
    (void)arg;
    return value;
}

/* Makes the compiler believe that all of `frame` is used. */
static void use_frame(const volatile char *frame)
{
    __asm__ volatile("" : : "r"(frame) : "memory");
}

/* Uses at least `bytes` of stack, in frames of somewhat over 256 bytes; returns how deep it got. */
static uintptr_t recurse(size_t bytes)
{
    volatile char frame[256];
    uintptr_t deepest = (uintptr_t)__builtin_frame_address(0);

    frame[0] = 1;
    if (bytes > sizeof frame)
        deepest = recurse(bytes - sizeof frame);
    use_frame(frame);
    return deepest;
}

static void *use_stack(struct coir_coroutine *self, void *value, void *arg)
{
    size_t bytes = (size_t)(uintptr_t)arg;
    uintptr_t deepest = recurse(bytes);

    value = coir_coroutine_yield(self, value);
    return deepest == recurse(bytes) ? value : NULL;
}

static void expect_room(size_t stack_size, size_t bytes)
{
    struct coir_coroutine *coroutine = create(use_stack, (void *)(uintptr_t)bytes, stack_size);
    int mark;

    assert_ptr_equal(coir_coroutine_resume(coroutine, &mark), &mark);
    assert_ptr_equal(coir_coroutine_resume(coroutine, &mark), &mark);
    assert_int_equal(coir_coroutine_status(coroutine), COIR_COROUTINE_FINISHED);
    coir_coroutine_destroy(coroutine);
}

TEST(the_stack_has_the_size_asked_for)
{
    expect_room(0, 40 * 1024); /* 64 KiB, of which each 256 bytes cost up to 100 more */
    expect_room(1, 9 * 1024);  /* at least 16 KiB */
    expect_room(100000, 64 * 1024);
    expect_room((size_t)8 << 20, (size_t)5 << 20);
    /* Spent as it is touched. ThreadSanitizer notes 65,536 calls on top of each other, and no more. */
    expect_room((size_t)1 << 30, (size_t)(TEST_TSAN ? 10 : 64) << 20);
}

/* Writes to one byte every 32 KiB, as frames of that size do where the compiler does not probe them. */
static void *take_large_frames(struct coir_coroutine *self, void *value, void *arg)
{
    volatile char *frame = (char *)__builtin_frame_address(0) - 16384; /* so that none ends just below the stack */

    (void)self;
    for (size_t left = (size_t)(uintptr_t)arg; left > 0; left -= 32768)
        *(frame -= 32768) = 1;
    return value;
}

static void overflow(void *argument)
{
    size_t stack_size = *(size_t *)argument;
    size_t enough = stack_size * sanitizer_stack_factor() + 65536;
    struct coir_coroutine *victim = create(take_large_frames, (void *)(uintptr_t)enough, stack_size);

    (void)create(pass, NULL, (size_t)1 << 20); /* mapped just below: what gets through finds memory there */
    (void)coir_coroutine_resume(victim, NULL);
}

TEST(an_overflow_by_large_frames_dies)
{
    size_t sizes[] = {16384, 65536, 262144};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        ASSERT_DIES_OF(SIGSEGV, overflow, &sizes[i], "");
}

static void overflow_by_recursion(void *argument)
{
    (void)argument;
    (void)coir_coroutine_resume(create(use_stack, (void *)(uintptr_t)(1 << 20), 0), NULL);
}

TEST(an_overflow_by_recursion_dies)
{
    ASSERT_DIES_OF(SIGSEGV, overflow_by_recursion, NULL, "");
}

static void resume_finished(void *argument)
{
    struct coir_coroutine *coroutine = create(pass, NULL, 0);

    (void)coir_coroutine_resume(coroutine, argument);
    (void)coir_coroutine_resume(coroutine, argument);
}

TEST(resuming_a_finished_one_is_misuse)
{
    ASSERT_DIES(resume_finished, NULL, "coir_coroutine_resume");
}

static void *resume_itself(struct coir_coroutine *self, void *value, void *arg)
{
    (void)arg;
    return coir_coroutine_resume(self, value);
}

static void resume_running(void *argument)
{
    (void)coir_coroutine_resume(create(resume_itself, NULL, 0), argument);
}

TEST(resuming_a_running_one_is_misuse)
{
    ASSERT_DIES(resume_running, NULL, "coir_coroutine_resume");
}

static void resume_nothing(void *argument)
{
    (void)coir_coroutine_resume(NULL, argument);
}

TEST(resuming_nothing_is_misuse)
{
    ASSERT_DIES(resume_nothing, NULL, "coroutine != NULL");
}

static void yield_outside(void *argument)
{
    struct coir_coroutine *coroutine = create(use_stack, NULL, 0);

    (void)coir_coroutine_resume(coroutine, argument);
    (void)coir_coroutine_yield(coroutine, argument);
}

TEST(yielding_from_outside_is_misuse)
{
    ASSERT_DIES(yield_outside, NULL, "is_inside(self)");
}

static void *yield_another(struct coir_coroutine *self, void *value, void *arg)
{
    (void)self;
    return coir_coroutine_yield(arg, value);
}

static void *resume_inner(struct coir_coroutine *self, void *value, void *arg)
{
    (void)arg;
    return coir_coroutine_resume(create(yield_another, self, 0), value);
}

static void yield_resumer(void *argument)
{
    (void)coir_coroutine_resume(create(resume_inner, NULL, 0), argument);
}

TEST(yielding_the_one_that_resumed_us_is_misuse)
{
    ASSERT_DIES(yield_resumer, NULL, "is_inside(self)");
}

static void yield_nothing(void *argument)
{
    (void)coir_coroutine_yield(NULL, argument);
}

TEST(yielding_nothing_is_misuse)
{
    ASSERT_DIES(yield_nothing, NULL, "self != NULL");
}

static void *destroy_itself(struct coir_coroutine *self, void *value, void *arg)
{
    (void)arg;
    coir_coroutine_destroy(self);
    return value;
}

static void destroy_running(void *argument)
{
    (void)coir_coroutine_resume(create(destroy_itself, NULL, 0), argument);
}

TEST(destroying_a_running_one_is_misuse)
{
    ASSERT_DIES(destroy_running, NULL, "COIR_COROUTINE_RUNNING");
}

static void create_without_a_function(void *argument)
{
    struct coir_coroutine *coroutine = argument;

    (void)!coir_coroutine_create(NULL, NULL, NULL, &coroutine);
}

TEST(creating_one_without_a_function_is_misuse)
{
    ASSERT_DIES(create_without_a_function, NULL, "fn != NULL");
}
