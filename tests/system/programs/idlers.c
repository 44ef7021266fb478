/* SPDX-License-Identifier: MIT
 *
 * Usage: idlers COUNT
 *
 * For debuggers to look at: COUNT sessions that wait for peers who never say
 * anything, each two functions below its entry, one task that sleeps, and the
 * first, which waits for all of them in the scope "sessions". Prints the first
 * session's descriptor and the address of a variable of its own, once all but
 * the sleeper have waited for 300 ms.
 */
#include "peer.h"
#include <coir.h>
#include <sys/prctl.h>

static bool told;

static __attribute__((noinline)) int await_request(struct coir_stream *stream)
{
    char request[16];
    int rc;

    if (!told)
        printf("%d %p\n", coir_fd(stream), (void *)request);
    told = true;
    rc = (int)coir_read(stream, request, sizeof(request));
    return rc > 0 ? request[0] : rc;
}

static __attribute__((noinline)) int serve(struct coir_stream *stream)
{
    int rc = await_request(stream);

    return rc > 0 ? 0 : rc;
}

static int run_session(void *arg)
{
    struct coir_stream *stream;
    int pair[2];
    int rc;

    (void)arg;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
        PEER_DIE("socketpair: %s", strerror(errno));
    rc = coir_adopt(pair[0], NULL, &stream);
    if (rc < 0)
        PEER_DIE("coir_adopt: %s", strerror(-rc));
    rc = serve(stream);
    coir_close(stream);
    return rc;
}

static int run_sleeper(void *arg)
{
    (void)arg;
    if (coir_sleep(300 * COIR_MILLISECOND) < 0)
        PEER_DIE("a sleep was ended");
    (void)fflush(stdout);
    return coir_sleep(3600 * COIR_SECOND);
}

static int start_sessions(void *arg)
{
    struct coir_scope_options scope_options = {.name = "sessions"};
    struct coir_task_options session_options = {.name = "session"};
    struct coir_task_options sleeper_options = {.name = "sleeper"};
    struct coir_scope *scope;
    int rc = coir_scope_open(&scope_options, &scope);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < *(size_t *)arg && rc == 0; i++)
        rc = coir_spawn(scope, run_session, NULL, &session_options);
    if (rc == 0)
        rc = coir_spawn(scope, run_sleeper, NULL, &sleeper_options);
    if (rc < 0)
        PEER_DIE("coir_spawn: %s", strerror(-rc));
    return coir_scope_close(scope);
}

int main(int argument_count, char **arguments)
{
    size_t count;

    if (argument_count != 2)
        PEER_DIE("usage: idlers COUNT");
    count = peer_number(arguments[1]);
    peer_raise_descriptor_limit();
    (void)setvbuf(stdout, NULL, _IOFBF, BUFSIZ);     /* of a pipe, too, musl writes the first line at once */
    (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* a debugger that is no ancestor may attach */
    return coir_run(start_sessions, &count, NULL) == 0 ? 0 : 1;
}
