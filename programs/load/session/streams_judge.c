/* SPDX-License-Identifier: MIT
 *
 * What went wrong on a connection, judged by what comes over it next: see
 * session.h.
 */
#include "load/session/session.h"
#include <stdio.h>
#include <string.h>

/** How long a closer look may take. */
#define LOOK_NS (300 * COIR_MILLISECOND)

/* Adds what comes to the evidence, until that is enough or nothing comes any more. */
static void gather(struct session *session)
{
    struct verdict_evidence *evidence = session->evidence;
    struct coir_slice data;

    while (evidence->size < sizeof(evidence->bytes) && coir_receive(session->stream, &data) > 0) {
        size_t room = sizeof(evidence->bytes) - evidence->size;
        size_t part = data.size < room ? data.size : room;

        memcpy(evidence->bytes + evidence->size, data.bytes, part);
        evidence->size += part;
        coir_release(&data);
    }
}

/* What follows a fault tells what it was, so the server is given something to follow. */
static void look_closer(struct session *session)
{
    struct coir_scope_options briefly = {.limit_ns = LOOK_NS};
    uint64_t before = session->sent;
    struct coir_scope *scope;

    if (coir_scope_open(&briefly, &scope) < 0)
        return; /* then with what there is */
    if (streams_write(session, VERDICT_CONTEXT) == 0 || session->evidence->size < VERDICT_CONTEXT)
        gather(session);
    session->looked += session->sent - before;
    (void)coir_scope_close(scope);
}

/* Nothing came for too long: were bytes lost on the way, or is nobody there? Returns true if it can be told. */
static bool judge_silence(struct session *session)
{
    struct verdict_evidence *evidence = session->evidence;
    size_t right = pattern_match(&session->pattern, evidence->offset, evidence->bytes, evidence->size);

    evidence->offset += right;
    evidence->size -= right;
    memmove(evidence->bytes, evidence->bytes + right, evidence->size);
    return evidence->size > 0;
}

static enum load_error tell_debt(const struct session *session, enum load_error error, char ret_text[VERDICT_TEXT_SIZE])
{
    unsigned long long owed = session->sent - session->received;

    if (owed > 0)
        (void)snprintf(ret_text, VERDICT_TEXT_SIZE, "%s: %llu bytes", load_error_text(error), owed);
    else if (error == LOAD_ERROR_ENDED)
        (void)snprintf(ret_text, VERDICT_TEXT_SIZE, "the server has ended it, and it was to be held open");
    else
        (void)snprintf(ret_text, VERDICT_TEXT_SIZE, "the server has sent everything, but not its end");
    return error;
}

enum load_error streams_judge(struct session *session, char ret_text[VERDICT_TEXT_SIZE])
{
    bool silent = session->evidence == NULL && session->lost_patience;
    struct session debtor = *session; /* before we send more */

    if (silent)
        (void)session_keep_evidence(session, session->received, NULL, 0);
    if (session->evidence == NULL)
        return tell_debt(&debtor, silent ? LOAD_ERROR_SILENT : session->error, ret_text);
    look_closer(session);
    if (silent && !judge_silence(session))
        return tell_debt(&debtor, LOAD_ERROR_SILENT, ret_text);
    session->evidence->end = swarm_sent_most(session->swarm);
    return verdict_of(session->evidence, ret_text);
}
