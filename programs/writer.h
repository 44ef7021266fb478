/* SPDX-License-Identifier: MIT
 *
 * A writer of lines that never makes whoever has lines wait: they go into a
 * ring of fixed size, and a thread of the writer's own takes them from there to
 * a file, a pipe or a terminal. While that one is full, blocked, closed or on a
 * full disk, lines wait; once the ring is full, new ones are dropped and
 * counted, and a line tells how many there, as soon as one fits again.
 *
 * On a terminal a *status* may stand below the lines: replaced, not repeated.
 *
 * Any thread may call these. The thread blocks every signal and lives until
 * writer_close(). It shares the process's user, but has capabilities of its own
 * as every thread has: drop those before writer_open(). No fork(2) in between.
 */
#ifndef PROGRAMS_WRITER_H
#define PROGRAMS_WRITER_H

#include <coir/types.h>

/** Longer lines are cut, and end with "...". */
#define WRITER_LINE_MAX 2048
/** So long writer_close() usually waits. */
#define WRITER_CLOSE_NS COIR_SECOND

struct writer;

struct writer_options {
    size_t ring_bytes;  /* lines wait in it, each with 17 bytes more than its own; 0 = 256 KiB */
    coir_time retry_ns; /* after a failed write; 0 = 1 s */
};

struct writer_info {
    uint64_t written; /* lines that were given and are out; every figure leaves the reports aside */
    uint64_t dropped; /* lines that did not fit into the ring */
    uint64_t waiting; /* lines, now */
    uint64_t errors;  /* failed writes, and files that could not be opened again */
    int last_error;   /* negative errno; 0 = none yet */
    bool reopening;   /* writer_reopen() was called, and the file has not been opened since */
    int reopen_error; /* why that failed the last time it was tried, a negative errno; 0 = it did not */
};

/**
 * Opens what lines go to: standard error if `path` is "-", else the file, which
 * is made unless it is there and appended to, or the pipe or the terminal.
 *
 * Returns: 0 and the writer.
 * Errors:  as open(2), -ENXIO a pipe that nobody reads; -EBADF standard error
 *          is closed; -EINVAL less than 8 KiB for the ring; -ENOMEM; -EMFILE,
 *          -ENFILE, -EAGAIN limits.
 * Owns:    the caller, who closes the writer.
 */
COIR_MUST_USE int writer_open(const char *path, const struct writer_options *options, struct writer **ret_writer);

/**
 * Gives it a line, without the newline. Does not wait for anything but another
 * thread that is copying a line.
 *
 * Returns: true; false if it was dropped.
 */
bool writer_put(struct writer *writer, const char *line, size_t size);

/** Replaces what stands below the lines; ignored unless this is a terminal. */
void writer_show(struct writer *writer, const char *status, size_t size);

/** True if the lines go to a terminal. */
bool writer_is_terminal(const struct writer *writer);

/** How many characters the terminal shows in a line; 0 where that is unknown. */
size_t writer_width(struct writer *writer);

/**
 * Has the file opened anew by its path, as after a rotation; that happens
 * soon, in the thread, and no line is lost or cut. Where it fails, the old file
 * goes on being used. Standard error stays what it is.
 */
void writer_reopen(struct writer *writer);

/** Tells what it has done. */
void writer_info(struct writer *writer, struct writer_info *ret_info);

/**
 * Waits until what is left is written, at most `limit_ns`, then ends the
 * writer. NULL is ignored.
 *
 * Returns: how many lines nobody will see and no line has told of.
 */
uint64_t writer_close(struct writer *writer, coir_time limit_ns);

#endif
