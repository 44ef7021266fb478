/* SPDX-License-Identifier: MIT
 *
 * A TCP proxy, `05-tcp-proxy LISTEN-URI TARGET-URI`. Teaches a scope that fails
 * fast: each direction is a task; when it ends, the far side is finished and the
 * opposite direction goes on; when it fails, both end, and both sides are reset.
 */
#include <coir.h>
#include <err.h>
#include <poll.h>

static char *target_uri;

static int pump(void *arg)
{
    struct coir_stream *from = ((struct coir_stream **)arg)[0], *to = ((struct coir_stream **)arg)[1];
    struct coir_slice slice;
    int result;

    while ((result = coir_receive(from, &slice)) > 0) {
        result = coir_write(to, slice.bytes, slice.size);
        coir_release(&slice);
        if (result < 0)
            return result;
    }
    if (result == 0)
        result = coir_finish(to);
    /* Nobody reads `from` now, but it may still be reset: wait for what is not
     * data. Once the opposite direction has ended too, it hangs up by itself. */
    if (result == 0)
        result = coir_wait_fd(coir_fd(from), POLLPRI);
    return result > 0 && (result & POLLERR) ? -ECONNRESET : result;
}

static int serve_session(void *arg)
{
    struct coir_stream *client = arg, *target = NULL;
    struct coir_stream *up[2] = {client}, *down[2] = {NULL, client};
    struct coir_scope *scope;
    int result = coir_connect(target_uri, NULL, &target);

    if (result == 0 && (result = coir_scope_open(NULL, &scope)) == 0) {
        up[1] = down[0] = target;
        if ((result = coir_spawn(scope, pump, up, NULL)) < 0 || (result = coir_spawn(scope, pump, down, NULL)) < 0)
            coir_scope_cancel(scope);
        int failure = coir_scope_close(scope);
        result = failure < 0 ? failure : result;
    }
    (result < 0 ? coir_abort : coir_close)(client);
    (result < 0 ? coir_abort : coir_close)(target);
    return 0; /* What ends a session is no failure of the proxy. */
}

static int serve(void *uri)
{
    struct coir_listener *listener;
    struct coir_listener_info info;
    struct coir_scope *scope;
    struct coir_stream *stream;
    int result = coir_listen(uri, NULL, &listener);

    if (result < 0 || (result = coir_scope_open(NULL, &scope)) < 0)
        errx(1, "%s: %s", (char *)uri, coir_error_text(result));
    coir_listener_info(listener, &info);
    warnx("listening on %s", info.local);
    while (coir_accept(listener, &stream) == 0)
        if (coir_spawn(scope, serve_session, stream, NULL) < 0)
            coir_abort(stream);
    coir_listener_close(listener);
    return coir_scope_close(scope);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        errx(2, "usage: 05-tcp-proxy LISTEN-URI TARGET-URI");
    target_uri = argv[2];
    return coir_run(serve, argv[1], NULL) < 0;
}
