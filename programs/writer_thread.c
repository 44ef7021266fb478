/* SPDX-License-Identifier: MIT
 *
 * The writer's thread: see writer.h and writer_thread.h.
 *
 * It takes whole lines out of the ring into its chunk, waits until the file can
 * be written to, and writes the chunk. It waits in poll(2), together with
 * `wake_fd`, so that a blocked pipe holds up neither a rotation nor the end.
 * Where write(2) blocks all the same, as standard error may because others
 * share it, writer_close() cancels the thread; only there can it be.
 */
#include "writer_thread.h"
#include "value.h"
#include <coir/task.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ERASE_LINE "\r\033[K"

/* What writer_put() and others want of the thread. */
struct orders {
    uint64_t reopens;
    bool closing;
    coir_time deadline;
};

int writer_open_target(const char *path)
{
    /* Standard error gets a number of its own: 2 may be closed and become another's. */
    int fd = path == NULL ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
                          : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);

    return fd < 0 ? -errno : fd;
}

size_t writer_print_report(uint64_t dropped, char ret_text[WRITER_REPORT_MAX])
{
    struct timespec now = {0};
    char moment[VALUE_TEXT_SIZE];

    clock_gettime(CLOCK_REALTIME, &now);
    value_print_moment(now.tv_sec, now.tv_nsec, moment);
    return (size_t)snprintf(ret_text, WRITER_REPORT_MAX,
                            "%s dropped %" PRIu64 " lines that came faster than they could be written", moment,
                            dropped);
}

struct timespec writer_time_left(coir_time until)
{
    coir_time left = until - coir_now();

    if (left <= 0)
        return (struct timespec){0};
    return (struct timespec){.tv_sec = (time_t)(left / COIR_SECOND), .tv_nsec = (long)(left % COIR_SECOND)};
}

static void add_to_chunk(struct writer *writer, const char *bytes, size_t size)
{
    memcpy(writer->chunk + writer->chunk_size, bytes, size);
    writer->chunk_size += size;
}

/* Copies out of the ring, `offset` bytes behind its begin. */
static void copy_out(const struct writer *writer, size_t offset, void *bytes, size_t size)
{
    size_t begin = (writer->begin + offset) % writer->ring_bytes;
    size_t first = writer->ring_bytes - begin < size ? writer->ring_bytes - begin : size;

    memcpy(bytes, writer->ring + begin, first);
    memcpy((char *)bytes + first, writer->ring, size - first);
}

/* Takes lines as long as there is room, that for a report and the status left aside. */
static void take_lines(struct writer *writer)
{
    const size_t room = WRITER_CHUNK_MAX - WRITER_REPORT_MAX - WRITER_STATUS_MAX - 2 * sizeof(ERASE_LINE);
    struct writer_record record;

    while (writer->used > 0) {
        copy_out(writer, 0, &record, sizeof(record));
        if (writer->chunk_size + record.size > room || (record.dropped > 0 && writer->chunk_lines > 0))
            return;
        copy_out(writer, sizeof(record), writer->chunk + writer->chunk_size, record.size);
        writer->chunk_size += record.size;
        writer->begin = (writer->begin + sizeof(record) + record.size) % writer->ring_bytes;
        writer->used -= sizeof(record) + record.size;
        if (record.dropped > 0) {
            writer->chunk_dropped = record.dropped;
        } else {
            writer->lines--;
            writer->chunk_lines++;
        }
    }
}

/* Lines are dropped only while others wait: when these are written, those are reported. */
static void take_report(struct writer *writer)
{
    writer->chunk_size += writer_print_report(writer->unreported, writer->chunk + writer->chunk_size);
    add_to_chunk(writer, "\n", 1);
    writer->chunk_dropped = writer->unreported;
    writer->unreported = 0;
}

/* The status follows the lines; the last one ever stays, with a newline. */
static void take_status(struct writer *writer)
{
    bool last = writer->closing && writer->used == 0 && writer->unreported == 0;

    writer->status_changed = false;
    writer->status_shown = writer->status_size > 0;
    if (!writer->status_shown)
        return;
    add_to_chunk(writer, writer->status, writer->status_size);
    if (last) {
        add_to_chunk(writer, "\n", 1);
        writer->status_size = 0;
        writer->status_shown = false;
    }
}

static bool has_something(const struct writer *writer)
{
    return writer->used > 0 || writer->unreported > 0 || writer->status_changed ||
           (writer->closing && writer->status_shown);
}

/* Takes what is to be written next, and the orders. */
static struct orders take_orders(struct writer *writer)
{
    struct orders orders;

    pthread_mutex_lock(&writer->lock);
    if (writer->chunk_size == 0 && has_something(writer)) {
        if (writer->status_shown)
            add_to_chunk(writer, ERASE_LINE, sizeof(ERASE_LINE) - 1);
        if (writer->used > 0)
            take_lines(writer);
        else if (writer->unreported > 0)
            take_report(writer);
        take_status(writer);
    }
    orders =
        (struct orders){.reopens = writer->reopens_wanted, .closing = writer->closing, .deadline = writer->deadline};
    pthread_mutex_unlock(&writer->lock);
    return orders;
}

static void note_error(struct writer *writer, int error)
{
    pthread_mutex_lock(&writer->lock);
    writer->info.errors++;
    writer->info.last_error = -error;
    pthread_mutex_unlock(&writer->lock);
}

static void note_progress(struct writer *writer, size_t size)
{
    uint64_t finished = 0, told = 0;

    for (size_t i = 0; i < size; i++)
        finished += writer->chunk[writer->chunk_sent + i] == '\n';
    if (finished > 0 && writer->chunk_dropped > 0) {
        told = writer->chunk_dropped;
        writer->chunk_dropped = 0;
        finished--;
    }
    writer->chunk_sent += size;
    if (writer->chunk_sent == writer->chunk_size)
        writer->chunk_sent = writer->chunk_size = 0;
    pthread_mutex_lock(&writer->lock);
    finished = finished < writer->chunk_lines ? finished : writer->chunk_lines; /* a status ends with one, too */
    writer->untold -= told;
    writer->chunk_lines -= finished;
    writer->info.written += finished;
    pthread_mutex_unlock(&writer->lock);
}

static void note_reopen(struct writer *writer, uint64_t reopens, int error)
{
    pthread_mutex_lock(&writer->lock);
    writer->reopens_tried = reopens;
    writer->info.reopen_error = error;
    pthread_mutex_unlock(&writer->lock);
}

/* A line that was cut by the end of the old file comes again, whole, in the new one. */
static void open_again(struct writer *writer, uint64_t reopens)
{
    int fd = writer_open_target(writer->path);
    int old;

    if (fd < 0) {
        note_error(writer, -fd);
        note_reopen(writer, reopens, fd);
        return;
    }
    pthread_mutex_lock(&writer->lock);
    old = writer->fd;
    writer->fd = fd;
    pthread_mutex_unlock(&writer->lock);
    note_reopen(writer, reopens, 0);
    close(old);
    writer->retry_at = 0;
    while (writer->chunk_sent > 0 && writer->chunk[writer->chunk_sent - 1] != '\n')
        writer->chunk_sent--;
}

/* Waits to be woken, or, with an `fd`, until that can be written to: true then. */
static bool await(const struct writer *writer, int fd, coir_time until)
{
    struct pollfd waits[] = {{.fd = writer->wake_fd, .events = POLLIN}, {.fd = fd, .events = POLLOUT}};
    struct timespec timeout = writer_time_left(until);
    uint64_t count;

    if (ppoll(waits, 2, &timeout, NULL) <= 0)
        return false;
    if ((waits[0].revents & POLLIN) != 0 && read(writer->wake_fd, &count, sizeof(count)) < 0)
        return false;
    return waits[1].revents != 0;
}

/* Writes a part of the chunk; false if that fails. */
static bool write_some(struct writer *writer)
{
    ssize_t size;
    int state;

    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
    size = write(writer->fd, writer->chunk + writer->chunk_sent, writer->chunk_size - writer->chunk_sent);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (size < 0) {
        note_error(writer, errno);
        writer->retry_at = coir_now() + writer->retry_ns;
        return false;
    }
    note_progress(writer, (size_t)size);
    writer->retry_at = 0;
    return true;
}

/* One wait and, perhaps, one write; false once the thread is to end. */
static bool take_step(struct writer *writer)
{
    struct orders orders = take_orders(writer);
    coir_time until = orders.closing ? orders.deadline : COIR_FOREVER;

    if (orders.reopens != writer->reopens_tried) /* which nobody else changes */
        open_again(writer, orders.reopens);
    if (writer->chunk_size == 0 && orders.closing)
        return false;
    if (writer->chunk_size == 0) {
        await(writer, -1, COIR_FOREVER);
        return true;
    }
    if (orders.closing && coir_now() >= orders.deadline)
        return false;
    if (!orders.closing && coir_now() < writer->retry_at) {
        await(writer, -1, writer->retry_at);
        return true;
    }
    if (await(writer, writer->fd, until) && !write_some(writer))
        return !orders.closing;
    return true;
}

static void tell_end(void *arg)
{
    const struct writer *writer = arg;

    writer_wake(writer->done_fd);
}

void *writer_run(void *arg)
{
    struct writer *writer = arg;
    int state;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    pthread_cleanup_push(tell_end, writer);
    while (take_step(writer))
        ;
    pthread_cleanup_pop(1);
    return NULL;
}
