/* SPDX-License-Identifier: MIT
 *
 * What the peers of system tests share. They speak through plain sockets, so
 * that they judge coir and do not repeat its mistakes. Any failure ends the
 * program with a sentence and exit code 1.
 */
#ifndef SYSTEM_PROGRAMS_PEER_H
#define SYSTEM_PROGRAMS_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PEER_DIE(...) (fprintf(stderr, "peer: " __VA_ARGS__), fputc('\n', stderr), exit(1))

union peer_address {
    struct sockaddr any;
    struct sockaddr_in ip4;
    struct sockaddr_un local;
};

/** Reads "tcp://127.0.0.1:7007", "unix:///path" or "unix://@name"; returns the address's size. */
static inline socklen_t peer_address_read(const char *uri, union peer_address *ret_address)
{
    char host[64];
    unsigned short port;

    memset(ret_address, 0, sizeof(*ret_address));
    if (sscanf(uri, "tcp://%63[0-9.]:%hu", host, &port) == 2) {
        ret_address->ip4.sin_family = AF_INET;
        ret_address->ip4.sin_port = htons(port);
        if (inet_pton(AF_INET, host, &ret_address->ip4.sin_addr) == 1)
            return sizeof(ret_address->ip4);
    }
    if (strncmp(uri, "unix://", 7) != 0 || strlen(uri + 7) >= sizeof(ret_address->local.sun_path))
        PEER_DIE("%s: not an address", uri);
    ret_address->local.sun_family = AF_UNIX;
    memcpy(ret_address->local.sun_path, uri + 7, strlen(uri + 7));
    if (uri[7] == '@')
        ret_address->local.sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(uri + 7) + (uri[7] != '@'));
}

/** Connects; returns the socket, or -1 and errno. */
static inline int peer_try_connect(const char *uri)
{
    union peer_address address;
    socklen_t size = peer_address_read(uri, &address);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        PEER_DIE("socket: %s", strerror(errno));
    if (connect(fd, &address.any, size) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline int peer_connect(const char *uri)
{
    int fd = peer_try_connect(uri);

    if (fd < 0)
        PEER_DIE("connect to %s: %s", uri, strerror(errno));
    return fd;
}

static inline void peer_send_all(int fd, const void *bytes, size_t size)
{
    const char *next = bytes;

    while (size > 0) {
        ssize_t sent = send(fd, next, size, MSG_NOSIGNAL);

        if (sent < 0)
            PEER_DIE("send: %s", strerror(errno));
        next += sent;
        size -= (size_t)sent;
    }
}

static inline void peer_receive_all(int fd, void *bytes, size_t size)
{
    size_t got = 0;

    while (got < size) {
        ssize_t received = recv(fd, (char *)bytes + got, size - got, 0);

        if (received <= 0)
            PEER_DIE("received %zu bytes of %zu: %s", got, size, received < 0 ? strerror(errno) : "then the end");
        got += (size_t)received;
    }
}

/** Sends a message and expects it back. */
static inline void peer_exchange(int fd, const char *message, size_t size)
{
    char *answer = malloc(size);

    if (answer == NULL)
        PEER_DIE("out of memory");
    peer_send_all(fd, message, size);
    peer_receive_all(fd, answer, size);
    if (memcmp(message, answer, size) != 0)
        PEER_DIE("the echo differs");
    free(answer);
}

/** Expects the end, and nothing before it. */
static inline void peer_expect_end(int fd)
{
    char byte;
    ssize_t received = recv(fd, &byte, 1, 0);

    if (received != 0)
        PEER_DIE("expected the end, got %s", received < 0 ? strerror(errno) : "a byte");
}

static inline void peer_raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static inline int64_t peer_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** A positive number on the command line. */
static inline unsigned long peer_number(const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (*end != '\0' || number == 0)
        PEER_DIE("'%s' is no number > 0", text);
    return number;
}

#endif
