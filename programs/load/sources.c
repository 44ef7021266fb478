/* SPDX-License-Identifier: MIT
 *
 * The addresses that a load connects from: see sources.h.
 */
#include "load/sources.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT_MAX 65536 /* more is a slip of the finger */

static size_t size_of(int family)
{
    return family == AF_INET ? 4 : 16;
}

/* Sets `ret_family`; false if it is no address. */
static bool read_address(const char *word, int *ret_family, unsigned char bytes[16])
{
    *ret_family = strchr(word, ':') != NULL ? AF_INET6 : AF_INET;
    return inet_pton(*ret_family, word, bytes) == 1;
}

/* The last four bytes of an address, which a range counts through. */
static uint32_t tail_of(int family, const unsigned char bytes[16])
{
    uint32_t tail;

    memcpy(&tail, bytes + size_of(family) - sizeof(tail), sizeof(tail));
    return ntohl(tail);
}

static const char *read_range(const char *first_word, const char *last_word, struct sources *ret_sources)
{
    struct sources sources = {.count = 0};
    unsigned char last[16];
    int last_family;
    uint32_t first_tail;
    uint32_t last_tail;

    if (!read_address(first_word, &sources.family, sources.first) || !read_address(last_word, &last_family, last))
        return "addresses are numbers, as in 127.0.0.1-127.0.0.8";
    if (last_family != sources.family || memcmp(sources.first, last, size_of(last_family) - sizeof(first_tail)) != 0)
        return "the two ends differ in more than their last 32 bits";
    first_tail = tail_of(sources.family, sources.first);
    last_tail = tail_of(last_family, last);
    if (last_tail < first_tail)
        return "the second address is below the first";
    if (last_tail - first_tail >= COUNT_MAX)
        return "more than 65536 addresses";
    sources.count = last_tail - first_tail + 1;
    *ret_sources = sources;
    return NULL;
}

const char *sources_read(const char *word, struct sources *ret_sources)
{
    const char *dash = strchr(word, '-');
    char first[INET6_ADDRSTRLEN];
    size_t size = dash != NULL ? (size_t)(dash - word) : strlen(word);

    if (size >= sizeof(first))
        return "too long for an address";
    memcpy(first, word, size);
    first[size] = '\0';
    return read_range(first, dash != NULL ? dash + 1 : first, ret_sources);
}

static void find_source(const struct sources *sources, uint64_t number, unsigned char ret_bytes[16])
{
    uint32_t tail = htonl(tail_of(sources->family, sources->first) + (uint32_t)(number % sources->count));

    memcpy(ret_bytes, sources->first, 16);
    memcpy(ret_bytes + size_of(sources->family) - sizeof(tail), &tail, sizeof(tail));
}

bool sources_are_here(const struct sources *sources, uint64_t number)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    bool is_v4 = sources->family == AF_INET;
    unsigned char bytes[16];
    int fd = socket(sources->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc;

    if (fd < 0)
        return false;
    find_source(sources, number, bytes);
    memcpy(&v4.sin_addr, bytes, sizeof(v4.sin_addr));
    memcpy(&v6.sin6_addr, bytes, sizeof(v6.sin6_addr));
    rc = bind(fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, is_v4 ? sizeof(v4) : sizeof(v6));
    close(fd);
    return rc == 0;
}

void sources_print(const struct sources *sources, uint64_t number, const char *scheme, char ret_uri[COIR_ADDRESS_SIZE])
{
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN];

    find_source(sources, number, bytes);
    (void)inet_ntop(sources->family, bytes, text, sizeof(text)); /* there is room, and it is one of the two families */
    (void)snprintf(ret_uri, COIR_ADDRESS_SIZE, sources->family == AF_INET6 ? "%s://[%s]:0" : "%s://%s:0", scheme, text);
}
