/* SPDX-License-Identifier: MIT
 *
 * Scopes, spawning: "A spawned task always runs its function, even if
 * cancelled before its first turn: it owns its argument. Spawning into a
 * cancelled or expired scope fails and takes nothing; into a draining one it
 * works, and also while the owner waits in coir_scope_close, as long as a
 * child lives. Any task inside a scope may spawn into it; the child inherits
 * from that scope, not from its spawner."
 */
#include "support/tasks.h"
#include <errno.h>
#include <stdlib.h>

struct ownership {
    int given;
    int freed;
};

struct parcel {
    struct ownership *ownership;
};

static int free_parcel(void *arg)
{
    struct parcel *parcel = arg;

    parcel->ownership->freed++;
    free(parcel);
    return 0;
}

static struct parcel *new_parcel(struct ownership *ownership)
{
    struct parcel *parcel = malloc(sizeof(*parcel));

    assert_non_null(parcel);
    parcel->ownership = ownership;
    ownership->given++;
    return parcel;
}

TASK_TEST(a_task_runs_even_if_cancelled_before_its_first_turn)
{
    struct ownership ownership = {0};

    for (int expire = 0; expire < 2; expire++) {
        struct coir_scope *scope = open_scope(NULL);

        for (int i = 0; i < 50; i++)
            spawn(scope, free_parcel, new_parcel(&ownership));
        if (expire)
            coir_scope_set_limit(scope, 0);
        else
            coir_scope_cancel(scope);
        assert_int_equal(ownership.freed, expire * 50); /* none has had a turn */
        assert_int_equal(coir_scope_close(scope), 0);
        assert_int_equal(ownership.freed, ownership.given);
    }
}

static int first_call(void *arg)
{
    *(int *)arg = coir_yield();
    return 0;
}

TASK_TEST(a_task_cancelled_before_its_first_turn_cannot_suspend)
{
    struct coir_scope *scope = open_scope(NULL);
    int rc = 77;

    spawn(scope, first_call, &rc);
    coir_scope_cancel(scope);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(rc, -ECANCELED);
}

static uint64_t count_spawned(void)
{
    struct coir_run_info info;

    assert_int_equal(coir_run_info(&info), 0);
    return info.tasks_spawned;
}

TASK_TEST(spawning_into_a_cancelled_or_expired_scope_takes_nothing)
{
    struct ownership ownership = {0};
    struct parcel *parcel = new_parcel(&ownership);
    struct coir_scope *scope = open_scope(NULL);
    struct coir_scope_info info;
    uint64_t before = count_spawned();

    coir_scope_set_limit(scope, -1);
    assert_int_equal(coir_spawn(scope, free_parcel, parcel, NULL), -ETIME);
    coir_scope_cancel(scope);
    assert_int_equal(coir_spawn(scope, free_parcel, parcel, NULL), -ECANCELED);
    assert_int_equal(coir_scope_info(scope, &info), 0);
    assert_int_equal(info.children, 0);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(count_spawned(), before);
    assert_int_equal(ownership.freed, 0);
    free(parcel);
}

TASK_TEST(spawning_where_a_scope_around_is_cancelled_takes_nothing)
{
    struct ownership ownership = {0};
    struct parcel *parcel = new_parcel(&ownership);
    struct coir_scope *outer = open_scope(NULL);
    struct coir_scope *inner = open_scope(NULL);

    coir_scope_cancel(outer);
    assert_int_equal(coir_spawn(inner, free_parcel, parcel, NULL), -ECANCELED);
    assert_int_equal(coir_scope_close(inner), 0);
    assert_int_equal(coir_scope_close(outer), 0);
    free(parcel);
}

TASK_TEST(spawning_into_a_draining_scope_works)
{
    struct coir_scope *scope = open_scope(NULL);
    int rc = 77;

    coir_scope_drain(scope, 0);
    spawn(scope, first_call, &rc);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(rc, 0);
}

struct relay {
    struct coir_scope *scope;
    int left;
    int ran;
};

/* Each child is the last one alive when it spawns the next. */
static int spawn_next(void *arg)
{
    struct relay *relay = arg;

    relay->ran++;
    assert_int_equal(coir_sleep(10 * COIR_MICROSECOND), 0);
    if (relay->left-- > 0)
        spawn(relay->scope, spawn_next, relay);
    return 0;
}

TASK_TEST(a_child_may_spawn_while_the_owner_waits_in_close)
{
    struct relay relay = {.scope = open_scope(NULL), .left = 20};

    spawn(relay.scope, spawn_next, &relay);
    assert_int_equal(coir_scope_close(relay.scope), 0);
    assert_int_equal(relay.ran, 21);
}

static int spawn_draining(void *arg)
{
    struct relay *relay = arg;

    coir_scope_drain(relay->scope, 0);
    return spawn_next(arg);
}

TASK_TEST(a_child_may_spawn_while_the_owner_waits_in_close_and_the_scope_drains)
{
    struct relay relay = {.scope = open_scope(NULL), .left = 3};

    spawn(relay.scope, spawn_draining, &relay);
    assert_int_equal(coir_scope_close(relay.scope), 0);
    assert_int_equal(relay.ran, 4);
}

struct inheritance {
    struct coir_scope *outer;
    int result;
};

static int sleep_a_little(void *arg)
{
    struct inheritance *inheritance = arg;

    inheritance->result = coir_sleep(5 * COIR_MILLISECOND);
    return 0;
}

/* From deep inside a scope that is cancelled, expired, and short of time. */
static int spawn_outwards(void *arg)
{
    struct inheritance *inheritance = arg;
    struct coir_scope *own = open_scope(&(struct coir_scope_options){.limit_ns = COIR_MILLISECOND});
    struct coir_scope *inner = open_scope(NULL);

    coir_scope_cancel(inner);
    coir_scope_set_limit(own, 0);
    assert_int_equal(coir_yield(), -ECANCELED);
    spawn(inheritance->outer, sleep_a_little, inheritance);
    assert_int_equal(coir_scope_close(inner), 0);
    assert_int_equal(coir_scope_close(own), 0);
    return 0;
}

TASK_TEST(any_task_inside_may_spawn_and_the_child_inherits_from_the_scope)
{
    struct inheritance inheritance = {.outer = open_scope(NULL), .result = 77};

    spawn(inheritance.outer, spawn_outwards, &inheritance);
    assert_int_equal(coir_scope_close(inheritance.outer), 0);
    assert_int_equal(inheritance.result, 0);
}

/* The other way round: the spawner's shield does not cover a task that it spawns outside of it. */
TASK_TEST(a_child_spawned_from_a_shield_into_a_scope_around_is_not_shielded)
{
    struct inheritance inheritance = {.outer = open_scope(NULL), .result = 77};
    struct coir_scope *shield = open_scope(&(struct coir_scope_options){.shield = true, .limit_ns = COIR_SECOND});

    spawn(inheritance.outer, sleep_a_little, &inheritance);
    coir_scope_cancel(inheritance.outer);
    assert_int_equal(coir_yield(), 0);
    assert_int_equal(coir_yield(), 0);
    assert_int_equal(inheritance.result, -ECANCELED);
    assert_int_equal(coir_scope_close(shield), 0);
    assert_int_equal(coir_scope_close(inheritance.outer), 0);
}
