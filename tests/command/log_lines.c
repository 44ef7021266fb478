/* SPDX-License-Identifier: MIT
 *
 * The log: the form of its lines, what cannot get into them, and how many.
 */
#include "log.h"
#include "output.h"

enum { OPENED, RESET };

static struct log *open_log(struct writer *writer, uint32_t lines_a_second)
{
    static const char *const names[] = {[OPENED] = "opened", [RESET] = "reset"};
    const struct log_options options = {.kinds = names, .kind_count = 2, .lines_a_second = lines_a_second};
    struct log *log;

    assert_int_equal(log_open(writer, &options, &log), 0);
    return log;
}

static void expect_line(const struct output *output, size_t number, const char *expected)
{
    const char *line = output_line(output, number);

    output_expect_moment(line);
    assert_string_equal(line + strlen("2026-11-23T21:00:00.123Z"), expected);
}

TEST(a_line_has_the_time_the_kind_and_the_text)
{
    struct output output = output_to_file();
    struct log *log = open_log(output.writer, 0);
    struct timespec before, after;
    struct tm parts = {0};
    time_t logged;

    clock_gettime(CLOCK_REALTIME, &before);
    log_line(log, OPENED, "tcp %s:%d", "127.0.0.1", 4242);
    clock_gettime(CLOCK_REALTIME, &after);
    log_line(log, RESET, "%s", "");
    log_close(log);
    assert_int_equal(output_close(&output), 0);
    expect_line(&output, 0, " opened tcp 127.0.0.1:4242");
    expect_line(&output, 1, " reset ");
    assert_null(output_line(&output, 2));
    assert_non_null(strptime(output_line(&output, 0), "%Y-%m-%dT%H:%M:%S", &parts));
    logged = timegm(&parts);
    assert_true(logged >= before.tv_sec && logged <= after.tv_sec);
    output_done(&output);
}

TEST(no_byte_of_a_message_is_more_than_text)
{
    struct output output = output_to_file();
    struct log *log = open_log(output.writer, 0);

    log_line(log, OPENED, "a\nb\rc\td\033[2Je\177\\f\303\244\233g~ ");
    log_close(log);
    output_close(&output);
    expect_line(&output, 0, " opened a\\x0ab\\x0dc\\x09d\\x1b[2Je\\x7f\\\\f\\xc3\\xa4\\x9bg~ ");
    assert_null(output_line(&output, 1));
    output_done(&output);
}

TEST(a_long_message_is_cut)
{
    struct output output = output_to_file();
    struct log *log = open_log(output.writer, 0);
    char longest[LOG_MESSAGE_MAX + 2];
    const char *line;

    memset(longest, 'x', sizeof(longest));
    longest[LOG_MESSAGE_MAX] = '\0';
    log_line(log, OPENED, "%s", longest);
    longest[LOG_MESSAGE_MAX] = 'x';
    longest[LOG_MESSAGE_MAX + 1] = '\0';
    log_line(log, OPENED, "%s", longest);
    memset(longest, '\n', LOG_MESSAGE_MAX);
    log_line(log, OPENED, "%s", longest);
    log_close(log);
    output_close(&output);
    line = output_line(&output, 0);
    assert_int_equal(strlen(line), 24 + strlen(" opened ") + LOG_MESSAGE_MAX);
    assert_int_equal(line[strlen(line) - 1], 'x');
    line = output_line(&output, 1);
    assert_int_equal(strlen(line), 24 + strlen(" opened ") + LOG_MESSAGE_MAX + 3);
    assert_string_equal(line + strlen(line) - 4, "x...");
    line = output_line(&output, 2); /* four times as long in print: as long as a line may be */
    assert_int_equal(strlen(line), WRITER_LINE_MAX);
    assert_string_equal(line + strlen(line) - 3, "...");
    assert_null(output_line(&output, 3));
    output_done(&output);
}

static void pass_second(void)
{
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 20000000}, NULL);
}

TEST(a_kind_has_so_many_lines_a_second_and_the_rest_is_counted)
{
    struct output output = output_to_file();
    struct log *log = open_log(output.writer, 3);

    for (int i = 0; i < 1237; i++)
        log_line(log, RESET, "%d", i);
    log_line(log, OPENED, "another kind");
    pass_second();
    log_line(log, OPENED, "next second");
    log_line(log, RESET, "again");
    pass_second();
    log_settle(log);
    log_close(log);
    assert_int_equal(output_close(&output), 0);
    expect_line(&output, 0, " reset 0");
    expect_line(&output, 1, " reset 1");
    expect_line(&output, 2, " reset 2");
    expect_line(&output, 3, " opened another kind");
    expect_line(&output, 4, " suppressed 1234 lines of 'reset'");
    expect_line(&output, 5, " opened next second");
    expect_line(&output, 6, " reset again");
    assert_null(output_line(&output, 7));
    output_done(&output);
}

TEST(what_is_suppressed_is_told_without_another_event_too)
{
    struct output output = output_to_file();
    struct log *log = open_log(output.writer, 1);

    for (int i = 0; i < 5; i++)
        log_line(log, RESET, "%d", i);
    log_settle(log); /* its second is not over */
    pass_second();
    log_settle(log);
    log_settle(log);
    for (int i = 0; i < 3; i++)
        log_line(log, OPENED, "%d", i);
    log_close(log);
    output_close(&output);
    expect_line(&output, 0, " reset 0");
    expect_line(&output, 1, " suppressed 4 lines of 'reset'");
    expect_line(&output, 2, " opened 0");
    expect_line(&output, 3, " suppressed 2 lines of 'opened'");
    assert_null(output_line(&output, 4));
    output_done(&output);
}

TEST(no_log_is_a_log_that_ignores)
{
    log_line(NULL, OPENED, "%d", 1);
    log_settle(NULL);
    log_close(NULL);
}

TEST(a_log_has_some_kinds)
{
    struct output output = output_to_file();
    struct log_options options = {.kind_count = 0};
    struct log *log = NULL;

    assert_int_equal(log_open(output.writer, &options, &log), -EINVAL);
    options.kind_count = LOG_KINDS_MAX + 1;
    assert_int_equal(log_open(output.writer, &options, &log), -EINVAL);
    assert_null(log);
    output_close(&output);
    output_done(&output);
}
