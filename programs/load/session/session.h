/* SPDX-License-Identifier: MIT
 *
 * A session: one connection, or one socket of datagrams, and a straight line of
 * code that talks over it. What all sessions have in common is in session.c;
 * what they say is in streams.c and datagrams.c.
 */
#ifndef PROGRAMS_LOAD_SESSION_SESSION_H
#define PROGRAMS_LOAD_SESSION_SESSION_H

#include "load/session/pattern.h"
#include "load/session/swarm.h"
#include "load/session/verdict.h"

/** What a session's own calls return, beside coir's errors, where `error` says what is wrong. */
#define SESSION_FAILED (-EPROTO)

struct session {
    struct swarm *swarm;
    uint64_t number;
    struct pattern pattern;
    struct coir_stream *stream;          /* NULL = not connected */
    struct coir_datagram_socket *socket; /* where it is datagrams */
    struct coir_scope *patience;         /* cancelled when nothing has come for too long; NULL = there is none to end */
    struct coir_scope *calm;             /* cancelled when the load ends; NULL = it waits for nothing of the kind */
    uint64_t sent_before;                /* `sent`, when this connection was opened */
    coir_time waits_since;               /* 0 = nothing is owed */
    coir_time due;                       /* when this visit of a churn began, or ought to have */
    bool lost_patience;
    bool has_settled;
    bool is_connecting;
    enum load_error error; /* with SESSION_FAILED */
    uint64_t sent;         /* bytes given to the kernel, or being given, since the first connection */
    uint64_t looked;       /* of these, bytes that were only sent to see what is wrong */
    uint64_t received;     /* bytes that came back, and were right */
    size_t left;           /* bytes of the message that is coming back */
    uint64_t completed;    /* messages that have come back */
    coir_time *started;    /* in a closed loop: of each message under way, by its number modulo depth */
    unsigned char *buffer; /* for what is sent */
    size_t buffer_size;
    struct verdict_evidence *evidence; /* of wrong bytes; NULL = none came */
};

/** The task of a session, which is its argument. */
int session_run(void *arg);

/** What the sessions do: run in the scope `patience`. Return 0, SESSION_FAILED, or a coir error. */
int streams_talk(struct session *session);
int datagrams_talk(struct session *session);

/** Writes the next `size` bytes of the session's sequence. Returns 0 or a coir error; what was not sent is still to be
 * sent then. */
int streams_write(struct session *session, uint64_t size);

/** Looks closer at what went wrong, over the connection if it still works: sends a little more, and judges by what
 * comes. Returns the error, and a text. */
enum load_error streams_judge(struct session *session, char ret_text[VERDICT_TEXT_SIZE]);

/** Fails with `error`. Returns SESSION_FAILED. */
int session_fail(struct session *session, enum load_error error);

/** Keeps the wrong bytes, which should have been those at `offset`. Returns SESSION_FAILED. */
int session_keep_evidence(struct session *session, uint64_t offset, const unsigned char *bytes, size_t size);

/** When message `number` of the session is due in an open loop. */
coir_time session_due(const struct session *session, uint64_t number);

/** How many of the session's messages are due by then. */
uint64_t session_due_by(const struct session *session, coir_time moment);

/** How many messages an open loop has for the session. */
uint64_t session_messages_due(const struct session *session);

/** The settings of the run. */
static inline const struct load_settings *settings_of(const struct session *session)
{
    return &session->swarm->options->settings;
}

/** The session is connected, or never will be; the first time counts. */
void session_settle(struct session *session);

/** A message under way is back: counts it. */
void session_complete(struct session *session, coir_time now);

#endif
