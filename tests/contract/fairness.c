/* SPDX-License-Identifier: MIT
 *
 * Fairness, counted: among sessions some of which have data all the time, none
 * is given a second turn while another that was ready before the first still
 * waits; no turn is longer than its budget; and who has data has its turn in
 * the next round.
 */
#include "contract/rig.h"

#define GREEDY_OF 16 /* one of so many has data all the time; the others are modest */
#define SESSIONS 256 /* more than an engine takes events at once */
#define ROUNDS 400
#define PIECE 4096

struct session {
    struct coir_stream *stream;
    struct task *task; /* NULL until its first turn */
    int peer;
    bool greedy;
    uint64_t fed;
    uint64_t echoed;
    uint64_t turns;
    uint64_t switch_number; /* that its turn began with */
    int calls;              /* in this turn */
    bool is_due;            /* modest: its data was seen to be there ... */
    uint64_t due_round;     /* ... in this round */
    /* When its turn began: who was ready, and how many turns that one had had. */
    bool others_ready[SESSIONS];
    uint64_t others_turns[SESSIONS];
};

static struct session sessions[SESSIONS];
static uint64_t second_turns;    /* while somebody waited */
static uint64_t long_turns;      /* calls beyond the budget */
static uint64_t rounds_too_late; /* of data that was there */
static uint64_t random_state;

static bool is_ready_to_run(const struct session *session)
{
    return session->task != NULL && (session->task->state == TASK_READY || session->task->state == TASK_CALLED);
}

static void begin_turn(struct session *session)
{
    session->turns++;
    session->calls = 0;
    for (size_t i = 0; i < SESSIONS; i++) {
        bool ready = is_ready_to_run(&sessions[i]);

        second_turns += ready && session->others_ready[i] && session->others_turns[i] == sessions[i].turns;
        session->others_ready[i] = ready;
        session->others_turns[i] = sessions[i].turns;
    }
}

/* Where a call of the session has returned. */
static void note_call(struct session *session)
{
    const struct scheduler *scheduler = scheduler_current;

    if (session->switch_number != scheduler->switches) {
        session->switch_number = scheduler->switches;
        begin_turn(session);
    }
    long_turns += ++session->calls > TASK_TURN_BUDGET + 1; /* the call that had waited is none of this turn's */
    if (session->is_due && scheduler->turns > session->due_round + 1)
        rounds_too_late += scheduler->turns - session->due_round - 1;
    session->is_due = false;
}

static int run_session(void *arg)
{
    struct session *session = arg;
    char bytes[PIECE];
    ssize_t got;

    session->task = scheduler_current->current;
    while ((got = coir_read(session->stream, bytes, sizeof(bytes))) > 0) {
        note_call(session);
        if (coir_write(session->stream, bytes, (size_t)got) < 0)
            break; /* the case is over */
        note_call(session);
    }
    coir_close(session->stream);
    session->task = NULL;
    return 0;
}

static uint64_t draw(uint64_t bound)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 32) % bound;
}

/* Sends up to `size` bytes to the session, and takes what it echoed. */
static void feed(struct session *session, size_t size)
{
    static char bytes[65536];
    ssize_t moved;

    while ((moved = recv(session->peer, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        session->echoed += (uint64_t)moved;
    moved = size > 0 ? send(session->peer, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    if (moved > 0)
        session->fed += (uint64_t)moved;
}

/* A greedy one has more than it can take; a modest one has something now and then, and never while it is busy, so that
 * no event is for nothing. */
static void feed_all(void)
{
    for (size_t i = 0; i < SESSIONS; i++) {
        struct session *session = &sessions[i];

        if (session->greedy)
            feed(session, 65536);
        else
            feed(session, session->fed == session->echoed && draw(2) == 0 ? 1 + (size_t)draw(100) : 0);
        if (session->greedy || session->is_due || session->task->state == TASK_RUNNING)
            continue;
        session->is_due = is_ready(session->stream->endpoint->fd, POLLIN);
        session->due_round = scheduler_current->turns;
    }
}

static void open_sessions(struct coir_scope *scope, bool local)
{
    second_turns = long_turns = rounds_too_late = 0;
    random_state = 1;
    for (size_t i = 0; i < SESSIONS; i++) {
        struct pair pair = new_pair(local);

        sessions[i] = (struct session){.stream = adopt_stream(pair), .peer = pair.theirs, .greedy = i % GREEDY_OF == 0};
        assert_int_equal(coir_spawn(scope, run_session, &sessions[i], NULL), 0);
    }
    UNTIL(waiting_operations() == SESSIONS);
}

CASE_OF_BOTH(nobody_is_served_twice_while_another_waits)
{
    const int rounds = test_scaled(ROUNDS); /* each turn looks at all sessions, and Valgrind at all stacks */
    struct coir_scope *scope = open_scope();

    open_sessions(scope, local);
    feed_all();
    scheduler_current->look_at = 0; /* the loop sees it now, and from here on the greedy are always ready */
    assert_int_equal(coir_yield(), 0);
    for (int round = 0; round < rounds; round++) {
        feed_all();
        assert_int_equal(coir_yield(), 0);
    }
    for (size_t i = 0; i < SESSIONS; i++) {
        assert_in_range(sessions[i].turns, (uint64_t)(sessions[i].greedy ? rounds / 2 : rounds / 20),
                        (uint64_t)rounds + 1);
        close(sessions[i].peer);
    }
    coir_scope_cancel(scope);
    (void)coir_scope_close(scope);
    assert_int_equal(second_turns, 0);
    assert_int_equal(long_turns, 0);
    assert_int_equal(rounds_too_late, 0);
}

struct flood {
    struct coir_stream *stream;
    uint64_t turns;       /* in which something was received */
    uint64_t late_writes; /* not in the turn that received */
    uint64_t bytes_most;  /* in one turn */
};

static int run_flood(void *arg)
{
    struct flood *flood = arg;
    uint64_t turn = 0;
    uint64_t bytes = 0;
    struct coir_slice data;

    while (coir_receive(flood->stream, &data) > 0) {
        if (scheduler_current->switches != turn) {
            flood->turns++;
            bytes = 0;
        }
        turn = scheduler_current->switches;
        bytes += data.size;
        if (bytes > flood->bytes_most)
            flood->bytes_most = bytes;
        assert_int_equal(coir_write(flood->stream, "x", 1), 0);
        flood->late_writes += scheduler_current->switches != turn;
        coir_release(&data);
    }
    return 0;
}

/* One session takes at most the largest buffer in a turn, and answers that before it gives way. */
CASE(a_flood_is_taken_in_one_buffer_a_turn_and_answered_at_once)
{
    static char bytes[65536];
    struct coir_scope *scope = open_scope();
    struct pair pair = new_pair(false);
    struct flood flood = {.stream = adopt_stream(pair)};
    ssize_t sent = 0;

    assert_int_equal(coir_spawn(scope, run_flood, &flood, NULL), 0);
    for (int round = 0; round < ROUNDS; round++) {
        while (sent >= 0)
            sent = send(pair.theirs, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
        sent = 0;
        assert_int_equal(coir_yield(), 0);
    }
    assert_in_range(flood.turns, ROUNDS / 2, ROUNDS + 1);
    assert_in_range(flood.bytes_most, 65536, 65536 + 16384); /* a smaller one may have come before */
    assert_int_equal(flood.late_writes, 0);
    shutdown(pair.theirs, SHUT_WR);
    (void)coir_scope_close(scope);
    coir_close(flood.stream);
    close(pair.theirs);
}
