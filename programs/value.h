/* SPDX-License-Identifier: MIT
 *
 * Values as people write them: durations ("1.5s"), sizes ("64K"), counts; and
 * the other way round, for messages. What value_print_...() writes,
 * value_read_...() reads back as the same value.
 *
 * Each reader takes the whole word or refuses it, and never rounds: it returns
 * NULL, or what is wrong with the word in a clause for a message, static text.
 * No locale matters here.
 */
#ifndef PROGRAMS_VALUE_H
#define PROGRAMS_VALUE_H

#include <coir/types.h>

/** Room for any value in print, its terminating zero included. */
#define VALUE_TEXT_SIZE 40

/**
 * Reads "200ms", "1.5s", "2m"; the units are ns, us, ms, s, m and h, and never
 * left out. With `may_be_off` "off" is COIR_FOREVER, which no number is.
 */
const char *value_read_duration(const char *word, bool may_be_off, coir_time *ret_duration_ns);

/** Reads bytes: "512", "64K", "1.5G"; K, M, G and T multiply by 1024 each. */
const char *value_read_size(const char *word, uint64_t *ret_size_bytes);

/** Reads a number of things, digits alone. */
const char *value_read_count(const char *word, uint64_t *ret_count);

/** Writes a duration >= 0 as "1.5s"; COIR_FOREVER is "off". */
void value_print_duration(coir_time duration_ns, char ret_text[VALUE_TEXT_SIZE]);

/** Writes a size as "64K", or as plain bytes where no unit divides it. */
void value_print_size(uint64_t size_bytes, char ret_text[VALUE_TEXT_SIZE]);

/**
 * Writes a moment of CLOCK_REALTIME in UTC: "2026-11-23T21:00:00.123Z" (RFC 3339).
 *
 * Shape: from 1970 to the end of 9999; what is outside is written as that end.
 */
void value_print_moment(int64_t seconds, long nanoseconds, char ret_text[VALUE_TEXT_SIZE]);

#endif
