/* SPDX-License-Identifier: MIT
 *
 * The coir server: straight-line sessions through the public calls alone. The
 * first task obeys commands; the accepting task and the sessions live in
 * scopes below it.
 */
#include "server.h"

#include <coir.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int run_session(void *arg)
{
    struct coir_stream *session = arg;
    struct coir_slice data;
    int rc;

    while ((rc = coir_receive(session, &data)) > 0) {
        rc = coir_write(session, data.bytes, data.size);
        coir_release(&data);
        if (rc < 0)
            break;
    }
    coir_close(session);
    return rc;
}

static int accept_sessions(void *arg)
{
    struct coir_scope_options each_alone = {.policy = COIR_SCOPE_INDEPENDENT};
    struct coir_listener *listener = arg;
    struct coir_stream *session;
    struct coir_scope *sessions;
    int rc = coir_scope_open(&each_alone, &sessions);
    if (rc < 0)
        return rc;
    while ((rc = coir_accept(listener, &session)) == 0)
        if (coir_spawn(sessions, run_session, session, NULL) < 0)
            coir_abort(session);
    coir_scope_close(sessions);
    return rc;
}

/* Returns when told to leave. */
static int obey_commands(void)
{
    struct coir_run_info info;
    int rc;

    while ((rc = coir_wait_fd(STDIN_FILENO, POLLIN)) > 0) {
        char command = server_next_command();
        if (command == SERVER_LEAVE)
            return 0;
        if (command == SERVER_COUNT_CALLS && coir_run_info(&info) == 0)
            server_say_counts(info.receive_calls, info.send_calls);
    }
    return rc;
}

static int obey_until_told_to_leave(struct coir_listener *listener)
{
    struct coir_scope *serving;
    int rc = coir_scope_open(NULL, &serving);
    if (rc < 0)
        return rc;
    rc = coir_spawn(serving, accept_sessions, listener, NULL);
    if (rc == 0)
        rc = obey_commands();
    coir_scope_cancel(serving);
    int ended = coir_scope_close(serving);
    return rc < 0 ? rc : ended;
}

static int start_server(void *arg)
{
    struct coir_listener *listener;
    struct coir_listener_info info;
    int rc = coir_listen("tcp://127.0.0.1:0", NULL, &listener);

    (void)arg;
    if (rc < 0)
        return rc;
    coir_listener_info(listener, &info);
    server_say_ready((uint16_t)atoi(strrchr(info.local, ':') + 1));
    rc = obey_until_told_to_leave(listener);
    coir_listener_close(listener);
    coir_linger_stop(); /* peers that are still there are the load's, and it is done with us */
    return rc;
}

int serve_coir(const char *engine)
{
    struct coir_run_options options = {.engine = COIR_ENGINE_AUTO};
    if (strcmp(engine, "epoll") == 0)
        options.engine = COIR_ENGINE_EPOLL;
    if (strcmp(engine, "poll") == 0)
        options.engine = COIR_ENGINE_POLL;
    int rc = coir_run(start_server, NULL, &options);
    if (rc < 0)
        fprintf(stderr, "echo server on coir: %s\n", coir_error_text(rc));
    return rc < 0 ? -1 : 0;
}
