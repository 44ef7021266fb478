/* SPDX-License-Identifier: MIT
 *
 * Whoever supervises the server, such as systemd: the sockets it hands over,
 * supervisor_take_sockets(), and the news it wants to hear, supervisor_attach()
 * and supervisor_tell_...(); by the protocols that sd_listen_fds(3),
 * sd_notify(3) and sd_watchdog_enabled(3) document.
 *
 * Both begin in the environment. What is taken is removed from there, so that
 * no child takes it for its own: call them before there are other threads.
 */
#ifndef PROGRAMS_SUPERVISOR_H
#define PROGRAMS_SUPERVISOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SUPERVISOR_SOCKETS_MAX 64
#define SUPERVISOR_NAME_SIZE 256

enum supervisor_kind {
    SUPERVISOR_LISTENER, /* a stream socket that listens */
    SUPERVISOR_DATAGRAMS
};

struct supervisor_socket {
    int fd;     /* close-on-exec */
    int family; /* AF_INET, AF_INET6 or AF_UNIX */
    enum supervisor_kind kind;
    const char *refusal; /* NULL; else why it cannot be served, such as "it is not open", and nothing else but fd and
                            name holds */
    char name[SUPERVISOR_NAME_SIZE]; /* FileDescriptorName= of the unit, else "unknown"; fit to be printed */
};

struct supervisor_sockets {
    size_t count;
    struct supervisor_socket sockets[SUPERVISOR_SOCKETS_MAX]; /* fd 3 and on, in the supervisor's order */
};

/**
 * Takes the sockets of LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID, and looks at each.
 *
 * Returns: how many there are, those with a refusal too; 0 none was handed to this process;
 * -EINVAL the variables are wrong.
 *
 * `*ret_reason`, always set: why a set of variables was not taken; NULL if it was, or there are none.
 */
int supervisor_take_sockets(struct supervisor_sockets *ret_sockets, const char **ret_reason);

/** Looks at a descriptor that the command line names. Returns NULL, or why it cannot be served, as in `refusal`. It is
 * close-on-exec then. */
const char *supervisor_judge(int fd);

/* One that listens, or nobody: then all calls do nothing. */
struct supervisor {
    int fd; /* kept open: a sign of life must not fail for want of descriptors */
    socklen_t address_size;
    struct sockaddr_un address;
    int64_t watchdog_ns; /* it expects a sign of life at least that often; 0: none */
};

#define SUPERVISOR_NOBODY ((struct supervisor){.fd = -1})

/**
 * Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
 *
 * Returns: 1; 0 nobody listens, which makes it SUPERVISOR_NOBODY; -EINVAL or the errno of socket(2).
 *
 * `*ret_reason`, always set: what failed, else NULL.
 */
int supervisor_attach(struct supervisor *ret_supervisor, const char **ret_reason);

/** Ends it; also where there is nobody. */
void supervisor_detach(struct supervisor *supervisor);

/**
 * Tells that the server is ready (every listener is open), what it does, that
 * it is leaving, that it is alive. None ever waits.
 *
 * Shape: `status` is one line for people, NULL for none; what does not fit into 256 bytes is cut off.
 *
 * Returns: 1 told; 0 there is nobody; -EAGAIN too much is waiting there: try
 * again later, which "ready" needs, or it never was; another errno of
 * sendto(2), such as -ECONNREFUSED.
 */
int supervisor_tell_ready(const struct supervisor *supervisor, const char *status);
int supervisor_tell_status(const struct supervisor *supervisor, const char *status);
int supervisor_tell_leaving(const struct supervisor *supervisor, const char *status);
int supervisor_tell_alive(const struct supervisor *supervisor);

#endif
