/* SPDX-License-Identifier: MIT
 *
 * The command line of `coir echo`.
 */
#ifndef PROGRAMS_ECHO_OPTIONS_H
#define PROGRAMS_ECHO_OPTIONS_H

#include "privilege.h"
#include <coir/run.h>
#include <stdbool.h>
#include <stddef.h>

#define ECHO_DOORS_MAX 64

/** What a command line asks for. */
enum echo_request { ECHO_SERVE, ECHO_HELP, ECHO_VERSION };

struct echo_options {
    enum echo_request request;
    const char *uris[ECHO_DOORS_MAX]; /* where to serve: the command line's, or the defaults */
    size_t uri_count;
    bool has_listen; /* the command line says where */
    bool free_bind;  /* also on addresses that this host does not have yet */
    enum coir_engine engine;
    uint64_t max_sessions;   /* 0 = as many as there may be descriptors */
    uint64_t max_per_source; /* 0 = no limit */
    uint64_t memory;         /* bytes in buffers; 0 = no limit */
    bool shed_idle;
    coir_time idle_timeout; /* COIR_FOREVER = off; so are all that follow */
    coir_time stall_timeout;
    coir_time drain_quiet;
    coir_time drain_timeout;
    coir_time stats;            /* interval; COIR_FOREVER = no statistics */
    const char *log;            /* file; NULL = none */
    const char *user_name;      /* NULL = stay who we are */
    struct privilege_user user; /* whom to become once every door is open */
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
