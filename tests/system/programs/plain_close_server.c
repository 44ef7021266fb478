/* SPDX-License-Identifier: MIT
 *
 * What examples/07-farewell-server.c does, by close(2): sends 4 MB to whoever
 * connects, reads nothing, closes. For showing that a client then loses bytes.
 */
#include "peer.h"

static char farewell[4000000];

int main(void)
{
    union peer_address address = {.ip4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (listener < 0 || bind(listener, &address.any, sizeof(address.ip4)) < 0 || listen(listener, 1) < 0 ||
        getsockname(listener, &address.any, &size) < 0)
        PEER_DIE("listen: %s", strerror(errno));
    fprintf(stderr, "listening on tcp://127.0.0.1:%d\n", ntohs(address.ip4.sin_port));
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            PEER_DIE("accept: %s", strerror(errno));
        peer_send_all(fd, farewell, sizeof(farewell));
        close(fd);
    }
}
