/* SPDX-License-Identifier: MIT
 *
 * sessions URI COUNT: opens COUNT connections, has a message echoed on each,
 * many at once, prints "holding", and holds them until the server ends each
 * with a clean EOF; then closes it. Exit code 0: every one had its echo and its
 * end.
 */
#include "peer.h"
#include <poll.h>

#define BATCH 200 /* so that who waits for a turn of the processor does so for many */
#define MESSAGE_MAX 64

static size_t print_message(size_t number, char message[MESSAGE_MAX])
{
    return (size_t)snprintf(message, MESSAGE_MAX, "this is session number %zu", number);
}

static void open_sessions(const char *uri, struct pollfd *sessions, size_t first, size_t end)
{
    char message[MESSAGE_MAX];
    char answer[MESSAGE_MAX];

    for (size_t i = first; i < end; i++) {
        sessions[i] = (struct pollfd){.fd = peer_connect(uri), .events = POLLIN};
        peer_send_all(sessions[i].fd, message, print_message(i, message));
    }
    for (size_t i = first; i < end; i++) {
        size_t size = print_message(i, message);

        peer_receive_all(sessions[i].fd, answer, size);
        if (memcmp(message, answer, size) != 0)
            PEER_DIE("session %zu: the echo differs", i);
    }
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
    for (size_t first = 0; first < count; first += BATCH)
        open_sessions(arguments[1], sessions, first, first + BATCH < count ? first + BATCH : count);
    puts("holding");
    fflush(stdout);
    for (size_t ended = 0; ended < count; ended += close_ended(sessions, count))
        if (poll(sessions, count, -1) < 0)
            PEER_DIE("poll: %s", strerror(errno));
    free(sessions);
    return 0;
}
