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

const char *address_split(const char *uri, size_t *ret_scheme_size)
{
    size_t size = strspn(uri, "abcdefghijklmnopqrstuvwxyz0123456789+-.");

    if (size == 0 || strncmp(uri + size, "://", 3) != 0)
        return NULL;
    *ret_scheme_size = size;
    return uri + size + 3;
}

/* A decimal number up to `max`, digits alone; -1 if the text is none. */
static long parse_number(const char *text, long max)
{
    long number = 0;

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
static int parse_ip6(char *host, uint16_t port, struct address *address)
{
    char *zone = strchr(host, '%');
    long interface = 0;

    if (zone != NULL) {
        *zone = '\0';
        interface = parse_number(zone + 1, INT32_MAX);
        if (interface <= 0)
            return COIR_ERROR_ADDRESS;
    }
    address->ip6 =
        (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = (uint32_t)interface};
    address->size = sizeof(address->ip6);
    return inet_pton(AF_INET6, host, &address->ip6.sin6_addr) == 1 ? 0 : COIR_ERROR_ADDRESS;
}

static bool is_host_name(const char *host)
{
    size_t size = strlen(host);

    return strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == size &&
           strspn(host, "0123456789.") != size;
}

static int parse_ip4(const char *host, uint16_t port, struct address *address)
{
    address->ip4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    address->size = sizeof(address->ip4);
    if (inet_pton(AF_INET, host, &address->ip4.sin_addr) == 1)
        return 0;
    return is_host_name(host) ? COIR_ERROR_HOST_NAME : COIR_ERROR_ADDRESS;
}

static int parse_host(char *host, uint16_t port, struct address *address)
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
    return parse_ip4(host, port, address);
}

int address_parse_ip(const char *text, struct address *ret_address)
{
    const char *colon = strrchr(text, ':');
    struct address address = {.size = 0};
    char host[256];
    long port;
    int rc;

    if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
        return COIR_ERROR_ADDRESS;
    port = parse_number(colon + 1, 65535);
    if (port < 0)
        return COIR_ERROR_ADDRESS;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    rc = parse_host(host, (uint16_t)port, &address);
    if (rc == 0)
        *ret_address = address;
    return rc;
}

int address_parse_local(const char *text, struct address *ret_address)
{
    struct address address = {.local = {.sun_family = AF_UNIX}};
    size_t size = strlen(text);

    if ((text[0] != '/' && text[0] != '@') || size < 2)
        return COIR_ERROR_ADDRESS;
    if (size >= sizeof(address.local.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.local.sun_path, text, size);
    address.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    if (text[0] == '@')
        address.local.sun_path[0] = '\0'; /* the abstract name is all bytes of the given size */
    else
        address.size++;
    *ret_address = address;
    return 0;
}

int address_parse_descriptor(const char *text)
{
    long fd = parse_number(text, INT32_MAX);

    return fd < 0 ? COIR_ERROR_ADDRESS : (int)fd;
}

bool address_is_every(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return address->ip4.sin_addr.s_addr == htonl(INADDR_ANY);
    return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->ip6.sin6_addr);
}

static void print_ip4(const struct in_addr *host, uint16_t port, char *text)
{
    char digits[HOST_SIZE];

    snprintf(text, COIR_ADDRESS_SIZE, "tcp://%s:%u", inet_ntop(AF_INET, host, digits, sizeof(digits)), ntohs(port));
}

static void print_ip6(const struct sockaddr_in6 *address, char *text)
{
    char digits[HOST_SIZE];
    char zone[16] = "";
    struct in_addr mapped;

    if (IN6_IS_ADDR_V4MAPPED(&address->sin6_addr)) {
        memcpy(&mapped, &address->sin6_addr.s6_addr[12], sizeof(mapped));
        print_ip4(&mapped, address->sin6_port, text);
        return;
    }
    if (address->sin6_scope_id != 0)
        snprintf(zone, sizeof(zone), "%%%u", address->sin6_scope_id);
    snprintf(text, COIR_ADDRESS_SIZE, "tcp://[%s%s]:%u",
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

void address_print(const struct sockaddr_storage *address, char ret_text[COIR_ADDRESS_SIZE])
{
    ret_text[0] = '\0';
    switch (address->ss_family) {
    case AF_INET: {
        const struct sockaddr_in *ip4 = (const struct sockaddr_in *)address;

        print_ip4(&ip4->sin_addr, ip4->sin_port, ret_text);
        break;
    }
    case AF_INET6:
        print_ip6((const struct sockaddr_in6 *)address, ret_text);
        break;
    case AF_UNIX:
        print_local((const struct sockaddr_un *)address, ret_text);
        break;
    default:
        break;
    }
}
