/* SPDX-License-Identifier: MIT
 *
 * Socket activation and notification: see supervisor.h.
 */
#include "supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_FD 3
#define STATUS_SIZE 256
#define NANOSECONDS_PER_MICROSECOND 1000

/* Digits alone: neither sign nor space, which strtoull() would take. */
static bool read_number(const char *text, uint64_t most, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (*text == '\0')
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');

        if (number > (most - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return *text == '\0';
}

static bool is_own_pid(const char *text)
{
    uint64_t pid;

    return read_number(text, INT32_MAX, &pid) && pid == (uint64_t)getpid();
}

static bool read_socket_option(int fd, int option, int *ret_value)
{
    socklen_t size = sizeof(*ret_value);

    return getsockopt(fd, SOL_SOCKET, option, ret_value, &size) == 0;
}

/* A stream socket: NULL, or why it is no listener. */
static const char *judge_listener(int fd)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof(peer);
    int listens;

    if (read_socket_option(fd, SO_ACCEPTCONN, &listens) && listens != 0)
        return NULL;
    if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0)
        return "it is a connection and no listener (Accept=no in the .socket unit hands over the listener)";
    return "it is a stream socket that does not listen";
}

/* Fills in the rest of `candidate`. Returns NULL, or why it cannot be served. */
static const char *judge_socket(struct supervisor_socket *candidate)
{
    int type;

    if (fcntl(candidate->fd, F_SETFD, FD_CLOEXEC) < 0)
        return "it is not open";
    if (!read_socket_option(candidate->fd, SO_TYPE, &type) ||
        !read_socket_option(candidate->fd, SO_DOMAIN, &candidate->family))
        return "it is no socket";
    if (candidate->family != AF_INET && candidate->family != AF_INET6 && candidate->family != AF_UNIX)
        return "it is a socket neither of IP nor of Unix";
    switch (type) {
    case SOCK_STREAM:
        candidate->kind = SUPERVISOR_LISTENER;
        return judge_listener(candidate->fd);
    case SOCK_DGRAM:
        candidate->kind = SUPERVISOR_DATAGRAMS;
        return NULL;
    default:
        return "it is a socket neither of streams nor of datagrams";
    }
}

const char *supervisor_judge(int fd)
{
    struct supervisor_socket candidate = {.fd = fd};

    return judge_socket(&candidate);
}

/* Copies the name that `text` begins with, up to a colon; returns what follows it. */
static const char *take_name(const char *text, char ret_name[SUPERVISOR_NAME_SIZE])
{
    size_t size = strcspn(text, ":");
    size_t kept = size < SUPERVISOR_NAME_SIZE ? size : SUPERVISOR_NAME_SIZE - 1;

    for (size_t i = 0; i < kept; i++)
        ret_name[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    ret_name[kept] = '\0';
    return text[size] == ':' ? text + size + 1 : NULL;
}

/* Returns false where there are fewer or more names than sockets. */
static bool take_names(const char *names, struct supervisor_sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; i++) {
        if (names == NULL)
            return false;
        names = take_name(names, sockets->sockets[i].name);
    }
    return names == NULL;
}

static int take_sockets(const char *count_text, const char *names, struct supervisor_sockets *ret_sockets,
                        const char **ret_reason)
{
    struct supervisor_sockets *sockets = ret_sockets;
    uint64_t count;

    if (count_text == NULL || !read_number(count_text, INT32_MAX - FIRST_FD, &count)) {
        *ret_reason = "LISTEN_FDS is no number of descriptors";
        return -EINVAL;
    }
    if (count > SUPERVISOR_SOCKETS_MAX) {
        *ret_reason = "LISTEN_FDS hands over more than 64 descriptors";
        return -EINVAL;
    }
    sockets->count = (size_t)count;
    for (size_t i = 0; i < sockets->count; i++) {
        sockets->sockets[i] = (struct supervisor_socket){.fd = FIRST_FD + (int)i, .name = "unknown"};
        sockets->sockets[i].refusal = judge_socket(&sockets->sockets[i]);
    }
    if (names != NULL && !take_names(names, sockets)) {
        *ret_reason = "LISTEN_FDNAMES has not as many names as LISTEN_FDS says";
        return -EINVAL;
    }
    return (int)count;
}

int supervisor_take_sockets(struct supervisor_sockets *ret_sockets, const char **ret_reason)
{
    const char *pid = getenv("LISTEN_PID");
    int rc = 0;

    *ret_reason = NULL;
    if (pid != NULL && !is_own_pid(pid))
        *ret_reason = "LISTEN_PID is not this process: the sockets are for another one";
    else if (pid != NULL)
        rc = take_sockets(getenv("LISTEN_FDS"), getenv("LISTEN_FDNAMES"), ret_sockets, ret_reason);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return rc;
}

/* Reads "/path" or "@abstract". */
static bool read_address(const char *text, struct supervisor *supervisor)
{
    size_t size = strlen(text);

    if ((text[0] != '/' && text[0] != '@') || size < 2 || size >= sizeof(supervisor->address.sun_path))
        return false;
    supervisor->address.sun_family = AF_UNIX;
    memcpy(supervisor->address.sun_path, text, size + 1);
    if (text[0] == '@')
        supervisor->address.sun_path[0] = '\0';
    /* A path ends with its zero byte, an abstract name just ends. */
    supervisor->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (text[0] == '/'));
    return true;
}

/* The interval of the watchdog; 0 where there is none, or it is not for us. */
static bool read_watchdog(int64_t *ret_interval_ns)
{
    const char *interval = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    uint64_t interval_us = 0;

    if (interval != NULL && (pid == NULL || is_own_pid(pid))) {
        if (!read_number(interval, INT64_MAX / NANOSECONDS_PER_MICROSECOND, &interval_us) || interval_us == 0)
            return false;
    }
    *ret_interval_ns = (int64_t)interval_us * NANOSECONDS_PER_MICROSECOND;
    return true;
}

static int attach(const char *address, struct supervisor *supervisor, const char **ret_reason)
{
    if (!read_address(address, supervisor)) {
        *ret_reason = "NOTIFY_SOCKET is neither the path of a Unix socket nor @ and a name";
        return -EINVAL;
    }
    if (!read_watchdog(&supervisor->watchdog_ns)) {
        *ret_reason = "WATCHDOG_USEC is no number of microseconds";
        return -EINVAL;
    }
    supervisor->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (supervisor->fd < 0) {
        int failure = -errno;

        *ret_reason = "there is no socket for NOTIFY_SOCKET";
        return failure;
    }
    return 1;
}

int supervisor_attach(struct supervisor *ret_supervisor, const char **ret_reason)
{
    struct supervisor supervisor = SUPERVISOR_NOBODY;
    const char *address = getenv("NOTIFY_SOCKET");
    int rc = 0;

    *ret_reason = NULL;
    if (address != NULL)
        rc = attach(address, &supervisor, ret_reason);
    if (rc >= 0)
        *ret_supervisor = supervisor;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return rc;
}

void supervisor_detach(struct supervisor *supervisor)
{
    if (supervisor->fd >= 0)
        close(supervisor->fd);
    *supervisor = SUPERVISOR_NOBODY;
}

/* `news` is a line of the protocol with its end, or ""; `status` goes on a line of its own. */
static int tell(const struct supervisor *supervisor, const char *news, const char *status)
{
    char text[64 + STATUS_SIZE];
    int size;

    if (supervisor->fd < 0 || (*news == '\0' && status == NULL))
        return 0;
    size = snprintf(text, sizeof(text), "%s%s%.*s", news, status != NULL ? "STATUS=" : "", STATUS_SIZE - 1,
                    status != NULL ? status : "");
    /* A line end in the status would begin another assignment. */
    for (int i = (int)strlen(news); i < size; i++) {
        if ((unsigned char)text[i] < ' ')
            text[i] = ' ';
    }
    if (sendto(supervisor->fd, text, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL,
               (const struct sockaddr *)&supervisor->address, supervisor->address_size) < 0)
        return -errno;
    return 1;
}

int supervisor_tell_ready(const struct supervisor *supervisor, const char *status)
{
    return tell(supervisor, "READY=1\n", status);
}

int supervisor_tell_status(const struct supervisor *supervisor, const char *status)
{
    return tell(supervisor, "", status);
}

int supervisor_tell_leaving(const struct supervisor *supervisor, const char *status)
{
    return tell(supervisor, "STOPPING=1\n", status);
}

int supervisor_tell_alive(const struct supervisor *supervisor)
{
    return tell(supervisor, "WATCHDOG=1\n", NULL);
}
