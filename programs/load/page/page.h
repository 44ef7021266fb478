/* SPDX-License-Identifier: MIT
 *
 * A result as a page of HTML that needs nothing else: no network, no script;
 * charts are drawn as SVG inside it. Two results give a page that compares them.
 */
#ifndef PROGRAMS_LOAD_PAGE_PAGE_H
#define PROGRAMS_LOAD_PAGE_PAGE_H

#include "load/result/result.h"
#include <stdio.h>

/**
 * Writes the page to `file`: the parameters, messages/s, MB/s, percentiles, the
 * latency distribution, throughput and worst latency over time, errors by kind,
 * processor time a message.
 *
 * Shape: `other` is what to compare with, the second of the two; NULL = nothing. The names are what the results are
 *        called there, such as the files' names.
 */
void page_write(FILE *file, const struct load_result *result, const char *name, const struct load_result *other,
                const char *other_name);

#endif
