/* SPDX-License-Identifier: MIT
 *
 * An acceptor among many tasks that are ready in each round of turns: its share
 * grows with them, so that clients do not wait behind thousands of sessions for
 * sixteen places a round; among few it stays as small as anybody's.
 */
#include "contract/rig.h"

#define CLIENTS 400
#define BUDGET 16 /* TASK_TURN_BUDGET */

struct crowd {
    struct coir_listener *listener;
    bool over;
    uint64_t most; /* accepted in one round */
};

/* Ready in each round. */
static int be_busy(void *arg)
{
    const struct crowd *crowd = arg;
    int rc = 0;

    while (rc == 0 && !crowd->over)
        rc = coir_yield();
    return rc;
}

static void accept_all(struct crowd *crowd)
{
    uint64_t turn = 0;
    uint64_t count = 0;

    for (int i = 0; i < CLIENTS; i++) {
        struct coir_stream *stream;

        assert_int_equal(coir_accept(crowd->listener, &stream), 0);
        count = run_info().turns == turn ? count + 1 : 1;
        turn = run_info().turns;
        if (count > crowd->most)
            crowd->most = count;
        coir_abort(stream);
    }
}

static uint64_t accepted_at_once(int busy)
{
    struct crowd crowd = {.most = 0};
    struct coir_scope *scope;
    struct place place;
    char uri[COIR_ADDRESS_SIZE];
    int clients[CLIENTS];

    snprintf(uri, sizeof(uri), "fd://%d", new_listener(true, CLIENTS, &place));
    assert_int_equal(coir_listen(uri, NULL, &crowd.listener), 0);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = new_client(&place);
    assert_int_equal(coir_scope_open(NULL, &scope), 0);
    for (int i = 0; i < busy; i++)
        assert_int_equal(coir_spawn(scope, be_busy, &crowd, NULL), 0);
    assert_int_equal(coir_yield(), 0); /* a round in which all of them run */
    assert_int_equal(coir_yield(), 0);
    accept_all(&crowd);
    crowd.over = true;
    assert_int_equal(coir_scope_close(scope), 0);
    coir_listener_close(crowd.listener);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
    return crowd.most;
}

CASE(among_many_the_share_is_an_eighth_of_the_round)
{
    uint64_t most = accepted_at_once(1600);

    assert_true(most >= 200);
    assert_true(most <= 200 + BUDGET + 1);
}

CASE(among_few_it_is_the_budget)
{
    assert_true(accepted_at_once(8) <= BUDGET + 2);
}
