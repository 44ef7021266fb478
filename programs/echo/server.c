/* SPDX-License-Identifier: MIT
 *
 * The service from its first address to its end. What it is about is in
 * sessions.c (one task per client, in straight lines) and datagrams.c; here is
 * what stands around them: doors, signals, the supervisor, and what is said.
 *
 * All tasks that serve are in the scope `scope`, so that draining that one ends
 * the service; those that only look on are in the scope around it.
 */
#include "server.h"
#include "command.h"
#include "datagrams.h"
#include "doors.h"
#include "outputs.h"
#include "sessions.h"
#include <coir.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>

#define LINGER_LOOK_NS (10 * COIR_MILLISECOND)
/** Between tries to reach a supervisor that has too much to read. */
#define SUPERVISOR_PAUSE_NS (100 * COIR_MILLISECOND)
/** Between tries to wait for signals where there is no descriptor or memory for it; the kernel keeps them meanwhile. */
#define SIGNAL_PAUSE_NS (100 * COIR_MILLISECOND)

struct server {
    const struct echo_options *options;
    struct doors doors;
    struct sessions sessions;
    struct coir_scope *scope; /* NULL once all that serves has ended */
    struct coir_scope *calm;  /* of the task that waits to be asked to leave; NULL: it does not wait any more */
    struct outputs outputs;
    struct supervisor supervisor;
    int result;
    bool hurried;     /* asked to end at once */
    uint64_t cut_off; /* then: connections that still had something to deliver */
};

/* What a door's task is given; copied to its stack. */
struct post {
    struct server *server;
    struct door *door;
};

/* A door that can no longer be used takes the server with it: half a service is not what was asked for. */
static void end_for_good(struct server *server, const struct door *door, int rc)
{
    outputs_say(&server->outputs, "coir echo: can no longer serve on %s: %s; ending", door->uri,
                rc == -EINVAL ? "somebody has shut it down" : coir_error_text(rc));
    server->result = COMMAND_FAILED;
    if (server->calm != NULL)
        coir_scope_set_limit(server->calm, 0);
}

static int accept_sessions(struct server *server, struct coir_listener *listener)
{
    struct coir_stream *stream;
    int rc;

    while ((rc = coir_accept(listener, &stream)) == 0)
        sessions_admit(&server->sessions, stream);
    return rc;
}

static int keep_door(void *arg)
{
    const struct post *post = arg;
    struct server *server = post->server;
    struct door *door = post->door;
    int rc;

    if (door->socket != NULL)
        rc = datagrams_answer(door->socket, &server->sessions.counters);
    else
        rc = accept_sessions(server, door->listener);
    door_close(&server->doors, door); /* at once: nobody queues for a server that is leaving */
    if (rc != -ESHUTDOWN && rc != -ECANCELED)
        end_for_good(server, door, rc);
    return 0;
}

static bool is_shortage(int rc)
{
    return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM || rc == -ENOSPC;
}

/* Waits for a signal that ends the server; SIGHUP is for what is rotated or, later, configured. Returns 0 or an error.
 */
static int await_end_signal(struct server *server)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    int signal;

    for (;;) {
        int rc = coir_signal_wait(signals, 3, &signal);

        if (rc == 0 && signal != SIGHUP)
            return 0;
        if (rc == 0)
            outputs_reopen(&server->outputs);
        else if (is_shortage(rc))
            rc = coir_sleep(SIGNAL_PAUSE_NS);
        if (rc < 0)
            return rc;
    }
}

/* Waits until a signal asks us to leave, or end_for_good() does. Returns 0 or an error. */
static int await_leave(struct server *server)
{
    static const struct coir_scope_options calm = {.name = "calm"};
    int rc = coir_scope_open(&calm, &server->calm);

    if (rc < 0)
        return rc;
    rc = await_end_signal(server);
    (void)coir_scope_close(server->calm); /* it has no tasks that could fail */
    server->calm = NULL;
    return rc == -ETIME ? 0 : rc;
}

static void leave(struct server *server)
{
    outputs_event(&server->outputs, EVENT_SERVER, "draining %" PRIu64 " sessions", server->sessions.counters.live);
    (void)supervisor_tell_leaving(&server->supervisor, "draining");
    if (server->scope != NULL)
        coir_scope_drain(server->scope, server->options->drain_quiet);
}

/* Whatever has not ended by now is cut off. */
static void hurry(struct server *server)
{
    struct coir_run_info run;

    if (coir_run_info(&run) == 0)
        server->cut_off = run.lingering;
    server->hurried = true;
    if (server->scope != NULL)
        coir_scope_cancel(server->scope);
}

/* The first signal asks, the second one insists, and so does the time-out. */
static int obey_signals(void *arg)
{
    struct server *server = arg;
    struct coir_scope_options patience = {.name = "drain"};
    struct coir_scope *scope;
    int rc = await_leave(server);

    if (rc < 0)
        return rc;
    leave(server);
    if (server->options->drain_timeout != COIR_FOREVER)
        patience.limit_ns = server->options->drain_timeout;
    rc = coir_scope_open(&patience, &scope);
    if (rc < 0)
        return rc;
    rc = await_end_signal(server);
    (void)coir_scope_close(scope); /* it has no tasks that could fail */
    if (rc == 0 || rc == -ETIME)
        hurry(server);
    return 0;
}

/* A supervisor whose queue is full must still learn of it: it would take us for one that never came up. */
static int tell_supervisor(void *arg)
{
    const struct server *server = arg;

    while (supervisor_tell_ready(&server->supervisor, "serving") == -EAGAIN)
        if (coir_sleep(SUPERVISOR_PAUSE_NS) < 0)
            break;
    return 0;
}

/* Signs of life come from the scheduler itself, so that one that is stuck gives none. */
static int show_life(void *arg)
{
    const struct server *server = arg;

    do
        (void)supervisor_tell_alive(&server->supervisor);
    while (coir_sleep(server->supervisor.watchdog_ns / 3) == 0);
    return 0;
}

static void show_counters(struct server *server)
{
    doors_count(&server->doors, &server->sessions.counters);
    outputs_show(&server->outputs, &server->sessions.counters);
}

static int show_statistics(void *arg)
{
    struct server *server = arg;

    while (coir_sleep(server->options->stats) == 0)
        show_counters(server);
    return 0;
}

/* Once a second, lines are due that tell of more than one event. */
static int settle_outputs(void *arg)
{
    struct server *server = arg;

    while (coir_sleep(COIR_SECOND) == 0) {
        doors_warn(&server->doors, &server->outputs);
        outputs_settle(&server->outputs);
    }
    return 0;
}

/* Starts the tasks that only look on. Returns 0 or an error. */
static int start_watch(struct server *server, struct coir_scope *watch)
{
    static const struct coir_task_options signals = {.name = "signals", .background = true};
    static const struct coir_task_options sessions = {.name = "time-outs", .background = true};
    static const struct coir_task_options life = {.name = "watchdog", .background = true};
    static const struct coir_task_options statistics = {.name = "statistics", .background = true};
    static const struct coir_task_options outputs = {.name = "outputs", .background = true};
    int rc = coir_spawn(watch, obey_signals, server, &signals);

    if (rc == 0)
        rc = coir_spawn(watch, sessions_watch, &server->sessions, &sessions);
    if (rc == 0 && server->supervisor.watchdog_ns > 0)
        rc = coir_spawn(watch, show_life, server, &life);
    if (rc == 0 && server->options->stats != COIR_FOREVER)
        rc = coir_spawn(watch, show_statistics, server, &statistics);
    if (rc == 0 && (server->options->log != NULL || !server->options->quiet))
        rc = coir_spawn(watch, settle_outputs, server, &outputs);
    if (rc == 0)
        rc = coir_yield(); /* from here on a signal is an event, and does not kill */
    return rc == 0 && coir_scope_state(watch) != 0 ? -ECANCELED : rc;
}

static int tell_ready(struct server *server, struct coir_scope *watch)
{
    static const struct coir_task_options options = {.name = "ready", .background = true};
    struct coir_run_info run;

    doors_tell(&server->doors, &server->outputs);
    if (!server->options->quiet && coir_run_info(&run) == 0)
        outputs_say(&server->outputs, "engine: %s (%s)", run.engine, run.engine_reason);
    return coir_spawn(watch, tell_supervisor, server, &options);
}

/* Starts a task per door; what cannot be started ends the server. */
static void man_doors(struct server *server)
{
    static const struct coir_task_options options = {.name = "door", .arg_size = sizeof(struct post)};

    for (size_t i = 0; i < server->doors.count; i++) {
        struct post post = {.server = server, .door = &server->doors.doors[i]};
        int rc = coir_spawn(server->scope, keep_door, &post, &options);

        if (rc < 0)
            end_for_good(server, post.door, rc);
    }
}

/* Waits for streams that still deliver. Left to coir_run(), no signal could cut it short. */
static void await_lingering(const struct server *server)
{
    struct coir_run_info run;

    while (coir_run_info(&run) == 0 && run.lingering > 0) {
        if (server->hurried)
            coir_linger_stop();
        else if (coir_sleep(LINGER_LOOK_NS) < 0)
            return;
    }
}

static void tell_totals(struct server *server)
{
    const struct echo_counters *counters = &server->sessions.counters;

    show_counters(server);
    if (!echo_counters_add_up(counters)) {
        outputs_say(&server->outputs, "coir echo: the counters do not add up: a bug in coir, please report it");
        server->result = COMMAND_FAILED;
    }
    if (server->hurried && server->cut_off + counters->ended[ECHO_CANCELLED] > 0) {
        server->result = server->result == COMMAND_DONE ? COMMAND_CUT_OFF : server->result;
        outputs_say(&server->outputs,
                    "coir echo: cut off %" PRIu64 " sessions, and %" PRIu64 " connections that still delivered",
                    counters->ended[ECHO_CANCELLED], server->cut_off);
    }
    if (server->options->quiet)
        return;
    outputs_say(&server->outputs,
                "accepted %" PRIu64 " sessions: %" PRIu64 " finished, %" PRIu64 " reset, %" PRIu64
                " timed out, %" PRIu64 " shed, %" PRIu64 " cancelled; %" PRIu64 " were empty",
                counters->accepted, counters->ended[ECHO_FINISHED], counters->ended[ECHO_RESET],
                counters->ended[ECHO_TIMED_OUT], counters->ended[ECHO_SHED], counters->ended[ECHO_CANCELLED],
                counters->empty);
    outputs_say(&server->outputs,
                "echoed %" PRIu64 " bytes in %" PRIu64 " messages; datagrams: %" PRIu64 " refused, %" PRIu64 " lost",
                counters->bytes, counters->messages, counters->datagrams_refused, counters->datagrams_lost);
    if (counters->shortages + counters->connections_lost > 0)
        outputs_say(&server->outputs,
                    "shortages: %" PRIu64 " times no descriptor or no memory for a client; %" PRIu64
                    " clients lost before they were accepted",
                    counters->shortages, counters->connections_lost);
}

/* Serves until every session has ended, in `scope`. */
static int serve_sessions(struct server *server, struct coir_scope *watch)
{
    static const struct coir_scope_options each_alone = {.policy = COIR_SCOPE_INDEPENDENT, .name = "sessions"};
    int rc = coir_scope_open(&each_alone, &server->scope);

    if (rc < 0)
        return rc;
    rc = sessions_open(&server->sessions, server->options, server->scope, &server->outputs);
    if (rc == 0)
        rc = start_watch(server, watch);
    if (rc == 0)
        rc = tell_ready(server, watch);
    if (rc == 0)
        man_doors(server);
    (void)coir_scope_close(server->scope); /* how sessions ended was counted */
    server->scope = NULL;
    return rc;
}

/* What comes now is too late to change anything, least of all the exit code. */
static void ignore_signals(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        (void)signal(signals[i], SIG_IGN);
}

static int serve_and_leave(struct server *server)
{
    static const struct coir_scope_options together = {.name = "watch"};
    struct coir_scope *watch;
    int failure;
    int rc = coir_scope_open(&together, &watch);

    if (rc < 0)
        return rc;
    rc = serve_sessions(server, watch);
    await_lingering(server);
    coir_scope_cancel(watch);
    failure = coir_scope_close(watch);
    ignore_signals();
    sessions_close(&server->sessions);
    if (failure == 0) {
        tell_totals(server);
        return rc;
    }
    outputs_say(&server->outputs, "coir echo: cannot wait for signals: %s; ending", coir_error_text(failure));
    server->result = COMMAND_FAILED;
    return 0;
}

/* Gives up what only opening the doors needed. Returns an exit code. */
static int drop_rights(const struct echo_options *options)
{
    char reason[PRIVILEGE_REASON_SIZE];
    int rc = options->user_name != NULL ? privilege_drop(&options->user, reason) : privilege_drop_capabilities(reason);

    if (rc >= 0)
        return COMMAND_DONE;
    command_complain("echo", "cannot give up rights: %s", reason);
    return COMMAND_FAILED;
}

/* In this order: the doors need rights, and threads must begin without them. */
static int run_server(void *arg)
{
    struct server *server = arg;
    int rc = 0;

    server->result = doors_open(&server->doors, server->options);
    if (server->result == COMMAND_DONE)
        server->result = drop_rights(server->options);
    if (server->result == COMMAND_DONE)
        server->result = outputs_open(&server->outputs, server->options);
    if (server->result == COMMAND_DONE) {
        rc = serve_and_leave(server);
        outputs_close(&server->outputs);
    }
    doors_close(&server->doors);
    return rc;
}

int server_run(const struct echo_options *options, const struct supervisor *supervisor, int *ret_code)
{
    struct coir_run_options run = {
        .engine = options->engine, .stack = COIR_STACK_LARGE, .byte_budget = options->memory};
    struct server server = {.options = options, .supervisor = *supervisor};
    int rc;

    (void)signal(SIGPIPE, SIG_IGN); /* whoever reads our messages may leave; the service goes on */
    (void)signal(SIGCHLD, SIG_IGN); /* we start no children; orphans that process 1 gets must not stay as zombies */
    rc = coir_run(run_server, &server, &run);
    if (rc < 0)
        return rc;
    *ret_code = server.result;
    return 0;
}
