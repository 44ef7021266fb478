/* SPDX-License-Identifier: MIT
 *
 * The sessions of `coir echo` without its doors: a server, and clients that are
 * plain ends of socket pairs.
 */
#ifndef COMMAND_SESSIONS_H
#define COMMAND_SESSIONS_H

#include "echo/sessions.h"
#include "support/peer.h"
#include "support/tasks.h"
#include <unistd.h>

/** A server. */
struct fixture {
    struct echo_options options;
    struct outputs outputs;
    struct coir_scope *scope; /* of sessions */
    struct sessions all;
};

/** Of at most `max` sessions, without time-outs. */
static inline void open_sessions(struct fixture *fixture, uint32_t max)
{
    *fixture = (struct fixture){
        .options = {.max_sessions = max,
                    .idle_timeout = COIR_FOREVER,
                    .stall_timeout = COIR_FOREVER,
                    .shed_idle = true},
        .scope = open_independent(),
    };
    assert_int_equal(sessions_open(&fixture->all, &fixture->options, fixture->scope, &fixture->outputs), 0);
}

/** No client is left; whatever happened, the counters add up. */
static inline void close_sessions(struct fixture *fixture)
{
    assert_int_equal(coir_scope_close(fixture->scope), 0);
    assert_true(echo_counters_add_up(&fixture->all.counters));
    assert_int_equal(fixture->all.counters.live, 0);
    sessions_close(&fixture->all);
}

/** A stream of ours; the client's end goes to `ret_client`. */
static inline struct coir_stream *new_stream(int *ret_client)
{
    struct coir_stream *stream;
    int ends[2];

    peer_pair(ends);
    assert_int_equal(coir_adopt(ends[0], NULL, &stream), 0);
    *ret_client = ends[1];
    return stream;
}

/** Lets a client in, which may have to wait; returns its end. */
static inline int admit(struct fixture *fixture)
{
    int client;

    sessions_admit(&fixture->all, new_stream(&client));
    return client;
}

static inline void close_all(const int *clients, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(clients[i]);
}

static inline uint64_t ended(const struct fixture *fixture, enum echo_outcome outcome)
{
    return fixture->all.counters.ended[outcome];
}

#endif
