/* SPDX-License-Identifier: MIT
 *
 * An echo server, `coir 7007`: a coroutine for each session. It teaches that
 * the straight line of blocking.c comes back, on one thread: where a call has
 * to wait, the others run. What the state machines keep in a struct is on the
 * session's stack again, and in its place in the loop; what they do about
 * short writes, errors and shortages is done once, in the library.
 * 03-echo-server.c is this with signals and a drain.
 *
 * SIGTERM ends it at once, and all sessions with it.
 */
#include <coir.h>
#include <stdio.h>

/* session: begin */
static int serve_session(void *arg)
{
    struct coir_stream *stream = arg;
    struct coir_slice slice;
    int result;

    while ((result = coir_receive(stream, &slice)) > 0) {
        result = coir_write(stream, slice.bytes, slice.size);
        coir_release(&slice);
        if (result < 0)
            break;
    }
    coir_close(stream);
    return result;
}
/* session: end */

static int accept_sessions(struct coir_listener *listener, struct coir_scope *sessions)
{
    struct coir_stream *stream;
    int result;

    while ((result = coir_accept(listener, &stream)) == 0) {
        if (coir_spawn(sessions, serve_session, stream, NULL) < 0)
            coir_abort(stream);
    }
    coir_listener_close(listener); /* first: nobody queues for a server that is leaving */
    return result;
}

static int serve(void *port)
{
    char uri[COIR_ADDRESS_SIZE];
    struct coir_listener *listener;
    struct coir_listener_info info;
    struct coir_scope *sessions;
    int result = coir_scope_open(&(struct coir_scope_options){.policy = COIR_SCOPE_INDEPENDENT}, &sessions);

    if (result < 0)
        return result;
    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%s", (const char *)port);
    result = coir_listen(uri, NULL, &listener);
    if (result == 0) {
        coir_listener_info(listener, &info);
        fprintf(stderr, "listening on %s\n", info.local);
        result = accept_sessions(listener, sessions);
    }
    coir_scope_close(sessions);
    return result;
}

int main(int argc, char **argv)
{
    int result;

    if (argc > 2) {
        fprintf(stderr, "usage: coir [PORT]\n");
        return 2;
    }
    result = coir_run(serve, argc > 1 ? argv[1] : "7007", NULL);
    if (result < 0)
        fprintf(stderr, "coir: %s\n", coir_error_text(result));
    return result < 0;
}
