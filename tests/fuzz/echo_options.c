/* SPDX-License-Identifier: MIT
 *
 * The command line of `coir echo`, an argument a line. It is read, or refused
 * with a complaint; nothing else.
 */
#include "command.h"
#include "echo/options.h"
#include "fuzz/fuzz.h"
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#define ARGUMENTS_MAX 200

static unsigned complaints;

void __wrap_command_complain(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The linker puts this in the place of what would print it. */
void __wrap_command_complain(const char *command, const char *format, ...)
{
    static char text[512];
    va_list values;

    (void)command;
    va_start(values, format);
    vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    CHECK(text[0] != '\0');
    complaints++;
}

/* Each line becomes an argument in memory of its own; how many there are, with the command's name. */
static int split(const uint8_t *bytes, size_t size, char *arguments[ARGUMENTS_MAX + 2])
{
    int count = 0;
    size_t at = 0;

    arguments[count++] = strdup("echo");
    while (at < size && count <= ARGUMENTS_MAX) {
        const uint8_t *end = memchr(bytes + at, '\n', size - at);
        size_t length = end != NULL ? (size_t)(end - bytes) - at : size - at;

        arguments[count++] = strndup((const char *)bytes + at, length);
        at += length + 1;
    }
    arguments[count] = NULL;
    return count;
}

/* What the server relies on. */
static void check_options(const struct echo_options *options, size_t size)
{
    const coir_time times[] = {options->idle_timeout, options->stall_timeout, options->drain_quiet,
                               options->drain_timeout, options->stats};

    CHECK(options->uri_count >= 1 && options->uri_count <= ECHO_DOORS_MAX);
    for (size_t i = 0; options->has_listen && i < options->uri_count; i++)
        CHECK(strlen(options->uris[i]) <= size);
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        CHECK(times[i] > 0);
    CHECK(options->max_sessions <= UINT32_MAX && options->max_per_source <= UINT32_MAX);
    CHECK(options->engine == COIR_ENGINE_AUTO || options->engine == COIR_ENGINE_EPOLL ||
          options->engine == COIR_ENGINE_POLL);
    CHECK(options->log == NULL || strlen(options->log) <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *arguments[ARGUMENTS_MAX + 2];
    int count = split(bytes, size, arguments);
    struct echo_options options;

    complaints = 0;
    optind = 0; /* glibc: begin anew, and forget where the last line was left */
    if (echo_options_read(count, arguments, &options)) {
        CHECK(complaints == 0);
        check_options(&options, size);
    } else {
        CHECK(complaints == 1);
    }
    for (int i = 0; i < count; i++)
        free(arguments[i]);
    return 0;
}
