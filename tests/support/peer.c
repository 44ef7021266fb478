/* SPDX-License-Identifier: MIT
 *
 * Plain sockets for tests: see peer.h.
 */
#include "support/peer.h"
#include "support/test.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Fails the test with the reason. */
static int expect_good(int rc, const char *what)
{
    if (rc < 0)
        fail_msg("%s: %s", what, strerror(errno));
    return rc;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static socklen_t fill_path(struct sockaddr_un *address, const char *path)
{
    size_t size = strlen(path);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    assert_true(size < sizeof(address->sun_path));
    memcpy(address->sun_path, path, size);
    if (path[0] != '@')
        return sizeof(*address);
    address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
}

int peer_listen(int backlog, uint16_t *ret_port)
{
    struct sockaddr_in address = loopback(0);
    int fd = expect_good(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

    expect_good(bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind");
    expect_good(listen(fd, backlog), "listen");
    *ret_port = peer_port(fd);
    return fd;
}

int peer_listen_path(const char *path, int backlog)
{
    struct sockaddr_un address;
    socklen_t size = fill_path(&address, path);
    int fd = expect_good(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

    expect_good(bind(fd, (struct sockaddr *)&address, size), path);
    expect_good(listen(fd, backlog), "listen");
    return fd;
}

int peer_accept(int listener)
{
    return expect_good(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
}

int peer_connect(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = expect_good(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

    expect_good(connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
    return fd;
}

uint16_t peer_port(int fd)
{
    struct sockaddr_in address = {.sin_family = AF_UNSPEC};
    socklen_t size = sizeof(address);

    expect_good(getsockname(fd, (struct sockaddr *)&address, &size), "getsockname");
    assert_int_equal(address.sin_family, AF_INET);
    return ntohs(address.sin_port);
}

int peer_connect6(uint16_t port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
    int fd = expect_good(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

    expect_good(connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect to [::1]");
    return fd;
}

int peer_connect_path(const char *path)
{
    struct sockaddr_un address;
    socklen_t size = fill_path(&address, path);
    int fd = expect_good(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

    expect_good(connect(fd, (struct sockaddr *)&address, size), path);
    return fd;
}

void peer_pair(int ret_ends[2])
{
    expect_good(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_ends), "socketpair");
}

void peer_send(int fd, const void *bytes, size_t size)
{
    const char *next = bytes;

    while (size > 0) {
        ssize_t sent = send(fd, next, size, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        expect_good((int)(sent < 0 ? -1 : 0), "send");
        next += sent;
        size -= (size_t)sent;
    }
}

ssize_t peer_read(int fd, void *bytes, size_t size)
{
    size_t got = 0;

    while (got < size) {
        ssize_t count = recv(fd, (char *)bytes + got, size - got, 0);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        if (count == 0)
            break;
        got += (size_t)count;
    }
    return (ssize_t)got;
}

size_t peer_drain(int fd, int *ret_error)
{
    char bytes[65536];
    size_t total = 0;
    ssize_t count;

    do {
        count = recv(fd, bytes, sizeof(bytes), 0);
        if (count > 0)
            total += (size_t)count;
    } while (count > 0 || (count < 0 && errno == EINTR));
    *ret_error = count < 0 ? errno : 0;
    return total;
}

void peer_finish(int fd)
{
    expect_good(shutdown(fd, SHUT_WR), "shutdown");
}

void peer_reset(int fd)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    expect_good(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), "SO_LINGER");
    close(fd);
}

int peer_option(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);

    expect_good(getsockopt(fd, level, name, &value, &size), "getsockopt");
    return value;
}

void peer_shrink(int fd, int bytes)
{
    expect_good(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), "SO_SNDBUF");
    expect_good(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), "SO_RCVBUF");
}

unsigned peer_count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    unsigned count = 0;

    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count - 3; /* ".", ".." and the directory itself */
}

bool peer_has_ip6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    if (fd >= 0)
        close(fd);
    return has;
}

const char *peer_make_directory(void)
{
    static char path[] = "/tmp/coir-peer-XXXXXX";

    for (size_t i = sizeof(path) - 7; i < sizeof(path) - 1; i++)
        path[i] = 'X';
    assert_non_null(mkdtemp(path));
    return path;
}

void peer_remove_directory(const char *path)
{
    expect_good(rmdir(path), path); /* a file that was left behind fails the test */
}

void peer_block_ms(unsigned milliseconds)
{
    struct timespec left = {(time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000};

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}
