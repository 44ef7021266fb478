/* SPDX-License-Identifier: MIT
 *
 * The line of `--stats`: what a program's counters say, now and per second.
 *
 *     12,345 sessions  1.20 M messages/s  80.1 MB/s
 *
 * It goes out through a writer: on a terminal as the status below all lines,
 * cut to its width; elsewhere as lines that begin with the time, as a log's do.
 * meter_format() and the numbers are pure.
 */
#ifndef PROGRAMS_METER_H
#define PROGRAMS_METER_H

#include "writer.h"
#include <coir/types.h>

#define METER_COLUMNS_MAX 16
/** Room for a number with its prefix, its terminating zero included. */
#define METER_NUMBER_SIZE 40

/** What is shown of a counter. */
enum meter_kind {
    METER_LEVEL,    /* its value: "12,345 sessions" */
    METER_RATE,     /* how fast it grows: "1.20 M messages/s" */
    METER_BYTE_RATE /* likewise, of bytes: "80.1 MB/s", the name behind that */
};

struct meter_column {
    enum meter_kind kind;
    const char *name; /* "sessions"; "" is left out */
};

/** The last value of each column's counter; the caller fills these in. */
struct meter_values {
    uint64_t values[METER_COLUMNS_MAX];
};

/**
 * Writes the line: as many columns as `width` characters hold, the first one
 * at any rate, cut if need be. A counter that has shrunk grows at no rate.
 *
 * Shape:   `room` >= 1; `width` 0 means as wide as there is room.
 * Returns: the size of the text, which has a terminating zero.
 */
size_t meter_format(const struct meter_column *columns, size_t count, const struct meter_values *before,
                    const struct meter_values *now, coir_time elapsed_ns, size_t width, char *text, size_t room);

/** Writes "12,345". */
void meter_print_count(uint64_t count, char ret_text[METER_NUMBER_SIZE]);

/** Writes "1.20 M"; below 1,000 "0.3 " or "12 ", where a unit may follow the space, too. */
void meter_print_rate(double rate, char ret_text[METER_NUMBER_SIZE]);

struct meter;

/**
 * Starts a meter.
 *
 * Shape:   `columns` must outlive it; at most METER_COLUMNS_MAX.
 * Returns: 0 and the meter.
 * Errors:  -EINVAL no column, or too many; -ENOMEM.
 * Owns:    the caller, who closes the meter and then the writer.
 */
COIR_MUST_USE int meter_open(struct writer *writer, const struct meter_column *columns, size_t count,
                             const struct meter_values *values, struct meter **ret_meter);

/** Shows the counters, and how they have grown since the last time. */
void meter_update(struct meter *meter, const struct meter_values *values);

/** Ends the meter; what was shown last stays. NULL is ignored. */
void meter_close(struct meter *meter);

#endif
