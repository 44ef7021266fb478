/* SPDX-License-Identifier: MIT
 *
 * Addresses: see address.h.
 */
#include "net/address.h"
#include <arpa/inet.h>
#include <coir/error.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HOST_SIZE 64 /* more than any numeric host takes */

/* With NULL for a text the code's own is right. */
static const struct {
    int code;
    const char *text;
} flaws[] = {
    [ADDRESS_SOUND] = {0, NULL},
    [ADDRESS_SCHEME] = {COIR_ERROR_ADDRESS, "an address begins with tcp://, udp://, unix:// or fd://"},
    [ADDRESS_NO_PORT] = {COIR_ERROR_ADDRESS, "a port is missing at the end, as in tcp://127.0.0.1:7"},
    [ADDRESS_PORT] = {COIR_ERROR_ADDRESS, "the port is no number from 0 to 65535"},
    [ADDRESS_NO_BRACKETS] = {COIR_ERROR_ADDRESS, "an IPv6 host stands in brackets, as in tcp://[::1]:7"},
    [ADDRESS_IP4] = {COIR_ERROR_ADDRESS, "the host is no IPv4 address like 127.0.0.1"},
    [ADDRESS_IP6] = {COIR_ERROR_ADDRESS, "the host in brackets is no IPv6 address like ::1"},
    [ADDRESS_INTERFACE] = {COIR_ERROR_ADDRESS, "after % comes an interface's number, as in tcp://[fe80::1%2]:7"},
    [ADDRESS_NAME] = {COIR_ERROR_HOST_NAME, NULL},
    [ADDRESS_PATH] = {COIR_ERROR_ADDRESS, "after unix:// comes a path from the root, or @ and a name"},
    [ADDRESS_LONG_PATH] = {-ENAMETOOLONG, NULL},
    [ADDRESS_DESCRIPTOR] = {COIR_ERROR_ADDRESS, "after fd:// comes the number of a descriptor"},
};

int address_flaw_code(enum address_flaw flaw)
{
    return flaws[flaw].code;
}

const char *address_flaw_text(enum address_flaw flaw)
{
    if (flaw == ADDRESS_SOUND || flaws[flaw].text != NULL)
        return flaws[flaw].text;
    return coir_error_text(flaws[flaw].code);
}

const char *address_split(const char *uri, size_t *ret_scheme_size)
{
    size_t size = strspn(uri, "abcdefghijklmnopqrstuvwxyz0123456789+-.");

    if (size == 0 || strncmp(uri + size, "://", 3) != 0)
        return NULL;
    *ret_scheme_size = size;
    return uri + size + 3;
}

/* A decimal number up to `max`, digits alone; -1 if the text is none. */
static int64_t parse_number(const char *text, uint32_t max)
{
    int64_t number = 0;

    if (*text == '\0')
        return -1;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        number = number * 10 + (*text - '0');
        if (number > max)
            return -1;
    }
    return number;
}

/* An IPv6 address with, perhaps, "%" and the number of an interface. */
static enum address_flaw parse_ip6(char *host, uint16_t port, struct address *address)
{
    char *zone = strchr(host, '%');
    int64_t interface = 0;

    if (zone != NULL) {
        *zone = '\0';
        interface = parse_number(zone + 1, INT32_MAX);
        if (interface <= 0)
            return ADDRESS_INTERFACE;
    }
    address->ip6 =
        (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = (uint32_t)interface};
    address->size = sizeof(address->ip6);
    return inet_pton(AF_INET6, host, &address->ip6.sin6_addr) == 1 ? ADDRESS_SOUND : ADDRESS_IP6;
}

static bool is_host_name(const char *host)
{
    size_t size = strlen(host);

    return strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == size &&
           strspn(host, "0123456789.") != size;
}

static enum address_flaw parse_ip4(const char *host, uint16_t port, struct address *address)
{
    address->ip4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    address->size = sizeof(address->ip4);
    if (inet_pton(AF_INET, host, &address->ip4.sin_addr) == 1)
        return ADDRESS_SOUND;
    return is_host_name(host) ? ADDRESS_NAME : ADDRESS_IP4;
}

static enum address_flaw parse_host(char *host, uint16_t port, struct address *address)
{
    size_t size = strlen(host);
    char every[] = "::";

    address->every = size == 0;
    if (size == 0)
        return parse_ip6(every, port, address);
    if (host[0] == '[' && host[size - 1] == ']') {
        host[size - 1] = '\0';
        return parse_ip6(host + 1, port, address);
    }
    return strpbrk(host, ":[]") != NULL ? ADDRESS_NO_BRACKETS : parse_ip4(host, port, address);
}

enum address_flaw address_parse_ip(const char *text, struct address *ret_address)
{
    const char *colon = strrchr(text, ':');
    struct address address = {.size = 0};
    enum address_flaw flaw;
    char host[256];
    int64_t port;

    if (colon == NULL || colon[1] == '\0' || strchr(colon, ']') != NULL)
        return ADDRESS_NO_PORT;
    port = parse_number(colon + 1, 65535);
    if (port < 0)
        return ADDRESS_PORT;
    if ((size_t)(colon - text) >= sizeof(host))
        return ADDRESS_IP4;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    flaw = parse_host(host, (uint16_t)port, &address);
    if (flaw == ADDRESS_SOUND)
        *ret_address = address;
    return flaw;
}

enum address_flaw address_parse_local(const char *text, struct address *ret_address)
{
    struct address address = {.local = {.sun_family = AF_UNIX}};
    size_t size = strlen(text);

    if ((text[0] != '/' && text[0] != '@') || size < 2)
        return ADDRESS_PATH;
    if (size >= sizeof(address.local.sun_path))
        return ADDRESS_LONG_PATH;
    memcpy(address.local.sun_path, text, size);
    address.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    if (text[0] == '@')
        address.local.sun_path[0] = '\0'; /* the abstract name is all bytes of the given size */
    else
        address.size++;
    *ret_address = address;
    return ADDRESS_SOUND;
}

enum address_flaw address_parse_descriptor(const char *text, int *ret_fd)
{
    int64_t fd = parse_number(text, INT32_MAX);

    if (fd < 0)
        return ADDRESS_DESCRIPTOR;
    *ret_fd = (int)fd;
    return ADDRESS_SOUND;
}

bool address_is_every(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return address->ip4.sin_addr.s_addr == htonl(INADDR_ANY);
    return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->ip6.sin6_addr);
}

static void print_ip4(const char *scheme, const struct in_addr *host, uint16_t port, char *text)
{
    char digits[HOST_SIZE];

    snprintf(text, COIR_ADDRESS_SIZE, "%s://%s:%u", scheme, inet_ntop(AF_INET, host, digits, sizeof(digits)),
             ntohs(port));
}

static void print_ip6(const char *scheme, const struct sockaddr_in6 *address, char *text)
{
    char digits[HOST_SIZE];
    char zone[16] = "";
    struct in_addr mapped;

    if (IN6_IS_ADDR_V4MAPPED(&address->sin6_addr)) {
        memcpy(&mapped, &address->sin6_addr.s6_addr[12], sizeof(mapped));
        print_ip4(scheme, &mapped, address->sin6_port, text);
        return;
    }
    if (address->sin6_scope_id != 0)
        snprintf(zone, sizeof(zone), "%%%u", address->sin6_scope_id);
    snprintf(text, COIR_ADDRESS_SIZE, "%s://[%s%s]:%u", scheme,
             inet_ntop(AF_INET6, &address->sin6_addr, digits, sizeof(digits)), zone, ntohs(address->sin6_port));
}

/* The kernel zeroes what it leaves of sun_path here, as the caller had zeroed it before asking. */
static void print_local(const struct sockaddr_un *address, char *text)
{
    size_t size = sizeof(address->sun_path);

    if (address->sun_path[0] == '\0')
        snprintf(text, COIR_ADDRESS_SIZE, "unix://%s%.*s", address->sun_path[1] != '\0' ? "@" : "", (int)size - 1,
                 address->sun_path + 1);
    else
        snprintf(text, COIR_ADDRESS_SIZE, "unix://%.*s", (int)size, address->sun_path);
}

void address_print(const char *scheme, const struct sockaddr_storage *address, char ret_text[COIR_ADDRESS_SIZE])
{
    ret_text[0] = '\0';
    switch (address->ss_family) {
    case AF_INET: {
        const struct sockaddr_in *ip4 = (const struct sockaddr_in *)address;

        print_ip4(scheme, &ip4->sin_addr, ip4->sin_port, ret_text);
        break;
    }
    case AF_INET6:
        print_ip6(scheme, (const struct sockaddr_in6 *)address, ret_text);
        break;
    case AF_UNIX:
        print_local((const struct sockaddr_un *)address, ret_text);
        break;
    default:
        break;
    }
}

socklen_t address_size(const struct sockaddr_storage *address)
{
    const struct sockaddr_un *local = (const struct sockaddr_un *)address;

    switch (address->ss_family) {
    case AF_INET:
        return sizeof(struct sockaddr_in);
    case AF_INET6:
        return sizeof(struct sockaddr_in6);
    case AF_UNIX:
        if (local->sun_path[0] != '\0')
            return (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                               strnlen(local->sun_path, sizeof(local->sun_path) - 1) + 1);
        if (local->sun_path[1] != '\0')
            return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                               strnlen(local->sun_path + 1, sizeof(local->sun_path) - 1));
        return 0;
    default:
        return 0;
    }
}
