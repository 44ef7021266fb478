/* SPDX-License-Identifier: MIT
 *
 * The command line of `coir load`.
 */
#ifndef PROGRAMS_LOAD_OPTIONS_H
#define PROGRAMS_LOAD_OPTIONS_H

#include "load/result/result.h"
#include "load/sources.h"
#include <coir/run.h>

/** What a command line asks for. */
enum load_request { LOAD_RUN, LOAD_MERGE, LOAD_COMPARE, LOAD_HELP, LOAD_VERSION };

struct load_options {
    enum load_request request;
    struct load_settings settings;
    struct sources sources;
    enum coir_engine engine;
    const char *json;   /* file; "-" = standard output; NULL = none */
    const char *report; /* likewise */
    bool quiet;
    char **files; /* to merge or to compare */
    size_t file_count;
};

/**
 * Reads the command line, and says on standard error what is wrong with it.
 *
 * Returns: true; false if it is wrong.
 */
bool load_options_read(int count, char **arguments, struct load_options *ret_options);

/** The text of --help: fits 80 columns and 24 lines. */
const char *load_options_help(void);

/** True if the URI is one of datagrams: "udp://..." or "unixgram://...". */
bool load_options_is_datagram(const char *uri);

#endif
