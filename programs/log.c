/* SPDX-License-Identifier: MIT
 *
 * A log: see log.h. Lines are made in the log's own memory, as tasks that log
 * have small stacks. Seconds are those of the monotonic clock; only what is
 * printed is wall-clock time, which may be set.
 */
#include "log.h"
#include "value.h"
#include <coir/task.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINES_A_SECOND_DEFAULT 100
#define LINE_HEAD_MAX 128 /* the time and the kind */
#define CUT "..."

struct kind {
    const char *name;
    coir_time second_end; /* when what was counted is over */
    uint32_t lines;       /* written in this second */
    uint64_t suppressed;
};

struct log {
    pthread_mutex_t lock;
    struct writer *writer;
    uint32_t lines_a_second;
    size_t kind_count;
    size_t suppressed_kinds; /* kinds with suppressed lines */
    struct kind kinds[LOG_KINDS_MAX];
    char message[LOG_MESSAGE_MAX + sizeof(CUT)];
    char line[LINE_HEAD_MAX + 4 * LOG_MESSAGE_MAX + sizeof(CUT)]; /* what is longer than the writer takes, it cuts */
    size_t line_size;
};

int log_open(struct writer *writer, const struct log_options *options, struct log **ret_log)
{
    struct log *log;

    if (options->kind_count == 0 || options->kind_count > LOG_KINDS_MAX)
        return -EINVAL;
    log = calloc(1, sizeof(*log));
    if (log == NULL)
        return -ENOMEM;
    pthread_mutex_init(&log->lock, NULL);
    log->writer = writer;
    log->lines_a_second = options->lines_a_second > 0 ? options->lines_a_second : LINES_A_SECOND_DEFAULT;
    log->kind_count = options->kind_count;
    for (size_t i = 0; i < options->kind_count; i++)
        log->kinds[i].name = options->kinds[i];
    *ret_log = log;
    return 0;
}

static void begin_line(struct log *log, const char *word)
{
    struct timespec now = {0};
    char moment[VALUE_TEXT_SIZE];

    clock_gettime(CLOCK_REALTIME, &now);
    value_print_moment(now.tv_sec, now.tv_nsec, moment);
    log->line_size = (size_t)snprintf(log->line, LINE_HEAD_MAX, "%s %s ", moment, word);
    if (log->line_size >= LINE_HEAD_MAX)
        log->line_size = LINE_HEAD_MAX - 1;
}

/* Adds the message in printable characters; a byte takes one, two or four of them. */
static void add_message(struct log *log)
{
    static const char digits[] = "0123456789abcdef";

    for (const char *at = log->message; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        char *end = log->line + log->line_size;

        if (byte == '\\') {
            memcpy(end, (char[]){'\\', '\\'}, 2);
            log->line_size += 2;
        } else if (byte >= ' ' && byte <= '~') {
            *end = *at;
            log->line_size++;
        } else {
            memcpy(end, (char[]){'\\', 'x', digits[byte >> 4], digits[byte & 15]}, 4);
            log->line_size += 4;
        }
    }
}

static void put_line(struct log *log, const char *word)
{
    begin_line(log, word);
    add_message(log);
    writer_put(log->writer, log->line, log->line_size);
}

/* Tells of the suppressed lines of each kind whose second ended before `now`. */
static void settle(struct log *log, coir_time now)
{
    for (size_t i = 0; log->suppressed_kinds > 0 && i < log->kind_count; i++) {
        struct kind *kind = &log->kinds[i];

        if (kind->suppressed == 0 || now < kind->second_end)
            continue;
        snprintf(log->message, sizeof(log->message), "%" PRIu64 " lines of '%s'", kind->suppressed, kind->name);
        put_line(log, "suppressed");
        kind->suppressed = 0;
        log->suppressed_kinds--;
    }
}

/* Counts a line of this kind; false if it is one too many. */
static bool allow(struct log *log, struct kind *kind, coir_time now)
{
    if (now >= kind->second_end) {
        kind->second_end = now + COIR_SECOND;
        kind->lines = 0;
    }
    if (kind->lines < log->lines_a_second) {
        kind->lines++;
        return true;
    }
    if (kind->suppressed++ == 0)
        log->suppressed_kinds++;
    return false;
}

__attribute__((format(printf, 3, 0))) static void put_event(struct log *log, struct kind *kind, const char *format,
                                                            va_list values)
{
    coir_time now = coir_now();

    settle(log, now);
    if (!allow(log, kind, now))
        return;
    if (vsnprintf(log->message, LOG_MESSAGE_MAX + 1, format, values) > LOG_MESSAGE_MAX)
        memcpy(log->message + LOG_MESSAGE_MAX, CUT, sizeof(CUT));
    put_line(log, kind->name);
}

void log_values(struct log *log, size_t kind, const char *format, va_list values)
{
    if (log == NULL)
        return;
    pthread_mutex_lock(&log->lock);
    put_event(log, &log->kinds[kind], format, values);
    pthread_mutex_unlock(&log->lock);
}

void log_line(struct log *log, size_t kind, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    log_values(log, kind, format, values);
    va_end(values);
}

void log_settle(struct log *log)
{
    if (log == NULL)
        return;
    pthread_mutex_lock(&log->lock);
    settle(log, coir_now());
    pthread_mutex_unlock(&log->lock);
}

void log_close(struct log *log)
{
    if (log == NULL)
        return;
    settle(log, COIR_FOREVER);
    pthread_mutex_destroy(&log->lock);
    free(log);
}
