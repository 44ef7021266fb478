/* SPDX-License-Identifier: MIT
 *
 * An echo server, `select 7007`: one thread that asks the kernel who is ready,
 * as it was first done. It teaches the price of select(2): sets of a fixed
 * size, so that a descriptor from FD_SETSIZE (1,024) on cannot be watched, and
 * putting it into a set would write past its end; and sets that are copied,
 * and looked through bit by bit, each turn. A session is the state machine of
 * epoll.c.
 *
 * SIGTERM ends it at once, and all sessions with it.
 */
#include "listener.h"

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_A_TURN 64

static unsigned char buffer[BUFFER_SIZE];

/* session: begin */
/* What a session waits for: in which of the two sets its descriptor is. */
enum state {
    STATE_READING, /* for bytes; it owes nothing */
    STATE_WRITING, /* until the kernel takes what it owes; it reads nothing, or a client who does not either would cost
                      ever more memory */
};

static struct session {
    unsigned char *owed; /* while it is writing, else NULL */
    size_t size;
    size_t sent;
} sessions[FD_SETSIZE]; /* by descriptor */

static fd_set watched[2]; /* by state */

static void enter_state(int fd, enum state state)
{
    FD_CLR(fd, &watched[state == STATE_READING ? STATE_WRITING : STATE_READING]);
    FD_SET(fd, &watched[state]);
}

/* Returns how much the kernel has taken, or -1. */
static ssize_t send_some(int fd, const unsigned char *bytes, size_t size)
{
    ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

    return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

static int keep_owed(int fd, const unsigned char *bytes, size_t size)
{
    struct session *session = &sessions[fd];

    session->owed = malloc(size);
    if (session->owed == NULL)
        return -1;
    memcpy(session->owed, bytes, size);
    session->size = size;
    session->sent = 0;
    enter_state(fd, STATE_WRITING);
    return 0;
}

/* This and the next: one step. Returns 0, or -1 when the session is over. */
static int read_and_echo(int fd)
{
    ssize_t size = recv(fd, buffer, sizeof(buffer), 0);
    ssize_t sent;

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (size <= 0)
        return -1;
    sent = send_some(fd, buffer, (size_t)size);
    if (sent < 0 || sent == size)
        return sent < 0 ? -1 : 0;
    return keep_owed(fd, buffer + sent, (size_t)(size - sent));
}

static int write_owed(int fd)
{
    struct session *session = &sessions[fd];
    ssize_t sent = send_some(fd, session->owed + session->sent, session->size - session->sent);

    if (sent < 0)
        return -1;
    session->sent += (size_t)sent;
    if (session->sent < session->size)
        return 0;
    free(session->owed);
    session->owed = NULL;
    enter_state(fd, STATE_READING);
    return 0;
}

/* Where its end has been read, what was written still arrives. */
static void end_session(int fd)
{
    FD_CLR(fd, &watched[STATE_READING]);
    FD_CLR(fd, &watched[STATE_WRITING]);
    free(sessions[fd].owed);
    sessions[fd].owed = NULL;
    close(fd);
}

static void resume_session(int fd)
{
    int result = FD_ISSET(fd, &watched[STATE_READING]) ? read_and_echo(fd) : write_owed(fd);

    if (result < 0)
        end_session(fd);
}
/* session: end */

static int highest; /* of all descriptors so far */

/* Who cannot be watched is turned away, by an end or by a reset if he has spoken: he need not wait for what never
 * comes. */
static void begin_session(int fd)
{
    static bool has_said;

    if (fd < FD_SETSIZE) {
        enter_state(fd, STATE_READING);
        highest = fd > highest ? fd : highest;
        return;
    }
    close(fd);
    if (!has_said)
        fprintf(stderr, "select: turned a client away: descriptor %d, and the limit is %d\n", fd, FD_SETSIZE);
    has_said = true;
}

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

/* In a shortage the listener, which stays readable, is not watched but tried:
 * once a turn, and a turn comes after a pause at the latest. */
static bool take_turn(int listener, bool is_short)
{
    struct timeval pause = {.tv_usec = SHORTAGE_PAUSE_MS * 1000};
    fd_set readable = watched[STATE_READING];
    fd_set writable = watched[STATE_WRITING];

    if (!is_short)
        FD_SET(listener, &readable);
    if (select(highest + 1, &readable, &writable, NULL, is_short ? &pause : NULL) < 0) {
        if (errno != EINTR)
            err(1, "select");
        return is_short;
    }
    for (int fd = 0; fd <= highest; fd++) {
        if (fd != listener && (FD_ISSET(fd, &readable) || FD_ISSET(fd, &writable)))
            resume_session(fd);
    }
    return (is_short || FD_ISSET(listener, &readable)) && accept_sessions(listener);
}

int main(int argc, char **argv)
{
    int listener = listener_open(argc, argv, SOCK_NONBLOCK);
    bool is_short = false;

    if (listener >= FD_SETSIZE)
        errx(1, "the listener's descriptor is %d, and the limit is %d", listener, FD_SETSIZE);
    highest = listener;
    for (;;)
        is_short = take_turn(listener, is_short);
}
