/* SPDX-License-Identifier: MIT
 *
 * What pages of results are made of: escaped text, numbers for people, axes.
 * tests/system/load_page.py looks at whole pages.
 */
#include "load/page/chart.h"
#include "load/page/html.h"
#include "load/result/text.h"
#include "support/test.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_escaped(const char *text, const char *wanted)
{
    char *got = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&got, &size);

    assert_non_null(file);
    html_text(file, text);
    fclose(file);
    assert_string_equal(got, wanted);
    free(got);
}

TEST(text_cannot_be_markup)
{
    expect_escaped("", "");
    expect_escaped("<a href=\"x\">'&amp;'", "&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;&#39;");
    expect_escaped("\xc2\xb5 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc2\xb5 \xe2\x82\xac \xf0\x9f\x98\x80");
    expect_escaped("a\x01\tb\x7f", "a\ufffd\tb\ufffd");
    expect_escaped("\xff<\xc3", "\ufffd&lt;\ufffd");
    expect_escaped("\xc0\xbc\xed\xa0\x80\xef\xbf\xbf", "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd");
}

TEST(characters_are_as_long_as_utf_8_says)
{
    static const struct {
        const char *text;
        size_t size;
    } cases[] = {
        {"", 0},
        {"a", 1},
        {"\x7f", 1},
        {"\x80", 0},
        {"\xc1\xbf", 0},
        {"\xc2\x80", 2},
        {"\xdf\xbf", 2},
        {"\xdf", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xe0\xa0\x80", 3},
        {"\xed\x9f\xbf", 3},
        {"\xed\xa0\x80", 0},
        {"\xee\x80\x80", 3},
        {"\xef\xbf", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xf0\x90\x80\x80", 4},
        {"\xf4\x8f\xbf\xbf", 4},
        {"\xf4\x90\x80\x80", 0},
        {"\xf8\x88\x80\x80\x80", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (text_character_size(cases[i].text) != cases[i].size)
            fail_msg("case %zu: %zu", i, text_character_size(cases[i].text));
}

typedef void print_number(double number, char text[HTML_NUMBER_SIZE]);

static void expect_number(print_number *print, double number, const char *wanted)
{
    char got[HTML_NUMBER_SIZE];

    print(number, got);
    assert_string_equal(got, wanted);
}

TEST(durations_have_three_digits_and_a_unit)
{
    expect_number(html_print_duration, 0, "0\u00a0ns");
    expect_number(html_print_duration, 999.4, "999\u00a0ns");
    expect_number(html_print_duration, 999.6, "1.00\u00a0\u00b5s");
    expect_number(html_print_duration, 85349, "85.3\u00a0\u00b5s");
    expect_number(html_print_duration, 999499, "999\u00a0\u00b5s");
    expect_number(html_print_duration, 999500, "1.00\u00a0ms");
    expect_number(html_print_duration, 9.996e6, "10.0\u00a0ms");
    expect_number(html_print_duration, 1234e9, "1234\u00a0s");
    expect_number(html_print_round_duration, 250000, "250\u00a0\u00b5s");
    expect_number(html_print_round_duration, 2.5e9, "2.5\u00a0s");
}

TEST(settings_are_told_as_they_are)
{
    char got[HTML_NUMBER_SIZE];

    html_print_setting(10 * COIR_SECOND, got);
    assert_string_equal(got, "10\u00a0s");
    html_print_setting(1500 * COIR_MILLISECOND, got);
    assert_string_equal(got, "1.5\u00a0s");
    html_print_setting(0, got);
    assert_string_equal(got, "none");
    html_print_setting(COIR_FOREVER, got);
    assert_string_equal(got, "no limit");
}

TEST(counts_rates_and_shares)
{
    expect_number(html_print_count, 0, "0");
    expect_number(html_print_count, 1234567, "1,234,567");
    expect_number(html_print_count, 9007199254740992, "9,007,199,254,740,992");
    expect_number(html_print_count, 1e19, "1.00e+19");
    expect_number(html_print_rate, 0, "0");
    expect_number(html_print_rate, 0.001, "0.001");
    expect_number(html_print_rate, 0.012834, "0.0128");
    expect_number(html_print_rate, 0.5, "0.5");
    expect_number(html_print_rate, 63.44, "63.4");
    expect_number(html_print_rate, 999.4, "999");
    expect_number(html_print_rate, 63980.8, "63,981");
    expect_number(html_print_round_rate, 0.5, "0.5");
    expect_number(html_print_round_rate, 20000, "20,000");
    expect_number(html_print_share, 0, "0.0\u00a0%");
    expect_number(html_print_share, 1, "100.0\u00a0%");
    expect_number(html_print_share, 0.0123, "1.23\u00a0%");
    expect_number(html_print_share, 0.00001, "0.00100\u00a0%");
    expect_number(html_print_round_share, 0.125, "12.5\u00a0%");
}

TEST(values_are_placed_between_the_ends)
{
    struct chart_axis axis = {.least = 10, .most = 1000, .from = 100, .to = 300, .is_log = true};

    assert_true(fabs(chart_place(&axis, 100) - 200) < 1e-9);
    assert_true(fabs(chart_value_at(&axis, 200) - 100) < 1e-9);
    assert_true(fabs(chart_place(&axis, 1) - 100) < 1e-9);
    assert_true(fabs(chart_place(&axis, 1e9) - 300) < 1e-9);
    axis.is_log = false;
    assert_true(fabs(chart_place(&axis, 505) - 200) < 1e-9);
    assert_true(fabs(chart_value_at(&axis, 200) - 505) < 1e-9);
}

TEST(an_axis_from_zero_ends_at_a_round_number)
{
    assert_true(fabs(chart_round_up(63981) - 80000) < 1e-6);
    assert_true(fabs(chart_round_up(10) - 10) < 1e-9);
    assert_true(fabs(chart_round_up(10.1) - 15) < 1e-9);
    assert_true(fabs(chart_round_up(0.107) - 0.15) < 1e-9);
    assert_true(chart_round_up(0) > 0);
}

static void expect_ticks(const struct chart_axis *axis, double gap)
{
    double ticks[CHART_TICKS_MAX];
    size_t count = chart_ticks(axis, gap, ticks);

    if (count < 1)
        fail_msg("no mark from %g to %g", axis->least, axis->most);
    for (size_t i = 0; i < count; i++) {
        assert_true(ticks[i] >= axis->least * (1 - 1e-6) && ticks[i] <= axis->most * (1 + 1e-6));
        if (i > 0 && chart_place(axis, ticks[i]) - chart_place(axis, ticks[i - 1]) < gap * 0.999)
            fail_msg("%g and %g touch, from %g to %g", ticks[i - 1], ticks[i], axis->least, axis->most);
    }
}

TEST(marks_of_axes_do_not_touch)
{
    struct test_random random;

    test_random_init(&random);
    for (int i = 0; i < 50000; i++) {
        struct chart_axis axis = {.from = 84, .to = 940, .is_log = i % 2 == 0};

        axis.least = pow(10, (double)test_random_below(&random, 9000) / 1000);
        axis.most = axis.least * pow(10, 0.30103 + (double)test_random_below(&random, 8000) / 1000);
        if (i % 2 == 1)
            axis.least = 0;
        expect_ticks(&axis, 58);
    }
}
