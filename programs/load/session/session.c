/* SPDX-License-Identifier: MIT
 *
 * What all sessions have in common: see session.h.
 */
#include "load/session/session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** One write's worth: larger messages are written in pieces. */
#define BUFFER_MAX ((size_t)16384)
/** After a visit of a churn that failed. */
#define CHURN_PAUSE_NS (100 * COIR_MILLISECOND)

int session_fail(struct session *session, enum load_error error)
{
    session->error = error;
    return SESSION_FAILED;
}

int session_keep_evidence(struct session *session, uint64_t offset, const unsigned char *bytes, size_t size)
{
    struct verdict_evidence *evidence = malloc(sizeof(*evidence));

    session->error = LOAD_ERROR_CORRUPTED;
    if (evidence == NULL)
        return SESSION_FAILED; /* that much is known */
    evidence->seed = session->swarm->seed;
    evidence->session = session->number;
    evidence->sessions = settings_of(session)->connections;
    evidence->offset = offset;
    evidence->surplus = offset >= session->sent;
    evidence->size = size < sizeof(evidence->bytes) ? size : sizeof(evidence->bytes);
    if (evidence->size > 0)
        memcpy(evidence->bytes, bytes, evidence->size);
    session->evidence = evidence;
    return SESSION_FAILED;
}

coir_time session_due(const struct session *session, uint64_t number)
{
    const struct load_settings *settings = settings_of(session);
    double place = (double)session->number + (double)number * (double)settings->connections;

    return session->swarm->schedule_begin + (coir_time)(place * 1e9 / settings->rate);
}

/* How many of the session's are due within the first `length_ns` of the schedule. */
static uint64_t count_due(const struct session *session, coir_time length_ns)
{
    const struct load_settings *settings = settings_of(session);
    double all = (double)length_ns * settings->rate / 1e9;
    double mine = (all - (double)session->number) / (double)settings->connections;

    return mine > 0 ? (uint64_t)mine + (mine > (double)(uint64_t)mine) : 0;
}

uint64_t session_due_by(const struct session *session, coir_time moment)
{
    return count_due(session, moment - session->swarm->schedule_begin + 1);
}

uint64_t session_messages_due(const struct session *session)
{
    const struct load_settings *settings = settings_of(session);

    return count_due(session, settings->warmup_ns + settings->duration_ns);
}

void session_settle(struct session *session)
{
    if (!session->has_settled)
        swarm_settle(session->swarm);
    session->has_settled = true;
}

static coir_time start_of(const struct session *session, uint64_t number)
{
    if (session->started == NULL)
        return session_due(session, number);
    return session->started[number % settings_of(session)->depth];
}

void session_complete(struct session *session, coir_time now)
{
    swarm_count(session->swarm, start_of(session, session->completed), now);
    session->completed++;
    session_settle(session);
}

/* What it needs to talk. Returns false: no memory. */
static bool prepare(struct session *session)
{
    const struct load_settings *settings = settings_of(session);
    bool in_pieces = !load_options_is_datagram(settings->uri);
    uint64_t window = settings->message_bytes * (settings->depth > 0 && in_pieces ? settings->depth : 1);

    session->pattern = pattern_of(session->swarm->seed, session->number);
    session->left = (size_t)settings->message_bytes;
    session->buffer_size = in_pieces && window > BUFFER_MAX ? BUFFER_MAX : (size_t)window;
    session->buffer = malloc(session->buffer_size);
    if (settings->depth > 0)
        session->started = calloc((size_t)settings->depth, sizeof(*session->started));
    return session->buffer != NULL && (session->started != NULL || settings->depth == 0);
}

static void let_go(struct session *session)
{
    free(session->buffer);
    free(session->started);
    free(session->evidence);
    session->buffer = NULL;
    session->started = NULL;
    session->evidence = NULL;
}

/* Talks until all is said. */
static int talk(struct session *session)
{
    int rc = coir_scope_open(NULL, &session->patience);

    if (rc < 0)
        return rc;
    rc = load_options_is_datagram(settings_of(session)->uri) ? datagrams_talk(session) : streams_talk(session);
    (void)coir_scope_close(session->patience); /* what it waited for has told us */
    session->patience = NULL;
    session->waits_since = 0;
    return rc;
}

/* How many messages so many bytes are, begun ones among them. */
static uint64_t messages_of(const struct session *session, uint64_t bytes)
{
    uint64_t size = settings_of(session)->message_bytes;

    return (bytes + size - 1) / size;
}

static const char *text_of(enum load_error error, int rc)
{
    return error == LOAD_ERROR_NO_PORT ? "every local port is in use" : coir_error_text(rc);
}

/* Counts what has gone wrong. */
static void judge(struct session *session, int rc)
{
    bool silent = rc == -ECANCELED && session->lost_patience;
    char text[VERDICT_TEXT_SIZE] = "";
    enum load_error error;

    if (session->swarm->result->interrupted) { /* whatever it was, we did it */
        if (session->stream != NULL)
            swarm_abandon(session->swarm, messages_of(session, session->sent - session->looked - session->received));
        return;
    }
    if (session->stream != NULL && (silent || rc == SESSION_FAILED)) {
        error = streams_judge(session, text);
    } else {
        error = silent ? LOAD_ERROR_NO_CONNECTION : swarm_error_of(rc, session->stream == NULL);
        (void)snprintf(text, sizeof(text), "%s", silent ? "no answer" : text_of(error, rc));
    }
    swarm_fail(session->swarm, session->number, error, text);
}

/* Of a connection that has failed nothing is wanted any more. */
static void hang_up(struct session *session, int rc)
{
    if (session->stream == NULL)
        return;
    swarm_closed(session->swarm);
    if (rc < 0)
        coir_abort(session->stream);
    else
        coir_close(session->stream);
    session->stream = NULL;
}

/* One conversation. Returns false if it failed. */
static bool converse(struct session *session)
{
    int rc = talk(session);

    if (rc < 0)
        judge(session, rc);
    hang_up(session, rc);
    return rc == 0;
}

/* Connections that servers have not ended yet keep their descriptors: half of all are left for new ones. */
static int await_stragglers(const struct session *session)
{
    struct coir_run_info info;
    int rc = 0;

    while (rc == 0 && coir_run_info(&info) == 0 && info.lingering > session->swarm->lingering_most)
        rc = coir_sleep(CHURN_PAUSE_NS / 10);
    return rc;
}

/* Waits until the next visit is due. Returns false when there is none. */
static bool await_visit(struct session *session, uint64_t number)
{
    uint64_t due = settings_of(session)->rate > 0 ? session_messages_due(session) : 0;

    if (await_stragglers(session) < 0)
        return false;
    if (settings_of(session)->rate == 0) {
        session->due = coir_now();
        return !session->swarm->ending;
    }
    if (number >= due)
        return false;
    session->due = session_due(session, number);
    if (!session->swarm->ending)
        return coir_sleep(session->due - coir_now()) == 0;
    swarm_skip(session->swarm, (due - number) * settings_of(session)->depth);
    return false;
}

/* What a failed visit has left must not be taken for a fault of the next. */
static void forget_visit(struct session *session)
{
    session->received = session->sent;
    session->looked = 0;
    session->left = (size_t)settings_of(session)->message_bytes;
    session->lost_patience = false;
    free(session->evidence);
    session->evidence = NULL;
}

/* Connects, converses and leaves, again and again. */
static void churn(struct session *session)
{
    char item;

    session_settle(session);
    if (coir_channel_receive(session->swarm->begun, &item) < 0)
        return;
    for (uint64_t number = 0; await_visit(session, number); number++) {
        if (converse(session))
            continue;
        forget_visit(session);
        if (coir_sleep(CHURN_PAUSE_NS) < 0) /* a server that is gone is not asked a million times */
            return;
    }
}

/* Its place in the ramp. */
static int await_turn(const struct session *session)
{
    const struct load_settings *settings = settings_of(session);

    if (settings->ramp_ns == 0)
        return 0;
    return coir_sleep((coir_time)((double)settings->ramp_ns * (double)session->number / (double)settings->connections));
}

/* A schedule lasts until its end, though its last message may be back before. */
static void await_end_of_schedule(const struct session *session)
{
    if (settings_of(session)->rate > 0)
        (void)!coir_sleep(session->swarm->measure_end - coir_now()); /* an interrupt ends it, too */
}

/* One conversation, all of the session's. */
static void converse_once(struct session *session)
{
    bool went_well = converse(session);

    if (settings_of(session)->mode == LOAD_MODE_OPEN)
        swarm_skip(session->swarm,
                   session_messages_due(session) - messages_of(session, session->sent - session->looked));
    if (went_well)
        await_end_of_schedule(session);
}

static void run(struct session *session)
{
    int rc = prepare(session) ? await_turn(session) : -ENOMEM;

    if (rc < 0) {
        judge(session, rc);
    } else if (settings_of(session)->mode == LOAD_MODE_CHURN) {
        churn(session);
        await_end_of_schedule(session);
    } else {
        converse_once(session);
    }
}

int session_run(void *arg)
{
    struct session *session = arg;

    run(session);
    session_settle(session);
    let_go(session);
    swarm_leave(session->swarm);
    return 0; /* what has failed was counted */
}
