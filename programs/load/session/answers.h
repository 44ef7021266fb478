/* SPDX-License-Identifier: MIT
 *
 * Datagrams that have come to a session of datagrams.c: which messages they
 * are, and what is wrong with those that are none.
 */
#ifndef PROGRAMS_LOAD_SESSION_ANSWERS_H
#define PROGRAMS_LOAD_SESSION_ANSWERS_H

#include "load/session/flight.h"
#include "load/session/session.h"

/** What a session of datagrams has to do. */
struct traffic {
    struct session *session;
    struct coir_address peer;
    bool from_anywhere;       /* answers may have another address than the one that is sent to */
    bool stuck;               /* there was no room to send for all of the patience: nothing more is sent */
    bool all_sent;            /* of an open loop */
    uint64_t skipped;         /* of an open loop: due, and never sent */
    struct coir_scope *scope; /* of the wait for an answer; NULL = there is none */
    struct flight flight;
};

/** Takes a datagram of the server: counts it, or what is wrong with it. */
void answers_take(struct traffic *traffic, const struct coir_slice *data);

/** One of somebody else is ignored, which is said once. */
void answers_refuse(const struct traffic *traffic, const struct coir_address *stranger);

/** Counts an error of the session. */
void answers_fail(const struct traffic *traffic, enum load_error error, const char *text);

#endif
