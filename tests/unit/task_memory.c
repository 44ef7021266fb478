/* SPDX-License-Identifier: MIT
 *
 * When memory is short: what fails says -ENOMEM, takes nothing and changes
 * nothing, and works again afterwards.
 */
#include "support/faults.h"
#include "support/virtual_time.h"
#include <errno.h>

static int ran;

static int note_run(void *arg)
{
    ran++;
    return *(int *)arg;
}

/* Tries it with the n-th allocation or mapping failing, for n = 1, 2, ... until none is left to fail. */
static void try_with_faults(void (*try_it)(struct coir_scope *scope, bool fault))
{
    struct coir_scope *scope = virtual_scope(0);
    unsigned int nth = 0;
    bool hit;

    do {
        fault_clear();
        fault_fail(FAULT_ANY, ++nth, ENOMEM, FAULT_ONCE);
        try_it(scope, true);
        hit = fault_hits() > 0;
        fault_clear();
        try_it(scope, false);
    } while (hit && nth < 100);
    assert_false(hit);
    assert_int_equal(coir_scope_close(scope), 0);
}

static int result_of_task = 5;

/* Of a class that no stack has been taken of before. */
static void try_spawn(struct coir_scope *scope, bool fault)
{
    int result = 77, before = ran;
    struct coir_task_options options = {.ret_result = &result, .stack = COIR_STACK_LARGE, .arg_size = sizeof(int)};
    struct coir_scope_info info;
    int rc = coir_spawn(scope, note_run, &result_of_task, &options);

    assert_true(rc == 0 || (fault && rc == -ENOMEM));
    assert_int_equal(coir_scope_info(scope, &info), 0);
    assert_int_equal(info.children, rc == 0);
    assert_int_equal(coir_yield(), 0);
    assert_int_equal(ran - before, rc == 0);
    assert_int_equal(result, rc == 0 ? 5 : 77);
}

static int spawn_with_faults(void *arg)
{
    (void)arg;
    try_with_faults(try_spawn);
    return 0;
}

TEST(a_spawn_without_memory_takes_nothing)
{
    assert_int_equal(run_virtually(spawn_with_faults, NULL), 0);
    fault_clear();
}

static int fail_first_stack(void *arg)
{
    struct coir_scope *scope = virtual_scope(0);
    struct coir_task_options options = {.stack = COIR_STACK_HUGE};

    (void)arg;
    fault_fail("kernel_map", 1, ENOMEM, FAULT_ALWAYS); /* fewer at once would not fit either */
    assert_int_equal(coir_spawn(scope, note_run, &result_of_task, &options), -ENOMEM);
    fault_clear();
    assert_int_equal(coir_spawn(scope, note_run, &result_of_task, &options), 0);
    return coir_scope_close(scope);
}

TEST(a_spawn_without_room_for_a_stack_takes_nothing)
{
    assert_int_equal(run_virtually(fail_first_stack, NULL), 0);
}

static int open_many(void *arg)
{
    struct coir_scope *scopes[2000], *untouched = arg;
    size_t count = 0;

    fault_fail("alloc_aligned", 1, ENOMEM, FAULT_ALWAYS);
    while (count < 2000 && coir_scope_open(NULL, &scopes[count]) == 0)
        count++;
    assert_true(count < 2000);
    assert_int_equal(coir_scope_open(NULL, &untouched), -ENOMEM);
    assert_ptr_equal(untouched, arg);
    fault_clear();
    assert_int_equal(coir_yield(), 0); /* the task is where it was */
    while (count > 0)
        assert_int_equal(coir_scope_close(scopes[--count]), 0);
    return 0;
}

TEST(a_scope_without_memory_is_not_opened)
{
    static char mark;

    assert_int_equal(run_virtually(open_many, &mark), 0);
}

static int keep_local(void *arg)
{
    static const struct coir_local key;
    void *value = NULL;

    fault_fail("alloc_bytes", 1, ENOMEM, FAULT_ONCE);
    assert_int_equal(coir_local_set(&key, arg), -ENOMEM);
    assert_int_equal(coir_local_get(&key, &value), -ENOENT);
    assert_int_equal(coir_local_set(&key, arg), 0);
    assert_int_equal(coir_local_get(&key, &value), 0);
    assert_ptr_equal(value, arg);
    return 0;
}

TEST(a_local_value_without_memory_is_not_kept)
{
    static char mark;

    assert_int_equal(run_virtually(keep_local, &mark), 0);
}
