/* SPDX-License-Identifier: MIT
 *
 * What happens when an assertion fails: the reporter speaks, the program
 * aborts. Entry points: assert_fail(), assert_set_reporter().
 *
 * The plain report is put together without stdio and written with one
 * write(2): a failure may come from a small stack, from a signal handler or
 * with stdio's locks held, and lines of several processes must not mix.
 */
#include "base/assert.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void assert_reporter(const struct assert_site *site);

/* Process-wide: several schedulers share it. NULL: the plain line. */
static assert_reporter *current_reporter;

struct line {
    char bytes[512];
    size_t size;
};

/* Leaves room for the newline; what does not fit is cut off. */
static void append_text(struct line *line, const char *text)
{
    size_t room = sizeof(line->bytes) - 1 - line->size;
    size_t size = strlen(text);

    if (size > room)
        size = room;
    memcpy(line->bytes + line->size, text, size);
    line->size += size;
}

static void append_number(struct line *line, int number)
{
    char digits[12];
    size_t at = sizeof(digits) - 1;
    unsigned rest = number < 0 ? 0 : (unsigned)number;

    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    append_text(line, digits + at);
}

static void report_plainly(const struct assert_site *site)
{
    struct line line = {.size = 0};

    append_text(&line, "coir: misuse: ");
    append_text(&line, site->condition);
    append_text(&line, ", at ");
    append_text(&line, site->file);
    append_text(&line, ":");
    append_number(&line, site->line);
    append_text(&line, " in ");
    append_text(&line, site->function);
    line.bytes[line.size++] = '\n';
    if (write(STDERR_FILENO, line.bytes, line.size) < 0)
        return; /* nobody is left to be told */
}

void assert_set_reporter(assert_reporter *report)
{
    __atomic_store_n(&current_reporter, report, __ATOMIC_RELEASE);
}

void assert_fail(const char *condition, const char *file, int line, const char *function)
{
    struct assert_site site = {.condition = condition, .file = file, .line = line, .function = function};
    /* taken out first: an assertion that fails inside the reporter is reported plainly, not for ever */
    assert_reporter *report = __atomic_exchange_n(&current_reporter, NULL, __ATOMIC_ACQ_REL);

    if (report != NULL)
        report(&site);
    else
        report_plainly(&site);
    abort();
}
