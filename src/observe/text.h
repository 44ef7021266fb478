/* SPDX-License-Identifier: MIT
 *
 * A line of text in a buffer of its own: usable in signal handlers, where
 * printf is not.
 */
#ifndef OBSERVE_TEXT_H
#define OBSERVE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
    size_t size;
    char bytes[512]; /* what does not fit is cut off */
};

void text_add(struct text *text, const char *words);
void text_add_number(struct text *text, uint64_t number);

/** Writes the text to standard error and empties it. */
void text_flush(struct text *text);

#endif
