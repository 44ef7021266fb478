/* SPDX-License-Identifier: MIT
 *
 * visits URI: until SIGTERM connects, exchanges a message, finishes and expects
 * the end, again and again; every connection must be taken and served. Prints
 * "visiting" at the first, and at the end how many were served.
 */
#include "peer.h"
#include <signal.h>

static volatile sig_atomic_t ends;

static void end_visits(int number)
{
    (void)number;
    ends = 1;
}

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
    struct sigaction action = {.sa_handler = end_visits, .sa_flags = SA_RESTART};
    unsigned long served = 0;

    if (argument_count != 2)
        PEER_DIE("usage: visits URI");
    sigaction(SIGTERM, &action, NULL);
    do {
        be_served(peer_connect(arguments[1]), served);
        if (served++ == 0) {
            puts("visiting");
            fflush(stdout);
        }
    } while (!ends);
    printf("%lu served\n", served);
    return 0;
}
