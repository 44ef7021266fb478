/* SPDX-License-Identifier: MIT
 *
 * The addresses that a load connects from: a range, since the ports of one
 * address run out after some 28,000 connections to one server.
 */
#ifndef PROGRAMS_LOAD_SOURCES_H
#define PROGRAMS_LOAD_SOURCES_H

#include <coir/types.h>
#include <stdbool.h>

struct sources {
    uint64_t count; /* 0 = whatever the kernel picks */
    int family;     /* AF_INET or AF_INET6 */
    unsigned char first[16];
};

/**
 * Reads "127.0.0.1-127.0.0.8", "fd00::1-fd00::9" or one address.
 *
 * Returns: NULL; or what is wrong with it, in a clause, static text.
 */
const char *sources_read(const char *word, struct sources *ret_sources);

/** True if the address that connection `number` comes from is one of this host. */
bool sources_are_here(const struct sources *sources, uint64_t number);

/** Writes the address that connection `number` comes from, in turn, with port 0: "tcp://127.0.0.3:0". There is one. */
void sources_print(const struct sources *sources, uint64_t number, const char *scheme, char ret_uri[COIR_ADDRESS_SIZE]);

#endif
