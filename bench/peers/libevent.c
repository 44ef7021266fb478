/* SPDX-License-Identifier: MIT
 *
 * A peer to compare with: an echo server on libevent, `libevent PORT`, with
 * bufferevents, which its users take for streams. What is read moves to the
 * output without a copy; while much is there, nothing more is read. How much
 * libevent 2.1 reads at once, 4 KiB, cannot be chosen.
 */
#include <err.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define BACKLOG 4096
#define OWED_MAX 65536

/* session: begin */
static void on_read(struct bufferevent *session, void *arg)
{
    struct evbuffer *output = bufferevent_get_output(session);

    (void)arg;
    evbuffer_add_buffer(output, bufferevent_get_input(session));
    if (evbuffer_get_length(output) >= OWED_MAX)
        bufferevent_disable(session, EV_READ);
}

static void on_written(struct bufferevent *session, void *arg)
{
    (void)arg;
    if ((bufferevent_get_enabled(session) & EV_READ) == 0)
        bufferevent_enable(session, EV_READ);
}

static void on_last_written(struct bufferevent *session, void *arg)
{
    (void)arg;
    bufferevent_free(session);
}

/* The end of the peer, or of the connection. */
static void on_event(struct bufferevent *session, short what, void *arg)
{
    (void)arg;
    if ((what & BEV_EVENT_ERROR) == 0 && evbuffer_get_length(bufferevent_get_output(session)) > 0)
        bufferevent_setcb(session, NULL, on_last_written, on_event, NULL);
    else
        bufferevent_free(session);
}
/* session: end */

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int size,
                          void *arg)
{
    struct bufferevent *session = bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);

    (void)peer;
    (void)size;
    (void)arg;
    if (session == NULL) {
        evutil_closesocket(fd);
        return;
    }
    bufferevent_setcb(session, on_read, on_written, on_event, NULL);
    bufferevent_set_max_single_read(session, OWED_MAX);
    bufferevent_set_max_single_write(session, OWED_MAX);
    bufferevent_enable(session, EV_READ | EV_WRITE);
}

static void accept_again(evutil_socket_t fd, short what, void *listener)
{
    (void)fd;
    (void)what;
    evconnlistener_enable(listener);
}

/* No descriptor, or no memory: a pause, or the listener would be told of without end. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    const struct timeval pause = {.tv_usec = 50000};

    (void)arg;
    evconnlistener_disable(listener);
    event_base_once(evconnlistener_get_base(listener), -1, EV_TIMEOUT, accept_again, listener, &pause);
}

int main(int argc, char **argv)
{
    const int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    struct event_base *base = event_base_new();
    struct evconnlistener *listener;
    int fd;

    signal(SIGPIPE, SIG_IGN);
    address.sin_port = htons((in_port_t)(argc > 1 ? atoi(argv[1]) : 7007));
    listener = evconnlistener_new_bind(base, on_connection, NULL, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG,
                                       (struct sockaddr *)&address, sizeof(address));
    if (listener == NULL)
        err(1, "cannot listen");
    fd = evconnlistener_get_fd(listener);
    evconnlistener_set_error_cb(listener, on_accept_error);
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 || /* inherited by who is accepted */
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        err(1, "cannot listen");
    fprintf(stderr, "listening on tcp://127.0.0.1:%d\n", ntohs(address.sin_port));
    return event_base_dispatch(base);
}
