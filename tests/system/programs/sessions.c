/* SPDX-License-Identifier: MIT
 *
 * sessions URI COUNT: opens COUNT connections, has a message echoed on each,
 * prints "holding", and holds them until the server ends each with a clean
 * EOF; then closes it. Exit code 0: every one had its echo and its end.
 */
#include "peer.h"
#include <poll.h>

static void open_session(const char *uri, size_t number, struct pollfd *session)
{
    char message[64];
    int size = snprintf(message, sizeof(message), "this is session number %zu", number);

    session->fd = peer_connect(uri);
    session->events = POLLIN;
    peer_exchange(session->fd, message, (size_t)size);
}

/* Closes those that have ended; returns how many. */
static size_t close_ended(struct pollfd *sessions, size_t count)
{
    size_t ended = 0;

    for (size_t i = 0; i < count; i++) {
        if (sessions[i].fd < 0 || sessions[i].revents == 0)
            continue;
        peer_expect_end(sessions[i].fd);
        close(sessions[i].fd);
        sessions[i].fd = -1;
        ended++;
    }
    return ended;
}

int main(int argument_count, char **arguments)
{
    struct pollfd *sessions;
    size_t count;

    if (argument_count != 3)
        PEER_DIE("usage: sessions URI COUNT");
    count = peer_number(arguments[2]);
    peer_raise_descriptor_limit();
    sessions = calloc(count, sizeof(*sessions));
    if (sessions == NULL)
        PEER_DIE("out of memory");
    for (size_t i = 0; i < count; i++)
        open_session(arguments[1], i, &sessions[i]);
    puts("holding");
    fflush(stdout);
    for (size_t ended = 0; ended < count; ended += close_ended(sessions, count))
        if (poll(sessions, count, -1) < 0)
            PEER_DIE("poll: %s", strerror(errno));
    free(sessions);
    return 0;
}
