/* SPDX-License-Identifier: MIT
 *
 * Writes results as JSON, by jansson: see json.h. Each member of the
 * whole has a line of its own, so that a file can be looked at and compared.
 * json_reader.c reads what this writes.
 */
#include "load/result/json.h"
#include "load/result/json_names.h"
#include "load/result/text.h"
#include "value.h"
#include "whole_file.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many digits tell nanoseconds of eleven days apart, and 0.1 is 0.1. */
#define FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

bool result_json_is_there(void)
{
    return true;
}

/* NULL where memory has run out, as all that make values: jansson's calls take that, and fail. */
static json_t *make_count(uint64_t count)
{
    return json_integer((json_int_t)count);
}

static json_t *make_text(const char *text)
{
    char valid[LOAD_TEXT_SIZE];

    snprintf(valid, sizeof(valid), "%s", text);
    text_make_valid(valid);
    return json_string(valid);
}

static json_t *make_seconds(coir_time time_ns)
{
    return json_real((double)time_ns / (double)COIR_SECOND);
}

static json_t *make_limit(coir_time time_ns)
{
    return time_ns == COIR_FOREVER ? json_null() : make_seconds(time_ns);
}

static json_t *make_moment(int64_t seconds)
{
    char text[VALUE_TEXT_SIZE];

    value_print_moment(seconds, 0, text);
    return json_string(text);
}

/* Adds the pairs of a name and a value, which it takes; NULL if one of them could not be made. */
struct member {
    const char *name;
    json_t *value;
};

static json_t *make_object(const struct member *members, size_t count)
{
    json_t *object = json_object();
    bool whole = object != NULL;

    for (size_t i = 0; i < count; i++) /* each, since each is given away */
        whole = json_object_set_new(object, members[i].name, members[i].value) == 0 && whole;
    if (whole)
        return object;
    json_decref(object);
    return NULL;
}

#define MAKE_OBJECT(members) make_object(members, sizeof(members) / sizeof((members)[0]))

static json_t *make_array(json_t *const *values, size_t count)
{
    json_t *array = json_array();
    bool whole = array != NULL;

    for (size_t i = 0; i < count; i++)
        whole = json_array_append_new(array, values[i]) == 0 && whole;
    if (whole)
        return array;
    json_decref(array);
    return NULL;
}

static json_t *make_settings(const struct load_settings *settings)
{
    const struct member members[] = {
        {"uri", make_text(settings->uri)},
        {"sources", make_text(settings->sources)},
        {"engine", make_text(settings->engine)},
        {"mode", json_string(result_json_modes[settings->mode])},
        {"connections", make_count(settings->connections)},
        {"message_bytes", make_count(settings->message_bytes)},
        {"depth", make_count(settings->depth)},
        {"rate", json_real(settings->rate)},
        {"half_close", json_boolean(settings->half_close)},
        {"duration_s", make_limit(settings->duration_ns)},
        {"warmup_s", make_limit(settings->warmup_ns)},
        {"ramp_s", make_limit(settings->ramp_ns)},
        {"patience_s", make_limit(settings->patience_ns)},
    };

    return MAKE_OBJECT(members);
}

static json_t *make_latency_of(const struct histogram *latency, double time_ns)
{
    return latency->total > 0 ? json_real(time_ns / 1e3) : json_null();
}

static json_t *make_quantile(const struct histogram *latency, double quantile)
{
    return make_latency_of(latency, histogram_quantile(latency, quantile));
}

static json_t *make_latency(const struct histogram *latency)
{
    const struct member members[] = {
        {"precision", json_real(HISTOGRAM_PRECISION)},
        {"least", make_latency_of(latency, (double)latency->least_ns)},
        {"p50", make_quantile(latency, 0.50)},
        {"p90", make_quantile(latency, 0.90)},
        {"p99", make_quantile(latency, 0.99)},
        {"p99_9", make_quantile(latency, 0.999)},
        {"most", make_latency_of(latency, (double)latency->most_ns)},
    };

    return MAKE_OBJECT(members);
}

static json_t *make_histogram(const struct histogram *latency)
{
    json_t *array = json_array();
    bool whole = array != NULL;

    for (unsigned int bucket = 0; whole && bucket < HISTOGRAM_BUCKETS; bucket++) {
        if (latency->buckets[bucket] == 0)
            continue;
        json_t *const pair[] = {json_integer(histogram_bucket_least(bucket)), make_count(latency->buckets[bucket])};

        whole = json_array_append_new(array, make_array(pair, 2)) == 0;
    }
    if (whole)
        return array;
    json_decref(array);
    return NULL;
}

static json_t *make_errors(const struct load_result *result)
{
    struct member members[LOAD_ERROR_COUNT];

    for (unsigned int error = 0; error < LOAD_ERROR_COUNT; error++)
        members[error] = (struct member){load_error_name(error), make_count(result->errors[error])};
    return MAKE_OBJECT(members);
}

static json_t *make_cpu(const struct load_result *result)
{
    const struct member members[] = {
        {"load", make_seconds(result->load_cpu_ns)},
        {"server", result->server_cpu_ns < 0 ? json_null() : make_seconds(result->server_cpu_ns)},
    };

    return MAKE_OBJECT(members);
}

static json_t *make_points(const struct load_result *result)
{
    json_t *array = json_array();
    bool whole = array != NULL;

    for (size_t i = 0; whole && i < result->point_count; i++) {
        const struct load_point *point = &result->points[i];
        json_t *const numbers[] = {make_count(point->messages), make_count(point->errors),
                                   json_real((double)point->most_ns / 1e3)};

        whole = json_array_append_new(array, make_array(numbers, 3)) == 0;
    }
    if (whole)
        return array;
    json_decref(array);
    return NULL;
}

static json_t *make_timeline(const struct load_result *result)
{
    const struct member members[] = {
        {"interval_s", make_seconds(result->point_ns)},
        {"points", make_points(result)},
    };

    return MAKE_OBJECT(members);
}

static json_t *make_result(const struct load_result *result)
{
    const struct member members[] = {
        {"schema", make_count(RESULT_JSON_SCHEMA)},
        {"program", json_string(RESULT_JSON_PROGRAM)},
        {"version", make_text(result->version)},
        {"machine", make_text(result->machine)},
        {"began", make_moment(result->began)},
        {"processes", make_count(result->processes)},
        {"settings", make_settings(&result->settings)},
        {"measured_s", make_seconds(result->measured_ns)},
        {"opened", make_count(result->opened)},
        {"open_most", make_count(result->open_most)},
        {"messages", make_count(result->messages)},
        {"in_time", make_count(result->in_time)},
        {"bytes", make_count(result->bytes)},
        {"unsent", make_count(result->unsent)},
        {"interrupted", json_boolean(result->interrupted)},
        {"abandoned", make_count(result->abandoned)},
        {"messages_per_s", json_real(load_result_rate(result))},
        {"bytes_per_s", json_real(load_result_byte_rate(result))},
        {"latency_us", make_latency(&result->latency)},
        {"histogram", make_histogram(&result->latency)},
        {"errors", make_errors(result)},
        {"cpu_s", make_cpu(result)},
        {"timeline", make_timeline(result)},
    };

    return MAKE_OBJECT(members);
}

/* False where memory has run out. */
static bool print_member(FILE *stream, const char *name, const json_t *value, bool is_first)
{
    char *text = json_dumps(value, FLAGS);

    if (text == NULL)
        return false;
    fprintf(stream, "%s\n \"%s\": %s", is_first ? "{" : ",", name, text);
    free(text);
    return true;
}

static bool print_result(FILE *stream, const struct load_result *result)
{
    json_t *object = make_result(result);
    bool printed = object != NULL;
    const char *name;
    json_t *value;
    bool is_first = true;

    json_object_foreach(object, name, value)
    {
        printed = printed && print_member(stream, name, value, is_first);
        is_first = false;
    }
    fputs("\n}\n", stream);
    json_decref(object);
    return printed;
}

/* True if the counts come back from JSON as they are. */
static bool is_exact(const struct load_result *result)
{
    const uint64_t counts[] = {
        result->messages,
        result->in_time,
        result->bytes,
        result->unsent,
        result->abandoned,
        result->processes,
        result->open_most,
        result->opened,
        result->settings.connections,
        load_result_errors(result),
    };

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        if (counts[i] > RESULT_JSON_COUNT_MAX)
            return false;
    return result->settings.rate <= RESULT_JSON_RATE_MAX;
}

static bool refuse(const char *path, const char *why, char ret_reason[RESULT_JSON_REASON_SIZE])
{
    char name[RESULT_JSON_PATH_SIZE] = "standard output";

    if (strcmp(path, "-") != 0)
        result_json_print_path(path, name);
    snprintf(ret_reason, RESULT_JSON_REASON_SIZE, "cannot write %s: %s", name, why);
    return false;
}

bool result_json_write(const struct load_result *result, const char *path, char ret_reason[RESULT_JSON_REASON_SIZE])
{
    struct whole_file file;
    int rc;

    if (!is_exact(result))
        return refuse(path, "its counts are larger than JSON can tell", ret_reason);
    rc = whole_file_open(path, &file);
    if (rc < 0)
        return refuse(path, strerror(-rc), ret_reason);
    if (!print_result(file.stream, result)) {
        whole_file_drop(&file);
        return refuse(path, "out of memory", ret_reason);
    }
    rc = whole_file_keep(&file);
    return rc == 0 || refuse(path, strerror(-rc), ret_reason);
}
