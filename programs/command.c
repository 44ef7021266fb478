/* SPDX-License-Identifier: MIT
 *
 * How subcommands talk: see command.h.
 */
#include "command.h"
#include <coir/error.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

static const char *const engine_names[] = {
    [COIR_ENGINE_AUTO] = "auto", [COIR_ENGINE_EPOLL] = "epoll", [COIR_ENGINE_POLL] = "poll"};

bool command_find_engine(const char *name, enum coir_engine *ret_engine)
{
    for (size_t i = 0; i < sizeof(engine_names) / sizeof(engine_names[0]); i++) {
        if (strcmp(name, engine_names[i]) != 0)
            continue;
        *ret_engine = (enum coir_engine)i;
        return true;
    }
    return false;
}

void command_complain_of_run(const char *command, enum coir_engine engine, int rc)
{
    const char *chosen = getenv("COIR_ENGINE");

    if (rc == -EINVAL && engine == COIR_ENGINE_AUTO && chosen != NULL)
        command_complain(command, "COIR_ENGINE=%s in the environment names no engine: unset it, or use epoll or poll",
                         chosen);
    else
        command_complain(command, "cannot run on engine '%s': %s", engine_names[engine], coir_error_text(rc));
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
