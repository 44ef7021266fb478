/* SPDX-License-Identifier: MIT
 *
 * `coir echo` of this build as a server to be measured: a process of its own,
 * pinned as the baseline is, with the options it has by default.
 */
#ifndef BENCH_STORM_COMMAND_H
#define BENCH_STORM_COMMAND_H

#include <stdint.h>
#include <sys/types.h>

struct command {
    pid_t pid;
    int errors; /* what it says */
    uint16_t port;
};

/** Starts it on `engine` ("auto", "epoll", "poll"). 0 or -1. */
int command_start(const char *engine, struct command *ret_command);

/** Ends it by SIGTERM, when nobody is connected any more. 0, or -1 if it did not end well. */
int command_stop(struct command *command);

#endif
