/* SPDX-License-Identifier: MIT
 *
 * What stream options come to.
 */
#include "net/options.h"
#include "support/test.h"
#include <errno.h>

static struct stream_settings settle(struct coir_stream_options options)
{
    struct stream_settings settings;

    assert_int_equal(options_settle(&options, &settings), 0);
    return settings;
}

static void expect_defaults(struct stream_settings settings)
{
    assert_int_equal(settings.tuning.user_timeout_ms, 120000);
    assert_int_equal(settings.tuning.keepalive_s, 60);
    assert_false(settings.tuning.delay_small_writes);
    assert_int_equal(settings.linger.quiet_ms, 30000);
    assert_int_equal(settings.linger.discard_kib, 64 * 1024);
}

TEST(zero_and_none_are_the_defaults)
{
    struct stream_settings settings;

    expect_defaults(settle((struct coir_stream_options){0}));
    assert_int_equal(options_settle(NULL, &settings), 0);
    expect_defaults(settings);
}

TEST(durations_are_rounded_up)
{
    static const struct {
        coir_time value_ns;
        uint32_t milliseconds;
        uint32_t seconds;
    } cases[] = {{1, 1, 1},
                 {COIR_MILLISECOND, 1, 1},
                 {COIR_MILLISECOND + 1, 2, 1},
                 {COIR_SECOND, 1000, 1},
                 {COIR_SECOND + 1, 1001, 2},
                 {32767 * COIR_SECOND, 32767000, 32767},
                 {32767 * COIR_SECOND + 1, 32767001, 32767},
                 {COIR_FOREVER - 1, INT32_MAX, 32767}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        coir_time value = cases[i].value_ns;
        struct stream_settings settings =
            settle((struct coir_stream_options){.linger_ns = value, .user_timeout_ns = value, .keepalive_ns = value});

        assert_int_equal(settings.linger.quiet_ms, cases[i].milliseconds);
        assert_int_equal(settings.tuning.user_timeout_ms, cases[i].milliseconds);
        assert_int_equal(settings.tuning.keepalive_s, cases[i].seconds);
    }
}

TEST(forever_is_off_and_for_lingering_as_long_as_can_be)
{
    struct stream_settings settings = settle((struct coir_stream_options){
        .linger_ns = COIR_FOREVER, .user_timeout_ns = COIR_FOREVER, .keepalive_ns = COIR_FOREVER});

    assert_int_equal(settings.tuning.user_timeout_ms, 0);
    assert_int_equal(settings.tuning.keepalive_s, 0);
    assert_int_equal(settings.linger.quiet_ms, INT32_MAX);
}

TEST(the_discard_limit_is_rounded_up)
{
    static const uint64_t cases[][2] = {
        {1, 1}, {1023, 1}, {1024, 1}, {1025, 2}, {(uint64_t)1 << 40, 1u << 30}, {UINT64_MAX, UINT32_MAX}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(settle((struct coir_stream_options){.linger_bytes = cases[i][0]}).linger.discard_kib,
                         cases[i][1]);
}

TEST(negative_durations_are_refused_and_write_nothing)
{
    static const struct coir_stream_options wrong[] = {
        {.linger_ns = -1}, {.user_timeout_ns = -1}, {.keepalive_ns = INT64_MIN}};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct stream_settings settings = {.linger.quiet_ms = 5};

        assert_int_equal(options_settle(&wrong[i], &settings), -EINVAL);
        assert_int_equal(settings.linger.quiet_ms, 5);
    }
}

TEST(delay_small_writes_passes_through)
{
    assert_true(settle((struct coir_stream_options){.delay_small_writes = true}).tuning.delay_small_writes);
}
