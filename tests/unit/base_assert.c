/* SPDX-License-Identifier: MIT
 *
 * Assertions: silent while they hold; a failed one reports once and aborts.
 */
#include "base/assert.h"
#include "support/test.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static unsigned evaluations;

static bool count_and_return(bool value)
{
    evaluations++;
    return value;
}

TEST(assertion_that_holds_is_silent_and_evaluated_once)
{
    evaluations = 0;
    ASSERT(count_and_return(true));
    assert_int_equal(evaluations, 1);
}

static void assert_falsehood(void *argument)
{
    int apples = 3;

    (void)argument;
    ASSERT(apples == 4);
}
enum { FAILING_LINE = __LINE__ - 2 };

TEST(failed_assertion_names_condition_place_and_function)
{
    char place[256];

    ASSERT_DIES(assert_falsehood, NULL, "coir: misuse: apples == 4, at ");
    snprintf(place, sizeof(place), "base_assert.c:%d in assert_falsehood\n", FAILING_LINE);
    ASSERT_DIES(assert_falsehood, NULL, place);
}

static void fail_at_great_length(void *argument)
{
    char condition[2000];

    (void)argument;
    memset(condition, 'x', sizeof(condition) - 1);
    condition[sizeof(condition) - 1] = '\0';
    assert_fail(condition, "file", 1, "function");
}

TEST(long_condition_is_cut_and_the_line_still_ends)
{
    ASSERT_DIES(fail_at_great_length, NULL, "xxxxxxxx\n");
}

static void report_in_own_words(const struct assert_site *site)
{
    dprintf(STDERR_FILENO, "reporter: %s|%d|%s\n", site->condition, site->line, site->function);
}

static void fail_with_reporter(void *argument)
{
    (void)argument;
    assert_set_reporter(report_in_own_words);
    assert_fail("moon is cheese", "sky.c", 12, "look_up");
}

TEST(reporter_replaces_the_plain_line)
{
    ASSERT_DIES(fail_with_reporter, NULL, "reporter: moon is cheese|12|look_up\n");
    assert_null(strstr(test_last_words(), "sky.c")); /* an emulator may add words of its own */
}

static void report_and_fail(const struct assert_site *site)
{
    ASSERT(site->line == 13);
}

static void fail_inside_reporter(void *argument)
{
    (void)argument;
    assert_set_reporter(report_and_fail);
    assert_fail("first", "file.c", 12, "function");
}

TEST(failure_inside_the_reporter_is_reported_plainly)
{
    ASSERT_DIES(fail_inside_reporter, NULL, "coir: misuse: site->line == 13, at ");
}

static void fail_after_reset(void *argument)
{
    (void)argument;
    assert_set_reporter(report_in_own_words);
    assert_set_reporter(NULL);
    assert_fail("plain again", "file.c", 2147483647, "function");
}

TEST(null_reporter_restores_the_plain_line)
{
    ASSERT_DIES(fail_after_reset, NULL, "coir: misuse: plain again, at file.c:2147483647 in function\n");
}

TEST(debug_assertion_is_evaluated_in_debug_builds_only)
{
    evaluations = 0;
    DEBUG_ASSERT(count_and_return(true));
#ifdef COIR_DEBUG
    assert_int_equal(evaluations, 1);
#else
    assert_int_equal(evaluations, 0);
    assert_true(count_and_return(true)); /* so that it is used in every build */
#endif
}
