/* SPDX-License-Identifier: MIT
 *
 * Durations, sizes and counts: what is read, what is refused and in which
 * words, and that what is printed is read back.
 */
#include "support/test.h"
#include "value.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define EMPTY "it is empty"
#define NEGATIVE "it is negative"
#define NO_DIGIT "it does not begin with a digit"
#define LARGE "it is too large"
#define FINE "it is finer than can be counted"
#define POINT "a digit is missing behind its point"
#define DIGITS "it has too many digits behind its point"
#define TIME_UNITS "it needs a unit, one of ns, us, ms, s, m and h"
#define SIZE_UNITS "its unit is unknown; there are K, M, G and T, or none for bytes"
#define AFTER_UNIT "something follows its unit"
#define AFTER_DIGITS "something follows its digits"

struct good_word {
    const char *word;
    uint64_t value;
};

struct bad_word {
    const char *word;
    const char *wrong;
};

static void expect_refusal(const char *word, const char *got, const char *wrong)
{
    if (got == NULL)
        fail_msg("'%s' is taken", word);
    if (strcmp(got, wrong) != 0)
        fail_msg("'%s': got \"%s\", wanted \"%s\"", word, got, wrong);
}

TEST(good_durations_are_read)
{
    static const struct good_word good[] = {
        {"0s", 0},
        {"1ns", 1},
        {"7us", 7000},
        {"200ms", 200000000},
        {"5s", 5000000000},
        {"1.5s", 1500000000},
        {"1.500000000000000000000000000000s", 1500000000},
        {"0.000000001s", 1},
        {"0.0001220703125h", 439453125}, /* 1/8192 h */
        {"007m", 420000000000},
        {"2m", 120000000000},
        {"1h", 3600000000000},
        {"9223372036854775806ns", 9223372036854775806},
        {"9223372036.854775806s", 9223372036854775806},
        {"2562047h", UINT64_C(2562047) * 3600000000000},
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        coir_time duration = -1;
        const char *wrong = value_read_duration(good[i].word, false, &duration);

        if (wrong != NULL)
            fail_msg("'%s' is refused: %s", good[i].word, wrong);
        assert_int_equal(duration, good[i].value);
    }
}

TEST(bad_durations_are_refused_and_leave_the_value_alone)
{
    static const struct bad_word bad[] = {
        {"", EMPTY},
        {"-5s", NEGATIVE},
        {"-", NEGATIVE},
        {"+5s", NO_DIGIT},
        {" 5s", NO_DIGIT},
        {"s", NO_DIGIT},
        {".5s", NO_DIGIT},
        {"offf", NO_DIGIT},
        {"OFF", NO_DIGIT},
        {"inf", NO_DIGIT},
        {"5", TIME_UNITS},
        {"0", TIME_UNITS},
        {"5 s", TIME_UNITS},
        {"5d", TIME_UNITS},
        {"5sec", TIME_UNITS},
        {"5S", TIME_UNITS},
        {"0x10s", TIME_UNITS},
        {"1e3s", TIME_UNITS},
        {"1,5s", TIME_UNITS},
        {"5s ", AFTER_UNIT},
        {"5s5", AFTER_UNIT},
        {"5s\n", AFTER_UNIT},
        {"5.s", POINT},
        {"5..5s", POINT},
        {"5.", POINT},
        {"1.5ns", FINE},
        {"0.0000000001s", FINE},
        {"1.0000000005s", FINE},
        {"0.1234567890123456789s", DIGITS},
        {"9223372036854775807ns", LARGE}, /* that is COIR_FOREVER */
        {"9223372036.854775807s", LARGE},
        {"9223372037s", LARGE},
        {"18446744073709551615ns", LARGE},
        {"18446744073709551616ns", LARGE},
        {"18446744073.709551616s", LARGE},
        {"99999999999999999999999999999999999h", LARGE},
        {"92233720368547758080ns", LARGE}, /* 5 * 2^64: 0, if it wrapped */
        {"2562048h", LARGE},
        {"5124096h", LARGE}, /* 2^64 ns and a little: small again, if it wrapped */
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        coir_time duration = -1;

        expect_refusal(bad[i].word, value_read_duration(bad[i].word, true, &duration), bad[i].wrong);
        assert_int_equal(duration, -1);
    }
}

TEST(off_is_forever_where_it_may_be)
{
    coir_time duration = -1;

    expect_refusal("off", value_read_duration("off", false, &duration), "it cannot be off");
    assert_int_equal(duration, -1);
    assert_null(value_read_duration("off", true, &duration));
    assert_true(duration == COIR_FOREVER);
}

TEST(good_sizes_are_read)
{
    static const struct good_word good[] = {
        {"0", 0},
        {"1", 1},
        {"4096", 4096},
        {"64K", 65536},
        {"16M", 16777216},
        {"1G", 1073741824},
        {"1.5G", 1610612736},
        {"0.5K", 512},
        {"2T", UINT64_C(2) << 40},
        {"16777215T", UINT64_C(16777215) << 40},
        {"18446744073709551615", UINT64_MAX},
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t size = 99;
        const char *wrong = value_read_size(good[i].word, &size);

        if (wrong != NULL)
            fail_msg("'%s' is refused: %s", good[i].word, wrong);
        assert_true(size == good[i].value);
    }
}

TEST(bad_sizes_are_refused)
{
    static const struct bad_word bad[] = {
        {"", EMPTY},
        {"-1", NEGATIVE},
        {"K", NO_DIGIT},
        {"64k", SIZE_UNITS},
        {"64KB", SIZE_UNITS},
        {"64KiB", SIZE_UNITS},
        {"5E", SIZE_UNITS},
        {"5s", SIZE_UNITS},
        {"64K ", AFTER_UNIT},
        {"64 K", AFTER_DIGITS},
        {"6_4", AFTER_DIGITS},
        {"1.5", FINE},
        {"0.3K", FINE},
        {"16777216T", LARGE},
        {"18446744073709551616", LARGE},
        {"33554432T", LARGE},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t size = 99;

        expect_refusal(bad[i].word, value_read_size(bad[i].word, &size), bad[i].wrong);
        assert_true(size == 99);
    }
}

TEST(counts_are_digits)
{
    static const struct bad_word bad[] = {{"", EMPTY},
                                          {"-1", NEGATIVE},
                                          {"+1", NO_DIGIT},
                                          {"10 ", AFTER_DIGITS},
                                          {"1K", AFTER_DIGITS},
                                          {"1.0", AFTER_DIGITS},
                                          {"18446744073709551617", LARGE}};
    uint64_t count = 7;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_refusal(bad[i].word, value_read_count(bad[i].word, &count), bad[i].wrong);
    assert_int_equal(count, 7);
    assert_null(value_read_count("100", &count));
    assert_int_equal(count, 100);
    assert_null(value_read_count("18446744073709551615", &count));
    assert_true(count == UINT64_MAX);
}

static void expect_duration_text(coir_time duration, const char *expected)
{
    char text[VALUE_TEXT_SIZE];

    value_print_duration(duration, text);
    assert_string_equal(text, expected);
}

TEST(durations_print_as_people_write_them)
{
    expect_duration_text(0, "0s");
    expect_duration_text(COIR_FOREVER, "off");
    expect_duration_text(200 * COIR_MILLISECOND, "200ms");
    expect_duration_text(1500 * COIR_MILLISECOND, "1.5s");
    expect_duration_text(1050 * COIR_MILLISECOND, "1.05s");
    expect_duration_text(90 * COIR_SECOND, "90s");
    expect_duration_text(120 * COIR_SECOND, "2m");
    expect_duration_text(3600 * COIR_SECOND, "1h");
    expect_duration_text(1, "1ns");
    expect_duration_text(999, "999ns");
    expect_duration_text(1234567, "1234.567us");
    expect_duration_text(COIR_FOREVER - 1, "9223372036854775.806us");
}

TEST(sizes_print_as_people_write_them)
{
    static const struct good_word good[] = {{"0", 0},
                                            {"1", 1},
                                            {"1023", 1023},
                                            {"1K", 1024},
                                            {"1025", 1025},
                                            {"1536M", 1610612736},
                                            {"18446744073709551615", UINT64_MAX}};
    char text[VALUE_TEXT_SIZE];

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        value_print_size(good[i].value, text);
        assert_string_equal(text, good[i].word);
    }
}

/* Of every length, and often round in binary or decimal. */
static uint64_t random_value(struct test_random *random)
{
    uint64_t value = test_random_next(random) >> test_random_below(random, 64);

    for (uint64_t zeros = test_random_below(random, 16); zeros > 0 && value < UINT64_MAX / 10; zeros--)
        value *= 10;
    return test_random_below(random, 2) == 0 ? value : value << test_random_below(random, 41);
}

TEST(what_is_printed_is_read_back)
{
    struct test_random random;
    char text[VALUE_TEXT_SIZE];

    test_random_init(&random);
    for (int i = 0; i < 100000; i++) {
        uint64_t value = random_value(&random);
        uint64_t size = ~value;
        coir_time duration = -1;

        value_print_size(value, text);
        assert_null(value_read_size(text, &size));
        assert_true(size == value);
        value_print_duration((coir_time)(value >> 1), text);
        if (value_read_duration(text, true, &duration) != NULL || duration != (coir_time)(value >> 1))
            fail_msg("%s was %lld", text, (long long)(value >> 1));
    }
}

static void expect_moment(int64_t seconds, long nanoseconds)
{
    char text[VALUE_TEXT_SIZE], expected[2 * VALUE_TEXT_SIZE], date[VALUE_TEXT_SIZE];
    time_t moment = (time_t)seconds;
    struct tm parts;

    gmtime_r(&moment, &parts);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(expected, sizeof(expected), "%s.%03ldZ", date, nanoseconds / 1000000);
    value_print_moment(seconds, nanoseconds, text);
    assert_string_equal(text, expected);
}

TEST(moments_are_those_of_the_calendar)
{
    static const int64_t days[] = {0,     58,    59,    364,   365,   789,   790,
                                   10956, 10957, 11016, 11017, 47540, 47541, 47540 + 365};
    struct test_random random;
    char text[VALUE_TEXT_SIZE];

    value_print_moment(1795467600, 123456789, text);
    assert_string_equal(text, "2026-11-23T21:00:00.123Z");
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++)
        expect_moment(days[i] * 86400, 999999999);
    test_random_init(&random);
    for (int i = 0; i < 20000; i++)
        expect_moment((int64_t)(test_random_next(&random) % 253402300800u),
                      (long)test_random_below(&random, 1000000000));
    value_print_moment(-1, 0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    value_print_moment(INT64_MAX, 0, text);
    assert_string_equal(text, "9999-12-31T23:59:59.000Z");
}
