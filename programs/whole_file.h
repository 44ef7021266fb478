/* SPDX-License-Identifier: MIT
 *
 * A file that is there whole or not at all: what is written goes into a draft
 * beside it, which takes its name when all of it is on the disk. Until then
 * what was there under that name stays as it was.
 *
 * What is no regular file, such as a pipe or a terminal, is written directly,
 * and so is standard output.
 */
#ifndef PROGRAMS_WHOLE_FILE_H
#define PROGRAMS_WHOLE_FILE_H

#include <coir/types.h>
#include <stdbool.h>
#include <stdio.h>

struct whole_file {
    FILE *stream; /* to write to; it is memory, and its errors need not be looked at */
    char *bytes;
    size_t size;
    int fd;      /* of the draft, or of what is written directly */
    char *path;  /* that the draft will have; NULL = there is no draft */
    char *draft; /* likewise */
};

/**
 * Begins the file `path`, or standard output if that is "-". Where `path` is a
 * pipe that nobody reads from, it waits for a reader, and lets signals through
 * meanwhile.
 *
 * Returns: 0 and the file, which is to be kept or dropped, and to stay where it is until then.
 * Errors:  as open(2) of the draft, in the folder of the file; -ENOMEM.
 */
COIR_MUST_USE int whole_file_open(const char *path, struct whole_file *ret_file);

/**
 * Can the file be written, as far as one can tell now? Nothing is left behind,
 * and a pipe's reader notices nothing.
 *
 * Returns: 0.
 * Errors:  as whole_file_open(), or access(2).
 */
COIR_MUST_USE int whole_file_check(const char *path);

/** Do both lead to one file, which need not be there yet? */
bool whole_file_same(const char *path, const char *other);

/**
 * All has been written: the file is there from now on.
 *
 * Returns: 0.
 * Errors:  as write(2), such as -ENOSPC; rename(2). It is dropped then.
 */
COIR_MUST_USE int whole_file_keep(struct whole_file *file);

/** Forgets what was written. */
void whole_file_drop(struct whole_file *file);

#endif
