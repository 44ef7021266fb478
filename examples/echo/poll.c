/* SPDX-License-Identifier: MIT
 *
 * An echo server, `poll 7007`: one thread that asks the kernel who is ready.
 * It teaches how poll(2) does without select's limit: the caller hands over a
 * table as long as it likes. The price is left: each turn the kernel looks at
 * every entry, and so do we, also where one of ten thousand sessions is ready.
 * A session is the state machine of epoll.c.
 *
 * SIGTERM ends it at once, and all sessions with it.
 */
#include "listener.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_A_TURN 64

static unsigned char buffer[BUFFER_SIZE];

/* session: begin */
/* What a session waits for, as poll(2) says it. */
enum state {
    STATE_READING = POLLIN,  /* for bytes; it owes nothing */
    STATE_WRITING = POLLOUT, /* until the kernel takes what it owes; it reads nothing, or a client who does not either
                                would cost ever more memory */
};

struct session {
    int fd;
    enum state state;
    unsigned char *owed; /* while it is writing, else NULL */
    size_t size;
    size_t sent;
};

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
    session->state = STATE_WRITING;
    return 0;
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
    session->state = STATE_READING;
    return 0;
}

/* Where its end has been read, what was written still arrives. */
static void end_session(struct session *session)
{
    close(session->fd);
    free(session->owed);
}

static int resume_session(struct session *session)
{
    return session->state == STATE_READING ? read_and_echo(session) : write_owed(session);
}
/* session: end */

/* Place 0 is the listener's; watched[i] is sessions[i]. */
static struct pollfd *watched;
static struct session *sessions;
static size_t count = 1;
static size_t room;

static int make_room(void)
{
    size_t wanted = room == 0 ? 1024 : 2 * room;
    struct pollfd *more_watched = realloc(watched, wanted * sizeof(*watched));
    struct session *more_sessions;

    if (more_watched == NULL)
        return -1;
    watched = more_watched;
    more_sessions = realloc(sessions, wanted * sizeof(*sessions));
    if (more_sessions == NULL)
        return -1;
    sessions = more_sessions;
    room = wanted;
    return 0;
}

static void begin_session(int fd)
{
    if (count == room && make_room() < 0) {
        close(fd);
        return;
    }
    sessions[count] = (struct session){.fd = fd, .state = STATE_READING};
    watched[count] = (struct pollfd){.fd = fd, .events = STATE_READING};
    count++;
}

/* From the end: where a session is over, the last one takes its place. */
static void resume_sessions(void)
{
    for (size_t place = count - 1; place > 0; place--) {
        if (watched[place].revents == 0)
            continue;
        if (resume_session(&sessions[place]) < 0) {
            end_session(&sessions[place]);
            count--;
            sessions[place] = sessions[count];
            watched[place] = watched[count];
        } else {
            watched[place].events = (short)sessions[place].state;
        }
    }
}

/* Returns whether there was a shortage. */
static bool accept_sessions(void)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = listener_accept(watched[0].fd, SOCK_NONBLOCK);

        if (fd < 0)
            return fd == LISTENER_SHORTAGE;
        begin_session(fd);
    }
    return false;
}

int main(int argc, char **argv)
{
    bool is_short = false;

    if (make_room() < 0)
        err(1, "the table");
    watched[0].fd = listener_open(argc, argv, SOCK_NONBLOCK);
    for (;;) {
        /* In a shortage the listener, which stays readable, is not watched but tried: once a turn, and a turn comes
         * after a pause at the latest. */
        watched[0].events = is_short ? 0 : POLLIN;
        if (poll(watched, count, is_short ? SHORTAGE_PAUSE_MS : -1) < 0) {
            if (errno != EINTR)
                err(1, "poll");
            continue;
        }
        resume_sessions();
        if (is_short || watched[0].revents != 0)
            is_short = accept_sessions();
    }
}
