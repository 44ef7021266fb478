/* SPDX-License-Identifier: MIT
 *
 * A client with a time-out, `06-client-timeout URI LINE MILLISECONDS`: sends
 * the line and prints the line that is answered. Teaches that one scope's limit
 * covers all that is done inside it, and how to tell failures apart:
 * exit code 0 answered, 1 anything else, 2 usage, 3 timed out, 4 refused,
 * 5 reset by the peer, 6 the peer finished without an answer.
 */
#include <coir.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int exchange(struct coir_stream *stream, const char *line)
{
    const struct iovec pieces[] = {{(char *)line, strlen(line)}, {(char *)"\n", 1}};
    struct coir_slice answer;
    int result = coir_writev(stream, pieces, 2);

    if (result < 0)
        return result;
    result = coir_read_until(stream, "\n", 1, 4096, &answer);
    if (result > 0) {
        fwrite(answer.bytes, 1, answer.size, stdout);
        coir_release(&answer);
    }
    return result;
}

static int ask(char **argv)
{
    struct coir_stream *stream;
    int result = coir_connect(argv[1], &(struct coir_stream_options){.linger_ns = COIR_SECOND}, &stream);

    if (result < 0)
        return result;
    result = exchange(stream, argv[2]);
    /* Who gives up resets. coir_close() would go on delivering for `linger_ns`. */
    if (result > 0)
        coir_close(stream);
    else
        coir_abort(stream);
    return result;
}

static int ask_in_time(void *arg)
{
    char **argv = arg;
    const struct coir_scope_options options = {.limit_ns = atol(argv[3]) * COIR_MILLISECOND};
    struct coir_scope *scope;
    int result = coir_scope_open(&options, &scope);

    if (result == 0) {
        result = ask(argv);
        coir_scope_close(scope); /* That it has expired, `result` says. */
    }
    return result;
}

int main(int argc, char **argv)
{
    if (argc != 4 || atol(argv[3]) <= 0)
        errx(2, "usage: 06-client-timeout URI LINE MILLISECONDS");
    int result = coir_run(ask_in_time, argv, NULL);
    if (result > 0)
        return 0;
    warnx("%s: %s", argv[1], result == 0 ? "the peer finished without an answer" : coir_error_text(result));
    switch (result) {
    case -ETIME: /* our scope's; -ETIMEDOUT is the network's */
        return 3;
    case -ECONNREFUSED:
        return 4;
    case -ECONNRESET:
    case -EPIPE: /* the reset came before the question was written */
        return 5;
    }
    return result == 0 ? 6 : 1;
}
