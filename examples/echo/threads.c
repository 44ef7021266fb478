/* SPDX-License-Identifier: MIT
 *
 * An echo server, `threads 7007`: a thread for each session. It teaches what
 * saves the straight line, the loop of blocking.c unchanged, and what that
 * costs: the kernel switches between sessions, at some microseconds each; a
 * session that waits still holds its stack, here and in the kernel; and there
 * are never more of them than the system allows threads and mappings, two
 * of which each takes: some 32,000 by Linux's defaults. Where sessions share something, they need locks.
 *
 * SIGTERM ends it at once, and all sessions with it.
 */
#include "listener.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Addresses, not memory: of these a session has what it touches, as much of the buffer as its messages fill. */
#define STACK_SIZE (4 * BUFFER_SIZE)

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

static void *serve_session(void *arg)
{
    unsigned char buffer[BUFFER_SIZE];
    int fd = (int)(intptr_t)arg;

    for (;;) {
        ssize_t size = recv(fd, buffer, sizeof(buffer), 0);

        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0 || write_all(fd, buffer, (size_t)size) < 0)
            break;
    }
    close(fd); /* Where its end has been read, what was written still arrives. */
    return NULL;
}
/* session: end */

/* Returns 0, or an error: then the descriptor is still the caller's. */
static int start_session(const pthread_attr_t *attributes, int fd)
{
    pthread_t thread;

    return pthread_create(&thread, attributes, serve_session, (void *)(intptr_t)fd);
}

static void set_attributes(pthread_attr_t *ret_attributes)
{
    int error = pthread_attr_init(ret_attributes);

    if (error == 0)
        error = pthread_attr_setdetachstate(ret_attributes, PTHREAD_CREATE_DETACHED);
    if (error == 0)
        error = pthread_attr_setstacksize(ret_attributes, STACK_SIZE);
    if (error != 0)
        errx(1, "attributes of threads: %s", strerror(error));
}

int main(int argc, char **argv)
{
    pthread_attr_t attributes;
    int listener;

    set_attributes(&attributes);
    listener = listener_open(argc, argv, 0);
    for (;;) {
        int fd = listener_accept(listener, 0);

        if (fd >= 0 && start_session(&attributes, fd) == 0)
            continue;
        if (fd >= 0)
            close(fd); /* There are too many threads: nobody is there for it. */
        poll(NULL, 0, SHORTAGE_PAUSE_MS);
    }
}
