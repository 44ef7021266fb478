/* SPDX-License-Identifier: MIT
 *
 * What a session says with datagrams: see session.h.
 *
 * A message is a datagram. The network may lose it, or bring it twice or in
 * another order, which is no fault of anybody's: an answer is taken whenever it
 * comes, and one that has not come within the patience is counted as lost.
 */
#include "load/session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Datagrams of an open loop that may be under way in one session; the oldest is given up for a new one. */
#define OPEN_WINDOW 1024
/** So many that have been answered are remembered, to tell one that comes again. */
#define REMEMBERED 64

struct slot {
    coir_time due;
    bool done; /* answered, or given up */
};

/** The datagrams of a session. Those from number `oldest` up to `next` are under way, but for the done ones. */
struct traffic {
    struct session *session;
    struct coir_address peer;
    struct coir_scope *scope; /* of one wait for answers */
    struct slot *slots;       /* by the number modulo `window` */
    uint64_t window;
    uint64_t oldest;
    uint64_t next;
};

static struct slot *slot_of(const struct traffic *traffic, uint64_t number)
{
    return &traffic->slots[number % traffic->window];
}

static uint64_t size_of(const struct traffic *traffic)
{
    return settings_of(traffic->session)->message_bytes;
}

static void forget_done(struct traffic *traffic)
{
    while (traffic->oldest < traffic->next && slot_of(traffic, traffic->oldest)->done)
        traffic->oldest++;
}

static void give_up(struct traffic *traffic, uint64_t number)
{
    struct session *session = traffic->session;

    slot_of(traffic, number)->done = true;
    swarm_fail(session->swarm, session->number, LOAD_ERROR_DATAGRAM_LOST, load_error_text(LOAD_ERROR_DATAGRAM_LOST));
    forget_done(traffic);
}

/* Those that nobody need wait for any longer. */
static void give_up_old(struct traffic *traffic, coir_time now)
{
    coir_time patience = settings_of(traffic->session)->patience_ns;

    while (traffic->oldest < traffic->next && slot_of(traffic, traffic->oldest)->due + patience <= now)
        give_up(traffic, traffic->oldest);
}

/* Sends the next one, which was due then. */
static int send_next(struct traffic *traffic, coir_time due)
{
    struct session *session = traffic->session;
    uint64_t size = size_of(traffic);
    struct coir_datagram datagram = {.peer = traffic->peer, .data = {.bytes = session->buffer, .size = (size_t)size}};

    if (traffic->next - traffic->oldest == traffic->window)
        give_up(traffic, traffic->oldest);
    *slot_of(traffic, traffic->next) = (struct slot){.due = due};
    pattern_fill(&session->pattern, traffic->next * size, session->buffer, (size_t)size);
    traffic->next++;
    session->sent = traffic->next * size;
    return coir_datagram_send(session->socket, &datagram);
}

/* How many bytes of the datagram are those of message `number`. */
static size_t match(const struct traffic *traffic, uint64_t number, const struct coir_slice *data)
{
    uint64_t size = size_of(traffic);
    size_t most = data->size < size ? data->size : (size_t)size;

    return pattern_match(&traffic->session->pattern, number * size, data->bytes, most);
}

static bool is_message(const struct traffic *traffic, uint64_t number, const struct coir_slice *data)
{
    return data->size == size_of(traffic) && match(traffic, number, data) == data->size;
}

static bool is_answered_already(const struct traffic *traffic, const struct coir_slice *data)
{
    uint64_t first = traffic->next > REMEMBERED ? traffic->next - REMEMBERED : 0;

    for (uint64_t number = first; number < traffic->next; number++)
        if (is_message(traffic, number, data))
            return true;
    return false;
}

/* Which message it ought to be: the one under way with the most of its first bytes. There is one. */
static uint64_t find_likeliest(const struct traffic *traffic, const struct coir_slice *data, size_t *ret_right)
{
    uint64_t likeliest = traffic->oldest;
    size_t right = 0;

    for (uint64_t number = traffic->oldest; number < traffic->next; number++) {
        size_t same = slot_of(traffic, number)->done ? 0 : match(traffic, number, data);

        if (same <= right)
            continue;
        right = same;
        likeliest = number;
    }
    *ret_right = right;
    return likeliest;
}

/* Tells what is wrong with a datagram, which stands for the message `number`. */
static void tell_fault(struct traffic *traffic, uint64_t number, size_t right, const struct coir_slice *data)
{
    struct session *session = traffic->session;
    uint64_t size = size_of(traffic);
    char text[VERDICT_TEXT_SIZE];
    enum load_error error = LOAD_ERROR_CORRUPTED;

    (void)session_keep_evidence(session, number * size + right, data->bytes + right, data->size - right);
    if (session->evidence != NULL && session->evidence->size > 0) {
        session->evidence->end = swarm_sent_most(session->swarm);
        error = verdict_of(session->evidence, text);
    }
    if (error == LOAD_ERROR_CORRUPTED && data->size != size) {
        error = data->size < size ? LOAD_ERROR_LOST : LOAD_ERROR_DUPLICATED;
        (void)snprintf(text, sizeof(text), "datagram %llu came with %zu bytes in place of %llu",
                       (unsigned long long)number, data->size, (unsigned long long)size);
    }
    swarm_fail(session->swarm, session->number, error, text);
    free(session->evidence);
    session->evidence = NULL;
}

static void take_fault(struct traffic *traffic, const struct coir_slice *data)
{
    struct session *session = traffic->session;
    size_t right;
    uint64_t number;

    if (is_answered_already(traffic, data) || traffic->oldest == traffic->next) {
        swarm_fail(session->swarm, session->number, LOAD_ERROR_DUPLICATED, "a datagram came that nobody waits for");
        return;
    }
    number = find_likeliest(traffic, data, &right);
    tell_fault(traffic, number, right, data);
    slot_of(traffic, number)->done = true;
    forget_done(traffic);
}

static void take_answer(struct traffic *traffic, const struct coir_slice *data, coir_time now)
{
    for (uint64_t number = traffic->oldest; number < traffic->next; number++) {
        struct slot *slot = slot_of(traffic, number);

        if (slot->done || !is_message(traffic, number, data))
            continue;
        slot->done = true;
        swarm_count(traffic->session->swarm, slot->due, now);
        forget_done(traffic);
        return;
    }
    take_fault(traffic, data);
}

/* Waits for a datagram, but no longer than the patience with the oldest lasts. */
static int receive_answer(struct traffic *traffic)
{
    coir_time patience = settings_of(traffic->session)->patience_ns;
    struct coir_datagram datagram;
    coir_time now = coir_now();
    coir_time since = traffic->oldest < traffic->next ? slot_of(traffic, traffic->oldest)->due : now;
    int rc;

    coir_scope_set_limit(traffic->scope, since + patience - now);
    rc = coir_datagram_receive(traffic->session->socket, &datagram);
    if (rc < 0)
        return rc;
    take_answer(traffic, &datagram.data, coir_now());
    coir_release(&datagram.data);
    return 0;
}

/* Receives until the patience with one is over, or `is_over` gives 1, or an error. */
static int receive_answers(struct traffic *traffic, int (*is_over)(struct traffic *traffic))
{
    int rc = coir_scope_open(NULL, &traffic->scope);

    if (rc < 0)
        return rc;
    while (rc == 0 && (rc = is_over(traffic)) == 0)
        rc = receive_answer(traffic);
    if (rc == -ETIME || rc > 0)
        rc = 0; /* which give_up_old() makes something of */
    (void)coir_scope_close(traffic->scope);
    give_up_old(traffic, coir_now());
    return rc;
}

/* A closed loop: as many as may be are under way. */
static int refill(struct traffic *traffic)
{
    const struct swarm *swarm = traffic->session->swarm;
    int rc = 0;

    while (rc == 0 && !swarm->ending && traffic->next - traffic->oldest < traffic->window)
        rc = send_next(traffic, coir_now());
    return rc < 0 ? rc : traffic->oldest == traffic->next;
}

static int converse(struct traffic *traffic)
{
    int rc = 0;

    while (rc == 0 && (!traffic->session->swarm->ending || traffic->oldest < traffic->next))
        rc = receive_answers(traffic, refill);
    return rc;
}

static int send_when_due(void *arg)
{
    struct traffic *traffic = arg;
    uint64_t count = session_messages_due(traffic->session);
    int rc = 0;

    while (rc == 0 && traffic->next < count) {
        coir_time due = session_due(traffic->session, traffic->next);

        rc = coir_sleep(due - coir_now());
        if (rc == 0)
            rc = send_next(traffic, due);
    }
    return rc;
}

static int is_all_back(struct traffic *traffic)
{
    return traffic->oldest == session_messages_due(traffic->session);
}

static int receive_all(struct traffic *traffic)
{
    int rc = 0;

    while (rc == 0 && !is_all_back(traffic))
        rc = receive_answers(traffic, is_all_back);
    return rc;
}

static int keep_schedule(struct traffic *traffic)
{
    struct coir_scope *scope;
    char item;
    int failure;
    int rc = coir_channel_receive(traffic->session->swarm->begun, &item);

    if (rc < 0)
        return rc;
    rc = coir_scope_open(NULL, &scope);
    if (rc < 0)
        return rc;
    rc = coir_spawn(scope, send_when_due, traffic, NULL);
    if (rc == 0)
        rc = receive_all(traffic);
    if (rc < 0)
        coir_scope_cancel(scope);
    failure = coir_scope_close(scope);
    return failure < 0 && (rc == 0 || rc == -ECANCELED) ? failure : rc;
}

/* The address as coir_datagram_send() wants it, and one of our own to be answered at. */
static int find_addresses(const struct session *session, struct coir_address *ret_peer, char ret_own[COIR_ADDRESS_SIZE])
{
    const struct load_options *options = session->swarm->options;
    const char *uri = options->settings.uri;
    char text[LOAD_TEXT_SIZE];

    if (strncmp(uri, "udp://", 6) == 0) {
        (void)snprintf(ret_own, COIR_ADDRESS_SIZE, "udp://:0");
        if (options->sources.count > 0)
            sources_print(&options->sources, session->number, "udp", ret_own);
        return coir_address_read(uri, ret_peer);
    }
    (void)snprintf(ret_own, COIR_ADDRESS_SIZE, "unix://@coir-load-%ld-%llu", (long)getpid(),
                   (unsigned long long)session->number);
    (void)snprintf(text, sizeof(text), "unix://%s", uri + strlen("unixgram://"));
    return coir_address_read(text, ret_peer);
}

static int talk(struct traffic *traffic)
{
    traffic->slots = calloc((size_t)traffic->window, sizeof(*traffic->slots));
    if (traffic->slots == NULL)
        return -ENOMEM;
    swarm_opened(traffic->session->swarm);
    session_settle(traffic->session);
    int rc = settings_of(traffic->session)->mode == LOAD_MODE_OPEN ? keep_schedule(traffic) : converse(traffic);
    swarm_closed(traffic->session->swarm);
    free(traffic->slots);
    return rc;
}

int datagrams_talk(struct session *session)
{
    const struct load_settings *settings = settings_of(session);
    struct traffic traffic = {.session = session,
                              .window = settings->mode == LOAD_MODE_OPEN ? OPEN_WINDOW : settings->depth};
    char own[COIR_ADDRESS_SIZE];
    int rc = find_addresses(session, &traffic.peer, own);

    if (rc == 0)
        rc = coir_datagram_open(own, NULL, &session->socket);
    if (rc < 0)
        return rc;
    rc = talk(&traffic);
    coir_datagram_close(session->socket);
    session->socket = NULL;
    return rc;
}
