/* SPDX-License-Identifier: MIT
 *
 * The sessions of `coir echo`: one task per client, in straight lines, and
 * around them who may come in (limits in all and per source), who has to go
 * (idle for too long, not reading, or the oldest idle one under pressure), and
 * the count of both.
 *
 * Time-outs are looked at in ticks, an eighth of the shorter one, so that a
 * message costs no clock; they come up to a quarter later than asked for.
 */
#ifndef PROGRAMS_ECHO_SESSIONS_H
#define PROGRAMS_ECHO_SESSIONS_H

#include "counters.h"
#include "options.h"
#include "outputs.h"
#include <coir.h>

struct session;

struct sessions {
    const struct echo_options *options;
    struct outputs *outputs;
    struct echo_counters counters;
    struct coir_scope *scope; /* of all sessions; the caller's */
    struct session *oldest;   /* by their last message, to the tick */
    struct session *newest;
    struct session *next_judged; /* where sessions_watch() goes on, having given way */
    void *sources;               /* a tsearch(3) tree: sessions per source address */
    struct coir_channel *room;   /* a session has ended, and somebody waits for its place */
    uint32_t waiting_for_room;   /* tasks */
    uint32_t leaving;            /* sessions that were ended early and are live still */
    uint32_t tick;
    coir_time tick_ns;
};

/** Prepares for sessions in `scope`. Returns 0 or -ENOMEM. */
int sessions_open(struct sessions *all, const struct echo_options *options, struct coir_scope *scope,
                  struct outputs *outputs);
void sessions_close(struct sessions *all);

/**
 * Serves the client of `stream`, which it takes in any case: it may be turned
 * away at once, or after a wait for a place.
 *
 * Suspends: while there are as many sessions as there may be.
 */
void sessions_admit(struct sessions *all, struct coir_stream *stream);

/** A task, to be spawned in the background: ends who has been idle or has not read for too long. `arg`: the struct
 * sessions. */
int sessions_watch(void *arg);

#endif
