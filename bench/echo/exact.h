/* SPDX-License-Identifier: MIT
 *
 * Figures that noise cannot touch: user instructions (callgrind) and system
 * calls (strace) per message, as the difference of two runs of unequal length
 * divided by the difference in messages. What start and end cost cancels out.
 */
#ifndef BENCH_ECHO_EXACT_H
#define BENCH_ECHO_EXACT_H

#include "measure.h"

/** Prints user instructions per message of `server` and the baseline. Returns targets missed, or -1. */
int exact_report_instructions(const char *server, const struct cell *cell);

/** Prints the calls strace sees, beside what each server says itself. Returns disagreements, or -1. */
int exact_report_calls(const char *server, const struct cell *cell);

#endif
