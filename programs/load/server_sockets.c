/* SPDX-License-Identifier: MIT
 *
 * Who serves at an address: see server_sockets.h.
 */
#include "load/server_sockets.h"
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATE_LISTEN 0x0a
#define STATE_UDP 0x07
#define FLAG_LISTENS 0x10000
#define TYPE_DATAGRAM 2
#define LINE_SIZE 512
#define HOST_SIZE 80
#define TEXT_SIZE 33 /* of an IPv6 address in /proc/net/tcp6 */

/** How well a socket's address fits: the kernel prefers what fits better. */
enum { RANK_OTHER, RANK_EVERY_IP6, RANK_EVERY, RANK_EXACT };

struct host {
    sa_family_t family; /* AF_INET also where it is mapped into IPv6 */
    unsigned char bytes[16];
    size_t size;
};

/** What is looked for. */
struct target {
    struct host host;
    unsigned int port;
    unsigned int state;
    const char *name; /* of a Unix socket; NULL = it is none */
    bool is_datagram;
};

static void normalise(struct host *host)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (host->family != AF_INET6 || memcmp(host->bytes, mapped, sizeof(mapped)) != 0)
        return;
    memmove(host->bytes, host->bytes + sizeof(mapped), 4);
    host->family = AF_INET;
    host->size = 4;
}

static bool is_every(const struct host *host)
{
    static const unsigned char zero[16];

    return memcmp(host->bytes, zero, host->size) == 0;
}

/* What is sent to every address of a host arrives at its own. */
static void choose_own(struct host *host)
{
    if (!is_every(host))
        return;
    host->bytes[host->size - 1] = 1;
    if (host->family == AF_INET)
        host->bytes[0] = 127;
}

static void take_host(const struct sockaddr *address, struct host *host)
{
    struct sockaddr_in ip4;
    struct sockaddr_in6 ip6;

    host->family = address->sa_family;
    if (host->family == AF_INET) {
        memcpy(&ip4, address, sizeof(ip4));
        host->size = sizeof(ip4.sin_addr);
        memcpy(host->bytes, &ip4.sin_addr, host->size);
    } else {
        memcpy(&ip6, address, sizeof(ip6));
        host->size = sizeof(ip6.sin6_addr);
        memcpy(host->bytes, &ip6.sin6_addr, host->size);
    }
    normalise(host);
    choose_own(host);
}

/* Only what is this host's can be bound. */
static bool is_here(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool here;

    if (fd < 0)
        return false;
    here = bind(fd, address->ai_addr, address->ai_addrlen) == 0;
    close(fd);
    return here;
}

/* "1.2.3.4:7", "[::1]:7". Returns false if it is none of this host. */
static bool read_host(const char *text, struct target *target)
{
    static const struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM};
    const char *end = strrchr(text, ':');
    bool is_v6 = text[0] == '[';
    char host[HOST_SIZE];
    struct addrinfo *address;
    bool here;

    if (end == NULL || (size_t)(end - text) >= sizeof(host))
        return false;
    (void)snprintf(host, sizeof(host), "%.*s", (int)(end - text) - 2 * is_v6, text + is_v6);
    if (getaddrinfo(host, NULL, &numeric, &address) != 0)
        return false;
    take_host(address->ai_addr, &target->host);
    here = is_here(address);
    freeaddrinfo(address);
    target->port = (unsigned int)strtoul(end + 1, NULL, 10);
    return here;
}

/* The kernel writes words as this machine has them. */
static bool read_hex(const char *text, struct host *host)
{
    size_t digits = strlen(text);

    if (digits != 8 && digits != 32)
        return false;
    host->size = digits / 2;
    host->family = digits == 8 ? AF_INET : AF_INET6;
    for (size_t i = 0; i < digits; i += 8) {
        char word[9] = "";
        uint32_t value;

        memcpy(word, text + i, 8);
        value = (uint32_t)strtoul(word, NULL, 16);
        memcpy(host->bytes + i / 2, &value, sizeof(value));
    }
    normalise(host);
    return true;
}

static int rank_of(const struct host *host, const struct host *wanted)
{
    if (host->family == wanted->family && memcmp(host->bytes, wanted->bytes, host->size) == 0)
        return RANK_EXACT;
    if (!is_every(host))
        return RANK_OTHER;
    if (host->family == wanted->family)
        return RANK_EVERY;
    return host->family == AF_INET6 ? RANK_EVERY_IP6 : RANK_OTHER;
}

/* A line of /proc/net/tcp and the like. Returns its rank, and the inode. */
static int read_network_line(const char *line, const struct target *target, unsigned long *ret_inode)
{
    char text[TEXT_SIZE];
    struct host host;
    unsigned int port;
    unsigned int state;

    if (sscanf(line, " %*d: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu", text, &port,
               &state, ret_inode) != 4)
        return RANK_OTHER;
    if (port != target->port || state != target->state || !read_hex(text, &host))
        return RANK_OTHER;
    return rank_of(&host, &target->host);
}

/* A line of /proc/net/unix. Connections that were accepted have the name as well, but do not listen. */
static int read_local_line(const char *line, const struct target *target, unsigned long *ret_inode)
{
    size_t size = strlen(target->name);
    unsigned int flags;
    unsigned int type;
    int at = 0;

    if (sscanf(line, "%*[0-9a-fA-F]: %*x %*x %x %x %*x %lu %n", &flags, &type, ret_inode, &at) != 3 || at == 0)
        return RANK_OTHER;
    if (strncmp(line + at, target->name, size) != 0 || line[(size_t)at + size] != '\n')
        return RANK_OTHER;
    if (target->is_datagram)
        return type == TYPE_DATAGRAM ? RANK_EXACT : RANK_OTHER;
    return type != TYPE_DATAGRAM && flags & FLAG_LISTENS ? RANK_EXACT : RANK_OTHER;
}

static void add(struct server_sockets *sockets, int rank, unsigned long inode)
{
    if (rank < sockets->rank || rank == RANK_OTHER)
        return;
    if (rank > sockets->rank)
        sockets->count = 0;
    sockets->rank = rank;
    if (sockets->count < SERVER_SOCKETS)
        sockets->inodes[sockets->count] = inode;
    sockets->count++;
}

static void read_list(struct server_sockets *sockets, const char *path, const struct target *target)
{
    char line[LINE_SIZE];
    FILE *list = fopen(path, "re");

    if (list == NULL)
        return;
    while (fgets(line, sizeof(line), list) != NULL) {
        unsigned long inode = 0;
        int rank =
            target->name != NULL ? read_local_line(line, target, &inode) : read_network_line(line, target, &inode);

        add(sockets, rank, inode);
    }
    fclose(list);
}

void server_sockets_find(struct server_sockets *sockets, const char *uri)
{
    const char *place = strstr(uri, "://") + 3;
    bool is_udp = strncmp(uri, "udp:", 4) == 0;
    struct target target = {.state = is_udp ? STATE_UDP : STATE_LISTEN,
                            .is_datagram = is_udp || strncmp(uri, "unixgram:", 9) == 0};

    sockets->rank = RANK_OTHER;
    sockets->count = 0;
    if (strncmp(uri, "unix", 4) == 0) {
        target.name = place;
        read_list(sockets, "/proc/net/unix", &target);
    } else if (read_host(place, &target)) {
        read_list(sockets, is_udp ? "/proc/net/udp" : "/proc/net/tcp", &target);
        read_list(sockets, is_udp ? "/proc/net/udp6" : "/proc/net/tcp6", &target);
    }
    if (sockets->count > SERVER_SOCKETS)
        sockets->count = 0;
}

bool server_sockets_have(const struct server_sockets *sockets, unsigned long inode)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->inodes[i] == inode)
            return true;
    return false;
}
