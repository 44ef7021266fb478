/* SPDX-License-Identifier: MIT
 *
 * What a run found out: see result.h.
 */
#include "load/result/result.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FIRST_POINT_NS (100 * COIR_MILLISECOND)
#define SEVERAL "several"
#define BETWEEN "; "

struct error_words {
    const char *name;
    const char *text;
};

static const struct error_words error_words[] = {
    [LOAD_ERROR_REFUSED] = {"refused", "connections were refused: nobody listens there"},
    [LOAD_ERROR_NO_CONNECTION] = {"no_connection", "connections got no answer, or there is no way there"},
    [LOAD_ERROR_NO_PORT] = {"no_port", "connections found every local port of their source address in use"},
    [LOAD_ERROR_NO_DESCRIPTOR] = {"no_descriptor", "connections got no descriptor, or no memory for one"},
    [LOAD_ERROR_RESET] = {"reset", "connections broke"},
    [LOAD_ERROR_ENDED] = {"ended", "connections were finished by the server before their time"},
    [LOAD_ERROR_SILENT] = {"silent", "connections were owed bytes, and none came for as long as the patience lasts"},
    [LOAD_ERROR_DATAGRAM_LOST] = {"datagram_lost", "datagrams did not come back within the patience"},
    [LOAD_ERROR_CORRUPTED] = {"corrupted", "bytes had another value"},
    [LOAD_ERROR_LOST] = {"lost", "bytes of the stream were missing"},
    [LOAD_ERROR_DUPLICATED] = {"duplicated", "bytes came twice, or more came than were sent"},
    [LOAD_ERROR_REORDERED] = {"reordered", "bytes came in the wrong order"},
    [LOAD_ERROR_FOREIGN] = {"foreign", "bytes were another session's"},
    [LOAD_ERROR_OTHER] = {"other", "calls failed in another way"},
};

static const char *const mode_names[] = {
    [LOAD_MODE_CLOSED] = "closed loop",
    [LOAD_MODE_OPEN] = "open loop",
    [LOAD_MODE_CHURN] = "churn",
    [LOAD_MODE_IDLE] = "idle",
};

_Static_assert(sizeof(error_words) / sizeof(error_words[0]) == LOAD_ERROR_COUNT, "each error has its words");

const char *load_error_name(enum load_error error)
{
    return error_words[error].name;
}

const char *load_error_text(enum load_error error)
{
    return error_words[error].text;
}

const char *load_mode_name(enum load_mode mode)
{
    return mode_names[mode];
}

static uint64_t sum_errors(const struct load_result *result, unsigned int first, unsigned int end)
{
    uint64_t sum = 0;

    for (unsigned int error = first; error < end; error++)
        sum += result->errors[error];
    return sum;
}

uint64_t load_result_errors(const struct load_result *result)
{
    return sum_errors(result, 0, LOAD_ERROR_COUNT);
}

uint64_t load_result_wrong(const struct load_result *result)
{
    return sum_errors(result, LOAD_ERROR_FIRST_WRONG, LOAD_ERROR_COUNT - 1);
}

static double per_second(uint64_t count, coir_time duration_ns)
{
    return duration_ns > 0 ? (double)count * (double)COIR_SECOND / (double)duration_ns : 0;
}

double load_result_rate(const struct load_result *result)
{
    return per_second(result->messages, result->measured_ns);
}

double load_result_byte_rate(const struct load_result *result)
{
    return per_second(result->bytes, result->measured_ns);
}

double load_result_cost(const struct load_result *result, coir_time cpu_ns)
{
    return cpu_ns >= 0 && result->in_time > 0 ? (double)cpu_ns / (double)result->in_time : (double)NAN;
}

static void add_point(struct load_point *point, const struct load_point *other)
{
    point->messages += other->messages;
    point->errors += other->errors;
    if (other->most_ns > point->most_ns)
        point->most_ns = other->most_ns;
}

/* Each two intervals become one. */
static void halve_timeline(struct load_result *result)
{
    size_t count = (result->point_count + 1) / 2;

    for (size_t i = 0; i < count; i++) {
        struct load_point point = result->points[2 * i];

        if (2 * i + 1 < result->point_count)
            add_point(&point, &result->points[2 * i + 1]);
        result->points[i] = point;
    }
    memset(result->points + count, 0, (result->point_count - count) * sizeof(result->points[0]));
    result->point_count = count;
    result->point_ns *= 2;
}

void load_result_note(struct load_result *result, coir_time at_ns, uint64_t messages, uint64_t errors, int64_t most_ns)
{
    struct load_point point = {.messages = messages, .errors = errors, .most_ns = most_ns};
    coir_time at = at_ns > 0 ? at_ns : 0;

    if (result->point_ns <= 0)
        result->point_ns = FIRST_POINT_NS;
    while (at / result->point_ns >= LOAD_POINTS_MAX)
        halve_timeline(result);
    add_point(&result->points[at / result->point_ns], &point);
    if ((size_t)(at / result->point_ns) >= result->point_count)
        result->point_count = (size_t)(at / result->point_ns) + 1;
}

/* Clocks and sockets make even equal runs differ by a little. */
#define SLACK_NS (COIR_SECOND / 2) /* what a busy machine adds to a brief run */

static bool is_close(coir_time a_ns, coir_time b_ns)
{
    coir_time longer = a_ns > b_ns ? a_ns : b_ns;

    return (a_ns > b_ns ? a_ns - b_ns : b_ns - a_ns) <= longer / 10 + SLACK_NS;
}

/* Of two that were begun within a second it cannot be told: moments are whole seconds. */
static bool is_simultaneous(const struct load_result *result, const struct load_result *other)
{
    int64_t apart = result->began > other->began ? result->began - other->began : other->began - result->began;

    return apart <= 1 || apart <= result->measured_ns / COIR_SECOND / 2;
}

static const char *compare_settings(const struct load_settings *a, const struct load_settings *b)
{
    if (a->mode != b->mode)
        return "their modes differ";
    if (a->message_bytes != b->message_bytes)
        return "the sizes of their messages differ";
    if (a->depth != b->depth)
        return "their depths differ";
    if (a->half_close != b->half_close)
        return "only one of them closes by halves";
    if ((a->rate > 0) != (b->rate > 0))
        return "only one of them has a rate";
    if (a->duration_ns != b->duration_ns)
        return "their durations differ";
    if (a->warmup_ns != b->warmup_ns || a->ramp_ns != b->ramp_ns)
        return "their warm-ups or ramps differ";
    if (a->patience_ns != b->patience_ns)
        return "their patience differs";
    return NULL;
}

static bool is_too_large(const struct load_result *result, const struct load_result *other)
{
    const uint64_t pairs[][2] = {
        {result->messages, other->messages},
        {result->bytes, other->bytes},
        {result->latency.total, other->latency.total},
        {result->opened, other->opened},
        {result->open_most, other->open_most},
        {result->unsent, other->unsent},
        {result->in_time, other->in_time},
        {result->abandoned, other->abandoned},
        {result->processes, other->processes},
        {result->settings.connections, other->settings.connections},
        {(uint64_t)result->load_cpu_ns, (uint64_t)other->load_cpu_ns},
        {(uint64_t)(result->server_cpu_ns + 1), (uint64_t)(other->server_cpu_ns + 1)}, /* -1 = not known */
        {load_result_errors(result), load_result_errors(other)},
    };
    uint64_t sum;

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (__builtin_add_overflow(pairs[i][0], pairs[i][1], &sum) || sum > INT64_MAX)
            return true;
    return false;
}

/* Intervals that were doubled often enough are equal. */
static bool fit_by_doubling(coir_time a_ns, coir_time b_ns)
{
    coir_time shorter = a_ns < b_ns ? a_ns : b_ns;
    coir_time longer = a_ns < b_ns ? b_ns : a_ns;

    while (shorter > 0 && shorter < longer && shorter <= INT64_MAX / 2)
        shorter *= 2;
    return shorter == longer;
}

/* What keeps two results from being one. */
static const char *find_difference(const struct load_result *result, const struct load_result *other)
{
    const char *difference = compare_settings(&result->settings, &other->settings);

    if (difference != NULL)
        return difference;
    if (!is_close(result->measured_ns, other->measured_ns))
        return "they were measured for unlike times";
    if (!is_simultaneous(result, other))
        return "they were not measured at the same time";
    if (result->point_count > 0 && other->point_count > 0 && !fit_by_doubling(result->point_ns, other->point_ns))
        return "the intervals of their timelines do not fit together";
    if (is_too_large(result, other))
        return "their counts are too large to be added";
    return NULL;
}

static void merge_timeline(struct load_result *result, const struct load_result *other)
{
    if (result->point_count == 0)
        result->point_ns = other->point_ns;
    while (result->point_ns < other->point_ns)
        halve_timeline(result);
    for (size_t i = 0; i < other->point_count; i++)
        load_result_note(result, (coir_time)i * other->point_ns, other->points[i].messages, other->points[i].errors,
                         other->points[i].most_ns);
}

/* True if it is one of those that the text joins. */
static bool has_part(const char *text, const char *part)
{
    size_t size = strlen(part);

    for (;;) {
        if (strncmp(text, part, size) == 0 &&
            (text[size] == '\0' || strncmp(text + size, BETWEEN, strlen(BETWEEN)) == 0))
            return true;
        text = strstr(text, BETWEEN);
        if (text == NULL)
            return false;
        text += strlen(BETWEEN);
    }
}

/* "this; that": what differs, once each; where that does not fit, "several". */
static void join(char *text, size_t room, const char *other)
{
    size_t size = strlen(text);

    if (size == 0)
        snprintf(text, room, "%s", other);
    else if (other[0] == '\0' || strcmp(text, SEVERAL) == 0 || has_part(text, other))
        return;
    else if (size + strlen(BETWEEN) + strlen(other) < room)
        snprintf(text + size, room - size, BETWEEN "%s", other);
    else
        snprintf(text, room, SEVERAL);
}

static void merge_settings(struct load_settings *settings, const struct load_settings *other)
{
    settings->connections += other->connections;
    settings->rate += other->rate;
    join(settings->uri, sizeof(settings->uri), other->uri);
    join(settings->sources, sizeof(settings->sources), other->sources);
    join(settings->engine, sizeof(settings->engine), other->engine);
}

static coir_time longer_of(coir_time a_ns, coir_time b_ns)
{
    return a_ns > b_ns ? a_ns : b_ns;
}

/* True if a server may be one of both. */
static bool share_server(const char *uris, const char *others)
{
    char uri[LOAD_TEXT_SIZE];

    if (strcmp(uris, SEVERAL) == 0 || strcmp(others, SEVERAL) == 0)
        return true;
    for (;;) {
        const char *end = strstr(others, BETWEEN);

        snprintf(uri, sizeof(uri), "%.*s", (int)(end != NULL ? end - others : LOAD_TEXT_SIZE), others);
        if (has_part(uris, uri))
            return true;
        if (end == NULL)
            return false;
        others = end + strlen(BETWEEN);
    }
}

/* Those who went to one server have read the same clock. Which part of a sum was that server's cannot be told any more.
 */
static coir_time merge_server_cpu(const struct load_result *result, const struct load_result *other)
{
    if (strcmp(result->settings.uri, other->settings.uri) == 0)
        return longer_of(result->server_cpu_ns, other->server_cpu_ns);
    if (result->server_cpu_ns < 0 || other->server_cpu_ns < 0 ||
        share_server(result->settings.uri, other->settings.uri))
        return -1;
    return result->server_cpu_ns + other->server_cpu_ns;
}

static void merge_counts(struct load_result *result, const struct load_result *other)
{
    result->processes += other->processes;
    result->opened += other->opened;
    result->open_most += other->open_most;
    result->unsent += other->unsent;
    result->interrupted |= other->interrupted;
    result->abandoned += other->abandoned;
    result->in_time += other->in_time;
    result->messages += other->messages;
    result->bytes += other->bytes;
    for (unsigned int error = 0; error < LOAD_ERROR_COUNT; error++)
        result->errors[error] += other->errors[error];
    histogram_merge(&result->latency, &other->latency);
    result->load_cpu_ns += other->load_cpu_ns;
    result->server_cpu_ns = merge_server_cpu(result, other);
    result->measured_ns = longer_of(result->measured_ns, other->measured_ns);
    if (other->began < result->began)
        result->began = other->began;
}

const char *load_result_merge(struct load_result *result, const struct load_result *other)
{
    const char *difference = find_difference(result, other);

    if (difference != NULL)
        return difference;
    merge_counts(result, other);
    merge_settings(&result->settings, &other->settings);
    if (other->point_count > 0)
        merge_timeline(result, other);
    join(result->version, sizeof(result->version), other->version);
    join(result->machine, sizeof(result->machine), other->machine);
    return NULL;
}
