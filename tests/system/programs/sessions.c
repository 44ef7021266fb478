/* SPDX-License-Identifier: MIT
 *
 * sessions URI COUNT: opens COUNT connections, has a message echoed on each,
 * many at once, prints "holding", and holds them until the server ends each
 * with a clean EOF; then closes it. Exit code 0: every one had its echo and its
 * end.
 */
#include "peer.h"

#define BATCH 200 /* so that who waits for a turn of the processor does so for many */
#define MESSAGE_MAX 64

static size_t print_message(size_t number, char message[MESSAGE_MAX])
{
    return (size_t)snprintf(message, MESSAGE_MAX, "this is session number %zu", number);
}

static void open_sessions(const char *uri, int *sessions, size_t first, size_t end)
{
    char message[MESSAGE_MAX];
    char answer[MESSAGE_MAX];

    for (size_t i = first; i < end; i++) {
        sessions[i] = peer_connect(uri);
        peer_send_all(sessions[i], message, print_message(i, message));
    }
    for (size_t i = first; i < end; i++) {
        size_t size = print_message(i, message);

        peer_receive_all(sessions[i], answer, size);
        if (memcmp(message, answer, size) != 0)
            PEER_DIE("session %zu: the echo differs", i);
    }
}

int main(int argument_count, char **arguments)
{
    int *sessions;
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
    for (size_t i = 0; i < count; i++) {
        peer_expect_end(sessions[i]);
        close(sessions[i]);
    }
    free(sessions);
    return 0;
}
