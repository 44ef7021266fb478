/* SPDX-License-Identifier: MIT
 *
 * Listening in plain C, the same for every server here that is not written on
 * coir.
 */
#include "listener.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define BACKLOG 4096
#define DEFAULT_PORT 7007

static in_port_t parse_port(const char *text)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || port > 65535)
        errx(2, "not a port: %s", text);
    return (in_port_t)port;
}

/* The sockets that are accepted have the option too: an answer is to leave at once, however small. */
static int set_options(int listener)
{
    const int one = 1;

    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
        return -1;
    return setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

int listener_open(int argc, char **argv, int flags)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    if (argc > 2)
        errx(2, "usage: %s [PORT]", argv[0]);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(argc == 2 ? parse_port(argv[1]) : DEFAULT_PORT);
    if (listener < 0 || set_options(listener) < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 ||
        listen(listener, BACKLOG) < 0 || getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        err(1, "port %s", argc == 2 ? argv[1] : "7007");
    fprintf(stderr, "listening on tcp://127.0.0.1:%d\n", ntohs(address.sin_port));
    return listener;
}

/* Who has left the queue again is passed over. What else may fail is short, as
 * descriptors and memory are, or will hardly change at once: a pause fits both. */
int listener_accept(int listener, int flags)
{
    int fd;

    do
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | flags);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0)
        return errno == EAGAIN ? LISTENER_EMPTY : LISTENER_SHORTAGE;
    return fd;
}
