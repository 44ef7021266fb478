/* SPDX-License-Identifier: MIT
 *
 * `coir echo`: the server of RFC 862. run_session() is what it is about: one
 * task per client, in straight lines. Around it, one task per listener, and
 * one that waits for the signals that end it.
 *
 * All listeners' and sessions' tasks are in the scope `sessions`, so that
 * draining that one ends the service. A session touches one page of its stack:
 * it prints nothing.
 */
#include "command.h"
#include "echo_options.h"
#include <coir.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define DRAIN_QUIET_NS (200 * COIR_MILLISECOND)
#define LINGER_LOOK_NS (10 * COIR_MILLISECOND)

struct server {
    const struct echo_options *options;
    struct coir_listener *listeners[ECHO_LISTENERS_MAX];
    struct coir_scope *sessions; /* NULL once all of them have ended */
    int result;
    bool hurried; /* asked to end a second time */
    uint64_t session_count;
    uint64_t refused_count; /* sessions for which there was no stack */
    uint64_t broken_count;  /* sessions that ended by an error of their connection */
    uint64_t byte_count;    /* echoed */
};

/* What a session or a listener's task is given; copied to its stack. */
struct session {
    struct server *server;
    struct coir_stream *stream;
};

struct doorway {
    struct server *server;
    size_t number;
};

static int run_session(void *arg)
{
    struct session *session = arg;
    struct coir_slice data;
    int rc;

    while ((rc = coir_receive(session->stream, &data)) > 0) {
        rc = coir_write(session->stream, data.bytes, data.size);
        if (rc == 0)
            session->server->byte_count += data.size;
        coir_release(&data);
        if (rc < 0)
            break;
    }
    if (rc < 0 && rc != -ESHUTDOWN)
        session->server->broken_count++;
    coir_close(session->stream); /* what was written still arrives */
    return rc;
}

static void start_session(struct server *server, struct coir_stream *stream)
{
    static const struct coir_task_options options = {.name = "session", .arg_size = sizeof(struct session)};
    struct session session = {.server = server, .stream = stream};

    if (coir_spawn(server->sessions, run_session, &session, &options) == 0) {
        server->session_count++;
    } else {
        server->refused_count++;
        coir_abort(stream); /* nobody took it: still ours */
    }
}

/* A listener that died takes the server with it: half a service is not what was asked for. */
static void end_for_good(struct server *server, const char *uri, int rc)
{
    command_complain("echo", "can no longer accept on %s: %s; ending", uri, coir_error_text(rc));
    server->result = COMMAND_FAILED;
    coir_scope_drain(server->sessions, DRAIN_QUIET_NS);
}

static int accept_sessions(void *arg)
{
    const struct doorway *doorway = arg;
    struct server *server = doorway->server;
    struct coir_listener *listener = server->listeners[doorway->number];
    struct coir_stream *stream;
    int rc;

    while ((rc = coir_accept(listener, &stream)) == 0)
        start_session(server, stream);
    coir_listener_close(listener); /* at once: nobody queues for a server that is leaving */
    if (rc != -ESHUTDOWN && rc != -ECANCELED)
        end_for_good(server, server->options->uris[doorway->number], rc);
    return 0;
}

/* The first signal asks, the second one insists. */
static int obey_signals(void *arg)
{
    static const int signals[] = {SIGTERM, SIGINT};
    struct server *server = arg;
    int signal;
    int rc = coir_signal_wait(signals, 2, &signal);

    if (rc < 0)
        return rc;
    if (server->sessions != NULL)
        coir_scope_drain(server->sessions, DRAIN_QUIET_NS);
    if (coir_signal_wait(signals, 2, &signal) < 0)
        return 0;
    server->hurried = true;
    if (server->sessions != NULL)
        coir_scope_cancel(server->sessions);
    return 0;
}

static const char *advise(int rc, bool is_tcp)
{
    switch (rc) {
    case COIR_ERROR_ADDRESS:
        return "; 'coir echo --help' lists every form";
    case -EADDRINUSE:
        return "; stop that one ('ss -ltnp' shows who), or choose another address (tcp://:0 finds a free port)";
    case -EACCES:
    case -EPERM:
        return is_tcp ? ", ports below 1024 take a right" : "";
    default:
        return "";
    }
}

static void print_ways_to_low_ports(void)
{
    fputs("Any of these gives it:\n"
          "  another port:            coir echo --listen tcp://:7007\n"
          "  the right, for the file: setcap cap_net_bind_service=+ep PATH/TO/coir\n"
          "  ... or for the service:  AmbientCapabilities=CAP_NET_BIND_SERVICE (systemd)\n"
          "  no right needed at all:  sysctl net.ipv4.ip_unprivileged_port_start=7\n"
          "  socket activation:       a systemd .socket unit, and --listen fd://3\n",
          stderr);
}

/* Opens every listener, or says of each that cannot be opened why. */
static int open_listeners(struct server *server)
{
    int result = COMMAND_DONE;
    bool lacks_right = false;

    for (size_t i = 0; i < server->options->uri_count; i++) {
        const char *uri = server->options->uris[i];
        bool is_tcp = strncmp(uri, "tcp:", 4) == 0;
        const char *flaw;
        int rc = coir_listen(uri, NULL, &server->listeners[i]);

        if (rc == 0)
            continue;
        flaw = coir_address_flaw(uri);
        command_complain("echo", "cannot listen on '%s': %s%s", uri, flaw != NULL ? flaw : coir_error_text(rc),
                         advise(rc, is_tcp));
        lacks_right |= is_tcp && (rc == -EACCES || rc == -EPERM);
        if (flaw != NULL)
            result = COMMAND_MISUSED;
        else if (result == COMMAND_DONE)
            result = COMMAND_FAILED;
    }
    if (lacks_right)
        print_ways_to_low_ports();
    return result;
}

static void close_listeners(struct server *server)
{
    for (size_t i = 0; i < server->options->uri_count; i++)
        coir_listener_close(server->listeners[i]);
}

static void tell_ready(const struct server *server)
{
    struct coir_listener_info listener;
    struct coir_run_info run;

    for (size_t i = 0; i < server->options->uri_count; i++) {
        coir_listener_info(server->listeners[i], &listener);
        fprintf(stderr, "listening on %s\n", listener.local);
    }
    if (server->options->quiet)
        return;
    coir_run_info(&run);
    fprintf(stderr, "engine: %s (%s)\n", run.engine, run.engine_reason);
}

static void tell_totals(const struct server *server)
{
    if (server->options->quiet)
        return;
    fprintf(stderr, "served %" PRIu64 " sessions, echoed %" PRIu64 " bytes, %" PRIu64 " broken, %" PRIu64 " refused\n",
            server->session_count, server->byte_count, server->broken_count, server->refused_count);
}

/* Waits for streams that still deliver. Left to coir_run(), no signal could cut it short. */
static void wait_for_lingering(const struct server *server)
{
    struct coir_run_info run;

    while (coir_run_info(&run) == 0 && run.lingering > 0) {
        if (server->hurried)
            coir_linger_stop();
        else if (coir_sleep(LINGER_LOOK_NS) < 0)
            return;
    }
}

/* Starts a task per listener; what cannot be started ends the server. */
static void open_doors(struct server *server)
{
    static const struct coir_task_options options = {.name = "accept", .arg_size = sizeof(struct doorway)};
    struct doorway doorway = {.server = server};

    for (; doorway.number < server->options->uri_count; doorway.number++) {
        int rc = coir_spawn(server->sessions, accept_sessions, &doorway, &options);

        if (rc == 0)
            continue;
        coir_listener_close(server->listeners[doorway.number]);
        end_for_good(server, server->options->uris[doorway.number], rc);
    }
}

/* Serves until every session has ended. The listeners are open, and are closed in here. */
static int serve_sessions(struct server *server, struct coir_scope *watch)
{
    static const struct coir_scope_options each_alone = {.policy = COIR_SCOPE_INDEPENDENT, .name = "sessions"};
    static const struct coir_task_options background = {.name = "signals", .background = true};
    int rc = coir_scope_open(&each_alone, &server->sessions);

    if (rc < 0) {
        close_listeners(server);
        return rc;
    }
    rc = coir_spawn(watch, obey_signals, server, &background);
    if (rc == 0)
        rc = coir_yield(); /* from here on a signal is an event, and does not kill */
    if (rc == 0) {
        tell_ready(server);
        open_doors(server);
    } else {
        close_listeners(server);
    }
    coir_scope_close(server->sessions); /* what broke was counted */
    server->sessions = NULL;
    wait_for_lingering(server);
    return rc;
}

static int run_server(void *arg)
{
    struct server *server = arg;
    struct coir_scope *watch;
    int failure;
    int rc;

    server->result = open_listeners(server);
    if (server->result != COMMAND_DONE) {
        close_listeners(server);
        return 0;
    }
    rc = coir_scope_open(NULL, &watch);
    if (rc < 0) {
        close_listeners(server);
        return rc;
    }
    rc = serve_sessions(server, watch);
    coir_scope_cancel(watch);
    failure = coir_scope_close(watch); /* why the wait for signals failed, if it did */
    tell_totals(server);
    return failure < 0 ? failure : rc;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    /* Where this is refused, fewer clients are served at a time. */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void tell_failure(const struct echo_options *options, int rc)
{
    const char *engine = getenv("COIR_ENGINE");

    if (rc == -EINVAL && options->engine == COIR_ENGINE_AUTO && engine != NULL)
        command_complain("echo", "COIR_ENGINE=%s in the environment names no engine: unset it, or use epoll or poll",
                         engine);
    else
        command_complain("echo", "cannot run on engine '%s': %s", options->engine_name, coir_error_text(rc));
}

static int serve(const struct echo_options *options)
{
    struct coir_run_options run = {.engine = options->engine, .stack = COIR_STACK_LARGE};
    struct server server = {.options = options};
    int rc;

    raise_descriptor_limit();
    (void)signal(SIGPIPE, SIG_IGN); /* whoever reads our messages may leave; the service goes on */
    rc = coir_run(run_server, &server, &run);
    if (rc < 0) {
        tell_failure(options, rc);
        return COMMAND_FAILED;
    }
    return server.result;
}

int echo_main(int count, char **arguments)
{
    struct echo_options options;

    if (!echo_options_read(count, arguments, &options))
        return COMMAND_MISUSED;
    switch (options.request) {
    case ECHO_HELP:
        return command_print("%s", echo_options_help());
    case ECHO_VERSION:
        return command_print("coir %s\n", coir_version());
    case ECHO_SERVE:
        break;
    }
    return serve(&options);
}
