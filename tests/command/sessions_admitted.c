/* SPDX-License-Identifier: MIT
 *
 * The sessions of `coir echo`, without its doors: who is let in, who has to make
 * room for whom, and as what each end is counted.
 */
#include "command/sessions.h"

static void admit_three(struct fixture *fixture, int ret_clients[3])
{
    for (int i = 0; i < 3; i++)
        ret_clients[i] = admit(fixture);
}

/* Lets one in as a door does. */
struct admission {
    struct fixture *fixture;
    int client; /* -1: it waits still */
};

static int run_admission(void *arg)
{
    struct admission *admission = arg;

    admission->client = admit(admission->fixture);
    return 0;
}

/* Two of the sessions end in one turn, where one waits for a place: the second place is nobody's, and must not be taken
 * for one later, when somebody else has been sent away already. */
TASK_TEST(one_makes_room_for_one_after_two_have_left)
{
    struct fixture fixture;
    struct coir_scope *doors;
    struct admission fourth = {.fixture = &fixture, .client = -1};
    int clients[3], fifth, sixth;

    open_sessions(&fixture, 3);
    doors = open_independent();
    admit_three(&fixture, clients);
    assert_int_equal(coir_spawn(doors, run_admission, &fourth, NULL), 0);
    while (fixture.all.waiting_for_room == 0)
        assert_int_equal(coir_yield(), 0);
    close_all(clients, 2);
    assert_int_equal(coir_scope_close(doors), 0);
    assert_true(fourth.client >= 0);
    assert_int_equal(fixture.all.counters.live, 2);
    fifth = admit(&fixture);
    fixture.all.tick += 2; /* from here on all are idle */
    sixth = admit(&fixture);
    assert_int_equal(ended(&fixture, ECHO_SHED), 1);
    assert_int_equal(fixture.all.counters.live, 3);
    close_all((int[]){clients[2], fourth.client, fifth, sixth}, 4);
    close_sessions(&fixture);
}

/* Each of two who wait has one sent away, though the watch, too, looks after them in every turn. */
TASK_TEST(two_make_room_for_two)
{
    struct fixture fixture;
    struct coir_scope *doors, *watch;
    struct admission admissions[2] = {{&fixture, -1}, {&fixture, -1}};
    int clients[3];

    open_sessions(&fixture, 3);
    fixture.all.tick_ns = COIR_MICROSECOND;
    watch = open_independent();
    doors = open_independent();
    admit_three(&fixture, clients);
    assert_int_equal(coir_spawn(watch, sessions_watch, &fixture.all, NULL), 0);
    while (fixture.all.tick == 0)
        assert_int_equal(coir_yield(), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(coir_spawn(doors, run_admission, &admissions[i], NULL), 0);
    assert_int_equal(coir_scope_close(doors), 0);
    assert_int_equal(ended(&fixture, ECHO_SHED), 2);
    assert_int_equal(fixture.all.counters.live, 3);
    coir_scope_cancel(watch);
    assert_int_equal(coir_scope_close(watch), 0);
    close_all(clients, 3);
    close_all((int[]){admissions[0].client, admissions[1].client}, 2);
    close_sessions(&fixture);
}

/* A tick may have ended just after its last message. */
TASK_TEST(who_was_active_less_than_a_tick_ago_makes_no_room)
{
    struct fixture fixture;
    struct coir_scope *doors, *watch;
    struct admission fourth = {.fixture = &fixture, .client = -1};
    int clients[3];

    open_sessions(&fixture, 3);
    fixture.all.tick_ns = COIR_MICROSECOND;
    watch = open_independent();
    doors = open_independent();
    admit_three(&fixture, clients);
    fixture.all.tick++;
    assert_int_equal(coir_spawn(doors, run_admission, &fourth, NULL), 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(coir_yield(), 0);
    assert_int_equal(fixture.all.waiting_for_room, 1);
    assert_int_equal(ended(&fixture, ECHO_SHED), 0);
    assert_int_equal(coir_spawn(watch, sessions_watch, &fixture.all, NULL), 0);
    assert_int_equal(coir_scope_close(doors), 0);
    assert_int_equal(ended(&fixture, ECHO_SHED), 1);
    coir_scope_cancel(watch);
    assert_int_equal(coir_scope_close(watch), 0);
    close_all(clients, 3);
    close(fourth.client);
    close_sessions(&fixture);
}

/* A connection may be accepted while all is being cancelled: the server had memory for it. */
TASK_TEST(who_comes_as_the_server_goes_is_cancelled)
{
    struct fixture fixture;
    int client;

    open_sessions(&fixture, 3);
    coir_scope_cancel(fixture.scope);
    client = admit(&fixture);
    assert_int_equal(ended(&fixture, ECHO_CANCELLED), 1);
    assert_int_equal(ended(&fixture, ECHO_SHED), 0);
    close(client);
    close_sessions(&fixture);
}

/* The first task of a run with little memory: it takes all of it, and one session needs some for much longer than it
 * may be idle. */
static int wait_for_memory(void *arg)
{
    struct fixture fixture;
    struct coir_scope *watch;
    struct coir_slice all_there_is;
    struct coir_stream *stream;
    int client, hog;
    char bytes[5];

    (void)arg;
    open_sessions(&fixture, 3);
    watch = open_independent();
    fixture.options.idle_timeout = 80 * COIR_MILLISECOND;
    fixture.all.tick_ns = 10 * COIR_MILLISECOND;
    stream = new_stream(&hog);
    peer_send(hog, "x", 1);
    assert_int_equal(coir_receive(stream, &all_there_is), 1);
    client = admit(&fixture);
    peer_send(client, "hello", 5);
    assert_int_equal(coir_spawn(watch, sessions_watch, &fixture.all, NULL), 0);
    while (fixture.all.tick < 40)
        assert_int_equal(coir_sleep(10 * COIR_MILLISECOND), 0);
    assert_true(fixture.all.counters.waits_for_memory > 0);
    assert_int_equal(ended(&fixture, ECHO_TIMED_OUT), 0);
    coir_release(&all_there_is);
    while (fixture.all.counters.messages == 0)
        assert_int_equal(coir_sleep(COIR_MILLISECOND), 0);
    assert_int_equal(peer_read(client, bytes, 5), 5);
    coir_scope_cancel(watch);
    assert_int_equal(coir_scope_close(watch), 0);
    coir_abort(stream);
    close_all((int[]){hog, client}, 2);
    close_sessions(&fixture);
    return 0;
}

TEST(who_waits_for_memory_is_not_idle)
{
    static const struct coir_run_options options = {.byte_budget = 65536};

    assert_int_equal(coir_run(wait_for_memory, NULL, &options), 0);
}
