/* SPDX-License-Identifier: MIT
 *
 * The writer's side of those who have lines, its beginning and its end: see
 * writer.h. What its thread does is in writer_thread.c.
 *
 * Invariants: the lock is never held during a system call, but for the width
 * of a terminal; whoever makes an empty ring hold something writes to `wake_fd`
 * afterwards.
 */
#include "writer.h"
#include "writer_thread.h"
#include <coir/task.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define RING_BYTES_LEAST 8192
#define RING_BYTES_DEFAULT (256 * 1024)
/* After its cancellation a thread ends at once, unless the kernel itself hangs. */
#define CANCEL_NS COIR_SECOND

void writer_wake(int fd)
{
    static const uint64_t one = 1;

    if (write(fd, &one, sizeof(one)) < 0)
        return; /* it counts to 2^64 - 2: full means that it is readable, which is all we want */
}

/* Copies into the ring, behind what it holds: there is room. */
static void append(struct writer *writer, const void *bytes, size_t size)
{
    size_t end = (writer->begin + writer->used) % writer->ring_bytes;
    size_t first = writer->ring_bytes - end < size ? writer->ring_bytes - end : size;

    memcpy(writer->ring + end, bytes, first);
    memcpy(writer->ring, (const char *)bytes + first, size - first);
    writer->used += size;
}

static size_t record_bytes(size_t line_size)
{
    return sizeof(struct writer_record) + line_size + 1;
}

static void append_record(struct writer *writer, uint64_t dropped, const char *line, size_t size, const char *ending)
{
    size_t ending_size = strlen(ending);
    struct writer_record record = {.dropped = dropped, .size = size + ending_size};

    append(writer, &record, sizeof(record));
    append(writer, line, size);
    append(writer, ending, ending_size);
}

/* Puts the line into the ring, behind a report of what was dropped before it; false if there is no room for both. */
static bool put_locked(struct writer *writer, const char *line, size_t size)
{
    bool cut = size > WRITER_LINE_MAX;
    const char *ending = cut ? "...\n" : "\n";
    size_t kept = cut ? WRITER_LINE_MAX - 3 : size;
    size_t needed = record_bytes(cut ? WRITER_LINE_MAX : size);
    char report[WRITER_REPORT_MAX];
    size_t report_size = 0;

    if (writer->unreported > 0) {
        report_size = writer_print_report(writer->unreported, report);
        needed += record_bytes(report_size);
    }
    if (writer->ring_bytes - writer->used < needed)
        return false;
    if (report_size > 0) {
        append_record(writer, writer->unreported, report, report_size, "\n");
        writer->unreported = 0;
    }
    append_record(writer, 0, line, kept, ending);
    writer->lines++;
    return true;
}

bool writer_put(struct writer *writer, const char *line, size_t size)
{
    bool was_empty, taken;

    pthread_mutex_lock(&writer->lock);
    was_empty = writer->used == 0;
    taken = put_locked(writer, line, size);
    if (!taken) {
        writer->unreported++;
        writer->untold++;
        writer->info.dropped++;
    }
    pthread_mutex_unlock(&writer->lock);
    if (taken && was_empty)
        writer_wake(writer->wake_fd);
    return taken;
}

void writer_show(struct writer *writer, const char *status, size_t size)
{
    if (!writer->terminal)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->status_size = size < WRITER_STATUS_MAX ? size : WRITER_STATUS_MAX;
    memcpy(writer->status, status, writer->status_size);
    writer->status_changed = true;
    pthread_mutex_unlock(&writer->lock);
    writer_wake(writer->wake_fd);
}

bool writer_is_terminal(const struct writer *writer)
{
    return writer->terminal;
}

size_t writer_width(struct writer *writer)
{
    struct winsize size = {0};
    int rc;

    pthread_mutex_lock(&writer->lock); /* the thread may be opening another descriptor */
    rc = ioctl(writer->fd, TIOCGWINSZ, &size);
    pthread_mutex_unlock(&writer->lock);
    return rc == 0 ? size.ws_col : 0;
}

void writer_reopen(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->reopens_wanted += writer->path != NULL;
    pthread_mutex_unlock(&writer->lock);
    writer_wake(writer->wake_fd);
}

void writer_info(struct writer *writer, struct writer_info *ret_info)
{
    pthread_mutex_lock(&writer->lock);
    *ret_info = writer->info;
    ret_info->waiting = writer->lines + writer->chunk_lines;
    ret_info->reopening = writer->reopens_tried != writer->reopens_wanted;
    pthread_mutex_unlock(&writer->lock);
}

static void free_writer(struct writer *writer)
{
    if (writer->fd >= 0)
        close(writer->fd);
    if (writer->wake_fd >= 0)
        close(writer->wake_fd);
    if (writer->done_fd >= 0)
        close(writer->done_fd);
    pthread_mutex_destroy(&writer->lock);
    free(writer->path);
    free(writer->ring);
    free(writer);
}

/* The thread inherits the mask: no signal ever finds it unblocked. */
static int start_thread(struct writer *writer)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&writer->thread, NULL, writer_run, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -rc;
}

static int allocate(const struct writer_options *options, struct writer **ret_writer)
{
    struct writer *writer = calloc(1, sizeof(*writer));

    if (writer == NULL)
        return -ENOMEM;
    pthread_mutex_init(&writer->lock, NULL);
    writer->fd = writer->wake_fd = writer->done_fd = -1;
    writer->ring_bytes = options->ring_bytes > 0 ? options->ring_bytes : RING_BYTES_DEFAULT;
    writer->retry_ns = options->retry_ns > 0 ? options->retry_ns : COIR_SECOND;
    writer->ring = malloc(writer->ring_bytes);
    *ret_writer = writer;
    return writer->ring != NULL ? 0 : -ENOMEM;
}

/* On failure what is there already is left to free_writer(). */
static int prepare(struct writer *writer, const char *path)
{
    if (strcmp(path, "-") != 0 && (writer->path = strdup(path)) == NULL)
        return -ENOMEM;
    writer->fd = writer_open_target(writer->path);
    if (writer->fd < 0)
        return writer->fd;
    writer->terminal = isatty(writer->fd) == 1;
    writer->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (writer->wake_fd < 0)
        return -errno;
    writer->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (writer->done_fd < 0)
        return -errno;
    return start_thread(writer);
}

int writer_open(const char *path, const struct writer_options *options, struct writer **ret_writer)
{
    static const struct writer_options defaults = {0};
    struct writer *writer = NULL;
    int rc;

    options = options != NULL ? options : &defaults;
    if (options->ring_bytes != 0 && options->ring_bytes < RING_BYTES_LEAST)
        return -EINVAL;
    rc = allocate(options, &writer);
    if (rc == 0)
        rc = prepare(writer, path);
    if (rc == 0)
        *ret_writer = writer;
    else if (writer != NULL)
        free_writer(writer);
    return rc;
}

static bool wait_for_end(const struct writer *writer, coir_time until)
{
    struct pollfd done = {.fd = writer->done_fd, .events = POLLIN};
    int rc;

    do {
        struct timespec timeout = writer_time_left(until);

        rc = ppoll(&done, 1, &timeout, NULL);
    } while (rc < 0 && errno == EINTR);
    return rc > 0;
}

uint64_t writer_close(struct writer *writer, coir_time limit_ns)
{
    coir_time now = coir_now();
    coir_time deadline = limit_ns < COIR_FOREVER - now ? now + limit_ns : COIR_FOREVER;
    uint64_t lost;
    bool ended;

    if (writer == NULL)
        return 0;
    pthread_mutex_lock(&writer->lock);
    writer->closing = true;
    writer->deadline = deadline;
    pthread_mutex_unlock(&writer->lock);
    writer_wake(writer->wake_fd);
    ended = wait_for_end(writer, deadline);
    if (!ended) { /* it may be in a write(2) that blocks */
        pthread_cancel(writer->thread);
        ended = wait_for_end(writer, coir_now() + CANCEL_NS);
    }
    pthread_mutex_lock(&writer->lock);
    lost = writer->lines + writer->chunk_lines + writer->untold;
    pthread_mutex_unlock(&writer->lock);
    if (ended) {
        pthread_join(writer->thread, NULL);
        free_writer(writer);
    } else {
        pthread_detach(writer->thread); /* a disk hangs; its memory must stay for when it returns */
    }
    return lost;
}
