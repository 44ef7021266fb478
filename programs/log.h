/* SPDX-License-Identifier: MIT
 *
 * A log: one line per event, through a writer, so that logging makes nobody
 * wait.
 *
 *     2026-11-23T21:00:00.123Z opened tcp 127.0.0.1:4242
 *
 * An event has a *kind*, the line's second word. Of each kind so many lines are
 * written in a second; what is more is counted, and once that second is over a
 * line says "suppressed 1234 lines of 'reset'". Whatever is not printable ASCII
 * is written as \xNN, a backslash as \\: no event can look like two.
 *
 * Any thread may call these; a NULL log ignores every call.
 */
#ifndef PROGRAMS_LOG_H
#define PROGRAMS_LOG_H

#include "writer.h"
#include <coir/types.h>
#include <stdarg.h>

#define LOG_KINDS_MAX 32
/** What is longer is cut, and ends with "...". */
#define LOG_MESSAGE_MAX 1000

struct log;

struct log_options {
    const char *const *kinds; /* their names, by number; must outlive the log */
    size_t kind_count;        /* 1 to LOG_KINDS_MAX */
    uint32_t lines_a_second;  /* of one kind; 0 = 100 */
};

/**
 * Starts a log that writes to `writer`.
 *
 * Returns: 0 and the log.
 * Errors:  -EINVAL no kind, or too many; -ENOMEM.
 * Owns:    the caller, who closes the log and then the writer.
 */
COIR_MUST_USE int log_open(struct writer *writer, const struct log_options *options, struct log **ret_log);

/**
 * Writes a line, unless there were too many of this kind.
 *
 * Shape: `kind` is below `kind_count`; the text has no newline at its end.
 */
void log_line(struct log *log, size_t kind, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** The same, for who has taken the values himself. */
void log_values(struct log *log, size_t kind, const char *format, va_list values) __attribute__((format(printf, 3, 0)));

/** Writes the lines about suppressed ones that are due. log_line() does so, too; this is for when nothing happens. */
void log_settle(struct log *log);

/** Tells of what is suppressed still, and ends the log. */
void log_close(struct log *log);

#endif
