/* SPDX-License-Identifier: MIT
 *
 * Tasks: "coir_run(fn, arg, options), coir_spawn(scope, fn, arg, options);
 * options: name, stack class, arg_size (> 0: that many bytes are copied to the
 * new stack), ret_result. int fn(void *). coir_run_info. Nothing is ever
 * unwound behind the author's back." And issue items: names, task-local values
 * and their destructors. Time and turns are in contract_tasks_time.c.
 */
#include "support/tasks.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

TEST(a_run_returns_what_its_first_task_returned)
{
    static int results[] = {0, 5, -5, -ECANCELED, INT32_MAX, INT32_MIN};

    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        assert_int_equal(coir_run(return_it, &results[i], NULL), results[i]);
}

TEST(a_run_refuses_options_that_have_no_such_value)
{
    static int result = 5;
    struct coir_run_options engine = {.engine = (enum coir_engine)99};
    struct coir_run_options stack = {.stack = (enum coir_stack_class)99};

    assert_int_equal(coir_run(return_it, &result, &engine), -EINVAL);
    assert_int_equal(coir_run(return_it, &result, &stack), -EINVAL);
    assert_int_equal(coir_run(return_it, &result, NULL), 5);
}

static int note_run(void *arg)
{
    *(bool *)arg = true;
    return 0;
}

TASK_TEST(a_spawned_task_runs_when_its_spawner_suspends_and_not_before)
{
    struct coir_scope *scope = open_scope(NULL);
    bool ran = false;

    spawn(scope, note_run, &ran);
    assert_false(ran);
    assert_int_equal(coir_yield(), 0);
    assert_true(ran);
    assert_int_equal(coir_scope_close(scope), 0);
}

struct message {
    char text[100];
    int number;
};

static int check_message(void *arg)
{
    struct message *message = arg;

    assert_int_equal((uintptr_t)arg % 16, 0); /* aligned for any type */
    assert_int_equal(coir_yield(), 0);
    assert_string_equal(message->text, "from a stack frame that is gone");
    message->text[0] = 'x'; /* its own copy */
    return message->number;
}

#define COPIES 20

static int copies_seen[COPIES];

static void spawn_with_copy(struct coir_scope *scope, int number)
{
    struct message message = {"from a stack frame that is gone", number};
    struct coir_task_options options = {.arg_size = sizeof(message), .ret_result = &copies_seen[number]};

    assert_int_equal(coir_spawn(scope, check_message, &message, &options), 0);
    memset(&message, 0x5a, sizeof(message));
}

TASK_TEST(arg_size_copies_the_argument)
{
    struct coir_scope *scope = open_scope(NULL);

    for (int i = 0; i < COPIES; i++)
        spawn_with_copy(scope, i);
    assert_int_equal(coir_scope_close(scope), 0);
    for (int i = 0; i < COPIES; i++)
        assert_int_equal(copies_seen[i], i);
}

static unsigned char pattern[4096];
static size_t pattern_size;

static int compare_pattern(void *arg)
{
    return memcmp(arg, pattern, pattern_size) == 0;
}

TASK_TEST(arguments_of_any_size_are_copied_whole)
{
    struct test_random random;
    struct coir_scope *scope = open_scope(NULL);

    test_random_init(&random);
    test_random_fill(&random, pattern, sizeof(pattern));
    for (size_t size = 1; size <= sizeof(pattern); size = size * 3 / 2 + 1) {
        int same = 0;
        struct coir_task_options options = {.arg_size = size, .ret_result = &same, .stack = COIR_STACK_SMALL};

        pattern_size = size;
        assert_int_equal(coir_spawn(scope, compare_pattern, pattern, &options), 0);
        let_others_run(1);
        assert_true(same);
    }
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(an_argument_that_would_eat_the_stack_is_refused)
{
    static char large[1 << 20];
    struct coir_task_options options = {.arg_size = sizeof(large)};
    struct coir_scope *scope = open_scope(NULL);

    assert_int_equal(coir_spawn(scope, sleep_for_ever, large, &options), -EINVAL);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(ret_result_gets_what_the_task_returned)
{
    static int values[] = {0, 7, -EIO, -ECANCELED};
    struct coir_scope *scope = open_independent();
    int results[4] = {77, 77, 77, 77};

    for (int i = 0; i < 4; i++) {
        struct coir_task_options options = {.ret_result = &results[i]};

        assert_int_equal(coir_spawn(scope, return_it, &values[i], &options), 0);
        assert_int_equal(results[i], 77);
    }
    (void)coir_scope_close(scope);
    assert_memory_equal(results, values, sizeof(values));
}

static int check_name(void *arg)
{
    assert_string_equal(coir_task_name(), (const char *)arg);
    return 0;
}

TASK_TEST(names_are_copied_and_cut_at_31_bytes)
{
    struct coir_scope *scope = open_scope(NULL);
    static char expected[] = "session 42", cut[] = "0123456789012345678901234567890";
    char name[64];
    struct coir_task_options options = {.name = name};

    strcpy(name, expected);
    assert_int_equal(coir_spawn(scope, check_name, expected, &options), 0);
    snprintf(name, sizeof(name), "%s%s", cut, "xyz");
    assert_int_equal(coir_spawn(scope, check_name, cut, &options), 0);
    memset(name, '?', sizeof(name));
    spawn(scope, check_name, "");
    assert_int_equal(coir_scope_close(scope), 0);
}

/* Uses about `kib` KiB of its stack, all of it written to. */
static int use_stack(int kib)
{
    volatile char block[1024];

    memset((char *)(uintptr_t)block, kib, sizeof(block));
    return kib > 1 ? use_stack(kib - 1) + block[512] : block[512];
}

static int use_kib(void *arg)
{
    (void)use_stack(*(int *)arg);
    return 0;
}

TASK_TEST(each_stack_class_holds_what_it_says)
{
    static const enum coir_stack_class classes[] = {COIR_STACK_SMALL, COIR_STACK_DEFAULT, COIR_STACK_LARGE,
                                                    COIR_STACK_HUGE};
    static int amounts[] = {11, 50, 220, 900}; /* of 16, 64, 256 and 1024 KiB; the rest is frames */
    struct coir_scope *scope = open_scope(NULL);

    for (int i = 0; i < 4; i++) {
        struct coir_task_options options = {.stack = classes[i]};

        assert_int_equal(coir_spawn(scope, use_kib, &amounts[i], &options), 0);
    }
    assert_int_equal(coir_scope_close(scope), 0);
}

TEST(the_first_task_has_the_stack_asked_for)
{
    static int amount = 900;
    struct coir_run_options options = {.stack = COIR_STACK_HUGE};

    assert_int_equal(coir_run(use_kib, &amount, &options), 0);
}

static void append_value(void *value)
{
    strcat(value, "d");
}

static const struct coir_local destroyed = {.destroy = append_value};
static const struct coir_local plain;

static int keep_values(void *arg)
{
    void *value = NULL;

    assert_int_equal(coir_local_get(&destroyed, &value), -ENOENT);
    assert_int_equal(coir_local_set(&destroyed, arg), 0);
    assert_int_equal(coir_local_set(&plain, &value), 0);
    assert_int_equal(coir_yield(), 0);
    assert_int_equal(coir_local_get(&destroyed, &value), 0);
    assert_ptr_equal(value, arg);
    assert_int_equal(coir_local_get(&plain, &value), 0);
    assert_ptr_equal(value, &value);
    assert_int_equal(coir_local_set(&plain, NULL), 0);
    assert_int_equal(coir_local_get(&plain, &value), -ENOENT);
    assert_int_equal(coir_local_set(&plain, NULL), 0);
    return 0;
}

TASK_TEST(local_values_are_of_one_task_and_destroyed_at_its_end)
{
    struct coir_scope *scope = open_scope(NULL);
    char first[8] = "", second[8] = "";
    void *value;

    spawn(scope, keep_values, first);
    spawn(scope, keep_values, second);
    let_others_run(1);
    assert_string_equal(first, "");
    assert_int_equal(coir_local_get(&destroyed, &value), -ENOENT);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_string_equal(first, "d");
    assert_string_equal(second, "d");
}

static int replace_and_remove(void *arg)
{
    char(*values)[8] = arg;

    assert_int_equal(coir_local_set(&destroyed, values[0]), 0);
    assert_int_equal(coir_local_set(&destroyed, values[1]), 0);
    assert_int_equal(coir_local_set(&destroyed, NULL), 0);
    assert_int_equal(coir_local_set(&destroyed, values[2]), 0);
    return 0;
}

TASK_TEST(a_local_value_replaced_or_removed_is_not_destroyed)
{
    struct coir_scope *scope = open_scope(NULL);
    char values[3][8] = {"", "", ""};

    spawn(scope, replace_and_remove, values);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_string_equal(values[0], "");
    assert_string_equal(values[1], "");
    assert_string_equal(values[2], "d");
}

static void suspend_to_destroy(void *value)
{
    (void)!coir_sleep(COIR_MILLISECOND);
    *(bool *)value = true;
}

static const struct coir_local slow = {.destroy = suspend_to_destroy};

static int keep_slow(void *arg)
{
    return coir_local_set(&slow, arg);
}

TASK_TEST(a_destructor_may_suspend_and_the_scope_waits_for_it)
{
    struct coir_scope *scope = open_scope(NULL);
    bool done = false;

    spawn(scope, keep_slow, &done);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_true(done);
}

struct trail {
    bool cleaned_up;
};

static int clean_up_after_cancel(void *arg)
{
    struct trail *trail = arg;
    int rc = coir_sleep(1000 * COIR_SECOND);

    trail->cleaned_up = true; /* a cancelled call returns; nothing is unwound */
    return rc;
}

TASK_TEST(nothing_is_unwound_a_cancelled_call_returns)
{
    struct coir_scope *scope = open_scope(NULL);
    struct trail trail = {false};

    spawn(scope, clean_up_after_cancel, &trail);
    let_others_run(1);
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_true(trail.cleaned_up);
}

TASK_TEST(run_info_counts)
{
    struct coir_scope *scope = open_scope(NULL);
    struct coir_run_info before, during, after;

    assert_int_equal(coir_run_info(&before), 0);
    for (int i = 0; i < 10; i++)
        spawn(scope, sleep_for_ever, NULL);
    let_others_run(3);
    assert_int_equal(coir_run_info(&during), 0);
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(coir_run_info(&after), 0);
    assert_int_equal(before.tasks_live, 1);
    assert_int_equal(during.tasks_live, 11);
    assert_int_equal(after.tasks_live, 1);
    assert_int_equal(before.tasks_spawned, 1);
    assert_int_equal(after.tasks_spawned, 11);
    assert_true(during.switches >= before.switches + 13);
    assert_true(during.turns >= before.turns + 3);
    assert_true(during.stack_bytes >= 11 * 65536);
    assert_true(strcmp(after.stack_guard, "markers") == 0 || strcmp(after.stack_guard, "mappings") == 0);
    assert_int_equal(after.livelocks, 0);
    assert_int_equal(after.slices_out, 0);
    assert_int_equal(after.lingering, 0);
}

static int next_result = 100;

static int run_again(void *arg)
{
    (void)arg;
    return next_result++;
}

TEST(runs_may_follow_each_other_on_one_thread)
{
    for (int i = 0; i < 50; i++)
        assert_int_equal(coir_run(run_again, NULL, NULL), 100 + i);
}
