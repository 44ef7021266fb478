/* SPDX-License-Identifier: MIT
 *
 * A farewell server, `07-farewell-server URI`: sends 4 MB to whoever connects,
 * reads nothing, and closes. Teaches what coir_close() promises: what was
 * written arrives however slowly it is read, and although bytes of the client
 * are unread. After a plain close(2) those would make the kernel reset the
 * connection and throw away what is still in its send queue.
 */
#include <coir.h>
#include <err.h>
#include <string.h>

static char farewell[4000000];

static int say_farewell(void *arg)
{
    struct coir_stream *stream = arg;
    int result = coir_write(stream, farewell, sizeof(farewell));

    /* The kernel has the bytes now, the client need not. Nothing to wait for
     * here: the runtime delivers them without this task. */
    coir_close(stream);
    return result;
}

static int serve(void *uri)
{
    struct coir_listener *listener;
    struct coir_listener_info info;
    struct coir_scope *scope;
    struct coir_stream *stream;
    int result = coir_listen(uri, NULL, &listener);

    if (result < 0 ||
        (result = coir_scope_open(&(struct coir_scope_options){.policy = COIR_SCOPE_INDEPENDENT}, &scope)) < 0)
        errx(1, "%s: %s", (char *)uri, coir_error_text(result));
    coir_listener_info(listener, &info);
    warnx("listening on %s", info.local);
    while (coir_accept(listener, &stream) == 0)
        if (coir_spawn(scope, say_farewell, stream, NULL) < 0)
            coir_abort(stream);
    coir_listener_close(listener);
    return coir_scope_close(scope);
}

int main(int argc, char **argv)
{
    memset(farewell, '.', sizeof(farewell));
    return coir_run(serve, argc > 1 ? argv[1] : "tcp://:7009", NULL) < 0;
}
