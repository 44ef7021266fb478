/* SPDX-License-Identifier: MIT
 *
 * Bare coroutines as a caller sees them: values, status, nesting, numbers of
 * them, what cannot be had.
 */
#include "context/sanitizer.h"
#include "support/faults.h"
#include "support/test.h"
#include <coir/coroutine.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

static struct coir_coroutine *create(void *(*fn)(struct coir_coroutine *self, void *value, void *arg), void *arg)
{
    struct coir_coroutine *coroutine = NULL;

    assert_int_equal(coir_coroutine_create(fn, arg, NULL, &coroutine), 0);
    assert_non_null(coroutine);
    return coroutine;
}

static void *number(uintptr_t value)
{
    return (void *)value; /* values are opaque to coroutines */
}

static void *echo_values(struct coir_coroutine *self, void *value, void *arg)
{
    for (int i = 0; i < 3; i++)
        value = coir_coroutine_yield(self, number((uintptr_t)value + (uintptr_t)arg));
    return number((uintptr_t)value + 1000);
}

TEST(values_go_each_way)
{
    struct coir_coroutine *coroutine = create(echo_values, number(100));

    assert_ptr_equal(coir_coroutine_resume(coroutine, number(1)), number(101));
    assert_ptr_equal(coir_coroutine_resume(coroutine, number(2)), number(102));
    assert_ptr_equal(coir_coroutine_resume(coroutine, number(3)), number(103));
    assert_ptr_equal(coir_coroutine_resume(coroutine, number(4)), number(1004));
    coir_coroutine_destroy(coroutine);
}

static enum coir_coroutine_status status_inside;

static void *note_status(struct coir_coroutine *self, void *value, void *arg)
{
    (void)arg;
    status_inside = coir_coroutine_status(self);
    return coir_coroutine_yield(self, value);
}

TEST(status_follows)
{
    struct coir_coroutine *coroutine = create(note_status, NULL);

    assert_int_equal(coir_coroutine_status(coroutine), COIR_COROUTINE_SUSPENDED);
    (void)coir_coroutine_resume(coroutine, NULL);
    assert_int_equal(status_inside, COIR_COROUTINE_RUNNING);
    assert_int_equal(coir_coroutine_status(coroutine), COIR_COROUTINE_SUSPENDED);
    (void)coir_coroutine_resume(coroutine, NULL);
    assert_int_equal(coir_coroutine_status(coroutine), COIR_COROUTINE_FINISHED);
    coir_coroutine_destroy(coroutine);
}

static bool has_run;

static void *note_run(struct coir_coroutine *self, void *value, void *arg)
{
    (void)self;
    (void)arg;
    has_run = true;
    return value;
}

TEST(nothing_runs_before_the_first_resume)
{
    struct coir_coroutine *coroutine = create(note_run, NULL);

    assert_false(has_run);
    coir_coroutine_destroy(coroutine);
    assert_false(has_run);
}

static void *yield_forever(struct coir_coroutine *self, void *value, void *arg)
{
    volatile char used[8192]; /* so that there is something to drop */

    (void)arg;
    used[0] = 1;
    used[sizeof used - 1] = 1;
    for (;;)
        value = coir_coroutine_yield(self, value);
    return NULL;
}

TEST(an_unfinished_one_is_dropped_with_its_stack)
{
    fault_clear();
    for (int i = 0; i < 1000; i++) {
        struct coir_coroutine *coroutine = create(yield_forever, NULL);

        (void)coir_coroutine_resume(coroutine, NULL);
        coir_coroutine_destroy(coroutine);
    }
    assert_int_equal(fault_calls("kernel_map"), fault_calls("kernel_unmap"));
}

TEST(destroying_nothing_is_no_misuse)
{
    coir_coroutine_destroy(NULL);
}

/* Each resumes one more inside itself, `depth` deep, and passes what it yields on. */
static void *nest(struct coir_coroutine *self, void *value, void *arg)
{
    uintptr_t depth = (uintptr_t)arg;
    struct coir_coroutine *inner;
    void *result;

    if (depth == 0)
        return coir_coroutine_yield(self, number((uintptr_t)value + 1));
    inner = create(nest, number(depth - 1));
    while (coir_coroutine_status(inner) == COIR_COROUTINE_SUSPENDED) {
        result = coir_coroutine_resume(inner, number((uintptr_t)value + 1));
        assert_int_equal(coir_coroutine_status(self), COIR_COROUTINE_RUNNING); /* the resumer too */
        if (coir_coroutine_status(inner) == COIR_COROUTINE_SUSPENDED)
            value = coir_coroutine_yield(self, result);
        else
            value = result;
    }
    coir_coroutine_destroy(inner);
    return value;
}

TEST(coroutines_nest)
{
    struct coir_coroutine *outer = create(nest, number(50));

    assert_ptr_equal(coir_coroutine_resume(outer, number(0)), number(51)); /* one added at each level */
    assert_int_equal(coir_coroutine_status(outer), COIR_COROUTINE_SUSPENDED);
    assert_ptr_equal(coir_coroutine_resume(outer, number(1000)), number(1050));
    assert_int_equal(coir_coroutine_status(outer), COIR_COROUTINE_FINISHED);
    coir_coroutine_destroy(outer);
}

static struct coir_coroutine *other;

static void *resume_other(struct coir_coroutine *self, void *value, void *arg)
{
    (void)self;
    (void)arg;
    return coir_coroutine_resume(other, value);
}

TEST(whoever_resumes_gets_the_yield)
{
    struct coir_coroutine *first = create(resume_other, NULL);
    struct coir_coroutine *second = create(resume_other, NULL);

    other = create(echo_values, number(7));
    assert_ptr_equal(coir_coroutine_resume(first, number(1)), number(8));
    assert_ptr_equal(coir_coroutine_resume(second, number(2)), number(9));
    assert_ptr_equal(coir_coroutine_resume(other, number(3)), number(10));
    coir_coroutine_destroy(first);
    coir_coroutine_destroy(second);
    coir_coroutine_destroy(other);
}

static void *count_up(struct coir_coroutine *self, void *value, void *arg)
{
    uintptr_t count = (uintptr_t)arg;

    (void)value;
    for (;;)
        (void)coir_coroutine_yield(self, number(count++));
    return NULL;
}

/* ThreadSanitizer takes each for a thread, of which gcc 12's has room for 8,128: fewer, where it watches. */
TEST(ten_thousand_live_at_once)
{
    enum { MANY = TEST_TSAN ? 4000 : 10000 };
    static struct coir_coroutine *coroutines[MANY];

    for (uintptr_t i = 0; i < MANY; i++)
        coroutines[i] = create(count_up, number(i));
    for (uintptr_t round = 0; round < 5; round++)
        for (uintptr_t i = 0; i < MANY; i++)
            assert_ptr_equal(coir_coroutine_resume(coroutines[i], NULL), number(i + round));
    for (size_t i = 0; i < MANY; i++)
        coir_coroutine_destroy(coroutines[i]);
}

static void *halve(struct coir_coroutine *self, void *value, void *arg)
{
    double first = *(double *)arg;
    double second = first * 3;
    double third = first / 7;

    (void)value;
    for (;;) {
        double sum = first + second + third;

        (void)coir_coroutine_yield(self, &sum);
        first /= 2;
        second /= 2;
        third /= 2;
    }
    return NULL;
}

TEST(floating_point_values_survive)
{
    double starts[2] = {1024, 4096};
    struct coir_coroutine *left = create(halve, &starts[0]);
    struct coir_coroutine *right = create(halve, &starts[1]);

    for (double divisor = 1; divisor < 1e6; divisor *= 2) {
        double *sum = coir_coroutine_resume(left, NULL);

        assert_true(*sum == (1024 + 1024.0 * 3 + 1024.0 / 7) / divisor);
        sum = coir_coroutine_resume(right, NULL);
        assert_true(*sum == (4096 + 4096.0 * 3 + 4096.0 / 7) / divisor);
    }
    coir_coroutine_destroy(left);
    coir_coroutine_destroy(right);
}

TEST(a_stack_above_1_gib_is_refused)
{
    struct coir_coroutine_options options = {.stack_size = ((size_t)1 << 30) + 1};
    struct coir_coroutine *coroutine = NULL;

    assert_int_equal(coir_coroutine_create(note_run, NULL, &options, &coroutine), -EINVAL);
    options.stack_size = SIZE_MAX;
    assert_int_equal(coir_coroutine_create(note_run, NULL, &options, &coroutine), -EINVAL);
    assert_null(coroutine);
}

TEST(without_memory_or_guard_there_is_none)
{
    struct coir_coroutine *coroutine = NULL;

    coir_coroutine_destroy(create(note_run, NULL)); /* how to guard is known from here on */
    fault_clear();
    fault_fail("kernel_map", 1, ENOMEM, FAULT_ONCE);
    assert_int_equal(coir_coroutine_create(note_run, NULL, NULL, &coroutine), -ENOMEM);
    fault_fail("kernel_advise", 1, ENOMEM, FAULT_ALWAYS);
    fault_fail("kernel_forbid", 1, ENOMEM, FAULT_ALWAYS);
    assert_int_equal(coir_coroutine_create(note_run, NULL, NULL, &coroutine), -ENOMEM);
    assert_int_equal(fault_calls("kernel_unmap"), 1);
    assert_null(coroutine);
    fault_clear();
}

static void *run_thread(void *arg)
{
    struct coir_coroutine *coroutine;
    uintptr_t wrong = 0;

    if (coir_coroutine_create(count_up, arg, NULL, &coroutine) < 0)
        return number(1);
    for (uintptr_t i = 0; i < 20000; i++)
        wrong += coir_coroutine_resume(coroutine, NULL) != number((uintptr_t)arg + i);
    coir_coroutine_destroy(coroutine);
    return number(wrong);
}

TEST(threads_do_not_disturb_each_other)
{
    pthread_t threads[4];

    for (uintptr_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, number(i * 1000000)), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong;

        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}
