/* SPDX-License-Identifier: MIT
 *
 * An echo server, `blocking 7007`: one client at a time. It teaches the
 * straight line: a session is a loop that reads and writes, and the kernel
 * stops it where it has to wait. The price: while it waits for this client it
 * serves no other. They stand in the listener's queue until this one has
 * finished, and one who stays and says nothing keeps them there.
 *
 * SIGTERM ends it at once, and the session with it.
 */
#include "listener.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* session: begin */
static int write_all(int fd, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -1;
        bytes += sent;
        size -= (size_t)sent;
    }
    return 0;
}

static void serve_session(int fd)
{
    static unsigned char buffer[BUFFER_SIZE];

    for (;;) {
        ssize_t size = recv(fd, buffer, sizeof(buffer), 0);

        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0 || write_all(fd, buffer, (size_t)size) < 0)
            break;
    }
    close(fd); /* Where its end has been read, what was written still arrives. */
}
/* session: end */

int main(int argc, char **argv)
{
    int listener = listener_open(argc, argv, 0);

    for (;;) {
        int fd = listener_accept(listener, 0);

        if (fd >= 0)
            serve_session(fd);
        else
            poll(NULL, 0, SHORTAGE_PAUSE_MS);
    }
}
