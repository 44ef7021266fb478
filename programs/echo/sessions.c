/* SPDX-License-Identifier: MIT
 *
 * The sessions of `coir echo`: see sessions.h. echo_until_the_end() is what
 * the server is about.
 *
 * A session's stream is closed by its task, except by those who end the
 * session from outside (end_early()): then the task's call says -EBADF, and
 * `ended_early` why.
 */
#include "sessions.h"
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define TICKS_PER_TIMEOUT 8
#define TICK_MIN_NS (10 * COIR_MILLISECOND)
#define TICK_MAX_NS COIR_SECOND
/* Sessions judged before others have a turn: each that writes is asked about by three system calls. */
#define JUDGED_IN_A_TURN 16
/** How long to wait for others to give memory back. */
#define MEMORY_PAUSE_NS (10 * COIR_MILLISECOND)

/* Where clients come from: an IPv4 address, or an IPv6 network of 64 bits. */
struct source {
    char key[COIR_ADDRESS_SIZE];
    uint64_t sessions;
};

struct session {
    struct session *older;
    struct session *newer;
    struct sessions *all;
    struct coir_stream *stream; /* NULL once it was ended early */
    struct source *source;      /* NULL = not counted */
    char *peer;                 /* for the log; NULL = there is none */
    uint64_t bytes_taken;       /* by the client, when last looked at while it wrote */
    uint32_t tick;              /* of its last message */
    bool writing;
    bool has_spoken; /* the client has sent something */
    enum echo_outcome ended_early;
};

static void put_newest(struct sessions *all, struct session *session)
{
    session->tick = all->tick;
    session->older = all->newest;
    session->newer = NULL;
    if (all->newest != NULL)
        all->newest->newer = session;
    else
        all->oldest = session;
    all->newest = session;
}

static void take_out(struct sessions *all, struct session *session)
{
    if (all->next_judged == session)
        all->next_judged = session->newer;
    if (session->older != NULL)
        session->older->newer = session->newer;
    else
        all->oldest = session->newer;
    if (session->newer != NULL)
        session->newer->older = session->older;
    else
        all->newest = session->older;
}

/* Within one tick the order does not matter, and most messages change nothing. */
static inline void note_activity(struct session *session)
{
    struct sessions *all = session->all;

    if (session->tick == all->tick)
        return;
    take_out(all, session);
    put_newest(all, session);
}

/* Tells the log of it, while the stream is still there. `peer` may be NULL: then the stream names it. */
static void log_event(struct sessions *all, const struct coir_stream *stream, const char *peer, enum event event,
                      const char *reason)
{
    struct coir_stream_info info;

    if (all->options->log == NULL)
        return;
    coir_stream_info(stream, &info);
    if (peer == NULL)
        peer = info.peer;
    outputs_event(all->outputs, event, "%s %s in %" PRIu64 " out %" PRIu64 "%s%s", info.local,
                  *peer != '\0' ? peer : "-", info.bytes_in, info.bytes_out, reason != NULL ? ": " : "",
                  reason != NULL ? reason : "");
}

/* The kernel forgets whom a broken connection was to: the log must not. */
static void keep_peer(struct session *session)
{
    struct coir_stream_info info;

    if (session->all->options->log == NULL)
        return;
    coir_stream_info(session->stream, &info);
    session->peer = strdup(info.peer);
}

/* Ends the session from outside: by a reset, as one that is to make room or does not read must not linger; but an idle
 * client gets a clean end. */
static void end_early(struct session *session, enum echo_outcome outcome)
{
    struct coir_stream *stream = session->stream;

    log_event(session->all, stream, session->peer, EVENT_FINISHED + outcome,
              session->writing ? "it does not read" : "it was idle");
    session->stream = NULL;
    session->ended_early = outcome;
    session->all->leaving++;
    if (outcome == ECHO_TIMED_OUT && !session->writing)
        coir_close(stream);
    else
        coir_abort(stream);
}

/* Receives; where the byte budget is spent, which stalled clients can do, or memory, the session waits its turn. It is
 * not idle meanwhile: its client has said something. */
static int receive(struct session *session, struct coir_slice *ret_data)
{
    int rc;

    while ((rc = coir_receive(session->stream, ret_data)) == -ENOBUFS || rc == -ENOMEM) {
        session->all->counters.waits_for_memory++;
        note_activity(session);
        rc = coir_sleep(MEMORY_PAUSE_NS);
        if (rc < 0)
            return rc;
        if (session->stream == NULL)
            return -EBADF;
    }
    return rc;
}

/* Whoever says nothing, as a health check or a scan of ports does, is not worth a line. */
static void note_first_words(struct session *session)
{
    session->has_spoken = true;
    log_event(session->all, session->stream, session->peer, EVENT_OPENED, NULL);
}

static int echo_until_the_end(struct session *session)
{
    struct echo_counters *counters = &session->all->counters;
    struct coir_slice data;
    int rc = receive(session, &data);

    if (rc > 0)
        note_first_words(session);
    for (; rc > 0; rc = receive(session, &data)) {
        size_t size = data.size;

        session->writing = true;
        rc = coir_write(session->stream, data.bytes, size);
        session->writing = false;
        coir_release(&data);
        if (rc < 0)
            break;
        counters->messages++;
        counters->bytes += size;
        note_activity(session);
    }
    return rc;
}

static enum echo_outcome judge_end(int rc)
{
    if (rc == -ECANCELED)
        return ECHO_CANCELLED;
    return rc == 0 || rc == -ESHUTDOWN ? ECHO_FINISHED : ECHO_RESET;
}

/* Closes what is still open; returns how the session ended. */
static enum echo_outcome part(struct session *session, int rc)
{
    enum echo_outcome outcome = judge_end(rc);

    if (session->stream == NULL)
        return session->ended_early;
    if (!session->has_spoken && (rc == 0 || outcome == ECHO_RESET))
        session->all->counters.empty++;
    else
        log_event(session->all, session->stream, session->peer, EVENT_FINISHED + outcome,
                  outcome == ECHO_RESET ? coir_error_text(rc) : NULL);
    if (outcome == ECHO_CANCELLED)
        coir_abort(session->stream);
    else
        coir_close(session->stream); /* what was written still arrives */
    return outcome;
}

static int compare_sources(const void *left, const void *right)
{
    return strcmp(((const struct source *)left)->key, ((const struct source *)right)->key);
}

static void leave_source(struct sessions *all, struct source *source)
{
    if (source == NULL || --source->sessions > 0)
        return;
    tdelete(source, &all->sources, compare_sources);
    free(source);
}

static void count_end(struct sessions *all, enum echo_outcome outcome)
{
    static const char place = 0;

    all->counters.live--;
    all->counters.ended[outcome]++;
    if (all->waiting_for_room > 0 && coir_channel_offer(all->room, &place) == -EAGAIN)
        return; /* somebody has been told already */
}

static int run_session(void *arg)
{
    struct session *session = arg;
    struct sessions *all = session->all;
    int rc = echo_until_the_end(session);
    enum echo_outcome outcome = part(session, rc);

    take_out(all, session);
    leave_source(all, session->source);
    all->leaving -= session->stream == NULL;
    free(session->peer);
    free(session);
    count_end(all, outcome);
    return 0;
}

/* The key of the source of `peer`: false = it has none, as a Unix peer. */
static bool make_key(const char *peer, char key[COIR_ADDRESS_SIZE])
{
    const char *host = strstr(peer, "://");
    const char *port = strrchr(peer, ':');
    struct in6_addr address;

    if (host == NULL || strncmp(peer, "tcp", 3) != 0 || port <= host)
        return false;
    host += 3;
    if (*host == '[') {
        host++;
        port--;
    }
    memcpy(key, host, (size_t)(port - host));
    key[port - host] = '\0';
    if (strchr(key, ':') == NULL)
        return true;
    key[strcspn(key, "%")] = '\0';
    if (inet_pton(AF_INET6, key, &address) != 1)
        return true;
    memset(&address.s6_addr[8], 0, 8);
    return inet_ntop(AF_INET6, &address, key, COIR_ADDRESS_SIZE) != NULL;
}

/* Counts the session to its source. Returns 0, -EUSERS where there are too many from there, or -ENOMEM. */
static int join_source(struct sessions *all, struct session *session)
{
    struct coir_stream_info info;
    struct source *source;
    struct source **found;

    if (all->options->max_per_source == 0)
        return 0;
    source = calloc(1, sizeof(*source));
    if (source == NULL)
        return -ENOMEM;
    coir_stream_info(session->stream, &info);
    if (!make_key(info.peer, source->key)) {
        free(source);
        return 0;
    }
    found = tsearch(source, &all->sources, compare_sources);
    if (found == NULL || *found != source)
        free(source);
    if (found == NULL)
        return -ENOMEM;
    if ((*found)->sessions >= all->options->max_per_source)
        return -EUSERS;
    session->source = *found;
    session->source->sessions++;
    return 0;
}

/* Starts the session's task. Returns 0, or why it cannot be served. */
static int start(struct sessions *all, struct session *session)
{
    static const struct coir_task_options options = {.name = "session"};
    int rc = join_source(all, session);

    if (rc < 0)
        return rc;
    put_newest(all, session);
    keep_peer(session);
    rc = coir_spawn(all->scope, run_session, session, &options);
    if (rc == 0)
        return 0;
    take_out(all, session);
    leave_source(all, session->source);
    free(session->peer);
    return rc;
}

/* True if those who wait need more places than are free, or will be once who was sent away has gone. */
static bool lacks_room(const struct sessions *all)
{
    return all->counters.live - all->leaving + all->waiting_for_room > all->options->max_sessions;
}

/* The one that has been idle for longest makes room, if that was asked for and is needed. One that was active less than
 * a tick ago is not idle. */
static void shed_oldest(struct sessions *all)
{
    struct session *session = all->oldest;

    if (!all->options->shed_idle || !lacks_room(all))
        return;
    while (session != NULL && session->stream == NULL)
        session = session->newer;
    if (session != NULL && all->tick - session->tick > 1)
        end_early(session, ECHO_SHED);
}

/* Waits until there may be one session more. Returns 0, -ECANCELED or -ETIME. */
static int await_room(struct sessions *all)
{
    char place;
    int rc = 0;

    all->waiting_for_room++;
    while (rc >= 0 && all->counters.live >= all->options->max_sessions) {
        shed_oldest(all);
        rc = coir_channel_receive(all->room, &place);
    }
    all->waiting_for_room--;
    return rc < 0 ? rc : 0;
}

/* Turns the client of `stream` away, as `rc` says why; where all is being cancelled, it shares the others' fate. */
static void refuse(struct sessions *all, struct coir_stream *stream, int rc)
{
    enum echo_outcome outcome = rc == -EUSERS || rc == -ENOMEM ? ECHO_SHED : ECHO_CANCELLED;
    const char *reason = rc == -EUSERS ? "there are too many from its address" : "there is no memory for it";

    log_event(all, stream, NULL, EVENT_FINISHED + outcome, outcome == ECHO_SHED ? reason : NULL);
    coir_abort(stream);
    count_end(all, outcome);
}

void sessions_admit(struct sessions *all, struct coir_stream *stream)
{
    struct session *session = calloc(1, sizeof(*session));
    int rc = await_room(all);

    all->counters.accepted++;
    all->counters.live++;
    if (rc == 0 && session == NULL)
        rc = -ENOMEM;
    if (rc == 0) {
        session->all = all;
        session->stream = stream;
        rc = start(all, session);
    }
    if (rc == 0)
        return;
    free(session);
    refuse(all, stream, rc);
}

/* Ticks after which `timeout_ns` is over, however late in a tick it began; 0 = never, or not before the count of ticks
 * begins anew. */
static uint32_t ticks_of(const struct sessions *all, coir_time timeout_ns)
{
    coir_time ticks = timeout_ns / all->tick_ns + (timeout_ns % all->tick_ns != 0) + 1;

    return timeout_ns == COIR_FOREVER || ticks > UINT32_MAX ? 0 : (uint32_t)ticks;
}

/* True if the session's client has taken something since the last look. */
static bool has_progressed(struct session *session)
{
    struct coir_stream_info info;

    coir_stream_info(session->stream, &info);
    if (info.bytes_out - info.unsent <= session->bytes_taken)
        return false;
    session->bytes_taken = info.bytes_out - info.unsent;
    return true;
}

/* A session that writes is looked at in every tick, as only what happened since the last look is progress. */
static void judge(struct sessions *all, struct session *session)
{
    uint32_t limit = ticks_of(all, session->writing ? all->options->stall_timeout : all->options->idle_timeout);

    if (limit == 0 || session->stream == NULL)
        return;
    if (session->writing && has_progressed(session))
        note_activity(session);
    else if (all->tick - session->tick >= limit)
        end_early(session, ECHO_TIMED_OUT);
}

/* Oldest first; note_activity() moves a session behind where the walk ends. Others have their turns meanwhile. */
static void judge_all(struct sessions *all)
{
    int judged = 0;

    all->next_judged = all->oldest;
    while (all->next_judged != NULL && all->next_judged->tick != all->tick) {
        struct session *session = all->next_judged;

        all->next_judged = session->newer;
        judge(all, session);
        if (++judged % JUDGED_IN_A_TURN == 0 && coir_yield() < 0)
            break;
    }
    all->next_judged = NULL;
}

/* Where others wait for memory, those who have taken nothing for a tick have to give theirs back. */
static void shed_stalled(struct sessions *all)
{
    struct session *session = all->oldest;

    while (session != NULL && session->tick != all->tick) {
        struct session *newer = session->newer;

        if (session->writing && session->stream != NULL && all->tick - session->tick > 1)
            end_early(session, ECHO_SHED);
        session = newer;
    }
}

int sessions_watch(void *arg)
{
    struct sessions *all = arg;
    uint64_t waits = 0;

    while (coir_sleep(all->tick_ns) == 0) {
        all->tick++;
        judge_all(all);
        if (all->counters.waits_for_memory != waits)
            shed_stalled(all);
        waits = all->counters.waits_for_memory;
        shed_oldest(all); /* none may have been idle when the room was asked for */
    }
    return 0;
}

int sessions_open(struct sessions *all, const struct echo_options *options, struct coir_scope *scope,
                  struct outputs *outputs)
{
    coir_time shorter = options->idle_timeout < options->stall_timeout ? options->idle_timeout : options->stall_timeout;
    coir_time tick_ns = shorter / TICKS_PER_TIMEOUT;

    *all = (struct sessions){.options = options, .scope = scope, .outputs = outputs};
    all->tick_ns = tick_ns < TICK_MIN_NS ? TICK_MIN_NS : tick_ns > TICK_MAX_NS ? TICK_MAX_NS : tick_ns;
    return coir_channel_open(1, 1, &all->room);
}

void sessions_close(struct sessions *all)
{
    coir_channel_close(all->room);
}
