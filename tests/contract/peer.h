/* SPDX-License-Identifier: MIT
 *
 * The other side, in tests of engines: plain sockets of the C library, which
 * no planned fault can hit. Nothing here sleeps for luck.
 */
#ifndef CONTRACT_PEER_H
#define CONTRACT_PEER_H

#include "support/test.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/** Two ends of a connection, both blocking. */
struct pair {
    int ours;
    int theirs;
};

/** An address of either family. */
struct place {
    struct sockaddr_storage address;
    socklen_t size;
};

static inline int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/** The address of a socket of either side. */
static inline struct place place_of(int fd)
{
    struct place place = {.size = sizeof(place.address)};

    assert_int_equal(getsockname(fd, (struct sockaddr *)&place.address, &place.size), 0);
    return place;
}

/** A blocking socket on a free port of the loopback, or on an abstract Unix address that the kernel picks. */
static inline int new_bound(bool local, int type, struct place *ret_place)
{
    struct sockaddr_in ip = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    int fd = socket(local ? AF_UNIX : AF_INET, type | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (local)
        assert_int_equal(bind(fd, (struct sockaddr *)&path, sizeof(sa_family_t)), 0);
    else
        assert_int_equal(bind(fd, (struct sockaddr *)&ip, sizeof(ip)), 0);
    *ret_place = place_of(fd);
    return fd;
}

static inline int new_listener(bool local, int backlog, struct place *ret_place)
{
    int fd = new_bound(local, SOCK_STREAM, ret_place);

    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

/** A client's connection to `place`. */
static inline int new_client(const struct place *place)
{
    int fd = socket(place->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&place->address, place->size), 0);
    return fd;
}

static inline struct pair new_pair(bool local)
{
    struct pair pair;
    int fds[2];

    if (local) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        pair = (struct pair){fds[0], fds[1]};
    } else {
        struct place place;
        int listener = new_listener(false, 1, &place);

        pair.theirs = new_client(&place);
        pair.ours = accept(listener, NULL, NULL);
        assert_true(pair.ours >= 0);
        close(listener);
    }
    return pair;
}

/** As a URI for coir_connect(). */
static inline void print_place(const struct place *place, char *ret_text, size_t size)
{
    const struct sockaddr_in *ip = (const void *)&place->address;
    const struct sockaddr_un *path = (const void *)&place->address;

    if (place->address.ss_family == AF_INET)
        snprintf(ret_text, size, "tcp://127.0.0.1:%u", ntohs(ip->sin_port));
    else
        snprintf(ret_text, size, "unix://@%.*s", (int)(place->size - sizeof(sa_family_t) - 1), path->sun_path + 1);
}

static inline void send_bytes(int fd, const void *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static inline void send_text(int fd, const char *text)
{
    send_bytes(fd, text, strlen(text));
}

/** Reads `text`, all of it. */
static inline void expect_text(int fd, const char *text)
{
    char bytes[256];
    size_t size = strlen(text);

    assert_true(size <= sizeof(bytes));
    assert_int_equal(recv(fd, bytes, size, MSG_WAITALL), (ssize_t)size);
    assert_memory_equal(bytes, text, size);
}

static inline void expect_end(int fd)
{
    char byte;

    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

/** True if one of `events` holds now. */
static inline bool is_ready(int fd, short events)
{
    struct pollfd descriptor = {.fd = fd, .events = events};

    return poll(&descriptor, 1, 0) == 1 && descriptor.revents & events;
}

/** Small buffers on both sides, so that little fills them. */
static inline void make_narrow(struct pair pair)
{
    int size = 65536;

    assert_int_equal(setsockopt(pair.ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
    assert_int_equal(setsockopt(pair.theirs, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
}

/**
 * Sends until the kernel takes no more, and will not before somebody reads; returns how much it took.
 *
 * A Unix socket has always sent everything. TCP may make room by itself: acknowledgements are put off for 40 ms, and
 * what fits the peer's window in part alone is sent after 200 ms. So it has to refuse for twice as long, and while
 * others, such as its timers, had their turn.
 */
static inline size_t fill(int fd)
{
    static const char bytes[16384];
    int refusals_wanted = place_of(fd).address.ss_family == AF_UNIX ? 1 : 8;
    size_t total = 0;

    for (int refusals = 0; refusals < refusals_wanted;) {
        ssize_t sent = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent > 0) {
            total += (size_t)sent;
            refusals = 0;
            continue;
        }
        assert_int_equal(errno, EAGAIN);
        if (++refusals < refusals_wanted)
            usleep(50000);
    }
    return total;
}

/** Reads `theirs` until `ours` can send again. */
static inline void drain(int theirs, int ours)
{
    char bytes[16384];

    while (!is_ready(ours, POLLOUT))
        assert_true(recv(theirs, bytes, sizeof(bytes), 0) > 0);
}

/** Closes so that the other side sees a reset. `ours` is that other side. */
static inline void reset_peer(bool local, int theirs, int ours)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (local)
        send_text(ours, "unread"); /* a Unix socket resets its peer if something was not read */
    else
        assert_int_equal(setsockopt(theirs, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(theirs);
}

#endif
