/* SPDX-License-Identifier: MIT
 *
 * A peer to compare with: an echo server on State Threads, `state_threads
 * PORT`: a coroutine for each session, as in coir. As Debian builds it, it
 * waits by select(2) alone, and so ends at about 1,000 sessions.
 */
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <st.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define BACKLOG 4096
#define BUFFER_SIZE 65536
#define PAUSE_US 50000

/* session: begin */
static void *serve_session(void *arg)
{
    st_netfd_t session = arg;
    char buffer[BUFFER_SIZE];
    ssize_t size;

    while ((size = st_read(session, buffer, sizeof(buffer), ST_UTIME_NO_TIMEOUT)) > 0) {
        if (st_write(session, buffer, (size_t)size, ST_UTIME_NO_TIMEOUT) != size)
            break;
    }
    st_netfd_close(session);
    return NULL;
}
/* session: end */

static int open_listener(in_port_t port)
{
    const int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 || /* inherited by who is accepted */
        bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        err(1, "cannot listen");
    fprintf(stderr, "listening on tcp://127.0.0.1:%d\n", ntohs(address.sin_port));
    return fd;
}

int main(int argc, char **argv)
{
    st_netfd_t listener;

    st_set_eventsys(ST_EVENTSYS_ALT); /* epoll, where it was built with it */
    if (st_init() < 0)
        err(1, "st_init");
    listener = st_netfd_open_socket(open_listener((in_port_t)(argc > 1 ? atoi(argv[1]) : 7007)));
    if (listener == NULL)
        err(1, "st_netfd_open_socket");
    for (;;) {
        st_netfd_t session = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT);

        if (session == NULL)
            st_usleep(PAUSE_US); /* no descriptor, most likely */
        else if (st_thread_create(serve_session, session, 0, 2 * BUFFER_SIZE) == NULL)
            st_netfd_close(session);
    }
}
