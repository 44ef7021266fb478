/* SPDX-License-Identifier: MIT
 *
 * arrivals URI: connects, exchanges a message, finishes, expects the end, and
 * so on, until a connection is refused. The server is told to drain meanwhile:
 * whom it did not refuse must be served. Prints "arriving" at the first, and
 * at the end how many were served.
 */
#include "peer.h"

static void be_served(int fd)
{
    peer_exchange(fd, "here I am", 9);
    if (shutdown(fd, SHUT_WR) < 0)
        PEER_DIE("shutdown: %s", strerror(errno));
    peer_expect_end(fd);
    close(fd);
}

int main(int argument_count, char **arguments)
{
    unsigned long served = 0;
    int fd;

    if (argument_count != 2)
        PEER_DIE("usage: arrivals URI");
    while ((fd = peer_try_connect(arguments[1])) >= 0) {
        be_served(fd);
        if (served++ == 0) {
            puts("arriving");
            fflush(stdout);
        }
    }
    if (errno != ECONNREFUSED)
        PEER_DIE("after %lu: connect: %s", served, strerror(errno));
    printf("%lu served\n", served);
    return 0;
}
