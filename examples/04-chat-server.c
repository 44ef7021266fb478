/* SPDX-License-Identifier: MIT
 *
 * A chat server, `04-chat-server URI`: each line goes to all other members.
 * Teaches a stream with a task that reads and one that writes, and the bounded
 * channel: who reads slowly misses lines that it has no room for, and delays nobody.
 */
#include <coir.h>
#include <err.h>
#include <string.h>

enum { LINE_SIZE = 512, QUEUE_LINES = 64, MEMBERS = 256 };
struct member {
    struct coir_stream *stream;
    struct coir_channel *lines; /* each ends with its first '\n' */
};
static struct coir_channel *members[MEMBERS]; /* their lines, by descriptor */

static int write_lines(void *arg)
{
    struct member *self = arg;
    char line[LINE_SIZE];

    while (coir_channel_receive(self->lines, line) > 0)
        if (coir_write(self->stream, line, (size_t)((char *)memchr(line, '\n', LINE_SIZE) - line) + 1) < 0)
            break; /* The reader gets that too. */
    return 0;
}

static int serve_member(void *arg)
{
    struct member self = {.stream = arg};
    struct coir_scope *scope;
    struct coir_slice slice;
    char line[LINE_SIZE] = "";
    int place = coir_fd(arg);

    if (place < MEMBERS && !coir_channel_open(QUEUE_LINES, LINE_SIZE, &self.lines) && !coir_scope_open(NULL, &scope)) {
        int result = coir_spawn(scope, write_lines, &self, NULL);
        members[place] = self.lines;
        /* Each line is a turn of its own, so that the writers keep up with who has much to say. */
        while (result == 0 && coir_yield() == 0 && coir_read_until(self.stream, "\n", 1, LINE_SIZE, &slice) > 0) {
            memcpy(line, slice.bytes, slice.size);
            coir_release(&slice);
            for (int i = 0; i < MEMBERS; i++)
                if (members[i] != NULL && i != place)
                    (void)!coir_channel_offer(members[i], line); /* Never waits: nobody comes or goes meanwhile. */
        }
        members[place] = NULL;
        coir_channel_finish(self.lines); /* The writer still sends what is queued, */
        coir_scope_close(scope);         /* and is waited for here. */
    }
    coir_channel_close(self.lines);
    coir_close(self.stream);
    return 0;
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
        if (coir_spawn(scope, serve_member, stream, NULL) < 0)
            coir_close(stream);
    coir_listener_close(listener);
    return coir_scope_close(scope);
}

int main(int argc, char **argv)
{
    return coir_run(serve, argc > 1 ? argv[1] : "tcp://:7008", NULL) < 0;
}
