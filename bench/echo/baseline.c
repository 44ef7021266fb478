/* SPDX-License-Identifier: MIT
 *
 * The baseline: an echo server as one writes it in plain C, by hand, for
 * speed. Level-triggered epoll, one shared 64 KiB buffer, one read a turn for
 * each session that is readable, written back at once. Only when the kernel
 * does not take all of it does a session get memory, for the rest, and a watch
 * for EPOLLOUT instead of EPOLLIN until the rest has gone.
 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_SIZE 65536
#define EVENTS_MAX 512
#define BACKLOG 4096

struct session {
    int fd;
    unsigned char *rest; /* what the kernel did not take yet; NULL = nothing, and we read */
    size_t rest_size;
    size_t rest_sent;
};

struct server {
    int epoll_fd;
    int listener_fd;
    bool leaving;
    uint64_t receives;
    uint64_t sends;
    unsigned char buffer[BUFFER_SIZE];
};

/* What an event that is not a session's points to. */
static struct session listener_mark;
static struct session command_mark;

static int watch(struct server *server, int action, int fd, uint32_t events, struct session *session)
{
    struct epoll_event event = {.events = events, .data.ptr = session};
    return epoll_ctl(server->epoll_fd, action, fd, &event);
}

static void end_session(struct session *session)
{
    close(session->fd);
    free(session->rest);
    free(session);
}

static void accept_session(struct server *server)
{
    int one = 1;
    int fd = accept4(server->listener_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return; /* gone again; level-triggered: others are told of anew */
    struct session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        close(fd);
        return;
    }
    session->fd = fd;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
        watch(server, EPOLL_CTL_ADD, fd, EPOLLIN, session) < 0)
        end_session(session);
} /* NOLINT(clang-analyzer-unix.Malloc): epoll has the session */

/* Sends what it can. Returns the bytes sent, 0 if the queue is full, -1 on an error. */
static ssize_t send_some(struct server *server, struct session *session, const unsigned char *bytes, size_t size)
{
    server->sends++;
    ssize_t sent = send(session->fd, bytes, size, MSG_NOSIGNAL);
    return sent < 0 && errno == EAGAIN ? 0 : sent;
}

static int keep_rest(struct server *server, struct session *session, const unsigned char *bytes, size_t size)
{
    session->rest = malloc(size);
    if (session->rest == NULL)
        return -1;
    memcpy(session->rest, bytes, size);
    session->rest_size = size;
    session->rest_sent = 0;
    return watch(server, EPOLL_CTL_MOD, session->fd, EPOLLOUT, session);
}

/* Each of the two steps returns 0, or -1 when the session is over. */
static int flush_rest(struct server *server, struct session *session)
{
    ssize_t sent =
        send_some(server, session, session->rest + session->rest_sent, session->rest_size - session->rest_sent);
    if (sent < 0)
        return -1;
    session->rest_sent += (size_t)sent;
    if (session->rest_sent < session->rest_size)
        return 0;
    free(session->rest);
    session->rest = NULL;
    return watch(server, EPOLL_CTL_MOD, session->fd, EPOLLIN, session);
}

static int echo_once(struct server *server, struct session *session)
{
    server->receives++;
    ssize_t size = recv(session->fd, server->buffer, BUFFER_SIZE, 0);
    if (size <= 0)
        return size < 0 && errno == EAGAIN ? 0 : -1;
    ssize_t sent = send_some(server, session, server->buffer, (size_t)size);
    if (sent == size)
        return 0;
    if (sent < 0)
        return -1;
    return keep_rest(server, session, server->buffer + sent, (size_t)(size - sent));
}

static void obey_command(struct server *server)
{
    char command = server_next_command();
    if (command == SERVER_COUNT_CALLS)
        server_say_counts(server->receives, server->sends);
    if (command == SERVER_LEAVE)
        server->leaving = true;
}

static void handle_event(struct server *server, struct session *session)
{
    if (session == &listener_mark) {
        accept_session(server);
    } else if (session == &command_mark) {
        obey_command(server);
    } else {
        int rc = session->rest != NULL ? flush_rest(server, session) : echo_once(server, session);
        if (rc < 0)
            end_session(session);
    }
}

static int start_listening(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->listener_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->epoll_fd < 0 || server->listener_fd < 0 ||
        bind(server->listener_fd, (struct sockaddr *)&address, size) < 0 || listen(server->listener_fd, BACKLOG) < 0 ||
        getsockname(server->listener_fd, (struct sockaddr *)&address, &size) < 0 ||
        watch(server, EPOLL_CTL_ADD, server->listener_fd, EPOLLIN, &listener_mark) < 0 ||
        watch(server, EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, &command_mark) < 0)
        return perror("baseline"), -1;
    server_say_ready(ntohs(address.sin_port));
    return 0;
}

int serve_baseline(void)
{
    static struct server server;
    struct epoll_event events[EVENTS_MAX];

    if (start_listening(&server) < 0)
        return -1;
    while (!server.leaving) {
        int count = epoll_wait(server.epoll_fd, events, EVENTS_MAX, -1);
        if (count < 0 && errno != EINTR)
            return perror("baseline: epoll_wait"), -1;
        for (int i = 0; i < count; i++)
            handle_event(&server, events[i].data.ptr);
    }
    return 0;
}
