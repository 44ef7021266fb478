/* SPDX-License-Identifier: MIT
 *
 * The look of `coir echo` at who has been idle for too long: it gives way
 * between the sessions, which may end or speak meanwhile.
 */
#include "command/sessions.h"

#define CROWD 200

struct crowd {
    struct fixture fixture;
    struct coir_scope *watch;
    int clients[CROWD];
};

static void gather(struct crowd *crowd, coir_time idle_timeout)
{
    struct sessions *all = &crowd->fixture.all;

    open_sessions(&crowd->fixture, CROWD);
    crowd->fixture.options.idle_timeout = idle_timeout;
    all->tick_ns = COIR_MILLISECOND;
    for (int i = 0; i < CROWD; i++)
        crowd->clients[i] = admit(&crowd->fixture);
    crowd->watch = open_independent();
    spawn(crowd->watch, sessions_watch, all);
}

/* Goes on where the look of that tick has given way for the first time. */
static void await_look(const struct crowd *crowd, uint32_t tick)
{
    const struct sessions *all = &crowd->fixture.all;

    while (all->tick < tick || (all->tick == tick && all->next_judged == NULL))
        assert_int_equal(coir_yield(), 0);
    assert_int_equal(all->tick, tick); /* or it never gave way */
}

/* Returns the turns that the caller has had until the look was over. */
static int await_end_of_look(const struct crowd *crowd)
{
    int turns = 1;

    while (crowd->fixture.all.next_judged != NULL) {
        assert_int_equal(coir_yield(), 0);
        turns++;
    }
    return turns;
}

static void stop_watch(struct crowd *crowd)
{
    coir_scope_cancel(crowd->watch);
    assert_int_equal(coir_scope_close(crowd->watch), 0);
}

static void disperse(struct crowd *crowd, int first)
{
    close_all(&crowd->clients[first], (size_t)(CROWD - first));
    close_sessions(&crowd->fixture);
}

TASK_TEST(others_have_turns_meanwhile)
{
    struct crowd crowd;

    gather(&crowd, COIR_FOREVER);
    await_look(&crowd, 1);
    assert_in_range(await_end_of_look(&crowd), CROWD / 20, CROWD);
    stop_watch(&crowd);
    disperse(&crowd, 0);
}

/* A millisecond is over in the second tick, for all but those who go or speak just then. */
TASK_TEST(who_ends_or_speaks_meanwhile_is_judged_no_more)
{
    struct crowd crowd;
    const struct echo_counters *counters = &crowd.fixture.all.counters;

    gather(&crowd, COIR_MILLISECOND);
    await_look(&crowd, 2);
    close_all(crowd.clients, CROWD / 4);
    for (int i = CROWD / 4; i < CROWD / 2; i++)
        peer_send(crowd.clients[i], "x", 1);
    (void)await_end_of_look(&crowd);
    stop_watch(&crowd);
    while (crowd.fixture.all.leaving > 0 || counters->live > counters->messages)
        assert_int_equal(coir_yield(), 0);
    assert_int_equal(counters->live, counters->messages);
    assert_in_range(counters->messages, 1, CROWD / 4);
    assert_in_range(counters->empty, 1, CROWD / 4);
    assert_in_range(ended(&crowd.fixture, ECHO_TIMED_OUT), CROWD / 2, CROWD - 2);
    disperse(&crowd, CROWD / 4);
}
