/* SPDX-License-Identifier: MIT
 *
 * Answers of a server of datagrams: see answers.h.
 */
#include "load/session/answers.h"
#include <stdio.h>
#include <stdlib.h>

/** What is said once in a run. */
enum { TOLD_STRANGER = 1, TOLD_LATE = 2 };

static bool is_untold(const struct traffic *traffic, unsigned int what)
{
    struct swarm *swarm = traffic->session->swarm;
    bool untold = !(swarm->told_once & what);

    swarm->told_once |= what;
    return untold;
}

void answers_fail(const struct traffic *traffic, enum load_error error, const char *text)
{
    swarm_fail(traffic->session->swarm, traffic->session->number, error, text);
}

/* What is wrong with a datagram that stands for the message `number`, of which the first `right` bytes are right. */
static enum load_error judge(const struct traffic *traffic, uint64_t number, size_t right,
                             const struct coir_slice *data, char ret_text[VERDICT_TEXT_SIZE])
{
    struct session *session = traffic->session;
    uint64_t size = traffic->flight.size;
    enum load_error error = LOAD_ERROR_CORRUPTED;

    (void)snprintf(ret_text, VERDICT_TEXT_SIZE, "datagram %llu is wrong", (unsigned long long)number);
    (void)session_keep_evidence(session, number * size + right, data->bytes + right, data->size - right);
    if (session->evidence != NULL && session->evidence->size > 0) {
        session->evidence->end = swarm_sent_most(session->swarm);
        error = verdict_of(session->evidence, ret_text);
    }
    free(session->evidence);
    session->evidence = NULL;
    if (data->size == size || (error != LOAD_ERROR_CORRUPTED && error != LOAD_ERROR_REORDERED))
        return error; /* else the size says more */
    (void)snprintf(ret_text, VERDICT_TEXT_SIZE, "datagram %llu came with %zu bytes in place of %llu",
                   (unsigned long long)number, data->size, (unsigned long long)size);
    return data->size < size ? LOAD_ERROR_LOST : LOAD_ERROR_DUPLICATED;
}

static void take_late(const struct traffic *traffic)
{
    if (is_untold(traffic, TOLD_LATE))
        swarm_say(traffic->session->swarm,
                  "connection %llu: an answer came after the patience: it was counted as lost, and stays so "
                  "(all such; a longer --patience takes them)",
                  (unsigned long long)traffic->session->number);
}

static void take_repeated(const struct traffic *traffic)
{
    answers_fail(traffic, LOAD_ERROR_DUPLICATED, "a datagram came twice");
}

/* Is it a message of ours that was sent so long ago that nothing is remembered of it? */
static bool is_forgotten(const struct traffic *traffic, const struct coir_slice *data)
{
    const struct session *session = traffic->session;
    const struct flight *flight = &traffic->flight;
    struct pattern_search search = {.seed = session->swarm->seed,
                                    .sessions = settings_of(session)->connections,
                                    .end = session->sent,
                                    .first = session->number};
    struct pattern_place place;
    uint64_t number;

    if (data->size != flight->size || !pattern_find(&search, data->bytes, data->size, &place))
        return false;
    number = place.offset / flight->size;
    return place.session == session->number && number < flight_first(flight) &&
           flight_match(flight, number, data->bytes, data->size) == data->size;
}

/* It may have been given up, as long as such are missing. */
static void take_forgotten(struct traffic *traffic)
{
    if (traffic->flight.missing == 0) {
        take_repeated(traffic);
        return;
    }
    traffic->flight.missing--;
    take_late(traffic);
}

/* Whatever it is, no message is all of it. The one that it stands for, if that is sure, need not be waited for. */
static void take_fault(struct traffic *traffic, const struct coir_slice *data)
{
    struct flight *flight = &traffic->flight;
    bool is_awaited = flight->under_way > 0;
    char text[VERDICT_TEXT_SIZE];
    enum load_error error;
    uint64_t number;
    size_t right;
    bool is_sure = flight_find_likeliest(flight, data->bytes, data->size, &number, &right);

    error = judge(traffic, number, right, data, text);
    if (is_awaited || error == LOAD_ERROR_FOREIGN)
        answers_fail(traffic, error, text);
    else
        answers_fail(traffic, LOAD_ERROR_DUPLICATED, "a datagram came that nobody waits for");
    if (is_sure)
        (void)flight_settle(flight, number, FLIGHT_BLAMED);
}

static void take_message(struct traffic *traffic, uint64_t number, coir_time now)
{
    switch (flight_settle(&traffic->flight, number, FLIGHT_ANSWERED)) {
    case FLIGHT_ANSWERED:
        take_repeated(traffic);
        break;
    case FLIGHT_GIVEN_UP:
        take_late(traffic);
        break;
    default: /* or another one was taken for it before: that one was counted */
        swarm_count(traffic->session->swarm, flight_slot(&traffic->flight, number)->due, now);
    }
}

void answers_take(struct traffic *traffic, const struct coir_slice *data)
{
    uint64_t number;

    if (flight_find(&traffic->flight, data->bytes, data->size, &number))
        take_message(traffic, number, coir_now());
    else if (is_forgotten(traffic, data))
        take_forgotten(traffic);
    else
        take_fault(traffic, data);
}

/* Answers that come from elsewhere would not reach a client who asks the server alone. */
void answers_refuse(const struct traffic *traffic, const struct coir_address *stranger)
{
    char peer[COIR_ADDRESS_SIZE];
    char text[COIR_ADDRESS_SIZE];

    if (!is_untold(traffic, TOLD_STRANGER))
        return;
    coir_address_print(&traffic->peer, peer);
    coir_address_print(stranger, text);
    swarm_say(traffic->session->swarm,
              "connection %llu: a datagram came from %s, not from %s: it is ignored (all such are)",
              (unsigned long long)traffic->session->number, text, peer);
}
