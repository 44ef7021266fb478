/* SPDX-License-Identifier: MIT
 *
 * Bytes that came from outside, as text: a path may hold any.
 */
#ifndef PROGRAMS_LOAD_RESULT_TEXT_H
#define PROGRAMS_LOAD_RESULT_TEXT_H

#include <stddef.h>

/** How many bytes the character at `text` has in UTF-8 (RFC 3629); 0 = these are no character, or the text ends. */
size_t text_character_size(const char *text);

/** Puts a '?' in the place of each byte that belongs to no character. */
void text_make_valid(char *text);

#endif
