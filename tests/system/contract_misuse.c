/* SPDX-License-Identifier: MIT
 *
 * Misuse: "(NULL, except to close, abort and release: a no-op there; double or
 * stale close, wrong thread, outside a task, forbidden nesting) asserts, in
 * release too, naming expression, place and task. A stale pointer is caught
 * until its slot is reused. A wrong value that may come from data is -EINVAL."
 * Also: "A task that returns with a scope open is misuse"; "a slice still out
 * when coir_run returns is misuse". Wrong threads are in contract_threads.c.
 */
#include "support/tasks.h"
#include "support/uses.h"
#include <string.h>
#include <sys/socket.h>

static int close_twice(void *arg)
{
    struct coir_scope *scope = use_make_scope();

    (void)arg;
    (void)coir_scope_close(scope);
    return coir_scope_close(scope);
}

static int close_twice_in_named_task(void *arg)
{
    struct coir_task_options options = {.name = "the culprit"};
    struct coir_scope *scope = use_make_scope();

    if (coir_spawn(scope, close_twice, arg, &options) < 0)
        return 1;
    return coir_scope_close(scope);
}

TEST(a_report_names_expression_place_and_task)
{
    ASSERT_TASK_DIES(close_twice_in_named_task, NULL, "coir: misuse: ");
    assert_non_null(strstr(test_last_words(), "is_scope(scope)"));
    assert_non_null(strstr(test_last_words(), "src/task/scope_calls.c:"));
    assert_non_null(strstr(test_last_words(), "in coir_scope_close"));
    assert_non_null(strstr(test_last_words(), "task \"the culprit\""));
    assert_ptr_equal(strchr(test_last_words(), '\n') + 1, strchr(test_last_words(), '\0')); /* in one line */
}

static int close_outer_first(void *arg)
{
    struct coir_scope *outer = use_make_scope();

    (void)arg;
    (void)use_make_scope();
    return coir_scope_close(outer);
}

static int close_mine(void *arg)
{
    return coir_scope_close(arg);
}

static int let_child_close(void *arg)
{
    struct coir_scope *scope = use_make_scope();

    (void)arg;
    if (coir_spawn(scope, close_mine, scope, NULL) < 0)
        return 1;
    return coir_sleep(COIR_SECOND);
}

static int use_stale_scope(void *arg)
{
    struct coir_scope *scope = use_make_scope();

    (void)arg;
    (void)coir_scope_close(scope);
    coir_scope_cancel(scope);
    return 0;
}

static int return_with_scope_open(void *arg)
{
    (void)arg;
    return use_make_scope() == NULL;
}

static int spawn_returner(void *arg)
{
    struct coir_scope *scope = use_make_scope();

    if (coir_spawn(scope, return_with_scope_open, arg, NULL) < 0)
        return 1;
    return coir_scope_close(scope);
}

TEST(closing_the_wrong_scope)
{
    ASSERT_TASK_DIES(close_outer_first, NULL, "current->scope == scope");
}

TEST(closing_a_scope_that_another_task_opened)
{
    ASSERT_TASK_DIES(let_child_close, NULL, "in coir_scope_close");
}

TEST(closing_a_scope_twice)
{
    ASSERT_TASK_DIES(close_twice, NULL, "in coir_scope_close, task \"main\"");
}

TEST(using_a_stale_scope)
{
    ASSERT_TASK_DIES(use_stale_scope, NULL, "in coir_scope_cancel, task \"main\"");
}

TEST(returning_with_a_scope_open)
{
    ASSERT_TASK_DIES(return_with_scope_open, NULL, "task->scope == task->home");
    ASSERT_TASK_DIES(spawn_returner, NULL, "task->scope == task->home");
}

static int spawn_outside(void *arg)
{
    return coir_spawn(arg, sleep_for_ever, NULL, NULL);
}

/* The first child is not inside the scope that its sibling opened. */
static int open_for_sibling(void *arg)
{
    struct coir_scope *scope = use_make_scope();

    *(struct coir_scope **)arg = scope;
    (void)!coir_sleep(COIR_MILLISECOND);
    return coir_scope_close(scope);
}

static int spawn_into_sibling(void *arg)
{
    struct coir_scope *around = use_make_scope(), *inner = NULL;

    (void)arg;
    if (coir_spawn(around, open_for_sibling, &inner, NULL) < 0 || coir_yield() < 0 ||
        coir_spawn(around, spawn_outside, inner, NULL) < 0)
        return 1;
    return coir_scope_close(around);
}

TEST(spawning_into_a_scope_that_the_caller_is_not_inside)
{
    ASSERT_TASK_DIES(spawn_into_sibling, NULL, "scope_contains(scope");
}

static int lift_shield(void *arg)
{
    struct coir_scope_options options = {.shield = true, .limit_ns = COIR_SECOND};
    struct coir_scope *shield;

    (void)arg;
    if (coir_scope_open(&options, &shield) < 0)
        return 1;
    coir_scope_set_limit(shield, COIR_FOREVER);
    return coir_scope_close(shield);
}

TEST(lifting_the_limit_of_a_shield)
{
    ASSERT_TASK_DIES(lift_shield, NULL, "shield");
}

static int run_inside(void *arg)
{
    return coir_run(sleep_for_ever, arg, NULL);
}

TEST(a_run_inside_a_task)
{
    ASSERT_TASK_DIES(run_inside, NULL, "in coir_run, task \"main\"");
}

static int keep_slice(void *arg)
{
    static struct coir_slice slice;
    int other = -1;
    struct coir_stream *stream = use_make_stream(&other);

    (void)arg;
    if (send(other, "abc", 3, 0) != 3 || coir_receive(stream, &slice) != 1)
        return 1;
    coir_abort(stream); /* the slice stays valid */
    return slice.bytes[0] != 'a';
}

TEST(a_slice_still_out_at_the_end_of_the_run)
{
    ASSERT_TASK_DIES(keep_slice, NULL, "every_slice_was_released");
}

static int release_too_much(void *arg)
{
    struct coir_slice slice;
    int other = -1;
    struct coir_stream *stream = use_make_stream(&other);

    (void)arg;
    if (send(other, "abc", 3, 0) != 3 || coir_receive(stream, &slice) != 1)
        return 1;
    coir_release_used(&slice, 4);
    coir_abort(stream);
    return 0;
}

TEST(releasing_more_than_a_slice_has)
{
    ASSERT_TASK_DIES(release_too_much, NULL, "coir: misuse: used <= ");
}

/* Each call in a process of its own. */
static int use_stale(void *arg)
{
    const struct use *use = arg;

    use->fn(use_make_stale(use->handle));
    return 0;
}

static int use_null(void *arg)
{
    const struct use *use = arg;

    use->fn(NULL);
    return 0;
}

static void expect_stale_is_caught(const struct use *use)
{
    ASSERT_TASK_DIES(use_stale, (void *)(uintptr_t)use, "coir: misuse: ");
    assert_non_null(strstr(test_last_words(), "task \"main\""));
}

TEST(stale_handles_are_caught_by_every_call)
{
    for (size_t i = 0; i < USE_COUNT(use_others); i++)
        expect_stale_is_caught(&use_others[i]);
    for (size_t i = 0; i < USE_COUNT(use_endings); i++)
        expect_stale_is_caught(&use_endings[i]);
}

TEST(null_is_caught_by_every_call_but_those_that_end_a_handle)
{
    for (size_t i = 0; i < USE_COUNT(use_others); i++)
        ASSERT_TASK_DIES(use_null, (void *)(uintptr_t)&use_others[i], "coir: misuse: ");
    for (size_t i = 0; i < USE_COUNT(use_endings); i++)
        assert_int_equal(coir_run(use_null, (void *)(uintptr_t)&use_endings[i], NULL), 0);
    for (size_t i = 0; i < USE_COUNT(use_releases); i++)
        assert_int_equal(coir_run(use_null, (void *)(uintptr_t)&use_releases[i], NULL), 0);
}

static int release_a_copy(void *arg)
{
    const struct use *use = arg;
    struct coir_slice copy = *use_make_slice();
    struct coir_slice again = copy;

    coir_release(&copy);
    use->fn(&again);
    return 0;
}

/* Of one slice there are no two. */
TEST(a_copy_of_a_released_slice_is_caught)
{
    for (size_t i = 0; i < USE_COUNT(use_releases); i++)
        ASSERT_TASK_DIES(release_a_copy, (void *)(uintptr_t)&use_releases[i], "coir: misuse: ");
}

TASK_TEST(null_and_empty_slices_may_be_released)
{
    struct coir_slice empty = {NULL, 0, NULL};
    struct coir_slice lent;
    int other = -1;
    struct coir_stream *stream = use_make_stream(&other);

    coir_release(NULL);
    coir_release(&empty);
    assert_int_equal(send(other, "abc", 3, 0), 3);
    assert_int_equal(coir_receive(stream, &lent), 1);
    coir_release(&lent);
    coir_release(&lent); /* idempotent */
    coir_abort(stream);
}
