/* SPDX-License-Identifier: MIT
 *
 * What writer.c and writer_thread.c share: the record of a writer, and what its
 * thread does. Not for others; they have writer.h.
 */
#ifndef PROGRAMS_WRITER_THREAD_H
#define PROGRAMS_WRITER_THREAD_H

#include "writer.h"
#include <limits.h>
#include <pthread.h>
#include <time.h>

/* A pipe that is ready takes so much without blocking (pipe(7)). */
#define WRITER_CHUNK_MAX PIPE_BUF
#define WRITER_STATUS_MAX 512
#define WRITER_REPORT_MAX 128

/* What stands before each line in the ring. */
struct writer_record {
    uint64_t dropped; /* the line is a report of so many; 0 it is one that was given */
    size_t size;      /* with its newline */
};

struct writer {
    pthread_mutex_t lock;

    /* These are guarded by the lock. */
    int fd; /* changed by the thread alone */
    char *ring;
    size_t ring_bytes;
    size_t begin;
    size_t used;
    uint64_t lines;       /* in the ring, reports left aside */
    uint64_t chunk_lines; /* likewise, taken out of it and not known to be written */
    uint64_t unreported;  /* dropped, and no report in the ring says so */
    uint64_t untold;      /* dropped, and no report that was written says so */
    struct writer_info info;
    char status[WRITER_STATUS_MAX];
    size_t status_size;
    uint64_t reopens_wanted;
    uint64_t reopens_tried; /* the same number once it was tried for all of them */
    coir_time deadline;     /* once it is closing */
    bool status_changed;
    bool closing;

    /* These do not change. */
    char *path; /* NULL: standard error */
    bool terminal;
    coir_time retry_ns;
    int wake_fd; /* readable: look at the ring and the orders again */
    int done_fd; /* readable: the thread has ended */
    pthread_t thread;

    /* These are the thread's alone. */
    char chunk[WRITER_CHUNK_MAX]; /* begins with a report or has none */
    uint64_t chunk_dropped;       /* what that says; 0 there is none */
    size_t chunk_size;
    size_t chunk_sent;
    bool status_shown;
    coir_time retry_at; /* 0: the last write went well */
};

/** The body of the thread: writes until it is told to close. */
void *writer_run(void *arg);

/** Makes `fd`, a `wake_fd` or a `done_fd`, readable. */
void writer_wake(int fd);

/** Opens `path`, or standard error again if that is NULL; a descriptor or a negative errno. */
int writer_open_target(const char *path);

/** The time until a moment, for ppoll(2): 0 if that has passed, centuries for COIR_FOREVER. */
struct timespec writer_time_left(coir_time until);

/** Writes the line that tells of `dropped` lines, without its newline; its size. */
size_t writer_print_report(uint64_t dropped, char ret_text[WRITER_REPORT_MAX]);

#endif
