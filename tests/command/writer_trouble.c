/* SPDX-License-Identifier: MIT
 *
 * The writer where nothing takes its lines: pipes that are full, closed or
 * gone, a disk that is full for a while, a terminal that stands still. Nobody
 * who gives lines waits, every line is seen or counted, and the end comes in
 * time.
 */
#include "output.h"
#include <coir/task.h>
#include <signal.h>
#include <sys/resource.h>

#define LINES 50000

/* Far longer than LINES calls take; who waits for a reader waits for ever. */
#define PATIENCE_NS (50 * COIR_SECOND)

static bool put_number(struct writer *writer, uint64_t number)
{
    char line[32];

    return writer_put(writer, line, (size_t)snprintf(line, sizeof(line), "line %llu", (unsigned long long)number));
}

/* How many of the lines were dropped. */
static uint64_t put_numbers(struct writer *writer, uint64_t count)
{
    uint64_t dropped = 0;

    for (uint64_t i = 0; i < count; i++)
        dropped += !put_number(writer, i);
    return dropped;
}

/* Not by sscanf(3), which looks for the end of all the text each time. */
static bool read_number(const char *line, uint64_t *ret_number)
{
    char *end;

    if (strncmp(line, "line ", 5) != 0)
        return false;
    *ret_number = strtoull(line + 5, &end, 10);
    return *end == '\n';
}

/* The lines it shows, in order, and those it says were dropped. */
static void count_lines(const struct output *output, uint64_t *ret_shown, uint64_t *ret_dropped)
{
    const char *at = output->text;
    uint64_t number, expected = 0, shown = 0, total = 0, dropped;
    const char *end;

    for (; at != NULL && (end = strchr(at, '\n')) != NULL; at = end + 1) {
        if (read_number(at, &number)) {
            assert_int_equal(number, expected);
            expected++;
            shown++;
        } else if ((dropped = output_report(at)) > 0) {
            output_expect_moment(at);
            expected += dropped;
            total += dropped;
        } else {
            fail_msg("neither a line nor a report: %.60s", at);
        }
    }
    *ret_shown = shown;
    *ret_dropped = total;
}

TEST(a_blocked_pipe_holds_up_nobody_and_every_line_is_accounted_for)
{
    struct output output = output_to_pipe(NULL);
    coir_time start = coir_now();
    uint64_t dropped = put_numbers(output.writer, LINES);
    uint64_t given = LINES, shown, reported;
    struct writer_info info;

    assert_true(coir_now() - start < PATIENCE_NS);
    for (bool taken = true; taken; given++)
        dropped += !(taken = put_number(output.writer, given));
    for (bool taken = false; !taken; given++) { /* until there is room for one, behind a report */
        dropped += !(taken = put_number(output.writer, given));
        output_add(&output, output.reader);
    }
    for (bool taken = true; taken; given++) /* the last one is dropped: the thread is to report it */
        dropped += !(taken = put_number(output.writer, given));
    writer_info(output.writer, &info);
    assert_int_equal(info.dropped, dropped);
    assert_int_equal(info.written + info.waiting + info.dropped, given);
    while (info.waiting > 0) {
        output_add(&output, output.reader);
        writer_info(output.writer, &info);
    }
    output_await(&output, " lines that came faster than they could be written\n");
    assert_true(put_number(output.writer, given++));
    assert_int_equal(output_close(&output), 0);
    while (output_add(&output, output.reader))
        output_pause();
    count_lines(&output, &shown, &reported);
    assert_int_equal(reported, dropped);
    assert_int_equal(shown + reported, given);
    output_done(&output);
}

TEST(a_reader_that_comes_and_goes_misses_no_count)
{
    const struct writer_options small = {.ring_bytes = 8192};
    const uint64_t given = (uint64_t)test_scaled(200000);
    struct output output = output_to_pipe(&small);
    uint64_t shown, reported, dropped = 0;

    for (uint64_t i = 0; i < given; i++) {
        dropped += !put_number(output.writer, i);
        if (i % 1000 == 0)
            output_add(&output, output.reader);
    }
    assert_true(dropped > 0);
    for (struct writer_info info = {.waiting = 1}; info.waiting > 0; writer_info(output.writer, &info))
        output_add(&output, output.reader);
    assert_int_equal(output_close(&output), 0);
    while (output_add(&output, output.reader))
        output_pause();
    count_lines(&output, &shown, &reported);
    assert_int_equal(reported, dropped);
    assert_int_equal(shown + reported, given);
    output_done(&output);
}

TEST(a_blocked_pipe_does_not_hold_up_the_end)
{
    struct output output = output_to_pipe(NULL);
    uint64_t shown, reported, lost, given = LINES + 1;
    coir_time start;

    put_numbers(output.writer, LINES);
    while (!writer_put(output.writer, "behind a report", 15)) { /* until the thread has gone on */
        output_add(&output, output.reader);
        given++;
    }
    start = coir_now();
    lost = writer_close(output.writer, 50 * COIR_MILLISECOND);
    assert_true(coir_now() - start >= 50 * COIR_MILLISECOND);
    assert_true(coir_now() - start < PATIENCE_NS);
    while (output_add(&output, output.reader))
        output_pause();
    count_lines(&output, &shown, &reported);
    assert_int_equal(shown + reported + lost, given); /* the latest report is still in the ring, and lost itself */
    output_done(&output);
}

TEST(a_closed_pipe_kills_nobody)
{
    const struct writer_options patient = {.retry_ns = COIR_MILLISECOND};
    struct output output = output_to_pipe(&patient);
    struct writer_info info;

    close(output.reader);
    writer_put(output.writer, "line 0", 6);
    output_await_errors(&output, 2);
    writer_info(output.writer, &info);
    assert_int_equal(info.last_error, -EPIPE);
    assert_int_equal(info.waiting, 1);
    output.reader = open(output.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* somebody reads again */
    output_await(&output, "line 0\n");
    close(output.reader);
    writer_put(output.writer, "line 1", 6);
    writer_put(output.writer, "line 2", 6);
    output.reader = -1;
    assert_int_equal(writer_close(output.writer, COIR_SECOND), 2);
    output_done(&output);
}

TEST(a_failing_write_is_tried_again_only_now_and_then)
{
    const struct writer_options slow = {.retry_ns = 20 * COIR_MILLISECOND};
    struct output output = output_to_pipe(&slow);
    struct writer_info info;
    coir_time start = coir_now();

    close(output.reader);
    output.reader = -1;
    do {
        writer_put(output.writer, "line", 4);
        output_pause();
        writer_info(output.writer, &info);
    } while (info.errors < 10);
    assert_true(info.errors <= (uint64_t)((coir_now() - start) / slow.retry_ns) + 1);
    writer_close(output.writer, 0);
    output_done(&output);
}

TEST(a_full_disk_loses_nothing_that_fits_into_the_ring)
{
    const struct writer_options patient = {.retry_ns = COIR_MILLISECOND};
    struct output output = output_prepare();
    struct rlimit before, little;
    uint64_t shown, reported;

    output_open(&output, &patient);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little = (struct rlimit){.rlim_cur = 10, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0); /* fails with EFBIG, after a part of the second line */
    assert_int_equal(put_numbers(output.writer, 100), 0);
    output_await_errors(&output, 2);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    output_await_written(&output, 100);
    assert_int_equal(output_close(&output), 0);
    count_lines(&output, &shown, &reported);
    assert_int_equal(shown, 100);
    output_done(&output);
}

TEST(a_line_cut_by_a_full_disk_is_whole_in_the_next_file)
{
    const struct writer_options never_again = {.retry_ns = COIR_FOREVER / 2};
    struct output output = output_prepare();
    struct rlimit before, little;
    char old[64];

    snprintf(old, sizeof(old), "%s/old", output.folder);
    output_open(&output, &never_again);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little = (struct rlimit){.rlim_cur = 10, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    assert_int_equal(put_numbers(output.writer, 3), 0);
    output_await_errors(&output, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rename(output.path, old), 0);
    writer_reopen(output.writer);
    output_await_written(&output, 3);
    assert_int_equal(output_close(&output), 0);
    assert_string_equal(output.text, "line 1\nline 2\n");
    output.size = 0;
    output_read_file(&output, old);
    assert_string_equal(output.text, "line 0\nlin");
    output_done(&output);
}

TEST(no_space_left_does_not_hold_up_the_end)
{
    struct writer *writer;
    coir_time start = coir_now();

    assert_int_equal(writer_open("/dev/full", NULL, &writer), 0);
    put_numbers(writer, 10);
    assert_int_equal(writer_close(writer, 2 * PATIENCE_NS), 10);
    assert_true(coir_now() - start < PATIENCE_NS);
}

TEST(a_blocked_pipe_can_be_given_up_for_a_file)
{
    struct output output = output_to_pipe(NULL);
    struct writer_info info;

    assert_int_equal(put_numbers(output.writer, 10000), 0);
    do
        writer_info(output.writer, &info);
    while (info.written == 0);
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL); /* by now the pipe is full */
    while (output_add(&output, output.reader) && strstr(output.text, "line 100\n") == NULL)
        ;
    assert_int_equal(unlink(output.path), 0);
    close(output.reader);
    output.reader = -1;
    output.size = 0;
    writer_reopen(output.writer);
    assert_int_equal(output_close(&output), 0);
    assert_non_null(strstr(output.text, "line 9999\n"));
    assert_memory_equal(output.text, "line ", 5); /* begins with a whole line */
    output_done(&output);
}

/* Runs the body of a test with standard error being another file. */
static int replace_stderr(int fd)
{
    int copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);

    dup2(fd, STDERR_FILENO);
    return copy;
}

static void restore_stderr(int copy)
{
    dup2(copy, STDERR_FILENO);
    close(copy);
}

/* A write(2) to it blocks, though poll(2) said it would not: others share standard error, so its mode is left alone. */
TEST(a_terminal_that_stands_still_does_not_hold_up_the_end)
{
    struct output output = output_to_terminal();
    struct writer *writer;
    int terminal = open(output.path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    int before = output_next_descriptor();
    int copy = replace_stderr(terminal);
    int rc = writer_open("-", NULL, &writer);
    coir_time start, took;
    uint64_t lost;

    restore_stderr(copy);
    assert_int_equal(rc, 0);
    put_numbers(writer, LINES);
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    start = coir_now();
    lost = writer_close(writer, 50 * COIR_MILLISECOND);
    took = coir_now() - start;
    assert_true(lost > 0);
    assert_int_equal(output_next_descriptor(), before); /* the thread has ended, and nothing of the writer is left */
    assert_true(took >= 50 * COIR_MILLISECOND && took < PATIENCE_NS);
    close(terminal);
    assert_int_equal(output_close(&output), 0);
    output_done(&output);
}

TEST(standard_error_is_kept_when_its_number_becomes_anothers)
{
    struct output output = output_to_pipe(NULL);
    int pipe_end = open(output.path, O_WRONLY | O_CLOEXEC);
    int copy = replace_stderr(pipe_end);
    struct writer *writer;
    int rc = writer_open("-", NULL, &writer);

    restore_stderr(copy);
    assert_int_equal(rc, 0);
    writer_put(writer, "line", 4);
    writer_reopen(writer); /* stays what it is */
    assert_int_equal(writer_close(writer, COIR_SECOND), 0);
    output_await(&output, "line\n");
    close(pipe_end);
    assert_int_equal(output_close(&output), 0);
    output_done(&output);
}
