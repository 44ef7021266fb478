/* SPDX-License-Identifier: MIT
 *
 * Results as JSON: what is written comes back, and no file is believed that is
 * not as it should be.
 */
#include "load/result/json.h"
#include "support/test.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_ROOM 100000

static struct load_result result, again;
static char reason[RESULT_JSON_REASON_SIZE];
static char folder[32];
static char path[64];

static void begin(void)
{
    if (!result_json_is_there())
        TEST_SKIP("coir was built without jansson");
    snprintf(folder, sizeof(folder), "/tmp/coir-json-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/result.json", folder);
}

static void end(void)
{
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

static void make_settings(struct load_settings *settings)
{
    snprintf(settings->uri, sizeof(settings->uri), "unix:///tmp/\"\\\xc3\xa9");
    snprintf(settings->sources, sizeof(settings->sources), "127.0.0.1-127.0.0.8");
    snprintf(settings->engine, sizeof(settings->engine), "poll");
    settings->mode = LOAD_MODE_OPEN;
    settings->connections = 1001;
    settings->message_bytes = 65536;
    settings->depth = 3;
    settings->rate = 12345.678;
    settings->half_close = true;
    settings->duration_ns = 1500 * COIR_MILLISECOND;
    settings->warmup_ns = 1;
    settings->ramp_ns = 86400 * COIR_SECOND + 123456789;
    settings->patience_ns = COIR_FOREVER;
}

static void make(void)
{
    memset(&result, 0, sizeof(result));
    make_settings(&result.settings);
    snprintf(result.version, sizeof(result.version), "0.1.0");
    snprintf(result.machine, sizeof(result.machine), "Linux 6.1.0 x86_64, 2 processors");
    result.began = 1795840283;
    result.measured_ns = 1499999999;
    result.processes = 2;
    result.opened = 1200;
    result.open_most = 1001;
    result.unsent = 17;
    result.in_time = 33;
    result.interrupted = true;
    result.abandoned = 5;
    result.bytes = INT64_C(1) << 53;
    for (unsigned int error = 0; error < LOAD_ERROR_COUNT; error++)
        result.errors[error] = error * error;
    histogram_clear(&result.latency);
    for (int64_t duration = 3; duration < INT64_C(1) << 43; duration = duration * 5 / 4 + 1) {
        histogram_add(&result.latency, duration);
        histogram_add(&result.latency, duration);
    }
    result.messages = result.latency.total;
    result.load_cpu_ns = 700 * COIR_MILLISECOND + 1;
    result.server_cpu_ns = -1;
    result.point_ns = 100 * COIR_MILLISECOND;
    for (coir_time at = 0; at < 3 * COIR_SECOND; at += 70 * COIR_MILLISECOND)
        load_result_note(&result, at, (uint64_t)at / 3, 1, at + 1);
}

static void write_result(void)
{
    if (!result_json_write(&result, path, reason))
        fail_msg("%s", reason);
}

static size_t read_text(char text[TEXT_ROOM])
{
    FILE *file = fopen(path, "r");
    size_t size;

    assert_non_null(file);
    size = fread(text, 1, TEXT_ROOM - 1, file);
    fclose(file);
    assert_true(size < TEXT_ROOM - 1);
    text[size] = '\0';
    return size;
}

static void write_text(const char *text, size_t size)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
}

static void expect_same_settings(const struct load_settings *a, const struct load_settings *b)
{
    assert_string_equal(a->uri, b->uri);
    assert_string_equal(a->sources, b->sources);
    assert_string_equal(a->engine, b->engine);
    assert_int_equal(a->mode, b->mode);
    assert_int_equal(a->connections, b->connections);
    assert_int_equal(a->message_bytes, b->message_bytes);
    assert_int_equal(a->depth, b->depth);
    assert_true(a->rate >= b->rate && a->rate <= b->rate);
    assert_int_equal(a->half_close, b->half_close);
    assert_int_equal(a->duration_ns, b->duration_ns);
    assert_int_equal(a->warmup_ns, b->warmup_ns);
    assert_int_equal(a->ramp_ns, b->ramp_ns);
    assert_int_equal(a->patience_ns, b->patience_ns);
}

static void expect_same(void)
{
    expect_same_settings(&result.settings, &again.settings);
    assert_string_equal(result.version, again.version);
    assert_string_equal(result.machine, again.machine);
    assert_int_equal(result.began, again.began);
    assert_int_equal(result.measured_ns, again.measured_ns);
    assert_int_equal(result.processes, again.processes);
    assert_int_equal(result.opened, again.opened);
    assert_int_equal(result.open_most, again.open_most);
    assert_int_equal(result.unsent, again.unsent);
    assert_int_equal(result.in_time, again.in_time);
    assert_int_equal(result.interrupted, again.interrupted);
    assert_int_equal(result.abandoned, again.abandoned);
    assert_int_equal(result.messages, again.messages);
    assert_int_equal(result.bytes, again.bytes);
    assert_memory_equal(result.errors, again.errors, sizeof(result.errors));
    assert_memory_equal(&result.latency, &again.latency, sizeof(result.latency));
    assert_int_equal(result.load_cpu_ns, again.load_cpu_ns);
    assert_int_equal(result.server_cpu_ns, again.server_cpu_ns);
    assert_int_equal(result.point_ns, again.point_ns);
    assert_int_equal(result.point_count, again.point_count);
    assert_memory_equal(result.points, again.points, sizeof(result.points));
}

TEST(what_is_written_comes_back)
{
    begin();
    make();
    write_result();
    if (!result_json_read(path, &again, reason))
        fail_msg("%s", reason);
    expect_same();
    end();
}

TEST(a_result_of_nothing_comes_back)
{
    begin();
    make();
    histogram_clear(&result.latency);
    result.messages = 0;
    result.measured_ns = 0;
    result.server_cpu_ns = 0;
    result.point_count = 0;
    result.point_ns = 0;
    memset(result.points, 0, sizeof(result.points));
    write_result();
    if (!result_json_read(path, &again, reason))
        fail_msg("%s", reason);
    expect_same();
    end();
}

TEST(bytes_that_are_no_text_are_written_as_question_marks)
{
    begin();
    make();
    snprintf(result.settings.uri, sizeof(result.settings.uri), "a\xff\xc3\xa9\xed\xa0\x80\xc3\x1b[m\x7f");
    write_result();
    assert_true(result_json_read(path, &again, reason));
    assert_string_equal(again.settings.uri, "a?\xc3\xa9?????[m?");
    end();
}

TEST(members_that_are_not_known_are_left_alone)
{
    static char text[TEXT_ROOM + 100] = "{\"later\": {\"a\": [1, null]},";
    size_t size = strlen(text);

    begin();
    make();
    write_result();
    read_text(text + size);
    text[size] = ' '; /* in the place of the brace */
    write_text(text, strlen(text));
    if (!result_json_read(path, &again, reason))
        fail_msg("%s", reason);
    expect_same();
    end();
}

/* The text with its first `what` replaced by `with`: refused, for that reason, and nothing is written. */
static void expect_refusal(const char *text, const char *what, const char *with, const char *why)
{
    static char changed[TEXT_ROOM];
    const char *at = strstr(text, what);
    size_t before = at != NULL ? (size_t)(at - text) : 0;

    if (at == NULL)
        fail_msg("there is no %s", what);
    snprintf(changed, sizeof(changed), "%.*s%s%s", (int)before, text, with, at + strlen(what));
    write_text(changed, strlen(changed));
    again.opened = 77;
    if (result_json_read(path, &again, reason))
        fail_msg("taken: %s instead of %s", with, what);
    assert_int_equal(again.opened, 77);
    if (strstr(reason, why) == NULL || strncmp(reason, path, strlen(path)) != 0)
        fail_msg("%s instead of %s: got \"%s\", wanted \"%s\"", with, what, reason, why);
}

struct flaw {
    const char *what;
    const char *with;
    const char *why;
};

static const struct flaw flaws[] = {
    {"{\n", "", "line 1"},
    {"\"machine\"", "machine", "line 5, column "},
    {"\"machine\"", "\"version\"", "duplicate"},
    {"\"schema\": 1", "\"schema\": 2", "schema is 2, and this coir knows 1"},
    {"\"schema\": 1", "\"schema\": \"1\"", "schema is not a whole number"},
    {"\"schema\"", "\"scheme\"", "schema is missing"},
    {"\"coir load\"", "\"wrk\"", "no result of coir load: program is another"},
    {"\"coir load\"", "7", "program is not a string"},
    {"\"0.1.0\"", "\"0123456789012345678901234567890123456789\"", "version is longer than 31 bytes"},
    {"\"0.1.0\"", "\"0\\u0000\"", "line 4"},
    {"2026-11-28T", "2026-02-30T", "began is not a moment"},
    {"2026-11-28T", "2026-11-28 ", "began is not a moment"},
    {".000Z\"", "\"", "began is not a moment"},
    {".000Z\"", ".000+09:00Z\"", "began is not a moment"},
    {"\"interrupted\": true", "\"interrupted\": 1", "interrupted is neither true nor false"},
    {"\"uri\":\"", "\"uri\":\"\\u001b]0;", "settings.uri has a byte that is no text"},
    {"\"measured_s\": ", "\"measured_s\": 0, \"x\": ", "measured_s is 0, and there are messages"},
    {"\"processes\": 2", "\"processes\": -2", "processes is not a whole number from 0 to 9007199254740992"},
    {"\"processes\": 2", "\"processes\": 2.0", "processes is not a whole number"},
    {"\"processes\": 2", "\"processes\": 9007199254740993", "processes is not a whole number"},
    {"\"processes\": 2", "\"processes\": 99999999999999999999999", "line 7"},
    {"\"processes\": 2", "\"processes\": null", "processes is not a whole number"},
    {"\"measured_s\": ", "\"measured_s\": -", "measured_s is not a number from 0"},
    {"\"measured_s\": ", "\"measured_s\": 1e300, \"x\": ", "measured_s is not a number from 0"},
    {"\"measured_s\": ", "\"measured_s\": 1e999, \"x\": ", "line 9"},
    {"\"settings\": {", "\"settings\": 1, \"x\": {", "settings is not an object"},
    {"\"mode\":\"open\"", "\"mode\":\"ajar\"", "settings.mode is none of closed, open, churn and idle"},
    {"\"depth\":3", "\"depth\":true", "settings.depth is not a whole number"},
    {"\"depth\":3", "\"deep\":3", "settings.depth is missing"},
    {"\"half_close\":true", "\"half_close\":1", "settings.half_close is neither true nor false"},
    {"\"rate\":", "\"rate\":\"\",\"x\":", "settings.rate is not a number"},
    {"\"duration_s\":", "\"duration_s\":[],\"x\":", "settings.duration_s is not a number"},
    {"\"duration_s\":", "\"x\":", "settings.duration_s is missing"},
    {"\"latency_us\": {", "\"latency_us\": null, \"x\": {", "latency_us is not an object"},
    {"\"least\":0.003", "\"least\":0.004", "latency_us.least or .most is not within the histogram"},
    {"\"least\":0.003", "\"least\":null", "latency_us.least is not a number"},
    {"\"most\":", "\"most\":1,\"x\":", "latency_us.least or .most is not within the histogram"},
    {"[3,2]", "[3]", "histogram[0] is not [nanoseconds, messages]"},
    {"[3,2]", "[3,0]", "histogram[0] is not [nanoseconds, messages]"},
    {"[3,2]", "[3,-1]", "histogram[0] is not [nanoseconds, messages]"},
    {"[3,2]", "\"\"", "histogram[0] is not [nanoseconds, messages]"},
    {"[3,2]", "[3,3]", "messages, and messages is "},
    {"[3,2]", "[3,9007199254740992]", "histogram has more messages than can be counted"},
    {"[3,2],[4,2]", "[4,2],[3,2]", "histogram[1] does not ascend"},
    {"[3,2],[4,2]", "[3,2],[3,2]", "histogram[1] does not ascend"},
    {"[3,2]", "[3,2],[4398046511104,1]", "histogram[1] does not ascend, or is no bucket"},
    {"[3,2]", "[3,2],[1000001,2]", "histogram[1] does not ascend, or is no bucket"},
    {"\"histogram\": [", "\"histogram\": {}, \"x\": [", "histogram is not an array"},
    {"\"refused\":", "\"refund\":", "errors.refused is missing"},
    {"\"refused\":", "\"melted\":1,\"refused\":", "errors has a kind that is not known here"},
    {"\"load\":", "\"load\":null,\"x\":", "cpu_s.load is not a number"},
    {"\"server\":null", "\"server\":-1", "cpu_s.server is not a number"},
    {"\"interval_s\":0.1", "\"interval_s\":0", "timeline.interval_s is 0, and there are points"},
    {"\"interval_s\":0.1", "\"interval_s\":1e7", "timeline.interval_s is not a number from 0 to 1000000"},
    {"\"points\":", "\"points\":3,\"x\":", "timeline.points is not an array"},
    {"\"points\":[[", "\"points\":[[1,2],[", "timeline.points[0] is not [messages, errors, microseconds]"},
    {"\"points\":[[", "\"points\":[[1,2,-3],[", "timeline.points[0] is not"},
    {"\"points\":[[", "\"points\":[[1.5,2,3],[", "timeline.points[0] is not"},
};

TEST(flaws_are_refused_and_named)
{
    static char text[TEXT_ROOM];

    begin();
    make();
    write_result();
    read_text(text);
    for (size_t i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++)
        expect_refusal(text, flaws[i].what, flaws[i].with, flaws[i].why);
    end();
}

TEST(a_least_above_the_greatest_is_refused)
{
    static char text[TEXT_ROOM];

    begin();
    make();
    histogram_clear(&result.latency);
    histogram_add(&result.latency, 1000000);
    result.messages = 1;
    write_result();
    read_text(text);
    expect_refusal(text, "\"least\":1000.0", "\"least\":1003.0", "latency_us.least or .most is not");
    end();
}

TEST(each_member_that_is_used_must_be_there)
{
    static const char *const unused[] = {"messages_per_s", "bytes_per_s", "precision", "p50", "p90", "p99", "p99_9"};
    static char text[TEXT_ROOM];
    char name[32], with[40], why[64];

    begin();
    make();
    write_result();
    read_text(text);
    for (const char *at = strstr(text, "\":"); at != NULL; at = strstr(at + 1, "\":")) {
        const char *first = at;
        bool is_used = true;

        while (first[-1] != '"')
            first--;
        snprintf(name, sizeof(name), "\"%.*s\":", (int)(at - first), first);
        snprintf(with, sizeof(with), "\"no-%.*s\":", (int)(at - first), first);
        for (size_t i = 0; i < sizeof(unused) / sizeof(unused[0]); i++)
            is_used = is_used && strncmp(name + 1, unused[i], strlen(name) - 3) != 0;
        snprintf(why, sizeof(why), "%.*s is missing", (int)(at - first), first);
        if (is_used)
            expect_refusal(text, name, with, why);
    }
    end();
}

TEST(a_file_that_is_cut_is_refused)
{
    static char text[TEXT_ROOM];
    size_t size;

    begin();
    make();
    write_result();
    size = read_text(text) - strlen("\n}\n") + 1;
    for (size_t cut = 0; cut < size; cut += 1 + cut / 50) {
        write_text(text, cut);
        assert_false(result_json_read(path, &again, reason));
        assert_non_null(strstr(reason, ": line "));
    }
    end();
}

TEST(what_is_no_result_at_all_is_refused)
{
    static char large[(4 << 20) + 2];

    begin();
    assert_false(result_json_read(path, &again, reason));
    assert_non_null(strstr(reason, "cannot be opened: No such file"));
    assert_false(result_json_read(folder, &again, reason));
    assert_non_null(strstr(reason, "Is a directory"));
    write_text("[1, 2]", 6);
    assert_false(result_json_read(path, &again, reason));
    assert_non_null(strstr(reason, "no result of coir load: not an object"));
    memset(large, '[', sizeof(large));
    write_text(large, 100000);
    assert_false(result_json_read(path, &again, reason));
    assert_non_null(strstr(reason, "depth"));
    write_text(large, (4 << 20) + 1);
    assert_false(result_json_read(path, &again, reason));
    assert_non_null(strstr(reason, "larger than 4 MiB"));
    end();
}

TEST(too_many_points_are_refused)
{
    static char text[TEXT_ROOM], with[TEXT_ROOM];
    size_t size = 0;

    begin();
    make();
    write_result();
    read_text(text);
    size += (size_t)snprintf(with, sizeof(with), "\"points\":[");
    for (int i = 0; i < LOAD_POINTS_MAX; i++)
        size += (size_t)snprintf(with + size, sizeof(with) - size, "[1,0,1],");
    expect_refusal(text, "\"points\":[", with, "timeline.points has more than 600 points");
    end();
}

TEST(a_file_that_cannot_be_written_is_told)
{
    char longer[600];

    begin();
    make();
    assert_false(result_json_write(&result, "/dev/full", reason));
    assert_string_equal(reason, "cannot write /dev/full: No space left on device");
    snprintf(path, sizeof(path), "%s/none/result.json", folder);
    assert_false(result_json_write(&result, path, reason));
    assert_non_null(strstr(reason, "/none/result.json: "));
    memset(longer, 'x', sizeof(longer));
    snprintf(longer + sizeof(longer) - 32, 32, "/end-of-path.json");
    assert_false(result_json_read(longer, &again, reason));
    assert_true(strncmp(reason, "...xxx", 6) == 0);
    assert_non_null(strstr(reason, "/end-of-path.json: cannot be opened"));
    end();
}

static void expect_too_large(void)
{
    assert_false(result_json_write(&result, path, reason));
    assert_non_null(strstr(reason, "counts are larger than JSON can tell"));
    assert_int_equal(access(path, F_OK), -1);
}

TEST(counts_that_json_cannot_tell_are_not_written)
{
    begin();
    make();
    result.bytes++;
    expect_too_large();
    make();
    result.settings.connections = (UINT64_C(1) << 53) + 1;
    expect_too_large();
    end();
}

TEST(without_jansson_it_says_what_to_do)
{
    if (result_json_is_there())
        TEST_SKIP("coir was built with jansson");
    assert_false(result_json_write(&result, "-", reason));
    assert_non_null(strstr(reason, "without jansson"));
    assert_false(result_json_read("file", &result, reason));
    assert_non_null(strstr(reason, "libjansson-dev"));
}
