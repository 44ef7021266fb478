/* SPDX-License-Identifier: MIT
 *
 * How subcommands talk: see command.h.
 */
#include "command.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void command_complain(const char *command, const char *format, ...)
{
    char text[512];
    va_list values;

    va_start(values, format);
    vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    /* In one piece, so that lines of several processes on one terminal do not mix. */
    fprintf(stderr, "coir%s%s: %s\n", command != NULL ? " " : "", command != NULL ? command : "", text);
}

int command_print(const char *format, ...)
{
    va_list values;
    int written;

    va_start(values, format);
    written = vprintf(format, values);
    va_end(values);
    if (written >= 0 && fflush(stdout) == 0)
        return COMMAND_DONE;
    command_complain(NULL, "cannot write to standard output: %s", strerror(errno));
    return COMMAND_FAILED;
}
