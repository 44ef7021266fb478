/* SPDX-License-Identifier: MIT
 *
 * A line of text: see text.h.
 */
#include "observe/text.h"
#include "kernel/kernel.h"
#include <string.h>
#include <unistd.h>

static void add_bytes(struct text *text, const char *bytes, size_t size)
{
    size_t room = sizeof(text->bytes) - text->size;

    if (size > room)
        size = room;
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

void text_add(struct text *text, const char *words)
{
    add_bytes(text, words, strlen(words));
}

void text_add_number(struct text *text, uint64_t number)
{
    char digits[20];
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add_bytes(text, digits + first, sizeof(digits) - first);
}

void text_flush(struct text *text)
{
    (void)kernel_write(STDERR_FILENO, text->bytes, text->size); /* nobody is left to tell if this fails */
    text->size = 0;
}
