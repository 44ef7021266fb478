/* SPDX-License-Identifier: MIT
 *
 * All sessions of a load: when they begin and end, what they have found out
 * together, and who among them has waited for too long. A session is a task
 * (session.h); one more conducts, and one looks at the clock ten times a second.
 */
#ifndef PROGRAMS_LOAD_SESSION_SWARM_H
#define PROGRAMS_LOAD_SESSION_SWARM_H

#include "load/options.h"
#include "load/result/result.h"
#include "load/server_cpu.h"
#include "meter.h"
#include <coir.h>

struct session;

struct swarm {
    const struct load_options *options;
    struct load_result *result;
    struct session *sessions;     /* one for each connection */
    uint64_t seed;                /* of the bytes */
    struct coir_scope *scope;     /* of the sessions */
    struct coir_channel *doorway; /* an item for each who may connect: only so many at a time */
    struct coir_channel *settled; /* finished once every session has settled */
    struct coir_channel *begun;   /* finished once the schedule of an open loop begins */
    struct coir_channel *empty;   /* finished once every session has ended */
    uint64_t lingering_most;      /* connections that are closed and not yet ended, before nobody opens a new one */
    uint64_t unsettled;           /* sessions */
    uint64_t running;             /* sessions */
    uint64_t open;                /* connections, now */
    coir_time schedule_begin;     /* of an open loop; its end follows from the settings */
    coir_time measure_begin;      /* COIR_FOREVER until that is known */
    coir_time measure_end;        /* likewise */
    coir_time ticked;             /* when the clock was last looked at */
    struct server_cpu server;     /* the server's processes */
    bool measuring;
    bool ending;                     /* nothing new is sent */
    uint64_t messages;               /* that came back, since the first connection: for the progress */
    uint64_t failures;               /* likewise */
    struct load_point point;         /* what has happened since the last tick of the clock */
    uint64_t told[LOAD_ERROR_COUNT]; /* errors that were printed */
    unsigned int told_once;          /* what else datagrams.c says once in a run */
    struct writer *screen;           /* for the progress; NULL = none is shown */
    struct meter *meter;
};

/**
 * Runs the load, in a task. Errors of connections go into the result, and the
 * first ones of each kind to standard error.
 *
 * Returns: 0, also where every connection failed; or why nothing could be run.
 */
int swarm_run(const struct load_options *options, struct load_result *result);

/** Waits until the session may connect; to be followed by swarm_let_in(). Returns 0 or the scope's error. */
int swarm_queue(struct swarm *swarm);

/** The session has done connecting. */
void swarm_let_in(struct swarm *swarm);

/** A session has settled: it is connected and, in a closed loop, has had an answer; or it never will be, or have. */
void swarm_settle(struct swarm *swarm);

/** A session has ended. */
void swarm_leave(struct swarm *swarm);

/** A connection is open, or is no more. */
void swarm_opened(struct swarm *swarm);
void swarm_closed(struct swarm *swarm);

/** The most bytes that a session has sent. */
uint64_t swarm_sent_most(const struct swarm *swarm);

/** A message that was due, or sent, at `began` has come back. */
void swarm_count(struct swarm *swarm, coir_time began, coir_time now);

/** So many messages were due and never sent. */
void swarm_skip(struct swarm *swarm, uint64_t count);

/** So many messages were under way when the load was interrupted. */
void swarm_abandon(struct swarm *swarm, uint64_t count);

/** Something has failed: counts it and, if it is one of the first of its kind, says so. */
void swarm_fail(struct swarm *swarm, uint64_t session, enum load_error error, const char *text);

/** Says a line on standard error, above the progress where some is shown. */
void swarm_say(struct swarm *swarm, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Which error a negative return value of a call is; `connecting`: it has never come to a connection. */
enum load_error swarm_error_of(int rc, bool connecting);

#endif
