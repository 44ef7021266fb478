/* SPDX-License-Identifier: MIT
 *
 * A result in a few lines of text, for people at a terminal.
 */
#ifndef PROGRAMS_LOAD_RESULT_SUMMARY_H
#define PROGRAMS_LOAD_RESULT_SUMMARY_H

#include "load/result/result.h"
#include <stdio.h>

/** Prints what was asked for, what came of it, and what went wrong. */
void summary_print(FILE *file, const struct load_result *result);

#endif
