/* SPDX-License-Identifier: MIT
 *
 * UTF-8: see text.h.
 */
#include "load/result/text.h"
#include <stdint.h>

/* What a character of so many bytes begins with, and the least code that needs them. */
struct form {
    unsigned char mask;
    unsigned char lead;
    uint32_t least;
};

static const struct form forms[] = {
    {0x80, 0x00, 0x1},
    {0xe0, 0xc0, 0x80},
    {0xf0, 0xe0, 0x800},
    {0xf8, 0xf0, 0x10000},
};

#define FORM_COUNT (sizeof(forms) / sizeof(forms[0]))

size_t text_character_size(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    uint32_t code;
    size_t more = 0;

    while (more < FORM_COUNT && (bytes[0] & forms[more].mask) != forms[more].lead)
        more++;
    if (more == FORM_COUNT)
        return 0;
    code = bytes[0] & (unsigned char)~forms[more].mask;
    for (size_t i = 1; i <= more; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (bytes[i] & 0x3f);
    }
    if (code < forms[more].least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    return more + 1;
}

bool text_is_control(char byte)
{
    return (unsigned char)byte < 0x20 || byte == 0x7f;
}

void text_make_valid(char *text)
{
    while (*text != '\0') {
        size_t size = text_character_size(text);

        if (size == 0 || text_is_control(*text))
            *text = '?';
        text += size > 0 ? size : 1;
    }
}
