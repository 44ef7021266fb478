/* SPDX-License-Identifier: MIT
 *
 * struct coir_address, and the public calls on it, which are pure.
 */
#include "net/packed.h"
#include "base/assert.h"
#include <arpa/inet.h>
#include <coir/error.h>
#include <string.h>

/* What the opaque bytes are. */
struct packed {
    unsigned char bytes[sizeof(struct sockaddr_un)];
    uint16_t size; /* of those; 0 = none */
};

_Static_assert(sizeof(struct packed) == sizeof(struct coir_address),
               "an address is what the public struct has room for");

static void pack(const void *address, size_t size, struct coir_address *packed)
{
    struct packed inside = {.size = (uint16_t)size};

    ASSERT(size <= sizeof(inside.bytes));
    memcpy(inside.bytes, address, size);
    memcpy(packed, &inside, sizeof(inside));
}

static void pack_ip4(struct in_addr host, in_port_t port, struct coir_address *packed)
{
    struct sockaddr_in ip4 = {.sin_family = AF_INET, .sin_port = port, .sin_addr = host};

    pack(&ip4, sizeof(ip4), packed);
}

static void pack_ip6(const struct sockaddr_in6 *address, struct coir_address *packed)
{
    struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6, .sin6_port = address->sin6_port};
    struct in_addr mapped;

    ip6.sin6_addr = address->sin6_addr;
    ip6.sin6_scope_id = address->sin6_scope_id;
    if (IN6_IS_ADDR_V4MAPPED(&ip6.sin6_addr)) {
        memcpy(&mapped, &ip6.sin6_addr.s6_addr[12], sizeof(mapped));
        pack_ip4(mapped, ip6.sin6_port, packed);
    } else {
        pack(&ip6, sizeof(ip6), packed);
    }
}

void packed_write(const struct sockaddr *address, socklen_t size, struct coir_address *ret_packed)
{
    struct sockaddr_in ip4;
    struct sockaddr_in6 ip6;

    *ret_packed = (struct coir_address){.opaque = {0}};
    if (size <= offsetof(struct sockaddr_un, sun_path))
        return;
    switch (address->sa_family) {
    case AF_INET:
        memcpy(&ip4, address, sizeof(ip4));
        pack_ip4(ip4.sin_addr, ip4.sin_port, ret_packed);
        break;
    case AF_INET6:
        memcpy(&ip6, address, sizeof(ip6));
        pack_ip6(&ip6, ret_packed);
        break;
    case AF_UNIX:
        pack(address, size, ret_packed);
        break;
    default:
        break;
    }
}

void packed_read(const struct coir_address *packed, struct address *ret_address)
{
    struct packed inside;

    memcpy(&inside, packed, sizeof(inside));
    ASSERT(inside.size <= sizeof(inside.bytes)); /* one of ours, or all zero */
    *ret_address = (struct address){.size = inside.size};
    memcpy(&ret_address->storage, inside.bytes, inside.size);
}

/* Both families have it at the same place. */
_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
               "a port has one place");

void packed_set_port(struct coir_address *packed, int port)
{
    struct address address;

    packed_read(packed, &address);
    address.ip4.sin_port = htons((uint16_t)port);
    packed_write(&address.any, address.size, packed);
}

static enum address_flaw parse(const char *uri, struct address *address)
{
    size_t size;
    const char *rest = address_split(uri, &size);

    if (rest != NULL && size == 3 && strncmp(uri, "udp", size) == 0)
        return address_parse_ip(rest, address);
    if (rest != NULL && size == 4 && strncmp(uri, "unix", size) == 0)
        return address_parse_local(rest, address);
    return ADDRESS_SCHEME;
}

int coir_address_read(const char *uri, struct coir_address *ret_address)
{
    struct address address = {.every = false};
    int rc;

    ASSERT(uri != NULL && ret_address != NULL);
    rc = address_flaw_code(parse(uri, &address));
    if (rc < 0)
        return rc;
    if (address.every)
        return COIR_ERROR_ADDRESS;
    packed_write(&address.any, address.size, ret_address);
    return 0;
}

void coir_address_print(const struct coir_address *address, char ret_text[COIR_ADDRESS_SIZE])
{
    struct address inside;

    ASSERT(address != NULL && ret_text != NULL);
    packed_read(address, &inside);
    address_print("udp", &inside.storage, ret_text);
}

int coir_address_port(const struct coir_address *address)
{
    struct address inside;

    ASSERT(address != NULL);
    packed_read(address, &inside);
    return inside.any.sa_family == AF_INET || inside.any.sa_family == AF_INET6 ? ntohs(inside.ip4.sin_port) : 0;
}

bool coir_address_same(const struct coir_address *address, const struct coir_address *other)
{
    ASSERT(address != NULL && other != NULL);
    return memcmp(address, other, sizeof(*address)) == 0;
}
