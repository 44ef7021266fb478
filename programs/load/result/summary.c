/* SPDX-License-Identifier: MIT
 *
 * A result in a few lines of text: see summary.h.
 */
#include "load/result/summary.h"
#include "meter.h"
#include "value.h"
#include <inttypes.h>
#include <string.h>

static const char *count_of(uint64_t count, char ret_text[METER_NUMBER_SIZE])
{
    meter_print_count(count, ret_text);
    return ret_text;
}

/* "64 B", "16 KiB". */
static const char *size_of(uint64_t bytes, char ret_text[VALUE_TEXT_SIZE])
{
    char digits[VALUE_TEXT_SIZE];
    size_t size;
    char unit;

    value_print_size(bytes, digits);
    size = strlen(digits);
    unit = digits[size - 1];
    if (unit >= '0' && unit <= '9')
        (void)snprintf(ret_text, VALUE_TEXT_SIZE, "%.30s B", digits);
    else
        (void)snprintf(ret_text, VALUE_TEXT_SIZE, "%.*s %ciB", (int)size - 1, digits, unit);
    return ret_text;
}

/* "320 us", "1.25 ms", "2.1 s": three digits, as more are not meant. */
static const char *latency_of(double ns, char ret_text[VALUE_TEXT_SIZE])
{
    double us = ns / 1e3;

    if (us < 1000)
        (void)snprintf(ret_text, VALUE_TEXT_SIZE, "%.*f us", us < 100, us);
    else if (us < 1e6)
        (void)snprintf(ret_text, VALUE_TEXT_SIZE, "%.*f ms", us < 1e5 ? 2 : 0, us / 1e3);
    else
        (void)snprintf(ret_text, VALUE_TEXT_SIZE, "%.2f s", us / 1e6);
    return ret_text;
}

static void print_settings(FILE *file, const struct load_settings *settings)
{
    char count[METER_NUMBER_SIZE];
    char size[VALUE_TEXT_SIZE];
    char duration[VALUE_TEXT_SIZE];

    value_print_duration(settings->duration_ns, duration);
    fprintf(file, "%s: %s, %s connections, messages of %s", settings->uri, load_mode_name(settings->mode),
            count_of(settings->connections, count), size_of(settings->message_bytes, size));
    if (settings->mode != LOAD_MODE_OPEN && settings->depth > 1)
        fprintf(file, ", %" PRIu64 " under way on each", settings->depth);
    if (settings->rate > 0)
        fprintf(file, ", %s%s a second in all", count_of((uint64_t)settings->rate, count),
                settings->mode == LOAD_MODE_CHURN ? " connections" : "");
    fprintf(file, ", %s\n", duration);
}

static void print_latency(FILE *file, const struct histogram *latency)
{
    static const struct {
        const char *name;
        double quantile;
    } marks[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};
    char text[VALUE_TEXT_SIZE];

    if (latency->total == 0)
        return;
    fprintf(file, "  latency      ");
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        fprintf(file, "%s %s, ", marks[i].name, latency_of(histogram_quantile(latency, marks[i].quantile), text));
    fprintf(file, "longest %s; percentiles within %.1f %%\n", latency_of((double)latency->most_ns, text),
            HISTOGRAM_PRECISION * 100);
}

static void print_messages(FILE *file, const struct load_result *result)
{
    char count[METER_NUMBER_SIZE];
    char rate[METER_NUMBER_SIZE];
    char bytes[METER_NUMBER_SIZE];

    if (result->settings.mode == LOAD_MODE_IDLE)
        return; /* there are none while it measures */
    meter_print_rate(load_result_byte_rate(result), bytes);
    fprintf(file, "  messages     %s, %s a second, %sB/s each way\n", count_of(result->messages, count),
            count_of((uint64_t)(load_result_rate(result) + 0.5), rate), bytes);
    if (result->in_time < result->messages)
        fprintf(file, "  in time      %s: the others came back after the measurement\n",
                count_of(result->in_time, count));
    if (result->unsent > 0)
        fprintf(file, "  NOT SENT     %s that were due: the load could not keep its rate, or connections had failed\n",
                count_of(result->unsent, count));
}

static void print_cpu(FILE *file, const struct load_result *result)
{
    if (result->in_time == 0)
        return;
    fprintf(file, "  processor    %.2f us a message here", load_result_cost(result, result->load_cpu_ns) / 1e3);
    if (result->server_cpu_ns >= 0)
        fprintf(file, ", %.2f us at the server\n", load_result_cost(result, result->server_cpu_ns) / 1e3);
    else
        fprintf(file, "; the server's cannot be read from here\n");
}

static void print_errors(FILE *file, const struct load_result *result)
{
    char count[METER_NUMBER_SIZE];

    if (result->interrupted)
        fprintf(file, "  INTERRUPTED  %s messages were under way\n", count_of(result->abandoned, count));
    if (load_result_errors(result) == 0) {
        fprintf(file, "  errors       none: every byte that was sent came back%s\n",
                result->abandoned > 0 ? " until then" : "");
        return;
    }
    fprintf(file, "  errors       %s\n", count_of(load_result_errors(result), count));
    for (int i = 0; i < LOAD_ERROR_COUNT; i++)
        if (result->errors[i] > 0)
            fprintf(file, "    %-16s %s: %s\n", load_error_name((enum load_error)i), count_of(result->errors[i], count),
                    load_error_text((enum load_error)i));
}

void summary_print(FILE *file, const struct load_result *result)
{
    char first[METER_NUMBER_SIZE];
    char second[METER_NUMBER_SIZE];

    print_settings(file, &result->settings);
    fprintf(file, "  connections  %s opened, %s at a time", count_of(result->opened, first),
            count_of(result->open_most, second));
    if (result->processes > 1)
        fprintf(file, ", by %" PRIu64 " processes", result->processes);
    fprintf(file, "\n");
    print_messages(file, result);
    print_latency(file, &result->latency);
    print_cpu(file, result);
    print_errors(file, result);
}
