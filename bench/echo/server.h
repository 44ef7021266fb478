/* SPDX-License-Identifier: MIT
 *
 * The server process: this program started again as `--serve NAME`. It is told
 * what to do on its standard input, one letter each, and answers in lines on
 * its standard output, so it can be tried by hand and run under strace or
 * Valgrind:
 *
 *   (at start)   "ready PORT"
 *   c            "counts RECEIVES SENDS": system calls on sessions since start
 *   q, the end   it leaves
 */
#ifndef BENCH_ECHO_SERVER_H
#define BENCH_ECHO_SERVER_H

#include <stdint.h>

#define SERVER_COUNT_CALLS 'c'
#define SERVER_LEAVE 'q'

/** True if this process was started to be a server. */
int server_wanted(int argc, char **argv);

/** Serves until told to leave. Returns the exit code. */
int server_main(char **argv);

/** The state machine that everything is compared with. 0 or -1. */
int serve_baseline(void);

/** Straight-line sessions on `engine`: "auto", "epoll" or "poll". 0 or -1. */
int serve_coir(const char *engine);

/** Answers on standard output. */
void server_say_ready(uint16_t port);
void server_say_counts(uint64_t receives, uint64_t sends);

/** Takes the next letter of standard input, which must be readable; its end counts as SERVER_LEAVE. */
char server_next_command(void);

#endif
