/* SPDX-License-Identifier: MIT
 *
 * A writer with somewhere for its lines to go that the test can look at: a
 * file, a pipe that nobody empties by itself, or a terminal.
 */
#ifndef COMMAND_OUTPUT_H
#define COMMAND_OUTPUT_H

#include "support/test.h"
#include "writer.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct output {
    struct writer *writer;
    char folder[32];
    char path[48]; /* of what the writer opened */
    int reader;    /* of the pipe, or the terminal's other side; -1 none */
    char *text;    /* all that was read so far */
    size_t size;
};

static inline struct output output_prepare(void)
{
    struct output output = {.folder = "/tmp/coir-output-XXXXXX", .reader = -1};

    assert_non_null(mkdtemp(output.folder));
    snprintf(output.path, sizeof(output.path), "%s/log", output.folder);
    return output;
}

static inline void output_open(struct output *output, const struct writer_options *options)
{
    assert_int_equal(writer_open(output->path, options, &output->writer), 0);
}

static inline struct output output_to_file(void)
{
    struct output output = output_prepare();

    output_open(&output, NULL);
    return output;
}

/* Named, so that it is opened by its path as a file is. */
static inline struct output output_to_pipe(const struct writer_options *options)
{
    struct output output = output_prepare();

    assert_int_equal(mkfifo(output.path, 0600), 0);
    output.reader = open(output.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(output.reader >= 0);
    output_open(&output, options);
    return output;
}

/* The `path` is the terminal's afterwards; nobody opens the file. */
static inline struct output output_to_terminal(void)
{
    struct output output = output_prepare();

    output.reader = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    assert_true(output.reader >= 0);
    assert_int_equal(grantpt(output.reader), 0);
    assert_int_equal(unlockpt(output.reader), 0);
    assert_int_equal(ptsname_r(output.reader, output.path, sizeof(output.path)), 0);
    output_open(&output, NULL);
    assert_true(writer_is_terminal(output.writer));
    return output;
}

static inline void output_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

/* The number that would be given out next: the same before and after, unless one below was left open. */
static inline int output_next_descriptor(void)
{
    int fd = dup(STDOUT_FILENO);

    close(fd);
    return fd;
}

/* Adds what can be read from `fd` now; false at its end. */
static inline bool output_add(struct output *output, int fd)
{
    char bytes[8192];
    ssize_t size = read(fd, bytes, sizeof(bytes));

    if (size <= 0)
        return size < 0 && errno == EAGAIN;
    output->text = realloc(output->text, output->size + (size_t)size + 1);
    memcpy(output->text + output->size, bytes, (size_t)size);
    output->size += (size_t)size;
    output->text[output->size] = '\0';
    return true;
}

/* Reads pipe or terminal until `end` is what came last. */
static inline void output_await(struct output *output, const char *end)
{
    size_t size = strlen(end);

    while (output->size < size || strcmp(output->text + output->size - size, end) != 0) {
        output_add(output, output->reader);
        output_pause();
    }
}

/* Waits until that many lines are written. */
static inline void output_await_written(const struct output *output, uint64_t count)
{
    struct writer_info info;

    for (writer_info(output->writer, &info); info.written < count; writer_info(output->writer, &info))
        output_pause();
}

static inline void output_await_errors(const struct output *output, uint64_t count)
{
    struct writer_info info;

    for (writer_info(output->writer, &info); info.errors < count; writer_info(output->writer, &info))
        output_pause();
}

static inline void output_read_file(struct output *output, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    while (output_add(output, fd))
        ;
    close(fd);
}

/* Closes the writer, and reads the file; how many lines were lost. */
static inline uint64_t output_close(struct output *output)
{
    uint64_t lost = writer_close(output->writer, 10 * COIR_SECOND);

    output->writer = NULL;
    if (output->reader < 0)
        output_read_file(output, output->path);
    return lost;
}

/* The line of that number, as a string that lives until the next call; NULL if there are fewer. */
static inline char *output_line(const struct output *output, size_t number)
{
    static char line[WRITER_LINE_MAX + 1];
    const char *at = output->text;
    const char *end = at != NULL ? strchr(at, '\n') : NULL;

    for (; end != NULL && number > 0; number--) {
        at = end + 1;
        end = strchr(at, '\n');
    }
    if (end == NULL)
        return NULL;
    assert_true((size_t)(end - at) < sizeof(line));
    snprintf(line, sizeof(line), "%.*s", (int)(end - at), at);
    return line;
}

/* How many dropped lines the line at `text` tells of; 0 if it is no report. */
static inline uint64_t output_report(const char *text)
{
    static const char shape[] = "2026-11-23T21:00:00.123Z dropped ";
    const size_t size = sizeof(shape) - 1;

    if (strnlen(text, size) < size || memcmp(text + 24, shape + 24, size - 24) != 0)
        return 0;
    return strtoull(text + size, NULL, 10);
}

/* "2026-11-23T21:00:00.123Z" begins it. */
static inline void output_expect_moment(const char *line)
{
    static const char shape[] = "0000-00-00T00:00:00.000Z";

    assert_non_null(line);
    for (size_t i = 0; shape[i] != '\0'; i++)
        if (shape[i] == '0' ? line[i] < '0' || line[i] > '9' : line[i] != shape[i])
            fail_msg("'%s' does not begin with a moment", line);
}

static inline void output_done(struct output *output)
{
    char log[64], old[64];

    if (output->reader >= 0)
        close(output->reader);
    snprintf(log, sizeof(log), "%s/log", output->folder);
    snprintf(old, sizeof(old), "%s/old", output->folder);
    unlink(log);
    unlink(old);
    rmdir(output->folder);
    free(output->text);
}

#endif
