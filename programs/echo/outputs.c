/* SPDX-License-Identifier: MIT
 *
 * What `coir echo` writes while it serves: see outputs.h.
 */
#include "outputs.h"
#include "command.h"
#include <coir/error.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAYING_SIZE 512
/** How long a blocked standard error may hold up the server. */
#define PATIENCE_MS 50

static const char *const kinds[] = {"server",    "opened", "finished",  "reset",
                                    "timed-out", "shed",   "cancelled", "shortage"};

static const struct meter_column columns[] = {
    {METER_LEVEL, "sessions"},  {METER_RATE, "messages/s"}, {METER_BYTE_RATE, ""},      {METER_LEVEL, "accepted"},
    {METER_LEVEL, "finished"},  {METER_LEVEL, "reset"},     {METER_LEVEL, "timed out"}, {METER_LEVEL, "shed"},
    {METER_LEVEL, "cancelled"}, {METER_LEVEL, "empty"},     {METER_LEVEL, "refused"},   {METER_LEVEL, "lost"},
    {METER_LEVEL, "shortages"},
};
#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

static struct meter_values values_of(const struct echo_counters *counters)
{
    return (struct meter_values){{
        counters->live,
        counters->messages,
        counters->bytes,
        counters->accepted,
        counters->ended[ECHO_FINISHED],
        counters->ended[ECHO_RESET],
        counters->ended[ECHO_TIMED_OUT],
        counters->ended[ECHO_SHED],
        counters->ended[ECHO_CANCELLED],
        counters->empty,
        counters->datagrams_refused,
        counters->datagrams_lost,
        counters->shortages,
    }};
}

static int complain(const char *what, int rc)
{
    command_complain("echo", "cannot write to '%s': %s", what, coir_error_text(rc));
    return COMMAND_FAILED;
}

static int open_screen(struct outputs *outputs)
{
    int rc = outputs->screen != NULL ? 0 : writer_open("-", NULL, &outputs->screen);

    return rc < 0 ? complain("standard error", rc) : COMMAND_DONE;
}

static int open_log(struct outputs *outputs, const char *path)
{
    static const struct log_options options = {.kinds = kinds, .kind_count = sizeof(kinds) / sizeof(kinds[0])};
    int rc = 0;

    if (strcmp(path, "-") == 0) {
        if (open_screen(outputs) != COMMAND_DONE)
            return COMMAND_FAILED;
        outputs->file = outputs->screen;
    } else {
        rc = writer_open(path, NULL, &outputs->file);
    }
    if (rc == 0)
        rc = log_open(outputs->file, &options, &outputs->log);
    return rc < 0 ? complain(path, rc) : COMMAND_DONE;
}

static int open_meter(struct outputs *outputs)
{
    static const struct meter_values nothing;
    int rc;

    if (open_screen(outputs) != COMMAND_DONE)
        return COMMAND_FAILED;
    rc = meter_open(outputs->screen, columns, COLUMN_COUNT, &nothing, &outputs->meter);
    return rc < 0 ? complain("standard error", rc) : COMMAND_DONE;
}

int outputs_open(struct outputs *outputs, const struct echo_options *options)
{
    int result = COMMAND_DONE;

    *outputs = (struct outputs){.path = options->log, .quiet = options->quiet};
    if (options->stats != COIR_FOREVER)
        result = open_meter(outputs);
    if (result == COMMAND_DONE && options->log != NULL)
        result = open_log(outputs, options->log);
    if (result != COMMAND_DONE)
        outputs_close(outputs);
    return result;
}

/* What the screen itself loses cannot be said anywhere. */
static void close_file(struct outputs *outputs)
{
    uint64_t lost = writer_close(outputs->file, WRITER_CLOSE_NS);

    if (lost > 0)
        outputs_say(outputs, "coir echo: %" PRIu64 " lines of the log were lost: '%s' did not take them", lost,
                    outputs->path);
}

void outputs_close(struct outputs *outputs)
{
    meter_close(outputs->meter);
    if (outputs->log != NULL)
        log_close(outputs->log);
    if (outputs->file != outputs->screen)
        close_file(outputs);
    (void)writer_close(outputs->screen, WRITER_CLOSE_NS);
    *outputs = (struct outputs){.screen = NULL};
}

void outputs_event(struct outputs *outputs, enum event event, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    log_values(outputs->log, event, format, values);
    va_end(values);
}

/* True if a line can be written to standard error without waiting for long. */
static bool is_heard(struct outputs *outputs)
{
    struct pollfd screen = {.fd = STDERR_FILENO, .events = POLLOUT};

    if (!outputs->deaf && poll(&screen, 1, PATIENCE_MS) == 0)
        outputs->deaf = true;
    return !outputs->deaf;
}

void outputs_say(struct outputs *outputs, const char *format, ...)
{
    char text[SAYING_SIZE];
    va_list values;

    va_start(values, format);
    (void)vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    if (outputs->screen != NULL)
        (void)writer_put(outputs->screen, text, strlen(text)); /* it counts what it drops */
    else if (is_heard(outputs))
        fprintf(stderr, "%s\n", text);
}

void outputs_warn(struct outputs *outputs, enum event event, const char *format, ...)
{
    char text[SAYING_SIZE];
    va_list values;

    va_start(values, format);
    (void)vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    if (outputs->log != NULL)
        outputs_event(outputs, event, "%s", text);
    else if (!outputs->quiet)
        outputs_say(outputs, "coir echo: %s", text);
}

/* A rotation that failed shows nowhere else: the old file goes on growing under its new name. */
static void judge_rotation(struct outputs *outputs)
{
    struct writer_info info;

    if (!outputs->opened_anew)
        return;
    writer_info(outputs->file, &info);
    if (info.reopening)
        return;
    outputs->opened_anew = false;
    if (info.reopen_error < 0)
        outputs_say(outputs, "coir echo: cannot open '%s' anew: %s; going on with the one that was open", outputs->path,
                    coir_error_text(info.reopen_error));
}

void outputs_settle(struct outputs *outputs)
{
    judge_rotation(outputs);
    log_settle(outputs->log);
}

void outputs_show(struct outputs *outputs, const struct echo_counters *counters)
{
    struct meter_values values = values_of(counters);

    if (outputs->meter != NULL)
        meter_update(outputs->meter, &values);
}

void outputs_reopen(struct outputs *outputs)
{
    if (outputs->file == NULL)
        return;
    outputs->opened_anew = true;
    writer_reopen(outputs->file);
}
