/* SPDX-License-Identifier: MIT
 *
 * What a session says with datagrams: see session.h.
 *
 * A message is a datagram. The network may lose it, or bring it late or in
 * another order, which is no fault of anybody's: an answer is taken whenever it
 * comes, and one that has not come within the patience is counted as lost. It
 * stays so if it comes after all; only what comes twice, or was changed, is an
 * error of bytes.
 */
#include "load/session/answers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Between two looks for answers so many are sent at most. */
#define BURST 16
/** A look for answers that are there lasts no longer, even in a flood. */
#define LOOK_NS COIR_SECOND
/** Who waits for room in a server's queue looks for answers after so long: the server may wait for room in ours. */
#define TURN_NS (5 * COIR_MILLISECOND)
/** Who is so much behind the schedule in the end does not catch up. */
#define BEHIND_NS (50 * COIR_MILLISECOND)
/** More than what the kernel adds to a datagram, for half of its memory. */
#define OVERHEAD 512
/** What a queue has room for anyway. */
#define QUEUE_MIN (UINT64_C(96) * 1024)
#define QUEUE_MAX (UINT64_C(512) * 1024 * 1024)

static coir_time patience_of(const struct traffic *traffic)
{
    return settings_of(traffic->session)->patience_ns;
}

static bool is_open_loop(const struct traffic *traffic)
{
    return settings_of(traffic->session)->mode == LOAD_MODE_OPEN;
}

/* One datagram, of whomever. */
static int receive_one(struct traffic *traffic)
{
    struct coir_datagram datagram;
    int rc = coir_datagram_receive(traffic->session->socket, &datagram);

    if (rc < 0)
        return rc;
    if (traffic->from_anywhere || coir_address_same(&datagram.peer, &traffic->peer))
        answers_take(traffic, &datagram.data);
    else
        answers_refuse(traffic, &datagram.peer);
    coir_release(&datagram.data);
    return 0;
}

/* Receives what is there, and waits for nothing. */
static int receive_waiting(struct traffic *traffic)
{
    static const struct coir_scope_options options = {.limit_ns = LOOK_NS, .name = "look for answers"};
    struct coir_scope *scope;
    int rc = coir_scope_open(&options, &scope);

    if (rc < 0)
        return rc;
    coir_scope_drain(scope, 0);
    do
        rc = receive_one(traffic);
    while (rc == 0);
    (void)coir_scope_close(scope);
    return rc == -ESHUTDOWN || rc == -ETIME ? 0 : rc;
}

static int receive_within(struct traffic *traffic, coir_time limit)
{
    struct coir_scope_options options = {.limit_ns = limit, .name = "wait for an answer"};
    int rc = coir_scope_open(&options, &traffic->scope);

    if (rc < 0)
        return rc;
    rc = receive_one(traffic);
    (void)coir_scope_close(traffic->scope);
    traffic->scope = NULL;
    return rc;
}

static void give_up_sent_before(struct traffic *traffic, coir_time moment)
{
    struct flight *flight = &traffic->flight;

    while (flight_oldest_sent(flight, COIR_FOREVER) <= moment) {
        (void)flight_settle(flight, flight->oldest, FLIGHT_GIVEN_UP);
        answers_fail(traffic, LOAD_ERROR_DATAGRAM_LOST, load_error_text(LOAD_ERROR_DATAGRAM_LOST));
    }
}

/* Waits for an answer, but no longer than the patience with the oldest lasts. Where it was this process that stood
 * still, answers wait for it: nothing is given up before they are taken. */
static int await_answer(struct traffic *traffic)
{
    coir_time now = coir_now();
    coir_time limit = flight_oldest_sent(&traffic->flight, now) + patience_of(traffic) - now;
    int rc = limit > 0 ? receive_within(traffic, limit) : -ETIME;

    if (rc != -ETIME)
        return rc;
    now = coir_now();
    rc = receive_waiting(traffic);
    if (rc == 0)
        give_up_sent_before(traffic, now - patience_of(traffic));
    return rc;
}

static int send_within(const struct traffic *traffic, const struct coir_datagram *datagram, coir_time limit)
{
    struct coir_scope_options options = {.limit_ns = limit, .name = "send"};
    struct coir_scope *scope;
    int rc = coir_scope_open(&options, &scope);

    if (rc < 0)
        return rc;
    rc = coir_datagram_send(traffic->session->socket, datagram);
    (void)coir_scope_close(scope);
    return rc;
}

/* Sends, if there is room before the patience is over; else -ETIME. The last try begins after that: this process may
 * have stood still all the time. In an open loop another task receives. */
static int send_patiently(struct traffic *traffic, const struct coir_datagram *datagram)
{
    coir_time end = coir_now() + patience_of(traffic);
    bool is_last;
    int rc;

    do {
        is_last = coir_now() >= end;
        rc = send_within(traffic, datagram, TURN_NS);
        if (rc == -ETIME && !is_open_loop(traffic)) {
            int failure = receive_waiting(traffic);

            rc = failure < 0 ? failure : rc;
        }
    } while (rc == -ETIME && !is_last);
    return rc;
}

/* Sends the next one, which was due then. There is room for it. */
static int send_next(struct traffic *traffic, coir_time due)
{
    struct session *session = traffic->session;
    struct flight *flight = &traffic->flight;
    struct coir_datagram datagram = {.peer = traffic->peer,
                                     .data = {.bytes = session->buffer, .size = (size_t)flight->size}};
    uint64_t number = flight_add(flight, due);
    int rc;

    pattern_fill(&flight->pattern, number * flight->size, session->buffer, (size_t)flight->size);
    session->sent = flight->next * flight->size;
    rc = send_patiently(traffic, &datagram);
    if (rc == 0)
        flight_sent(flight, coir_now());
    if (rc != -ETIME)
        return rc;
    flight_withdraw(flight);
    session->sent = flight->next * flight->size;
    traffic->stuck = true;
    return 0;
}

static bool may_send(const struct traffic *traffic)
{
    return !traffic->stuck && !traffic->session->swarm->ending;
}

/* A closed loop: as many as may be are under way. */
static int refill(struct traffic *traffic)
{
    struct flight *flight = &traffic->flight;
    uint64_t depth = settings_of(traffic->session)->depth;
    int rc = 0;

    for (uint64_t sent = 0; rc == 0 && sent < depth; sent++) {
        if (!may_send(traffic) || flight->under_way >= depth || !flight_has_room(flight))
            break;
        rc = send_next(traffic, coir_now());
        if (rc == 0 && sent % BURST == BURST - 1)
            rc = receive_waiting(traffic);
    }
    return rc;
}

static int converse(struct traffic *traffic)
{
    int rc;

    do {
        rc = refill(traffic);
        if (rc == 0 && traffic->flight.under_way > 0)
            rc = await_answer(traffic);
    } while (rc == 0 && (may_send(traffic) || traffic->flight.under_way > 0));
    return rc;
}

/* Waits until it is due, and sends it; where too many are under way it is left out. */
static int send_due(struct traffic *traffic, coir_time due)
{
    int rc = coir_sleep(due - coir_now());

    if (rc < 0)
        return rc;
    if (flight_has_room(&traffic->flight))
        return send_next(traffic, due);
    traffic->skipped++;
    return 0;
}

static int send_when_due(void *arg)
{
    struct traffic *traffic = arg;
    struct session *session = traffic->session;
    uint64_t count = session_messages_due(session);
    uint64_t place = 0;
    int rc = 0;

    while (rc == 0 && !traffic->stuck && place < count) {
        coir_time due = session_due(session, place);

        if (session->swarm->ending && coir_now() - due > BEHIND_NS)
            break;
        rc = send_due(traffic, due);
        place = traffic->flight.next + traffic->skipped;
    }
    traffic->all_sent = true;
    if (traffic->scope != NULL)
        coir_scope_set_limit(traffic->scope, 0); /* there may be nothing left to wait for */
    return rc;
}

static int receive_all(struct traffic *traffic)
{
    int rc = 0;

    while (rc == 0 && (!traffic->all_sent || traffic->flight.under_way > 0))
        rc = await_answer(traffic);
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

/* Who answers from the address that was asked? Not who was asked by one that stands for others, or many; and a Unix
 * socket's path has several names. */
static bool answers_from_anywhere(const struct coir_address *peer)
{
    char text[COIR_ADDRESS_SIZE];
    long first;

    coir_address_print(peer, text);
    if (strncmp(text, "udp://", 6) != 0)
        return true;
    first = strtol(text + 6, NULL, 10);
    return strncmp(text, "udp://0.0.0.0:", 14) == 0 || strncmp(text, "udp://[::]:", 11) == 0 ||
           strncmp(text, "udp://[ff", 9) == 0 || first >= 224;
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

/* Room for the answers to all that may be under way; the kernel doubles it for its own. */
static uint32_t queue_bytes_for(const struct load_settings *settings)
{
    double seconds = (double)settings->patience_ns / 1e9;
    double count = settings->mode == LOAD_MODE_OPEN ? settings->rate * seconds / (double)settings->connections
                                                    : (double)settings->depth;
    double bytes = count * (double)(settings->message_bytes + OVERHEAD);

    if (bytes <= (double)QUEUE_MIN)
        return 0;
    return bytes < (double)QUEUE_MAX ? (uint32_t)bytes : (uint32_t)QUEUE_MAX;
}

static int talk(struct traffic *traffic)
{
    struct session *session = traffic->session;
    int rc = flight_open(&traffic->flight, session->pattern, settings_of(session)->message_bytes);

    if (rc < 0)
        return rc;
    swarm_opened(session->swarm);
    session_settle(session);
    rc = is_open_loop(traffic) ? keep_schedule(traffic) : converse(traffic);
    if (rc == 0 && traffic->stuck)
        answers_fail(traffic, LOAD_ERROR_SILENT,
                     "nothing could be sent for as long as the patience lasts: the server does not read");
    if (session->swarm->result->interrupted)
        swarm_abandon(session->swarm, traffic->flight.under_way);
    swarm_closed(session->swarm);
    flight_close(&traffic->flight);
    return rc;
}

int datagrams_talk(struct session *session)
{
    struct coir_datagram_options options = {.receive_queue_bytes = queue_bytes_for(settings_of(session))};
    struct traffic traffic = {.session = session};
    char own[COIR_ADDRESS_SIZE];
    int rc = find_addresses(session, &traffic.peer, own);

    if (rc < 0)
        return rc;
    traffic.from_anywhere = answers_from_anywhere(&traffic.peer);
    rc = coir_datagram_open(own, &options, &session->socket);
    if (rc < 0)
        return rc;
    rc = talk(&traffic);
    coir_datagram_close(session->socket);
    session->socket = NULL;
    return rc;
}
