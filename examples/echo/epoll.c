/* SPDX-License-Identifier: MIT
 *
 * An echo server, `epoll 7007`: one thread, and the kernel remembers what is
 * watched and names who is ready, so that an idle session costs nothing. It
 * teaches the state machine: nobody may wait, so what a straight line keeps in
 * its place and its variables lies in a struct, and each event looks up there
 * how the session goes on. One read a turn for each, into one buffer that all
 * share; only what the kernel does not take at once gets memory of its own.
 *
 * SIGTERM ends it at once, and all sessions with it.
 */
#include "listener.h"

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX 512
#define ACCEPTS_A_TURN 64

static int watcher;
static unsigned char buffer[BUFFER_SIZE];

/* session: begin */
/* What a session waits for. */
enum state {
    STATE_READING, /* for bytes; it owes nothing */
    STATE_WRITING, /* until the kernel takes what it owes; it reads nothing, or a client who does not either would cost
                      ever more memory */
};

struct session {
    int fd;
    enum state state;
    unsigned char *owed; /* while it is writing, else NULL */
    size_t size;
    size_t sent;
};

static int enter_state(struct session *session, enum state state)
{
    struct epoll_event event = {.events = state == STATE_READING ? EPOLLIN : EPOLLOUT, .data.ptr = session};

    session->state = state;
    return epoll_ctl(watcher, EPOLL_CTL_MOD, session->fd, &event);
}

/* Returns how much the kernel has taken, or -1. */
static ssize_t send_some(int fd, const unsigned char *bytes, size_t size)
{
    ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

    return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

static int keep_owed(struct session *session, const unsigned char *bytes, size_t size)
{
    session->owed = malloc(size);
    if (session->owed == NULL)
        return -1;
    memcpy(session->owed, bytes, size);
    session->size = size;
    session->sent = 0;
    return enter_state(session, STATE_WRITING);
}

/* This and the next: one step. Returns 0, or -1 when the session is over. */
static int read_and_echo(struct session *session)
{
    ssize_t size = recv(session->fd, buffer, sizeof(buffer), 0);
    ssize_t sent;

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (size <= 0)
        return -1;
    sent = send_some(session->fd, buffer, (size_t)size);
    if (sent < 0 || sent == size)
        return sent < 0 ? -1 : 0;
    return keep_owed(session, buffer + sent, (size_t)(size - sent));
}

static int write_owed(struct session *session)
{
    ssize_t sent = send_some(session->fd, session->owed + session->sent, session->size - session->sent);

    if (sent < 0)
        return -1;
    session->sent += (size_t)sent;
    if (session->sent < session->size)
        return 0;
    free(session->owed);
    session->owed = NULL;
    return enter_state(session, STATE_READING);
}

/* Where its end has been read, what was written still arrives. */
static void end_session(struct session *session)
{
    close(session->fd);
    free(session->owed);
    free(session);
}

static void resume_session(struct session *session)
{
    int result = session->state == STATE_READING ? read_and_echo(session) : write_owed(session);

    if (result < 0)
        end_session(session);
}
/* session: end */

static void begin_session(int fd)
{
    struct session *session = calloc(1, sizeof(*session));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};

    if (session == NULL) {
        close(fd);
        return;
    }
    session->fd = fd;
    session->state = STATE_READING;
    if (epoll_ctl(watcher, EPOLL_CTL_ADD, fd, &event) < 0)
        end_session(session);
} /* NOLINT(clang-analyzer-unix.Malloc): epoll has the session */

/* Returns whether there was a shortage. */
static bool accept_sessions(int listener)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = listener_accept(listener, SOCK_NONBLOCK);

        if (fd < 0)
            return fd == LISTENER_SHORTAGE;
        begin_session(fd);
    }
    return false;
}

static void watch_listener(int action, int listener, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = NULL};

    if (epoll_ctl(watcher, action, listener, &event) < 0)
        err(1, "watching the listener");
}

/* In a shortage the listener, which stays readable, is not watched but tried:
 * once a turn, and a turn comes after a pause at the latest. */
static bool take_turn(int listener, bool is_short)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(watcher, events, EVENTS_MAX, is_short ? SHORTAGE_PAUSE_MS : -1);
    bool accepts = is_short;

    if (count < 0 && errno != EINTR)
        err(1, "epoll_wait");
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL)
            accepts = true;
        else
            resume_session(events[i].data.ptr);
    }
    return accepts && accept_sessions(listener);
}

int main(int argc, char **argv)
{
    int listener = listener_open(argc, argv, SOCK_NONBLOCK);
    bool is_short = false;

    watcher = epoll_create1(EPOLL_CLOEXEC);
    if (watcher < 0)
        err(1, "epoll_create1");
    watch_listener(EPOLL_CTL_ADD, listener, EPOLLIN);
    for (;;) {
        bool was_short = is_short;

        is_short = take_turn(listener, was_short);
        if (is_short != was_short)
            watch_listener(EPOLL_CTL_MOD, listener, is_short ? 0 : EPOLLIN);
    }
}
