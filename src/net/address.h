/* SPDX-License-Identifier: MIT
 *
 * Addresses: from and to text. Pure: nothing here asks the system.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <coir/types.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
        struct sockaddr_un local;
        struct sockaddr_storage storage;
    };
    socklen_t size;
    bool every; /* the host was empty: every address of this host */
};

/** What may be wrong with the text of an address. */
enum address_flaw {
    ADDRESS_SOUND,
    ADDRESS_SCHEME, /* none, or nobody knows it */
    ADDRESS_NO_PORT,
    ADDRESS_PORT,
    ADDRESS_NO_BRACKETS,
    ADDRESS_IP4,
    ADDRESS_IP6,
    ADDRESS_INTERFACE,
    ADDRESS_NAME,
    ADDRESS_PATH,
    ADDRESS_LONG_PATH,
    ADDRESS_DESCRIPTOR,
};

/** What a call returns because of it: 0, COIR_ERROR_ADDRESS, COIR_ERROR_HOST_NAME or -ENAMETOOLONG. */
int address_flaw_code(enum address_flaw flaw);

/** What to tell the user: static text; NULL for ADDRESS_SOUND. */
const char *address_flaw_text(enum address_flaw flaw);

/** The part of `uri` behind "scheme://", and the scheme's length; NULL if it is no such text. */
const char *address_split(const char *uri, size_t *ret_scheme_size);

/** Reads "127.0.0.1:7", "[::1]:7", "[fe80::1%2]:7" or ":7". */
enum address_flaw address_parse_ip(const char *text, struct address *ret_address);

/** Reads "/path" or "@abstract". */
enum address_flaw address_parse_local(const char *text, struct address *ret_address);

/** Reads a descriptor's number. */
enum address_flaw address_parse_descriptor(const char *text, int *ret_fd);

/** True if the host part is 0.0.0.0 or [::], written out or empty. */
bool address_is_every(const struct address *address);

/** The size of what getsockname(2) has put into zeroed memory; 0 where it is no address, or a Unix socket's without a
 * name. */
socklen_t address_size(const struct sockaddr_storage *address);

/** Writes the address as a URI, of `scheme` if it is no Unix one; "" where it is none. IPv4 mapped into IPv6 prints as
 * IPv4. */
void address_print(const char *scheme, const struct sockaddr_storage *address, char ret_text[COIR_ADDRESS_SIZE]);

#endif
