/* SPDX-License-Identifier: MIT
 *
 * What a session says over a connection: see session.h.
 *
 * Where all that may be under way fits into the kernel's buffers, a session is
 * one task: it writes, reads, and writes the next. Where it may not fit, or
 * where messages are due whether or not anything has come back, a second task
 * writes: a client that only writes while its server only writes would stop
 * both for ever.
 */
#include "load/session/session.h"

/** So much may be under way without a second task: less than any kernel keeps for a connection. */
#define WINDOW_MAX 32768
/** Nor more messages than these: each takes some of it for itself. */
#define MESSAGES_MAX 64
/** Of messages that are late. */
#define BATCH_BYTES 65536
/** The server's end of a connection that is done with; ours is long said. */
#define LINGER_NS (2 * COIR_SECOND)

/* What a failed write has not sent was not sent. Returns `rc`. */
static int take_back(struct session *session, int rc)
{
    struct coir_stream_info info;

    if (coir_stream_info(session->stream, &info) == 0)
        session->sent = session->sent_before + info.bytes_out;
    return rc;
}

int streams_write(struct session *session, uint64_t size)
{
    while (size > 0) {
        size_t part = size < session->buffer_size ? (size_t)size : session->buffer_size;
        int rc;

        pattern_fill(&session->pattern, session->sent, session->buffer, part);
        session->sent += part; /* the first may be back before the last is out */
        size -= part;
        rc = coir_write(session->stream, session->buffer, part);
        if (rc < 0)
            return take_back(session, rc);
    }
    return 0;
}

/* Notes that `count` messages begin: the first has number `first`. */
static void start_messages(struct session *session, uint64_t first, uint64_t count, coir_time now)
{
    uint64_t depth = settings_of(session)->depth;

    for (uint64_t number = first; number < first + count; number++)
        session->started[number % depth] = now;
}

/* Takes right bytes: returns how many messages they complete. */
static uint64_t take_bytes(struct session *session, size_t size, coir_time now)
{
    uint64_t completed = 0;

    session->received += size;
    while (size >= session->left) {
        size -= session->left;
        session->left = (size_t)settings_of(session)->message_bytes;
        session_complete(session, now);
        completed++;
    }
    session->left -= size;
    return completed;
}

/* Looks at every byte. */
static int check_bytes(struct session *session, const struct coir_slice *data)
{
    uint64_t owed = session->sent - session->received;
    size_t size = data->size < owed ? data->size : (size_t)owed;
    size_t right = pattern_match(&session->pattern, session->received, data->bytes, size);

    if (right == data->size)
        return 0;
    return session_keep_evidence(session, session->received + right, data->bytes + right, data->size - right);
}

/* Waits for bytes. Returns 0 and how many messages have come back with them. */
static int receive_answers(struct session *session, uint64_t *ret_completed)
{
    struct coir_slice data;
    coir_time now;
    int rc = coir_receive(session->stream, &data);

    if (rc == 0)
        return session_fail(session, LOAD_ERROR_ENDED);
    if (rc < 0)
        return rc;
    now = coir_now();
    rc = check_bytes(session, &data);
    if (rc == 0)
        *ret_completed = take_bytes(session, data.size, now);
    session->waits_since = now;
    coir_release(&data);
    return rc;
}

/* Our half is said; the server's end is owed, and nothing before it. */
static int await_end(struct session *session)
{
    struct coir_slice data;
    int rc = coir_receive(session->stream, &data);

    if (rc <= 0)
        return rc;
    rc = session_keep_evidence(session, session->received, data.bytes, data.size);
    coir_release(&data);
    return rc;
}

/* Until every byte that was sent is back. */
static int receive_rest(struct session *session)
{
    uint64_t completed;
    int rc = 0;

    while (rc == 0 && session->received < session->sent)
        rc = receive_answers(session, &completed);
    return rc;
}

/* The end of a conversation. */
static int leave(struct session *session)
{
    int rc = 0;

    session->waits_since = coir_now();
    if (settings_of(session)->half_close)
        rc = coir_finish(session->stream);
    if (rc == 0)
        rc = receive_rest(session);
    if (rc == 0 && settings_of(session)->half_close)
        rc = await_end(session);
    return rc;
}

/* A closed loop in one task. */
static int converse(struct session *session)
{
    const struct load_settings *settings = settings_of(session);
    uint64_t more = settings->depth;
    int rc;

    session->waits_since = coir_now();
    start_messages(session, 0, more, session->waits_since);
    rc = streams_write(session, more * settings->message_bytes);
    while (rc == 0 && !session->swarm->ending) {
        rc = receive_answers(session, &more);
        if (rc < 0 || more == 0)
            continue;
        start_messages(session, session->completed + settings->depth - more, more, session->waits_since);
        rc = streams_write(session, more * settings->message_bytes);
    }
    return rc < 0 ? rc : leave(session);
}

/** A conversation of two tasks: this one reads, and has the other write. */
struct dialogue {
    struct session *session;
    struct coir_channel *leave; /* a closed loop: an item for each message that may be sent */
    struct coir_scope *reading; /* an open loop: of the reader; NULL = it has ended */
    uint64_t count;             /* messages, in all; of an open loop that cannot keep its rate it becomes less */
};

/* Writes a message for each item. */
static int write_as_allowed(void *arg)
{
    struct dialogue *dialogue = arg;
    char item;
    int rc = 0;

    while (rc == 0 && (rc = coir_channel_receive(dialogue->leave, &item)) > 0)
        rc = streams_write(dialogue->session, settings_of(dialogue->session)->message_bytes);
    return rc;
}

static int allow(struct dialogue *dialogue, uint64_t count)
{
    static const char item;
    int rc = 0;

    while (rc == 0 && count-- > 0)
        rc = coir_channel_offer(dialogue->leave, &item); /* it has room for as many as can be under way */
    return rc;
}

/* Reads, and allows as many new messages as have come back. */
static int read_and_allow(struct dialogue *dialogue)
{
    struct session *session = dialogue->session;
    uint64_t depth = settings_of(session)->depth;
    uint64_t allowed = depth;
    uint64_t back = 0;
    int rc;

    session->waits_since = coir_now();
    start_messages(session, 0, depth, session->waits_since);
    rc = allow(dialogue, depth);
    while (rc == 0 && session->completed < allowed) {
        rc = receive_answers(session, &back);
        if (rc < 0 || session->swarm->ending)
            continue;
        start_messages(session, allowed, back, session->waits_since);
        allowed += back;
        rc = allow(dialogue, back);
    }
    coir_channel_finish(dialogue->leave);
    return rc;
}

/* Runs `writer` beside `reader`, until both have returned. Returns what the reader did, else what the writer did. */
static int run_dialogue(struct dialogue *dialogue, int (*writer)(void *dialogue), int (*reader)(struct dialogue *))
{
    struct coir_scope *scope;
    int failure;
    int rc = coir_scope_open(NULL, &scope);

    if (rc < 0)
        return rc;
    rc = coir_spawn(scope, writer, dialogue, NULL);
    if (rc == 0)
        rc = reader(dialogue);
    if (rc < 0)
        coir_scope_cancel(scope);
    failure = coir_scope_close(scope);
    /* Where the writer has failed the reader was only cancelled. */
    return failure < 0 && (rc == 0 || rc == -ECANCELED) ? failure : rc;
}

/* A closed loop in two tasks. */
static int converse_apart(struct session *session)
{
    struct dialogue dialogue = {.session = session};
    int rc = coir_channel_open((size_t)settings_of(session)->depth, 1, &dialogue.leave);

    if (rc < 0)
        return rc;
    rc = run_dialogue(&dialogue, write_as_allowed, read_and_allow);
    coir_channel_close(dialogue.leave);
    return rc < 0 ? rc : leave(session);
}

/* The load has ended, and messages that were due were not sent. */
static void give_up_rest(struct dialogue *dialogue, uint64_t number)
{
    dialogue->count = number;
    if (dialogue->session->completed == number && dialogue->reading != NULL)
        coir_scope_cancel(dialogue->reading); /* it waits for what will never come */
}

/* How many messages are written in one go: the clock is to be looked at now and then. */
static uint64_t batch_of(const struct load_settings *settings)
{
    return settings->message_bytes < BATCH_BYTES ? BATCH_BYTES / settings->message_bytes : 1;
}

/* Writes those that are due by now, up to a batch. Returns 0 and the number of the next one. */
static int write_due(struct dialogue *dialogue, uint64_t *number)
{
    struct session *session = dialogue->session;
    coir_time now = coir_now();
    uint64_t next = session_due_by(session, now);
    uint64_t first = *number;

    if (next > dialogue->count)
        next = dialogue->count;
    if (next > first + batch_of(settings_of(session)))
        next = first + batch_of(settings_of(session));
    if (next <= first)
        return 0;
    if (session->waits_since == 0)
        session->waits_since = now;
    *number = next;
    return streams_write(session, (next - first) * settings_of(session)->message_bytes);
}

/* An open loop: writes each message when it is due. */
static int write_when_due(void *arg)
{
    struct dialogue *dialogue = arg;
    struct session *session = dialogue->session;
    uint64_t number = 0;
    int rc = 0;

    while (rc == 0 && number < dialogue->count && !session->swarm->ending) {
        rc = coir_sleep(session_due(session, number) - coir_now());
        if (rc == 0)
            rc = write_due(dialogue, &number);
    }
    if (rc == 0 && number < dialogue->count)
        give_up_rest(dialogue, number);
    return rc;
}

static int read_messages(struct dialogue *dialogue)
{
    struct session *session = dialogue->session;
    uint64_t completed;
    int rc = 0;

    while (rc == 0 && session->completed < dialogue->count) {
        rc = receive_answers(session, &completed);
        if (rc == 0 && session->received == session->sent)
            session->waits_since = 0; /* nothing is owed until the next one is due */
    }
    return rc;
}

static int read_all_due(struct dialogue *dialogue)
{
    int rc = coir_scope_open(NULL, &dialogue->reading);

    if (rc < 0)
        return rc;
    rc = read_messages(dialogue);
    if (rc == -ECANCELED && dialogue->session->completed == dialogue->count)
        rc = 0;
    (void)coir_scope_close(dialogue->reading);
    dialogue->reading = NULL;
    return rc;
}

/* The connection stays open, and nothing may come, until the load ends. */
static int stay_silent(struct session *session)
{
    struct coir_slice data;
    int rc = coir_scope_open(NULL, &session->calm);

    if (rc < 0)
        return rc;
    session->waits_since = 0;
    rc = session->swarm->ending ? -ECANCELED : coir_receive(session->stream, &data);
    (void)coir_scope_close(session->calm);
    session->calm = NULL;
    if (rc == -ECANCELED && session->swarm->ending)
        return 0;
    if (rc <= 0)
        return rc == 0 ? session_fail(session, LOAD_ERROR_ENDED) : rc;
    rc = session_keep_evidence(session, session->received, data.bytes, data.size);
    coir_release(&data);
    return rc;
}

static int keep_schedule(struct session *session)
{
    struct dialogue dialogue = {.session = session};
    char item;
    int rc = coir_channel_receive(session->swarm->begun, &item);

    dialogue.count = session_messages_due(session);
    if (rc == 0)
        rc = run_dialogue(&dialogue, write_when_due, read_all_due);
    if (rc == 0)
        rc = stay_silent(session);
    return rc < 0 ? rc : leave(session);
}

/* True if so much may be under way without a second task: it fits into what the kernel keeps for a connection. */
static bool fits_in_window(const struct load_settings *settings, uint64_t messages)
{
    return messages <= MESSAGES_MAX && messages * settings->message_bytes <= WINDOW_MAX;
}

static int write_messages(void *arg)
{
    struct dialogue *dialogue = arg;

    return streams_write(dialogue->session, dialogue->count * settings_of(dialogue->session)->message_bytes);
}

static int read_until_all_are_back(struct dialogue *dialogue)
{
    uint64_t end = dialogue->session->completed + dialogue->count;
    uint64_t completed;
    int rc = 0;

    while (rc == 0 && dialogue->session->completed < end)
        rc = receive_answers(dialogue->session, &completed);
    return rc;
}

/* Messages that are all under way at once, and their answers. */
static int exchange(struct session *session, uint64_t count, coir_time began)
{
    struct dialogue dialogue = {.session = session, .count = count};
    int rc;

    session->waits_since = coir_now();
    start_messages(session, session->completed, count, began);
    if (fits_in_window(settings_of(session), count))
        rc = write_messages(&dialogue);
    else
        rc = run_dialogue(&dialogue, write_messages, read_until_all_are_back);
    return rc < 0 ? rc : leave(session);
}

static int stay(struct session *session)
{
    int rc = exchange(session, 1, coir_now());

    if (rc == 0)
        rc = stay_silent(session);
    return rc < 0 ? rc : exchange(session, 1, coir_now());
}

static int converse_by_mode(struct session *session)
{
    const struct load_settings *settings = settings_of(session);

    switch (settings->mode) {
    case LOAD_MODE_OPEN:
        return keep_schedule(session);
    case LOAD_MODE_IDLE:
        return stay(session);
    case LOAD_MODE_CHURN:
        return exchange(session, settings->depth, session->due);
    default:
        return fits_in_window(settings, settings->depth) ? converse(session) : converse_apart(session);
    }
}

static int connect_stream(struct session *session)
{
    const struct load_options *options = session->swarm->options;
    char local[COIR_ADDRESS_SIZE];
    struct coir_stream_options how = {.linger_ns = LINGER_NS};
    int rc;

    if (options->sources.count > 0) {
        sources_print(&options->sources, session->number, "tcp", local);
        how.local = local;
    }
    session->is_connecting = true;
    session->waits_since = coir_now();
    rc = coir_connect(options->settings.uri, &how, &session->stream);
    if (rc < 0)
        return rc;
    session->is_connecting = false;
    session->waits_since = 0;
    session->sent_before = session->sent;
    swarm_opened(session->swarm);
    return 0;
}

int streams_talk(struct session *session)
{
    int rc = swarm_queue(session->swarm);

    if (rc < 0)
        return rc;
    rc = connect_stream(session);
    swarm_let_in(session->swarm);
    /* Where it has something to say at once it settles with the first answer: until then it may be in the server's
     * queue, where it is in nobody's way. */
    if (rc < 0 || settings_of(session)->mode == LOAD_MODE_OPEN)
        session_settle(session);
    return rc < 0 ? rc : converse_by_mode(session);
}
