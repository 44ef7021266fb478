/* SPDX-License-Identifier: MIT
 *
 * Usage: slice_writer fairly|released|past|rest
 *
 * Receives twice, and in between writes where its argument says: to the slice
 * that it has; to the one it has released; one byte past its end; to what a
 * release has left for the next one.
 */
#include <coir.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct plan {
    const char *where;
    int peer;
    struct coir_stream *stream;
};

static void write_astray(const char *where, struct coir_slice *slice)
{
    unsigned char *bytes = slice->bytes;

    if (strcmp(where, "fairly") == 0)
        bytes[slice->size - 1] = 1;
    if (strcmp(where, "past") == 0)
        bytes[slice->size] = 1;
    coir_release(slice);
    if (strcmp(where, "released") == 0)
        bytes[0] = 1;
}

/* The first line is lent, and what follows it in the buffer is not. */
static int write_to_the_rest(struct coir_stream *stream)
{
    struct coir_slice line;
    int rc = coir_read_until(stream, "\n", 1, 100, &line);

    if (rc < 0)
        return rc;
    line.bytes[line.size] = 1;
    coir_release(&line);
    return 0;
}

static int receive_twice(void *arg)
{
    const struct plan *plan = arg;
    struct coir_slice slice;
    int rc;

    if (strcmp(plan->where, "rest") == 0)
        return write_to_the_rest(plan->stream);
    rc = coir_receive(plan->stream, &slice);
    if (rc < 0)
        return rc;
    write_astray(plan->where, &slice);
    if (write(plan->peer, "again", 5) != 5)
        return -1;
    rc = coir_receive(plan->stream, &slice);
    coir_release(&slice);
    return rc < 0 ? rc : 0;
}

static int run(void *arg)
{
    struct plan *plan = arg;
    int ends[2], rc;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 || write(ends[1], "one\ntwo\n", 8) != 8)
        return -1;
    plan->peer = ends[1];
    rc = coir_adopt(ends[0], NULL, &plan->stream);
    if (rc < 0)
        return rc;
    rc = receive_twice(plan);
    close(plan->peer);
    coir_close(plan->stream);
    return rc;
}

int main(int argc, char **argv)
{
    struct plan plan = {.where = argc > 1 ? argv[1] : "fairly"};

    return coir_run(run, &plan, NULL) < 0;
}
