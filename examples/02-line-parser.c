/* SPDX-License-Identifier: MIT
 *
 * A parser that is fed byte by byte, wherever the bytes come from, and is
 * written as if it could read: loops and local variables in place of a state
 * machine. Teaches values that go both ways: each resume passes a byte in,
 * each yield a result out.
 *
 * The language: lines of `key = value`; blank lines and # comments are skipped.
 */
#include <coir/coroutine.h>
#include <coir/error.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TEXT_SIZE 32

/* What a yield hands out: NULL while a line is not complete. */
struct entry {
    char key[TEXT_SIZE];
    char value[TEXT_SIZE];
    const char *error; /* NULL = none */
};

/* The parser's way to read: gives `entry` out, waits for the next byte. */
static char next_byte(struct coir_coroutine *self, struct entry *entry)
{
    return (char)(intptr_t)coir_coroutine_yield(self, entry);
}

static char skip_spaces(struct coir_coroutine *self, char byte)
{
    while (byte == ' ')
        byte = next_byte(self, NULL);
    return byte;
}

/* Reads up to, not with, a byte of `ends`; returns that byte, or '\0' if the text does not fit. */
static char read_text(struct coir_coroutine *self, char byte, const char *ends, char *ret_text)
{
    size_t size = 0;

    while (strchr(ends, byte) == NULL) {
        if (size == TEXT_SIZE - 1)
            return '\0';
        ret_text[size++] = byte;
        byte = next_byte(self, NULL);
    }
    ret_text[size] = '\0';
    return byte;
}

/* Reads the line that begins with `byte`; returns its last byte. */
static char read_entry(struct coir_coroutine *self, char byte, struct entry *ret_entry)
{
    memset(ret_entry, 0, sizeof *ret_entry);
    byte = skip_spaces(self, read_text(self, byte, " =\n", ret_entry->key));
    if (byte != '=') {
        ret_entry->error = byte == '\0' ? "key too long" : "no '=' after the key";
        return byte;
    }
    byte = read_text(self, skip_spaces(self, next_byte(self, NULL)), "\n", ret_entry->value);
    if (byte == '\0')
        ret_entry->error = "value too long";
    return byte;
}

static void *parse(struct coir_coroutine *self, void *value, void *arg)
{
    struct entry entry;
    char byte = (char)(intptr_t)value; /* the first resume's byte comes as an argument */

    (void)arg;
    for (;;) {
        struct entry *found = NULL;

        byte = skip_spaces(self, byte);
        if (byte != '\n' && byte != '#') {
            byte = read_entry(self, byte, &entry);
            found = &entry;
        }
        while (byte != '\n') /* a comment, or the rest of a bad line */
            byte = next_byte(self, NULL);
        byte = next_byte(self, found);
    }
    return NULL;
}

static void print_entry(const struct entry *entry)
{
    if (entry->error != NULL)
        printf("error: %s\n", entry->error);
    else
        printf("%s -> %s\n", entry->key, entry->value);
}

int main(void)
{
    const char *input = "# where we listen\n"
                        "address = tcp://:7\n"
                        "\n"
                        "  backlog=4096\n"
                        "nonsense\n"
                        "a-key-that-goes-on-and-on-and-on-and-on = 1\n"
                        "name = echo server\n";
    struct coir_coroutine *parser;
    int rc = coir_coroutine_create(parse, NULL, NULL, &parser);

    if (rc < 0) {
        fprintf(stderr, "line-parser: %s\n", coir_error_text(rc));
        return 1;
    }
    for (const char *byte = input; *byte != '\0'; byte++) {
        const struct entry *entry = coir_coroutine_resume(parser, (void *)(intptr_t)*byte);

        if (entry != NULL)
            print_entry(entry);
    }
    coir_coroutine_destroy(parser); /* it waits for a byte that does not come */
    return 0;
}
