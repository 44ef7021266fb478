/* SPDX-License-Identifier: MIT
 *
 * What page.c puts together: charts and tables of one result, or of two that
 * are compared. The classes "a" and "b" have the colours of the first and the second.
 */
#ifndef PROGRAMS_LOAD_PAGE_PARTS_H
#define PROGRAMS_LOAD_PAGE_PARTS_H

#include "load/result/result.h"
#include <stdio.h>

#define PAGE_RESULTS_MAX 2

struct page {
    FILE *file;
    size_t count; /* of results: 1 or 2 */
    const struct load_result *results[PAGE_RESULTS_MAX];
    const char *names[PAGE_RESULTS_MAX];
};

/** "a" or "b". */
static inline char page_class(size_t index)
{
    return (char)('a' + index);
}

/** The most important figures, large. */
void page_write_tiles(const struct page *page);

/** Everything that was measured; what went wrong; how it was set. */
void page_write_results(const struct page *page);
void page_write_errors(const struct page *page);
void page_write_settings(const struct page *page);

/** What is not set alike in two results, in words; writes nothing where there is nothing. */
void page_write_differences(const struct page *page);

/** Which colour is whose; nothing where there is one result. */
void page_write_legend(const struct page *page);

void page_write_distribution(const struct page *page);
void page_write_percentiles(const struct page *page);
void page_write_throughput(const struct page *page);
void page_write_worst(const struct page *page);

#endif
