/* SPDX-License-Identifier: MIT
 *
 * "Nothing allocates on the path of a read, a write or a switch": not a yield,
 * a sleep, a channel's send or receive, nor a scope's limit; and once warm, not
 * opening a scope, and not spawning a task either. Nor is a system call made.
 */
#include "support/faults.h"
#include "support/virtual_time.h"
#include <coir/channel.h>
#include <errno.h>

static unsigned int calls_seen;

/* Everything in kernel/kernel.h and base/alloc.h comes by here. */
static void count_call(const struct fault_call *call, void *context)
{
    (void)context;
    print_message("%s\n", call->function);
    calls_seen++;
}

static void begin_counting(void)
{
    calls_seen = 0;
    fault_observe(count_call, NULL, NULL);
}

static void end_counting(void)
{
    fault_observe(NULL, NULL, NULL);
    assert_int_equal(calls_seen, 0);
}

static struct coir_channel *there, *back;

static int return_items(void *arg)
{
    int item, rc;

    (void)arg;
    while ((rc = coir_channel_receive(there, &item)) == 1)
        if (coir_channel_send(back, &item) < 0 || coir_sleep(item) < 0)
            return 1;
    return rc;
}

static int exchange(void *arg)
{
    struct coir_scope *scope = virtual_scope(COIR_SECOND);
    int item;

    (void)arg;
    assert_int_equal(coir_channel_open(0, sizeof(int), &there), 0);
    assert_int_equal(coir_channel_open(1, sizeof(int), &back), 0);
    assert_int_equal(coir_spawn(scope, return_items, NULL, NULL), 0);
    begin_counting();
    for (int i = 0; i < 1000; i++) {
        coir_scope_set_limit(scope, COIR_SECOND);
        assert_int_equal(coir_channel_send(there, &i), 0);
        assert_int_equal(coir_channel_receive(back, &item), 1);
        assert_int_equal(item, i);
        assert_int_equal(coir_yield(), 0);
        assert_int_equal(coir_sleep(1), 0);
    }
    end_counting();
    coir_channel_finish(there);
    assert_int_equal(coir_scope_close(scope), 0);
    coir_channel_close(there);
    coir_channel_close(back);
    return 0;
}

TEST(switches_channels_sleeps_and_limits_allocate_nothing)
{
    assert_int_equal(run_virtually(exchange, NULL), 0);
}

static int sleep_one(void *arg)
{
    (void)arg;
    return coir_sleep(1);
}

/* In debug builds a slab goes through all its slots before it uses one again. */
static void spawn_round(int tasks)
{
    struct coir_scope *scope = virtual_scope(COIR_SECOND);

    for (int i = 0; i < tasks; i++)
        assert_int_equal(coir_spawn(scope, sleep_one, NULL, NULL), 0);
    assert_int_equal(coir_scope_close(scope), 0);
}

static int spawn_again(void *arg)
{
    (void)arg;
    spawn_round(100);
    begin_counting();
    for (int i = 0; i < 100; i++)
        spawn_round(50);
    end_counting();
    return 0;
}

TEST(once_warm_scopes_and_tasks_allocate_nothing)
{
    assert_int_equal(run_virtually(spawn_again, NULL), 0);
}
