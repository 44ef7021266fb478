/* SPDX-License-Identifier: MIT
 *
 * The line of --stats: its numbers, its width, and where it goes.
 */
#include "meter.h"
#include "output.h"
#include <coir/task.h>
#include <sys/ioctl.h>

static const struct meter_column columns[] = {
    {METER_LEVEL, "sessions"}, {METER_RATE, "messages/s"}, {METER_BYTE_RATE, ""}, {METER_BYTE_RATE, "out"}};

static void expect_line(size_t width, const char *expected)
{
    const struct meter_values before = {{10, 5000000, 0, 1000}};
    const struct meter_values now = {{12345, 7400000, 160200000, 1000}};
    char text[200];
    size_t size = meter_format(columns, 4, &before, &now, 2 * COIR_SECOND, width, text, sizeof(text));

    assert_string_equal(text, expected);
    assert_int_equal(size, strlen(expected));
}

TEST(the_line_shows_as_many_columns_as_fit)
{
    expect_line(0, "12,345 sessions  1.20 M messages/s  80.1 MB/s  0 B/s out");
    expect_line(1000, "12,345 sessions  1.20 M messages/s  80.1 MB/s  0 B/s out");
    expect_line(56, "12,345 sessions  1.20 M messages/s  80.1 MB/s  0 B/s out");
    expect_line(55, "12,345 sessions  1.20 M messages/s  80.1 MB/s");
    expect_line(44, "12,345 sessions  1.20 M messages/s");
    expect_line(33, "12,345 sessions");
    expect_line(15, "12,345 sessions");
    expect_line(9, "12,345 se");
    expect_line(1, "1");
}

TEST(the_line_never_leaves_its_room)
{
    const struct meter_values before = {{0}};
    const struct meter_values now = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};

    for (size_t room = 1; room < 200; room++) {
        char text[200];

        memset(text, 'x', sizeof(text));
        assert_true(meter_format(columns, 4, &before, &now, 1, 0, text, room) < room);
        assert_int_equal(text[strlen(text)], '\0');
        for (size_t i = room; i < sizeof(text); i++)
            assert_int_equal(text[i], 'x');
    }
}

TEST(rates_survive_odd_snapshots)
{
    static const struct meter_column rate = {METER_RATE, "x/s"};
    const struct meter_values small = {{5}}, large = {{9}};
    char text[100];

    meter_format(&rate, 1, &large, &small, COIR_SECOND, 0, text, sizeof(text));
    assert_string_equal(text, "0 x/s");
    meter_format(&rate, 1, &small, &large, 0, 0, text, sizeof(text));
    assert_string_equal(text, "0 x/s");
    meter_format(&rate, 1, &small, &large, -1, 0, text, sizeof(text));
    assert_string_equal(text, "0 x/s");
    meter_format(&rate, 1, &small, &large, 8 * COIR_SECOND, 0, text, sizeof(text));
    assert_string_equal(text, "0.5 x/s");
}

static void expect_count(uint64_t count, const char *expected)
{
    char text[METER_NUMBER_SIZE];

    meter_print_count(count, text);
    assert_string_equal(text, expected);
}

TEST(counts_have_commas)
{
    expect_count(0, "0");
    expect_count(999, "999");
    expect_count(1000, "1,000");
    expect_count(12345, "12,345");
    expect_count(999999, "999,999");
    expect_count(1000000, "1,000,000");
    expect_count(UINT64_MAX, "18,446,744,073,709,551,615");
}

static void expect_rate(double rate, const char *expected)
{
    char text[METER_NUMBER_SIZE];

    meter_print_rate(rate, text);
    assert_string_equal(text, expected);
}

TEST(rates_have_three_digits_and_a_prefix)
{
    expect_rate(0, "0 ");
    expect_rate(0.34, "0.3 ");
    expect_rate(9.94, "9.9 ");
    expect_rate(9.96, "10 ");
    expect_rate(999.4, "999 ");
    expect_rate(999.6, "1.00 k");
    expect_rate(1004, "1.00 k");
    expect_rate(9994, "9.99 k");
    expect_rate(9996, "10.0 k");
    expect_rate(99940, "99.9 k");
    expect_rate(99960, "100 k");
    expect_rate(999499, "999 k");
    expect_rate(999600, "1.00 M");
    expect_rate(80.1e6, "80.1 M");
    expect_rate(1.5e9, "1.50 G");
    expect_rate(2e12, "2.00 T");
    expect_rate(3e15, "3.00 P");
    expect_rate(1.8e19, "18.0 E");
}

TEST(a_file_gets_plain_lines_with_the_time)
{
    struct output output = output_to_file();
    struct meter_values values = {{7}};
    struct meter *meter;
    char *line;

    assert_int_equal(meter_open(output.writer, columns, 2, &values, &meter), 0);
    values.values[0] = 1234;
    meter_update(meter, &values);
    meter_update(meter, &values);
    meter_close(meter);
    assert_int_equal(output_close(&output), 0);
    line = output_line(&output, 0);
    output_expect_moment(line);
    assert_string_equal(line + 24, " stats 1,234 sessions  0 messages/s");
    assert_non_null(output_line(&output, 1));
    assert_null(output_line(&output, 2));
    output_done(&output);
}

/* The rate of the second column in the line of that number. */
static double rate_in_line(const struct output *output, size_t number)
{
    const char *line = output_line(output, number);
    double rate;
    char prefix;

    assert_non_null(line);
    assert_int_equal(sscanf(strstr(line, "sessions"), "sessions %lf %c", &rate, &prefix), 2);
    return prefix == 'k' ? rate * 1e3 : prefix == 'M' ? rate * 1e6 : prefix == 'G' ? rate * 1e9 : rate;
}

TEST(each_line_is_about_the_time_since_the_last_one)
{
    struct output output = output_to_file();
    struct meter_values values = {{7, 1000000}};
    struct meter *meter;
    coir_time start, longest;

    assert_int_equal(meter_open(output.writer, columns, 2, &values, &meter), 0);
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    start = coir_now();
    meter_update(meter, &values);
    values.values[1] += 1000;
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    meter_update(meter, &values);
    longest = coir_now() - start;
    meter_update(meter, &values);
    meter_close(meter);
    assert_int_equal(output_close(&output), 0);
    assert_true(rate_in_line(&output, 0) == 0);
    assert_true(rate_in_line(&output, 1) > 0.98 * 1000 * (double)COIR_SECOND / (double)longest);
    assert_true(rate_in_line(&output, 2) == 0);
    output_done(&output);
}

TEST(a_terminal_gets_one_line_that_changes_and_fits)
{
    static const struct winsize narrow = {.ws_row = 24, .ws_col = 20};
    struct output output = output_to_terminal();
    struct meter_values values = {{7}};
    struct meter *meter;

    assert_int_equal(ioctl(output.reader, TIOCSWINSZ, &narrow), 0);
    assert_int_equal(meter_open(output.writer, columns, 2, &values, &meter), 0);
    meter_update(meter, &values);
    output_await(&output, "7 sessions");
    writer_put(output.writer, "a line", 6);
    output_await(&output, "\r\033[Ka line\r\n7 sessions");
    values.values[0] = 8;
    meter_update(meter, &values);
    output_await(&output, "\r\033[K8 sessions");
    meter_close(meter);
    assert_int_equal(output_close(&output), 0);
    output_await(&output, "\r\033[K8 sessions\r\n");
    assert_null(strstr(output.text, "messages"));
    output_done(&output);
}

TEST(a_meter_has_some_columns)
{
    struct output output = output_to_file();
    const struct meter_values values = {{0}};
    struct meter *meter = NULL;

    assert_int_equal(meter_open(output.writer, columns, 0, &values, &meter), -EINVAL);
    assert_int_equal(meter_open(output.writer, columns, METER_COLUMNS_MAX + 1, &values, &meter), -EINVAL);
    assert_null(meter);
    output_close(&output);
    output_done(&output);
}
