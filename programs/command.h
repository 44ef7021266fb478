/* SPDX-License-Identifier: MIT
 *
 * What the subcommands of `coir` share: their entries, their exit codes, and
 * how they talk. A new subcommand is a line in main.c and an entry here.
 */
#ifndef PROGRAMS_COMMAND_H
#define PROGRAMS_COMMAND_H

#include <coir/run.h>
#include <stdbool.h>

/** Exit codes of every subcommand; its --help and its man page repeat them. */
enum command_exit {
    COMMAND_DONE = 0,
    COMMAND_FAILED = 1,  /* it could not start, or had to stop */
    COMMAND_MISUSED = 2, /* the command line is wrong */
    COMMAND_CUT_OFF = 3, /* it had to end before everything was done */
    COMMAND_WRONG = 4    /* it found bytes that are wrong */
};

/**
 * `coir echo` and `coir load`: `arguments[0]` is the subcommand's own name.
 *
 * Returns: an exit code.
 */
int echo_main(int count, char **arguments);
int load_main(int count, char **arguments);

/**
 * Prints one line on standard error, as "coir echo: what".
 *
 * Shape: `command` is "echo"; NULL means `coir` itself.
 */
void command_complain(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Finds the engine of that name. Returns false: there is none. */
bool command_find_engine(const char *name, enum coir_engine *ret_engine);

/** Says why coir_run() could not start on that engine. */
void command_complain_of_run(const char *command, enum coir_engine engine, int rc);

/**
 * Prints what was asked for, such as a help text, on standard output.
 *
 * Returns: the exit code: it may be that nobody can take it.
 */
int command_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
