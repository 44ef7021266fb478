/* SPDX-License-Identifier: MIT
 *
 * The table for debuggers: what its reader relies on.
 */
#include "io/loop.h"
#include "runtime/debug.h"
#include "support/test.h"
#include <coir/run.h>
#include <string.h>

static const struct debug_fact *find_fact(const char *name)
{
    const struct debug_fact *fact = debug_table()->facts;

    while (fact->name[0] != '\0' && strcmp(fact->name, name) != 0)
        fact++;
    return fact;
}

TEST(the_table_says_what_it_is)
{
    const struct debug_table *table = debug_table();

    assert_memory_equal(table->magic, DEBUG_MAGIC, sizeof table->magic);
    assert_int_equal(table->version, DEBUG_VERSION);
    assert_int_equal(table->fact_size, sizeof(struct debug_fact));
}

/* Its reader has no other way to find them. */
TEST(the_beginning_of_the_table_has_its_layout_for_good)
{
    assert_int_equal(offsetof(struct debug_table, version), 8);
    assert_int_equal(offsetof(struct debug_table, fact_size), 12);
    assert_int_equal(offsetof(struct debug_table, runs), 16);
    assert_int_equal(offsetof(struct debug_table, machine), 16 + 2 * sizeof(void *));
    assert_int_equal(offsetof(struct debug_table, facts), 32 + 2 * sizeof(void *));
}

TEST(every_fact_has_a_name_of_its_own_that_ends)
{
    const struct debug_fact *fact = debug_table()->facts;

    for (; fact->name[0] != '\0'; fact++) {
        assert_non_null(memchr(fact->name, '\0', sizeof fact->name));
        assert_ptr_equal(find_fact(fact->name), fact);
    }
    assert_true(fact - debug_table()->facts > 40);
}

static int find_oneself(void *arg)
{
    const char *run = (const char *)debug_table()->runs.next - find_fact("debug_run.link")->value;
    const char *loop = *(const char *const *)(const void *)(run + find_fact("debug_run.loop")->value);
    const char *scheduler = loop + find_fact("loop.scheduler")->value;
    const char *task = *(const char *const *)(const void *)(scheduler + find_fact("scheduler.current")->value);

    (void)arg;
    assert_string_equal(task + find_fact("task.name")->value, "main");
    assert_int_equal(task[find_fact("task.state")->value], find_fact("TASK_RUNNING")->value);
    return 0;
}

TEST(a_run_is_found_while_it_goes_on_and_not_after)
{
    assert_true(list_empty(&debug_table()->runs));
    assert_int_equal(coir_run(find_oneself, NULL, NULL), 0);
    assert_true(list_empty(&debug_table()->runs));
}
