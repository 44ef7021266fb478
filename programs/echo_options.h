/* SPDX-License-Identifier: MIT
 *
 * The command line of `coir echo`.
 */
#ifndef PROGRAMS_ECHO_OPTIONS_H
#define PROGRAMS_ECHO_OPTIONS_H

#include <coir/run.h>
#include <stdbool.h>
#include <stddef.h>

#define ECHO_LISTENERS_MAX 64

/** What a command line asks for. */
enum echo_request { ECHO_SERVE, ECHO_HELP, ECHO_VERSION };

struct echo_options {
    enum echo_request request;
    const char *uris[ECHO_LISTENERS_MAX]; /* the command line's */
    size_t uri_count;                     /* at least 1 */
    const char *engine_name;
    enum coir_engine engine;
    bool quiet;
};

/**
 * Reads the command line, and says on standard error what is wrong with it.
 *
 * Returns: true; false if it is wrong.
 */
bool echo_options_read(int count, char **arguments, struct echo_options *ret_options);

/** The text of --help: fits 80 columns and 24 lines. */
const char *echo_options_help(void);

#endif
