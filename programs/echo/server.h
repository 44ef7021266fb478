/* SPDX-License-Identifier: MIT
 *
 * The running server: opens the doors, gives up what only that needed, serves
 * until a signal asks it to leave, and says what it has counted.
 */
#ifndef PROGRAMS_ECHO_SERVER_H
#define PROGRAMS_ECHO_SERVER_H

#include "options.h"
#include "supervisor.h"

/** Serves, and tells the supervisor. Returns 0 and an exit code, or why nothing can run here. */
int server_run(const struct echo_options *options, const struct supervisor *supervisor, int *ret_code);

#endif
