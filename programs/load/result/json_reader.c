/* SPDX-License-Identifier: MIT
 *
 * Reads results from JSON, by jansson: see json.h. Nothing in a file is
 * believed: each member that is used must be there, of its type and within its
 * bounds, and what says the same twice must agree. Members that are not known
 * are left alone.
 *
 * A reader that has failed holds the reason, and each further call on it fails.
 */
#include "load/result/json_names.h"
#include "load/result/text.h"
#include "value.h"
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#define FILE_SIZE_MAX (4U << 20) /* thrice what the largest result is, with a space around each number */
#define SECONDS_MAX 9.2e9        /* in nanoseconds, what a coir_time holds */
#define INTERVAL_MAX 1e6
#define DAY_SIZE 19 /* "2026-11-28T04:31:23" */

struct reader {
    const char *path;
    const char *group; /* the object that is being read, with a point: "settings." */
    char reason[RESULT_JSON_REASON_SIZE];
    bool failed;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct reader *reader, const char *format, ...)
{
    char path[RESULT_JSON_PATH_SIZE];
    char why[RESULT_JSON_REASON_SIZE - RESULT_JSON_PATH_SIZE - 2];
    va_list values;

    if (reader->failed)
        return false;
    va_start(values, format);
    vsnprintf(why, sizeof(why), format, values);
    va_end(values);
    result_json_print_path(reader->path, path);
    snprintf(reader->reason, RESULT_JSON_REASON_SIZE, "%s: %s", path, why);
    reader->failed = true;
    return false;
}

static const json_t *get(struct reader *reader, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL)
        fail(reader, "%s%s is missing", reader->group, name);
    return reader->failed ? NULL : value;
}

/* The object of that name; what is read next is a member of it. */
static const json_t *enter(struct reader *reader, const json_t *object, const char *name, const char *group)
{
    const json_t *value;

    reader->group = "";
    value = get(reader, object, name);
    if (value != NULL && !json_is_object(value))
        fail(reader, "%s is not an object", name);
    reader->group = group;
    return reader->failed ? NULL : value;
}

static const json_t *get_array(struct reader *reader, const json_t *object, const char *name)
{
    const json_t *value = get(reader, object, name);

    if (value != NULL && !json_is_array(value))
        fail(reader, "%s%s is not an array", reader->group, name);
    return reader->failed ? NULL : value;
}

static bool is_count(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0 &&
           json_integer_value(value) <= RESULT_JSON_COUNT_MAX;
}

static bool is_number(const json_t *value, double most)
{
    return json_is_number(value) && json_number_value(value) >= 0 && json_number_value(value) <= most;
}

static bool read_count(struct reader *reader, const json_t *object, const char *name, uint64_t *ret_count)
{
    const json_t *value = get(reader, object, name);

    if (value == NULL)
        return false;
    if (!is_count(value))
        return fail(reader, "%s%s is not a whole number from 0 to %lld", reader->group, name,
                    (long long)RESULT_JSON_COUNT_MAX);
    *ret_count = (uint64_t)json_integer_value(value);
    return true;
}

static bool read_number(struct reader *reader, const json_t *object, const char *name, double most, double *ret_number)
{
    const json_t *value = get(reader, object, name);

    if (value == NULL)
        return false;
    if (!is_number(value, most))
        return fail(reader, "%s%s is not a number from 0 to %.0f", reader->group, name, most);
    *ret_number = json_number_value(value);
    return true;
}

static bool read_seconds(struct reader *reader, const json_t *object, const char *name, coir_time *ret_time_ns)
{
    double seconds = 0;

    if (!read_number(reader, object, name, SECONDS_MAX, &seconds))
        return false;
    *ret_time_ns = (coir_time)llround(seconds * (double)COIR_SECOND);
    return true;
}

/* Seconds, or null: what that means is the caller's. */
static bool read_seconds_or(struct reader *reader, const json_t *object, const char *name, coir_time otherwise,
                            coir_time *ret_time_ns)
{
    if (!json_is_null(json_object_get(object, name)))
        return read_seconds(reader, object, name, ret_time_ns);
    *ret_time_ns = otherwise;
    return true;
}

static bool read_text(struct reader *reader, const json_t *object, const char *name, char *ret_text, size_t room)
{
    const json_t *value = get(reader, object, name);

    if (value == NULL)
        return false;
    if (!json_is_string(value))
        return fail(reader, "%s%s is not a string", reader->group, name);
    if (json_string_length(value) >= room)
        return fail(reader, "%s%s is longer than %zu bytes", reader->group, name, room - 1);
    snprintf(ret_text, room, "%s", json_string_value(value));
    for (size_t i = 0; ret_text[i] != '\0'; i++)
        if (text_is_control(ret_text[i]))
            return fail(reader, "%s%s has a byte that is no text", reader->group, name);
    return true;
}

static bool read_bool(struct reader *reader, const json_t *object, const char *name, bool *ret_bool)
{
    const json_t *value = get(reader, object, name);

    if (value == NULL)
        return false;
    if (!json_is_boolean(value))
        return fail(reader, "%s%s is neither true nor false", reader->group, name);
    *ret_bool = json_is_true(value);
    return true;
}

/* "2026-11-28T04:31:23.000Z"; what is printed the same is what was meant. */
static bool read_moment(struct reader *reader, const json_t *object, const char *name, int64_t *ret_seconds)
{
    char text[VALUE_TEXT_SIZE], again[VALUE_TEXT_SIZE] = "";
    struct tm day = {0};
    const char *end;

    if (!read_text(reader, object, name, text, sizeof(text)))
        return false;
    end = strptime(text, "%Y-%m-%dT%H:%M:%S", &day);
    *ret_seconds = (int64_t)timegm(&day);
    value_print_moment(*ret_seconds, 0, again);
    if (end == NULL || strncmp(text, again, DAY_SIZE) != 0 ||
        DAY_SIZE + strspn(text + DAY_SIZE, ".0123456789") + 1 != strlen(text) || text[strlen(text) - 1] != 'Z')
        return fail(reader, "%s is not a moment such as 2026-11-28T04:31:23.000Z", name);
    return true;
}

static bool read_mode(struct reader *reader, const json_t *object, enum load_mode *ret_mode)
{
    char text[16];

    if (!read_text(reader, object, "mode", text, sizeof(text)))
        return false;
    for (unsigned int mode = 0; mode < RESULT_JSON_MODES; mode++) {
        if (strcmp(text, result_json_modes[mode]) != 0)
            continue;
        *ret_mode = (enum load_mode)mode;
        return true;
    }
    return fail(reader, "settings.mode is none of closed, open, churn and idle");
}

static bool read_settings(struct reader *reader, const json_t *root, struct load_settings *settings)
{
    const json_t *object = enter(reader, root, "settings", "settings.");

    return object != NULL && read_text(reader, object, "uri", settings->uri, sizeof(settings->uri)) &&
           read_text(reader, object, "sources", settings->sources, sizeof(settings->sources)) &&
           read_text(reader, object, "engine", settings->engine, sizeof(settings->engine)) &&
           read_mode(reader, object, &settings->mode) &&
           read_count(reader, object, "connections", &settings->connections) &&
           read_count(reader, object, "message_bytes", &settings->message_bytes) &&
           read_count(reader, object, "depth", &settings->depth) &&
           read_number(reader, object, "rate", RESULT_JSON_RATE_MAX, &settings->rate) &&
           read_bool(reader, object, "half_close", &settings->half_close) &&
           read_seconds_or(reader, object, "duration_s", COIR_FOREVER, &settings->duration_ns) &&
           read_seconds_or(reader, object, "warmup_s", COIR_FOREVER, &settings->warmup_ns) &&
           read_seconds_or(reader, object, "ramp_s", COIR_FOREVER, &settings->ramp_ns) &&
           read_seconds_or(reader, object, "patience_s", COIR_FOREVER, &settings->patience_ns);
}

static bool read_errors(struct reader *reader, const json_t *root, struct load_result *result)
{
    const json_t *object = enter(reader, root, "errors", "errors.");

    if (object == NULL)
        return false;
    for (unsigned int error = 0; error < LOAD_ERROR_COUNT; error++)
        if (!read_count(reader, object, load_error_name(error), &result->errors[error]))
            return false;
    if (json_object_size(object) != LOAD_ERROR_COUNT)
        return fail(reader, "errors has a kind that is not known here");
    return true;
}

static bool read_cpu(struct reader *reader, const json_t *root, struct load_result *result)
{
    const json_t *object = enter(reader, root, "cpu_s", "cpu_s.");

    return object != NULL && read_seconds(reader, object, "load", &result->load_cpu_ns) &&
           read_seconds_or(reader, object, "server", -1, &result->server_cpu_ns);
}

static bool read_point(struct reader *reader, const json_t *array, size_t index, struct load_point *point)
{
    const json_t *numbers = json_array_get(array, index);

    if (json_array_size(numbers) != 3 || !is_count(json_array_get(numbers, 0)) ||
        !is_count(json_array_get(numbers, 1)) || !is_number(json_array_get(numbers, 2), SECONDS_MAX * 1e6))
        return fail(reader, "timeline.points[%zu] is not [messages, errors, microseconds]", index);
    point->messages = (uint64_t)json_integer_value(json_array_get(numbers, 0));
    point->errors = (uint64_t)json_integer_value(json_array_get(numbers, 1));
    point->most_ns = llround(json_number_value(json_array_get(numbers, 2)) * 1e3);
    return true;
}

static bool read_timeline(struct reader *reader, const json_t *root, struct load_result *result)
{
    const json_t *object = enter(reader, root, "timeline", "timeline.");
    const json_t *array;
    double interval = 0;

    if (object == NULL || !read_number(reader, object, "interval_s", INTERVAL_MAX, &interval))
        return false;
    array = get_array(reader, object, "points");
    if (array == NULL)
        return false;
    result->point_ns = llround(interval * (double)COIR_SECOND);
    result->point_count = json_array_size(array);
    if (result->point_count > LOAD_POINTS_MAX)
        return fail(reader, "timeline.points has more than %d points", LOAD_POINTS_MAX);
    if (result->point_count > 0 && result->point_ns <= 0)
        return fail(reader, "timeline.interval_s is 0, and there are points");
    for (size_t i = 0; i < result->point_count; i++)
        if (!read_point(reader, array, i, &result->points[i]))
            return false;
    return true;
}

/* Those that are not empty, ascending, each at a bound of ours: `bucket` goes up with them. */
static bool read_buckets(struct reader *reader, const json_t *array, struct histogram *latency)
{
    unsigned int bucket = 0;

    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *pair = json_array_get(array, i);
        const json_t *least = json_array_get(pair, 0);
        const json_t *count = json_array_get(pair, 1);

        if (json_array_size(pair) != 2 || !is_count(least) || !is_count(count) || json_integer_value(count) == 0)
            return fail(reader, "histogram[%zu] is not [nanoseconds, messages]", i);
        while (bucket < HISTOGRAM_BUCKETS && histogram_bucket_least(bucket) < json_integer_value(least))
            bucket++;
        if (bucket == HISTOGRAM_BUCKETS || histogram_bucket_least(bucket) != json_integer_value(least))
            return fail(reader, "histogram[%zu] does not ascend, or is no bucket of this histogram", i);
        latency->buckets[bucket] = (uint64_t)json_integer_value(count);
        latency->total += latency->buckets[bucket];
        if (latency->total > RESULT_JSON_COUNT_MAX)
            return fail(reader, "histogram has more messages than can be counted");
        bucket++;
    }
    return true;
}

/* The least and the greatest latency lie in the first and the last bucket; the last one of all has no end. */
static bool agrees(const struct histogram *latency)
{
    unsigned int first = 0, last = HISTOGRAM_BUCKETS - 1;

    while (latency->buckets[first] == 0)
        first++;
    while (latency->buckets[last] == 0)
        last--;
    return latency->least_ns >= histogram_bucket_least(first) && latency->least_ns <= latency->most_ns &&
           (latency->least_ns < histogram_bucket_end(first) || first == HISTOGRAM_BUCKETS - 1) &&
           latency->most_ns >= histogram_bucket_least(last) &&
           (latency->most_ns < histogram_bucket_end(last) || last == HISTOGRAM_BUCKETS - 1);
}

static bool read_latency(struct reader *reader, const json_t *root, struct histogram *latency)
{
    const json_t *object = enter(reader, root, "latency_us", "latency_us.");
    double least = 0, most = 0;

    if (object == NULL || !read_number(reader, object, "least", SECONDS_MAX * 1e6, &least) ||
        !read_number(reader, object, "most", SECONDS_MAX * 1e6, &most))
        return false;
    latency->least_ns = llround(least * 1e3);
    latency->most_ns = llround(most * 1e3);
    return agrees(latency) || fail(reader, "latency_us.least or .most is not within the histogram");
}

static bool read_histogram(struct reader *reader, const json_t *root, struct load_result *result)
{
    const json_t *array = get_array(reader, root, "histogram");

    histogram_clear(&result->latency);
    if (array == NULL || !read_buckets(reader, array, &result->latency))
        return false;
    if (result->latency.total != result->messages)
        return fail(reader, "histogram has %llu messages, and messages is %llu",
                    (unsigned long long)result->latency.total, (unsigned long long)result->messages);
    if (result->messages > 0 && result->measured_ns == 0)
        return fail(reader, "measured_s is 0, and there are messages");
    return result->messages == 0 || read_latency(reader, root, &result->latency);
}

/* What makes it a file of ours. */
static bool read_kind(struct reader *reader, const json_t *root)
{
    char program[32];
    uint64_t schema = 0;

    if (!json_is_object(root))
        return fail(reader, "it is no result of coir load: not an object");
    if (!read_text(reader, root, "program", program, sizeof(program)) || !read_count(reader, root, "schema", &schema))
        return false;
    if (strcmp(program, RESULT_JSON_PROGRAM) != 0)
        return fail(reader, "it is no result of coir load: program is another");
    if (schema != RESULT_JSON_SCHEMA)
        return fail(reader, "schema is %llu, and this coir knows %d", (unsigned long long)schema, RESULT_JSON_SCHEMA);
    return true;
}

static bool read_result(struct reader *reader, const json_t *root, struct load_result *result)
{
    return read_kind(reader, root) && read_text(reader, root, "version", result->version, sizeof(result->version)) &&
           read_text(reader, root, "machine", result->machine, sizeof(result->machine)) &&
           read_moment(reader, root, "began", &result->began) &&
           read_count(reader, root, "processes", &result->processes) &&
           read_seconds(reader, root, "measured_s", &result->measured_ns) &&
           read_count(reader, root, "opened", &result->opened) &&
           read_count(reader, root, "open_most", &result->open_most) &&
           read_count(reader, root, "messages", &result->messages) &&
           read_count(reader, root, "in_time", &result->in_time) && read_count(reader, root, "bytes", &result->bytes) &&
           read_count(reader, root, "unsent", &result->unsent) &&
           read_bool(reader, root, "interrupted", &result->interrupted) &&
           read_count(reader, root, "abandoned", &result->abandoned) && read_histogram(reader, root, result) &&
           read_settings(reader, root, &result->settings) && read_errors(reader, root, result) &&
           read_cpu(reader, root, result) && read_timeline(reader, root, result);
}

/* All of a file that is not too large; NULL and the reason. */
static char *read_file(struct reader *reader, size_t *ret_size)
{
    FILE *file = fopen(reader->path, "re");
    char *bytes = malloc(FILE_SIZE_MAX + 1);

    if (file == NULL || bytes == NULL) {
        fail(reader, "cannot be opened: %s", file == NULL ? strerror(errno) : "out of memory");
    } else {
        *ret_size = fread(bytes, 1, FILE_SIZE_MAX + 1, file);
        if (ferror(file))
            fail(reader, "cannot be read: %s", strerror(errno));
        else if (*ret_size > FILE_SIZE_MAX)
            fail(reader, "it is no result of coir load: larger than 4 MiB");
    }
    if (file != NULL)
        fclose(file);
    if (!reader->failed)
        return bytes;
    free(bytes);
    return NULL;
}

static json_t *parse(struct reader *reader)
{
    json_error_t error;
    json_t *root;
    size_t size = 0;
    char *bytes = read_file(reader, &size);

    if (bytes == NULL)
        return NULL;
    root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        fail(reader, "line %d, column %d: %.80s", error.line, error.column, error.text);
    free(bytes);
    return root;
}

bool result_json_read(const char *path, struct load_result *ret_result, char ret_reason[RESULT_JSON_REASON_SIZE])
{
    struct reader reader = {.path = path, .group = "", .failed = false};
    json_t *root = parse(&reader);
    struct load_result *result;

    result = calloc(1, sizeof(*result)); /* too large for a stack that may be a task's */
    if (result == NULL)
        fail(&reader, "out of memory");
    else if (root != NULL && read_result(&reader, root, result))
        *ret_result = *result;
    if (reader.failed)
        snprintf(ret_reason, RESULT_JSON_REASON_SIZE, "%s", reader.reason);
    free(result);
    json_decref(root);
    return !reader.failed;
}
