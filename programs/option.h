/* SPDX-License-Identifier: MIT
 *
 * Options of a subcommand, as getopt_long() reads them: their names, what is
 * wrong with one, and the values that several subcommands take. Each function
 * that finds something wrong says it on standard error, and returns false.
 */
#ifndef PROGRAMS_OPTION_H
#define PROGRAMS_OPTION_H

#include <coir/run.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

/** The first code of an option: beyond any character, which getopt_long() has its own use for. */
#define OPTION_CODE_MIN 256

/** The options of one subcommand. */
struct option_table {
    const char *command; /* "echo" */
    const struct option *known;
};

/** An option's name, without the dashes. */
const char *option_name(const struct option_table *table, int code);

/** Judges an option's value: says what the flaw is, if there is one. Returns whether there is none. */
bool option_judge(const struct option_table *table, int code, const char *value, const char *flaw);

/** Says what getopt_long() found wrong with the argument `word`, having returned `code`: ':' or '?'. Returns false. */
bool option_refuse(const struct option_table *table, int code, const char *word);

/** A number of things, from 1 to `max`. */
bool option_take_count(const struct option_table *table, int code, const char *value, uint64_t max,
                       uint64_t *ret_count);

/** The name of an engine. */
bool option_take_engine(const struct option_table *table, int code, const char *value, enum coir_engine *ret_engine);

#endif
