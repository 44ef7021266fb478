/* SPDX-License-Identifier: MIT
 *
 * visits URI MILLISECONDS: for so long connects, exchanges a message, finishes
 * and expects the end, again and again; every connection must be taken and
 * served. Prints "visiting" at the first, and at the end how many were served.
 */
#include "peer.h"

static void be_served(int fd, unsigned long number)
{
    char message[32];
    int size = snprintf(message, sizeof(message), "visit %lu", number);

    peer_exchange(fd, message, (size_t)size);
    if (shutdown(fd, SHUT_WR) < 0)
        PEER_DIE("visit %lu: shutdown: %s", number, strerror(errno));
    peer_expect_end(fd);
    close(fd);
}

int main(int argument_count, char **arguments)
{
    unsigned long served = 0;
    int64_t end_ms;

    if (argument_count != 3)
        PEER_DIE("usage: visits URI MILLISECONDS");
    end_ms = peer_now_ms() + (int64_t)peer_number(arguments[2]);
    do {
        be_served(peer_connect(arguments[1]), served);
        if (served++ == 0) {
            puts("visiting");
            fflush(stdout);
        }
    } while (peer_now_ms() < end_ms);
    printf("%lu served\n", served);
    return 0;
}
