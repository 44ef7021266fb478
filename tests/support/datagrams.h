/* SPDX-License-Identifier: MIT
 *
 * Cases with datagrams: coir's end by session.h, the other by plain sockets
 * of the C library. On the loopback a datagram is there when the call that
 * sends it returns.
 */
#ifndef SUPPORT_DATAGRAMS_H
#define SUPPORT_DATAGRAMS_H

#include "support/session.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

static inline struct coir_datagram_socket *datagram_open_at(const char *uri)
{
    struct coir_datagram_socket *socket = NULL;

    assert_int_equal(coir_datagram_open(uri, NULL, &socket), 0);
    return socket;
}

static inline struct coir_datagram_info datagram_info(const struct coir_datagram_socket *socket)
{
    struct coir_datagram_info info;

    assert_int_equal(coir_datagram_info(socket, &info), 0);
    return info;
}

static inline uint16_t datagram_port(const struct coir_datagram_socket *socket)
{
    return session_port(datagram_info(socket).local);
}

static inline struct coir_address datagram_address(const char *uri)
{
    struct coir_address address;

    assert_int_equal(coir_address_read(uri, &address), 0);
    return address;
}

/** Fails unless the address prints as `expected`. */
static inline void datagram_expect_address(const struct coir_address *address, const char *expected)
{
    char text[COIR_ADDRESS_SIZE];

    coir_address_print(address, text);
    assert_string_equal(text, expected);
}

/** "udp://HOST:PORT", in static memory of which there are four. */
static inline const char *datagram_uri(const char *host, uint16_t port)
{
    static char uris[4][COIR_ADDRESS_SIZE];
    static unsigned next;
    char *uri = uris[next++ % 4];

    snprintf(uri, COIR_ADDRESS_SIZE, "udp://%s:%u", host, port);
    return uri;
}

/** A plain socket without an address. */
static inline int datagram_plain(int family)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    return fd;
}

/** A socket on a port of an IPv4 host that the kernel picks. */
static inline int datagram_peer(const char *host)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = datagram_plain(AF_INET);

    assert_int_equal(inet_pton(AF_INET, host, &address.sin_addr), 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline int datagram_peer6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = datagram_plain(AF_INET6);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/** A socket on a Unix path; NULL: without an address. */
static inline int datagram_peer_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = datagram_plain(AF_UNIX);

    if (path == NULL)
        return fd;
    assert_true(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/** Sends to a port of an IPv4 host. Returns as sendto(2). */
static inline ssize_t datagram_send_to(int fd, const char *host, uint16_t port, const void *bytes, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

    assert_int_equal(inet_pton(AF_INET, host, &address.sin_addr), 1);
    return sendto(fd, bytes, size, 0, (struct sockaddr *)&address, sizeof(address));
}

static inline ssize_t datagram_send_to6(int fd, uint16_t port, const void *bytes, size_t size)
{
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    return sendto(fd, bytes, size, 0, (struct sockaddr *)&address, sizeof(address));
}

/** Sends to a Unix path, or to "@abstract". Returns as sendto(2). */
static inline ssize_t datagram_send_to_path(int fd, const char *path, const void *bytes, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t used = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));

    assert_true(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    return sendto(fd, bytes, size, 0, (struct sockaddr *)&address, used);
}

/** The next datagram of a plain socket, which must be `text` and come from `expected`. */
static inline void datagram_expect(int fd, const char *text, const char *expected)
{
    struct sockaddr_storage from;
    socklen_t size = sizeof(from);
    char bytes[256], host[64], printed[COIR_ADDRESS_SIZE];
    const struct sockaddr_in *ip4 = (const void *)&from;
    const struct sockaddr_in6 *ip6 = (const void *)&from;

    assert_int_equal(recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size), (ssize_t)strlen(text));
    assert_memory_equal(bytes, text, strlen(text));
    if (from.ss_family == AF_INET)
        snprintf(printed, sizeof(printed), "udp://%s:%u", inet_ntop(AF_INET, &ip4->sin_addr, host, sizeof(host)),
                 ntohs(ip4->sin_port));
    else
        snprintf(printed, sizeof(printed), "udp://[%s]:%u", inet_ntop(AF_INET6, &ip6->sin6_addr, host, sizeof(host)),
                 ntohs(ip6->sin6_port));
    assert_string_equal(printed, expected);
}

/** A datagram of a text. */
static inline struct coir_datagram datagram_of(const char *text, struct coir_address peer)
{
    return (struct coir_datagram){.data = {.bytes = (unsigned char *)(uintptr_t)text, .size = strlen(text)},
                                  .peer = peer};
}

#endif
