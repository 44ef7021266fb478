/* SPDX-License-Identifier: MIT
 *
 * A command line of `coir load` that is being read: what options.c takes from it
 * word by word, options_check.c judges as a whole.
 */
#ifndef PROGRAMS_LOAD_OPTIONS_READING_H
#define PROGRAMS_LOAD_OPTIONS_READING_H

#include "load/options.h"
#include "option.h"

enum option_code {
    OPTION_URI = 1, /* as getopt_long() gives an argument that is no option */
    OPTION_CONNECTIONS = OPTION_CODE_MIN,
    OPTION_SIZE,
    OPTION_DEPTH,
    OPTION_DURATION,
    OPTION_WARMUP,
    OPTION_RAMP,
    OPTION_RATE,
    OPTION_CHURN,
    OPTION_IDLE,
    OPTION_HALF_CLOSE,
    OPTION_SOURCES,
    OPTION_PATIENCE,
    OPTION_JSON,
    OPTION_REPORT,
    OPTION_ENGINE,
    OPTION_QUIET,
    OPTION_MERGE,
    OPTION_COMPARE,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_END,
};

/** A command line that is being read. */
struct reading {
    struct load_options options;
    bool used[OPTION_END - OPTION_CONNECTIONS]; /* which options there are, by their codes */
};

/** All options, by the codes above. */
extern const struct option_table options_table;

/** Says what is wrong, and where to read on. Returns false. */
bool options_complain(const char *what);

/** Judges the whole, says what is wrong with it, and fills in what follows from other options. Returns false if it is
 * wrong. */
bool options_check(struct reading *reading);

#endif
