/* SPDX-License-Identifier: MIT
 *
 * Bytes that came from outside, as text: a path may hold any.
 */
#ifndef PROGRAMS_LOAD_RESULT_TEXT_H
#define PROGRAMS_LOAD_RESULT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/** How many bytes the character at `text` has in UTF-8 (RFC 3629); 0 = these are no character, or the text ends. */
size_t text_character_size(const char *text);

/** Bytes that do something to a terminal, rather than show. */
bool text_is_control(char byte);

/** Puts a '?' in the place of each byte that belongs to no character, and of each that is a control. */
void text_make_valid(char *text);

#endif
