/* SPDX-License-Identifier: MIT
 *
 * An echo server, `03-echo-server tcp://127.0.0.1:7007`. It teaches the shape
 * of a server: a session is one straight-line loop; an independent scope holds
 * the sessions, so that one which fails ends no other; a drain ends them all.
 */
#include <coir.h>
#include <signal.h>
#include <stdio.h>

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
    coir_close(stream); /* What was written still arrives. */
    return result;
}

static int accept_sessions(void *arg)
{
    struct coir_listener *listener = arg;
    struct coir_listener_info info;
    struct coir_stream *stream;
    struct coir_scope *sessions;
    int result = coir_scope_open(&(struct coir_scope_options){.policy = COIR_SCOPE_INDEPENDENT}, &sessions);

    if (result < 0)
        return result;
    coir_listener_info(listener, &info);
    fprintf(stderr, "listening on %s\n", info.local);
    while ((result = coir_accept(listener, &stream)) == 0) {
        if (coir_spawn(sessions, serve_session, stream, NULL) < 0)
            coir_abort(stream);
    }
    coir_scope_close(sessions); /* Waits for the sessions; that one was reset is no failure of ours. */
    return result;
}

/* The acceptor first runs when this task has suspended, and so when signals
 * are kept for it: whoever has read "listening" may send one. */
static int serve(void *uri)
{
    const int signals[] = {SIGTERM, SIGINT};
    struct coir_listener *listener;
    struct coir_scope *scope;
    int received;
    int result = coir_listen(uri, NULL, &listener);

    if (result < 0)
        return result;
    result = coir_scope_open(NULL, &scope);
    if (result == 0) {
        result = coir_spawn(scope, accept_sessions, listener, NULL);
        if (result == 0)
            result = coir_signal_wait(signals, 2, &received);
        coir_scope_drain(scope, 200 * COIR_MILLISECOND);
        int failure = coir_scope_close(scope);
        result = failure < 0 ? failure : result;
    }
    coir_listener_close(listener);
    return result;
}

int main(int argc, char **argv)
{
    int result = coir_run(serve, argc > 1 ? argv[1] : "tcp://:7007", NULL);

    if (result < 0)
        fprintf(stderr, "03-echo-server: %s\n", coir_error_text(result));
    return result < 0;
}
