/* SPDX-License-Identifier: MIT
 *
 * What a run of load found out: its sums, its timeline, and results of several
 * processes that become one.
 */
#include "load/result/result.h"
#include "support/test.h"
#include <stdio.h>
#include <string.h>

static struct load_result result, other;

static void make(struct load_result *made)
{
    memset(made, 0, sizeof(*made));
    histogram_clear(&made->latency);
    made->settings.connections = 10;
    made->settings.message_bytes = 64;
    made->settings.depth = 1;
    made->settings.duration_ns = 10 * COIR_SECOND;
    made->settings.warmup_ns = COIR_SECOND;
    made->settings.patience_ns = 5 * COIR_SECOND;
    snprintf(made->settings.uri, sizeof(made->settings.uri), "tcp://127.0.0.1:7");
    snprintf(made->settings.engine, sizeof(made->settings.engine), "epoll");
    snprintf(made->version, sizeof(made->version), "0.1.0");
    snprintf(made->machine, sizeof(made->machine), "Linux");
    made->began = 1000000;
    made->measured_ns = 10 * COIR_SECOND;
    made->processes = 1;
    made->opened = 12;
    made->open_most = 10;
    made->unsent = 6;
    made->messages = 2;
    made->in_time = 4;
    made->abandoned = 1;
    made->bytes = 128;
    histogram_add(&made->latency, 1000);
    histogram_add(&made->latency, 5000);
    made->load_cpu_ns = COIR_SECOND;
    made->server_cpu_ns = -1;
}

TEST(each_error_has_a_name_of_its_own_and_words)
{
    for (unsigned int error = 0; error < LOAD_ERROR_COUNT; error++) {
        const char *name = load_error_name(error);

        assert_true(strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name) && name[0] != '\0');
        assert_true(strlen(load_error_text(error)) > 0);
        for (unsigned int before = 0; before < error; before++)
            assert_string_not_equal(name, load_error_name(before));
    }
    assert_string_equal(load_error_name(LOAD_ERROR_DATAGRAM_LOST), "datagram_lost");
    assert_string_equal(load_mode_name(LOAD_MODE_OPEN), "open loop");
    assert_string_equal(load_mode_name(LOAD_MODE_IDLE), "idle");
}

TEST(errors_are_summed_and_wrong_bytes_are_told_apart)
{
    make(&result);
    for (unsigned int error = 0; error < LOAD_ERROR_COUNT; error++)
        result.errors[error] = UINT64_C(1) << error;
    assert_int_equal(load_result_errors(&result), (1 << LOAD_ERROR_COUNT) - 1);
    assert_int_equal(load_result_wrong(&result), 1 << LOAD_ERROR_CORRUPTED | 1 << LOAD_ERROR_LOST |
                                                     1 << LOAD_ERROR_DUPLICATED | 1 << LOAD_ERROR_REORDERED |
                                                     1 << LOAD_ERROR_FOREIGN);
}

TEST(rates_are_per_second)
{
    make(&result);
    result.measured_ns = 250 * COIR_MILLISECOND;
    assert_true(load_result_rate(&result) == 8);
    assert_true(load_result_byte_rate(&result) == 512);
    result.measured_ns = 0;
    assert_true(load_result_rate(&result) == 0);
    assert_true(load_result_byte_rate(&result) == 0);
}

TEST(notes_go_into_the_interval_they_are_of)
{
    make(&result);
    result.point_ns = 10;
    load_result_note(&result, 9, 1, 0, 100);
    load_result_note(&result, 10, 2, 1, 300);
    load_result_note(&result, 19, 4, 0, 200);
    load_result_note(&result, -5, 8, 0, 50);
    load_result_note(&result, 30, 0, 0, 0);
    assert_int_equal(result.point_count, 4);
    assert_int_equal(result.points[0].messages, 9);
    assert_int_equal(result.points[0].most_ns, 100);
    assert_int_equal(result.points[1].messages, 6);
    assert_int_equal(result.points[1].errors, 1);
    assert_int_equal(result.points[1].most_ns, 300);
    assert_int_equal(result.points[2].messages, 0);
}

TEST(a_timeline_without_an_interval_gets_one)
{
    make(&result);
    load_result_note(&result, 0, 1, 0, 1);
    assert_int_equal(result.point_ns, 100 * COIR_MILLISECOND);
}

/* Each interval has as many messages as its number, and one more. */
static void fill(size_t count)
{
    result.point_ns = 10;
    for (size_t i = 0; i < count; i++)
        load_result_note(&result, (coir_time)i * 10, i + 1, 1, (int64_t)i);
}

TEST(a_full_timeline_halves_and_loses_nothing)
{
    make(&result);
    fill(LOAD_POINTS_MAX);
    assert_int_equal(result.point_ns, 10);
    load_result_note(&result, LOAD_POINTS_MAX * 10, 5, 0, 7);
    assert_int_equal(result.point_ns, 20);
    assert_int_equal(result.point_count, LOAD_POINTS_MAX / 2 + 1);
    for (size_t i = 0; i < LOAD_POINTS_MAX / 2; i++) {
        assert_int_equal(result.points[i].messages, 2 * i + 1 + 2 * i + 2);
        assert_int_equal(result.points[i].errors, 2);
        assert_int_equal(result.points[i].most_ns, 2 * i + 1);
    }
    assert_int_equal(result.points[LOAD_POINTS_MAX / 2].messages, 5);
    for (size_t i = LOAD_POINTS_MAX / 2 + 1; i < LOAD_POINTS_MAX; i++)
        assert_int_equal(result.points[i].messages, 0);
}

TEST(an_odd_timeline_halves_too)
{
    make(&result);
    fill(3);
    load_result_note(&result, LOAD_POINTS_MAX * 10, 0, 0, 0);
    assert_int_equal(result.points[0].messages, 3);
    assert_int_equal(result.points[1].messages, 3);
    assert_int_equal(result.points[1].most_ns, 2);
}

TEST(a_note_of_the_far_future_has_room)
{
    uint64_t sum = 0;

    make(&result);
    fill(100);
    load_result_note(&result, INT64_MAX, 1, 0, 0);
    for (size_t i = 0; i < result.point_count; i++)
        sum += result.points[i].messages;
    assert_int_equal(sum, 100 * 101 / 2 + 1);
    assert_true(result.point_count <= LOAD_POINTS_MAX);
}

TEST(two_processes_are_one_result)
{
    make(&result);
    make(&other);
    other.began += 1;
    result.began += 2;
    other.measured_ns += COIR_MILLISECOND;
    result.server_cpu_ns = 3 * COIR_SECOND;
    other.server_cpu_ns = 4 * COIR_SECOND;
    other.errors[LOAD_ERROR_RESET] = 3;
    histogram_add(&other.latency, 9000);
    other.messages++;
    other.interrupted = true;
    snprintf(result.settings.sources, sizeof(result.settings.sources), "127.0.0.1");
    snprintf(other.settings.sources, sizeof(other.settings.sources), "127.0.0.2");
    assert_null(load_result_merge(&result, &other));
    assert_int_equal(result.processes, 2);
    assert_int_equal(result.settings.connections, 20);
    assert_int_equal(result.opened, 24);
    assert_int_equal(result.open_most, 20);
    assert_int_equal(result.unsent, 12);
    assert_int_equal(result.in_time, 8);
    assert_int_equal(result.abandoned, 2);
    assert_true(result.interrupted);
    assert_float_equal(load_result_cost(&result, result.load_cpu_ns), 2.5e8, 1);
    assert_int_equal(result.messages, 5);
    assert_int_equal(result.bytes, 256);
    assert_int_equal(result.latency.total, 5);
    assert_int_equal(result.latency.most_ns, 9000);
    assert_int_equal(result.errors[LOAD_ERROR_RESET], 3);
    assert_int_equal(result.load_cpu_ns, 2 * COIR_SECOND);
    assert_int_equal(result.server_cpu_ns, 4 * COIR_SECOND); /* it is one server */
    assert_int_equal(result.measured_ns, 10 * COIR_SECOND + COIR_MILLISECOND);
    assert_int_equal(result.began, 1000001);
    assert_string_equal(result.settings.sources, "127.0.0.1; 127.0.0.2");
    assert_string_equal(result.machine, "Linux");
    assert_string_equal(result.settings.engine, "epoll");
}

TEST(what_differs_in_words_is_joined_once_or_called_several)
{
    make(&result);
    make(&other);
    snprintf(other.machine, sizeof(other.machine), "Lin");
    for (int i = 0; i < 3; i++)
        assert_null(load_result_merge(&result, &other));
    assert_string_equal(result.machine, "Linux; Lin");
    memset(other.machine, 'x', sizeof(other.machine) - 1);
    assert_null(load_result_merge(&result, &other));
    assert_string_equal(result.machine, "several");
    assert_null(load_result_merge(&result, &other));
    assert_string_equal(result.machine, "several");
}

TEST(merged_timelines_get_the_longer_interval)
{
    make(&result);
    make(&other);
    fill(8); /* of 10 ns: 1 2 3 ... */
    other.point_ns = 40;
    load_result_note(&other, 45, 100, 0, 1000);
    assert_null(load_result_merge(&result, &other));
    assert_int_equal(result.point_ns, 40);
    assert_int_equal(result.point_count, 2);
    assert_int_equal(result.points[0].messages, 10);
    assert_int_equal(result.points[1].messages, 126);
    assert_int_equal(result.points[1].most_ns, 1000);

    make(&other);
    other.point_ns = 10;
    load_result_note(&other, 79, 1000, 0, 1);
    assert_null(load_result_merge(&result, &other));
    assert_int_equal(result.point_ns, 40);
    assert_int_equal(result.points[1].messages, 1126);
}

TEST(a_timeline_of_nothing_takes_the_others)
{
    make(&result);
    make(&other);
    other.point_ns = 30;
    load_result_note(&other, 65, 1, 0, 1);
    assert_null(load_result_merge(&result, &other));
    assert_int_equal(result.point_ns, 30);
    assert_int_equal(result.points[2].messages, 1);
}

TEST(several_servers_add_up)
{
    make(&result);
    make(&other);
    result.server_cpu_ns = 3 * COIR_SECOND;
    other.server_cpu_ns = 4 * COIR_SECOND;
    other.settings.uri[0] = 'u';
    assert_null(load_result_merge(&result, &other));
    assert_int_equal(result.server_cpu_ns, 7 * COIR_SECOND);
    assert_non_null(strstr(result.settings.uri, other.settings.uri));
    make(&other);
    other.settings.uri[0] = 'v';
    other.server_cpu_ns = -1;
    assert_null(load_result_merge(&result, &other));
    assert_int_equal(result.server_cpu_ns, -1); /* of one of them it is not known */
}

/* The processor time after results of servers A, B and then `third`, of two seconds each, were merged. */
static coir_time merge_third(const char *third)
{
    const char *const uris[] = {"tcp://b:7", third};

    make(&result);
    snprintf(result.settings.uri, sizeof(result.settings.uri), "tcp://a:7");
    result.server_cpu_ns = 2 * COIR_SECOND;
    for (size_t i = 0; i < 2; i++) {
        make(&other);
        snprintf(other.settings.uri, sizeof(other.settings.uri), "%s", uris[i]);
        other.server_cpu_ns = 2 * COIR_SECOND;
        assert_null(load_result_merge(&result, &other));
    }
    return result.server_cpu_ns;
}

TEST(a_server_among_several_is_not_counted_twice)
{
    assert_int_equal(merge_third("tcp://c:7"), 6 * COIR_SECOND);
    assert_int_equal(merge_third("tcp://b:70"), 6 * COIR_SECOND);
    assert_int_equal(merge_third("tcp://a:7"), -1);
    assert_int_equal(merge_third("tcp://b:7"), -1);
    assert_int_equal(merge_third("tcp://d:7; tcp://b:7"), -1);
    assert_int_equal(merge_third("several"), -1);
    assert_int_equal(merge_third("tcp://a:7; tcp://b:7"), 4 * COIR_SECOND);
}

TEST(processor_times_that_have_no_sum_are_refused)
{
    make(&result);
    make(&other);
    snprintf(other.settings.uri, sizeof(other.settings.uri), "tcp://b:7");
    result.server_cpu_ns = INT64_MAX / 2 + 1;
    other.server_cpu_ns = INT64_MAX / 2 + 1;
    assert_string_equal(load_result_merge(&result, &other), "their counts are too large to be added");
}

/* Of a copy of the first that was changed: refused for that reason, and the first is as it was. */
static void expect_refusal(const char *reason)
{
    static struct load_result before;
    const char *got;

    make(&result);
    result.point_ns = 10;
    result.point_count = 1;
    before = result;
    got = load_result_merge(&result, &other);
    assert_non_null(got);
    assert_string_equal(got, reason);
    assert_memory_equal(&result, &before, sizeof(before));
}

#define EXPECT_REFUSAL(change, reason)                                                                                 \
    do {                                                                                                               \
        make(&other);                                                                                                  \
        change;                                                                                                        \
        expect_refusal(reason);                                                                                        \
    } while (0)

TEST(unlike_results_are_refused_and_change_nothing)
{
    EXPECT_REFUSAL(other.settings.mode = LOAD_MODE_CHURN, "their modes differ");
    EXPECT_REFUSAL(other.settings.message_bytes++, "the sizes of their messages differ");
    EXPECT_REFUSAL(other.settings.depth++, "their depths differ");
    EXPECT_REFUSAL(other.settings.half_close = true, "only one of them closes by halves");
    EXPECT_REFUSAL(other.settings.rate = 1, "only one of them has a rate");
    EXPECT_REFUSAL(other.settings.duration_ns++, "their durations differ");
    EXPECT_REFUSAL(other.settings.ramp_ns++, "their warm-ups or ramps differ");
    EXPECT_REFUSAL(other.settings.patience_ns++, "their patience differs");
    EXPECT_REFUSAL(other.measured_ns /= 2, "they were measured for unlike times");
    EXPECT_REFUSAL(other.began += 6, "they were not measured at the same time");
    EXPECT_REFUSAL(other.messages = INT64_MAX, "their counts are too large to be added");
    EXPECT_REFUSAL((other.point_ns = 30, other.point_count = 1),
                   "the intervals of their timelines do not fit together");
}
