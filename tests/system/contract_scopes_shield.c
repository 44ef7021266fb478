/* SPDX-License-Identifier: MIT
 *
 * Scopes, shields: "A shield hides outer cancels and deadlines for clean-up
 * that must suspend; its own limit is mandatory, capped by what an enclosing
 * shield has left, and inherited by tasks spawned in it. A shield hides drains
 * too." That the limit is mandatory at open is in contract_scopes.c, at
 * coir_scope_set_limit() in contract_misuse.c.
 */
#include "support/tasks.h"
#include <errno.h>

#define LONG (1000 * COIR_SECOND)

static struct coir_scope *open_shield(coir_time limit_ns)
{
    return open_scope(&(struct coir_scope_options){.shield = true, .limit_ns = limit_ns});
}

/* Opens a scope, shields in it, does something to the scope, and sleeps. */
static int sleep_shielded(void (*do_it)(struct coir_scope *scope), bool before)
{
    struct coir_scope *outer = open_scope(NULL);
    struct coir_scope *shield;
    int rc;

    if (before)
        do_it(outer);
    shield = open_shield(10 * COIR_SECOND);
    if (!before)
        do_it(outer);
    rc = coir_sleep(COIR_MILLISECOND);
    assert_int_equal(coir_scope_state(shield), 0);
    assert_int_equal(coir_scope_close(shield), 0);
    assert_int_equal(coir_scope_close(outer), 0);
    return rc;
}

static void expire(struct coir_scope *scope)
{
    coir_scope_set_limit(scope, 0);
}

static void limit_shortly(struct coir_scope *scope)
{
    coir_scope_set_limit(scope, 100 * COIR_MICROSECOND);
}

TASK_TEST(a_shield_hides_cancels_around_it)
{
    assert_int_equal(sleep_shielded(coir_scope_cancel, true), 0);
    assert_int_equal(sleep_shielded(coir_scope_cancel, false), 0);
}

TASK_TEST(a_shield_hides_deadlines_around_it)
{
    assert_int_equal(sleep_shielded(expire, true), 0);
    assert_int_equal(sleep_shielded(expire, false), 0);
    assert_int_equal(sleep_shielded(limit_shortly, true), 0);
    assert_int_equal(sleep_shielded(limit_shortly, false), 0);
}

static void drain_now(struct coir_scope *scope)
{
    coir_scope_drain(scope, 0);
}

/* An accept in a draining scope ends within milliseconds; shielded it waits for its own deadline. */
static int accept_shielded(bool before)
{
    struct coir_scope *outer = open_scope(NULL);
    struct coir_listener *listener;
    struct coir_stream *stream;
    struct coir_scope *shield;
    int rc;

    assert_int_equal(coir_listen("tcp://127.0.0.1:0", NULL, &listener), 0);
    if (before)
        drain_now(outer);
    shield = open_shield(30 * COIR_MILLISECOND);
    if (!before)
        drain_now(outer);
    rc = coir_accept(listener, &stream);
    coir_listener_close(listener);
    assert_int_equal(coir_scope_close(shield), 0);
    assert_int_equal(coir_scope_close(outer), 0);
    return rc;
}

TASK_TEST(a_shield_hides_drains_around_it)
{
    assert_int_equal(accept_shielded(true), -ETIME);
    assert_int_equal(accept_shielded(false), -ETIME);
}

TASK_TEST(what_a_shield_hid_is_there_again_after_it)
{
    struct coir_scope *outer = open_scope(NULL);
    struct coir_scope *shield = open_shield(COIR_SECOND);

    coir_scope_cancel(outer);
    assert_int_equal(coir_yield(), 0);
    assert_int_equal(coir_scope_close(shield), 0);
    assert_int_equal(coir_yield(), -ECANCELED);
    assert_int_equal(coir_scope_close(outer), 0);
}

TASK_TEST(a_shield_itself_can_be_cancelled_and_expires)
{
    struct coir_scope *shield = open_shield(COIR_MILLISECOND);

    assert_int_equal(coir_sleep(LONG), -ETIME);
    assert_int_equal(coir_scope_state(shield), COIR_SCOPE_EXPIRED);
    assert_int_equal(coir_scope_close(shield), 0);
    shield = open_shield(COIR_SECOND);
    coir_scope_cancel(shield);
    assert_int_equal(coir_sleep(LONG), -ECANCELED);
    assert_int_equal(coir_scope_close(shield), 0);
}

TASK_TEST(scopes_in_a_shield_are_shielded_and_obey_it)
{
    struct coir_scope *outer = open_scope(NULL);
    struct coir_scope *shield = open_shield(100 * COIR_MILLISECOND);
    struct coir_scope *inner = open_scope(NULL);

    coir_scope_cancel(outer);
    assert_int_equal(coir_yield(), 0);
    assert_int_equal(coir_sleep(LONG), -ETIME);
    assert_int_equal(coir_scope_state(inner), 0);
    assert_int_equal(coir_scope_close(inner), 0);
    assert_int_equal(coir_scope_close(shield), 0);
    assert_int_equal(coir_scope_close(outer), 0);
}

TASK_TEST(a_shield_in_a_shield_is_capped_by_what_that_has_left)
{
    coir_time start = coir_now();
    struct coir_scope *outer = open_shield(2 * COIR_MILLISECOND);
    struct coir_scope *between = open_scope(NULL);
    struct coir_scope *inner = open_shield(LONG);

    assert_int_equal(coir_sleep(LONG), -ETIME);
    assert_true(coir_now() - start >= 2 * COIR_MILLISECOND);
    assert_int_equal(coir_scope_state(outer), COIR_SCOPE_EXPIRED);
    assert_int_equal(coir_scope_state(inner), 0);
    assert_int_equal(coir_scope_close(inner), 0);
    inner = open_shield(LONG); /* nothing is left */
    assert_int_equal(coir_yield(), -ETIME);
    assert_int_equal(coir_scope_close(inner), 0);
    assert_int_equal(coir_scope_close(between), 0);
    assert_int_equal(coir_scope_close(outer), 0);
}

/* Nobody else turns the loop, so that an entry check is what finds it. */
TASK_TEST(a_limit_of_a_shield_that_passed_during_computation_is_seen_at_entry)
{
    struct coir_scope *outer = open_scope(NULL);
    struct coir_scope *shield = open_shield(COIR_MILLISECOND);

    compute(2 * COIR_MILLISECOND);
    assert_int_equal(coir_yield(), -ETIME);
    assert_int_equal(coir_scope_state(shield), COIR_SCOPE_EXPIRED);
    assert_int_equal(coir_scope_close(shield), 0);
    assert_int_equal(coir_yield(), 0);
    assert_int_equal(coir_scope_close(outer), 0);
}

/* Also when the enclosing shield's limit changes, and when its own is nearer. */
TASK_TEST(the_cap_follows_the_enclosing_shield)
{
    struct coir_scope *outer = open_shield(LONG);
    struct coir_scope *inner = open_shield(LONG);

    coir_scope_set_limit(outer, COIR_MILLISECOND);
    assert_int_equal(coir_sleep(LONG), -ETIME);
    assert_int_equal(coir_scope_state(outer), COIR_SCOPE_EXPIRED);
    assert_int_equal(coir_scope_close(inner), 0);
    assert_int_equal(coir_scope_close(outer), 0);

    outer = open_shield(LONG);
    inner = open_shield(COIR_MILLISECOND);
    assert_int_equal(coir_sleep(LONG), -ETIME);
    assert_int_equal(coir_scope_state(outer), 0);
    assert_int_equal(coir_scope_state(inner), COIR_SCOPE_EXPIRED);
    assert_int_equal(coir_scope_close(inner), 0);
    assert_int_equal(coir_sleep(1), 0);
    assert_int_equal(coir_scope_close(outer), 0);
}

/* Only limits of shields cap; other deadlines between them are hidden, and cancels of a shield from a shield in it. */
TASK_TEST(a_shield_in_a_shield_hides_what_is_between_them)
{
    struct coir_scope *outer = open_shield(LONG);
    struct coir_scope *between = open_scope(&(struct coir_scope_options){.limit_ns = COIR_MILLISECOND});
    struct coir_scope *inner = open_shield(LONG);

    assert_int_equal(coir_sleep(2 * COIR_MILLISECOND), 0);
    assert_int_equal(coir_scope_state(between), COIR_SCOPE_EXPIRED);
    coir_scope_cancel(between);
    coir_scope_cancel(outer);
    assert_int_equal(coir_sleep(1), 0);
    assert_int_equal(coir_scope_close(inner), 0);
    assert_int_equal(coir_sleep(1), -ECANCELED);
    inner = open_shield(LONG); /* also what was there before it */
    assert_int_equal(coir_sleep(1), 0);
    assert_int_equal(coir_scope_close(inner), 0);
    assert_int_equal(coir_scope_close(between), 0);
    assert_int_equal(coir_scope_close(outer), 0);
}

static int sleep_and_note(void *arg)
{
    int *result = arg;

    *result = coir_sleep(LONG);
    return 0;
}

static int sleep_in_shield_of_its_own(void *arg)
{
    struct coir_scope *shield = open_shield(LONG);
    int rc = sleep_and_note(arg);

    assert_int_equal(coir_scope_close(shield), 0);
    return rc;
}

TASK_TEST(tasks_spawned_in_a_shield_inherit_it_and_its_limit)
{
    const coir_time limit = 50 * COIR_MILLISECOND; /* both have had their turn by then */
    coir_time start = coir_now();
    struct coir_scope *outer = open_scope(NULL);
    struct coir_scope *shield = open_shield(limit);
    int plain = 0, shielded = 0;

    spawn(shield, sleep_and_note, &plain);
    spawn(shield, sleep_in_shield_of_its_own, &shielded);
    coir_scope_cancel(outer);
    assert_int_equal(coir_scope_close(shield), 0);
    assert_int_equal(plain, -ETIME);
    assert_int_equal(shielded, -ETIME);
    assert_true(coir_now() - start >= limit - COIR_MILLISECOND);
    assert_int_equal(coir_scope_close(outer), 0);
}

/* A nest of scopes, and the contract's own reckoning of what a call inside says. */
#define DEPTH_MAX 8

struct level {
    struct coir_scope *scope;
    bool shield, cancelled, expired;
};

/* Everything up to the nearest shield counts; further out, the limits of shields alone. */
static int reckon(const struct level *levels, size_t depth)
{
    bool hidden = false, cancelled = false, expired = false;

    while (depth > 0) {
        const struct level *level = &levels[--depth];

        cancelled |= level->cancelled && !hidden;
        expired |= level->expired && (!hidden || level->shield);
        hidden |= level->shield;
    }
    return cancelled ? -ECANCELED : expired ? -ETIME : 0;
}

static void do_something(struct test_random *random, struct level *level)
{
    switch (test_random_below(random, 6)) {
    case 0:
        coir_scope_cancel(level->scope);
        level->cancelled = true;
        break;
    case 1:
        coir_scope_set_limit(level->scope, 0);
        level->expired = true;
        break;
    default:
        coir_scope_set_limit(level->scope, LONG);
    }
}

TASK_TEST(random_nests_with_shields_obey_what_is_not_hidden)
{
    struct test_random random;

    test_random_init(&random);
    for (int round = 0; round < 1000; round++) {
        struct level levels[DEPTH_MAX];
        size_t depth = 0;

        for (int step = 0; step < 30; step++) {
            uint64_t choice = test_random_below(&random, 4);

            if (depth == 0 || (choice == 0 && depth < DEPTH_MAX)) {
                bool shield = test_random_below(&random, 2) == 0;

                levels[depth++] =
                    (struct level){.scope = shield ? open_shield(LONG) : open_scope(NULL), .shield = shield};
            } else if (choice == 1) {
                assert_int_equal(coir_scope_close(levels[--depth].scope), 0);
            } else {
                do_something(&random, &levels[test_random_below(&random, depth)]);
            }
            assert_int_equal(coir_yield(), reckon(levels, depth));
        }
        while (depth > 0)
            assert_int_equal(coir_scope_close(levels[--depth].scope), 0);
    }
}
