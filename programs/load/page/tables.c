/* SPDX-License-Identifier: MIT
 *
 * The figures of a page, as tiles and tables. See parts.h.
 */
#include "load/page/html.h"
#include "load/page/parts.h"
#include "value.h"
#include <math.h>
#include <string.h>

#define CELL_SIZE (LOAD_TEXT_SIZE + 16)

/* Something that was measured; NAN = it is not known. */
struct figure {
    const char *name;
    double (*value)(const struct load_result *result);
    void (*print)(double value, char ret_text[HTML_NUMBER_SIZE]);
};

/* How a run was set, or what it is. */
struct setting {
    const char *name;
    void (*print)(const struct load_result *result, char ret_text[CELL_SIZE]);
    bool may_differ; /* between two results that can well be compared */
};

static double quantile_of(const struct load_result *result, double quantile)
{
    return result->latency.total > 0 ? histogram_quantile(&result->latency, quantile) : NAN;
}

static double get_least(const struct load_result *result)
{
    return quantile_of(result, 0);
}

static double get_p50(const struct load_result *result)
{
    return quantile_of(result, 0.50);
}

static double get_p90(const struct load_result *result)
{
    return quantile_of(result, 0.90);
}

static double get_p99(const struct load_result *result)
{
    return quantile_of(result, 0.99);
}

static double get_p99_9(const struct load_result *result)
{
    return quantile_of(result, 0.999);
}

static double get_most(const struct load_result *result)
{
    return quantile_of(result, 1);
}

static double get_messages(const struct load_result *result)
{
    return (double)result->messages;
}

static double get_megabytes(const struct load_result *result)
{
    return (double)result->bytes / 1e6;
}

static double get_megabyte_rate(const struct load_result *result)
{
    return load_result_byte_rate(result) / 1e6;
}

static double get_measured(const struct load_result *result)
{
    return (double)result->measured_ns;
}

static double get_opened(const struct load_result *result)
{
    return (double)result->opened;
}

static double get_open_most(const struct load_result *result)
{
    return (double)result->open_most;
}

static double get_unsent(const struct load_result *result)
{
    return (double)result->unsent;
}

static double get_in_time(const struct load_result *result)
{
    return (double)result->in_time;
}

static double get_abandoned(const struct load_result *result)
{
    return (double)result->abandoned;
}

static double get_errors(const struct load_result *result)
{
    return (double)load_result_errors(result);
}

static double get_load_cpu(const struct load_result *result)
{
    return load_result_cost(result, result->load_cpu_ns);
}

static double get_server_cpu(const struct load_result *result)
{
    return load_result_cost(result, result->server_cpu_ns);
}

static double busy_share(coir_time cpu_ns, coir_time measured_ns)
{
    return cpu_ns >= 0 && measured_ns > 0 ? (double)cpu_ns / (double)measured_ns : NAN;
}

static double get_load_share(const struct load_result *result)
{
    return busy_share(result->load_cpu_ns, result->measured_ns);
}

static double get_server_share(const struct load_result *result)
{
    return busy_share(result->server_cpu_ns, result->measured_ns);
}

static const struct figure tiles[] = {
    {"messages/s", load_result_rate, html_print_rate}, {"MB/s, one way", get_megabyte_rate, html_print_rate},
    {"p50 latency", get_p50, html_print_duration},     {"p99 latency", get_p99, html_print_duration},
    {"p99.9 latency", get_p99_9, html_print_duration}, {"errors", get_errors, html_print_count},
};

static const struct figure figures[] = {
    {"messages that came back", get_messages, html_print_count},
    {"messages per second", load_result_rate, html_print_rate},
    {"MB (million bytes), one way", get_megabytes, html_print_rate},
    {"MB per second, one way", get_megabyte_rate, html_print_rate},
    {"latency, least", get_least, html_print_duration},
    {"latency, p50", get_p50, html_print_duration},
    {"latency, p90", get_p90, html_print_duration},
    {"latency, p99", get_p99, html_print_duration},
    {"latency, p99.9", get_p99_9, html_print_duration},
    {"latency, worst", get_most, html_print_duration},
    {"processor time of the load, per message", get_load_cpu, html_print_duration},
    {"processor time of the server, per message", get_server_cpu, html_print_duration},
    {"processor time of the load, of one processor", get_load_share, html_print_share},
    {"processor time of the server, of one processor", get_server_share, html_print_share},
    {"messages that came back while it was measured", get_in_time, html_print_count},
    {"messages due and never sent", get_unsent, html_print_count},
    {"messages under way when it was interrupted", get_abandoned, html_print_count},
    {"connections opened, in all", get_opened, html_print_count},
    {"connections open at a time, at most", get_open_most, html_print_count},
    {"measured for", get_measured, html_print_duration},
};

static void print_count(uint64_t count, char ret_text[CELL_SIZE])
{
    html_print_count((double)count, ret_text);
}

static void print_text(const char *text, const char *otherwise, char ret_text[CELL_SIZE])
{
    snprintf(ret_text, CELL_SIZE, "%s", text[0] != '\0' ? text : otherwise);
}

static void print_uri(const struct load_result *result, char ret_text[CELL_SIZE])
{
    print_text(result->settings.uri, "", ret_text);
}

static void print_sources(const struct load_result *result, char ret_text[CELL_SIZE])
{
    print_text(result->settings.sources, "the kernel's choice", ret_text);
}

static void print_engine(const struct load_result *result, char ret_text[CELL_SIZE])
{
    print_text(result->settings.engine, "", ret_text);
}

static void print_mode(const struct load_result *result, char ret_text[CELL_SIZE])
{
    print_text(load_mode_name(result->settings.mode), "", ret_text);
}

static void print_connections(const struct load_result *result, char ret_text[CELL_SIZE])
{
    print_count(result->settings.connections, ret_text);
}

static void print_message(const struct load_result *result, char ret_text[CELL_SIZE])
{
    char number[HTML_NUMBER_SIZE];

    html_print_count((double)result->settings.message_bytes, number);
    snprintf(ret_text, CELL_SIZE, "%s\u00a0bytes", number);
}

static void print_depth(const struct load_result *result, char ret_text[CELL_SIZE])
{
    if (result->settings.depth == 0)
        print_text("as the schedule has it", "", ret_text);
    else
        print_count(result->settings.depth, ret_text);
}

static void print_rate(const struct load_result *result, char ret_text[CELL_SIZE])
{
    const char *things = result->settings.mode == LOAD_MODE_CHURN ? "connections" : "messages";
    char number[HTML_NUMBER_SIZE];

    html_print_rate(result->settings.rate, number);
    if (result->settings.rate > 0)
        snprintf(ret_text, CELL_SIZE, "%s %s/s", number, things);
    else
        snprintf(ret_text, CELL_SIZE, "as fast as it goes");
}

static void print_half_close(const struct load_result *result, char ret_text[CELL_SIZE])
{
    print_text(result->settings.half_close ? "yes" : "no", "", ret_text);
}

static void print_duration(const struct load_result *result, char ret_text[CELL_SIZE])
{
    html_print_setting(result->settings.duration_ns, ret_text);
}

static void print_warmup(const struct load_result *result, char ret_text[CELL_SIZE])
{
    html_print_setting(result->settings.warmup_ns, ret_text);
}

static void print_ramp(const struct load_result *result, char ret_text[CELL_SIZE])
{
    html_print_setting(result->settings.ramp_ns, ret_text);
}

static void print_patience(const struct load_result *result, char ret_text[CELL_SIZE])
{
    html_print_setting(result->settings.patience_ns, ret_text);
}

static void print_processes(const struct load_result *result, char ret_text[CELL_SIZE])
{
    print_count(result->processes, ret_text);
}

static void print_machine(const struct load_result *result, char ret_text[CELL_SIZE])
{
    print_text(result->machine, "", ret_text);
}

static void print_version(const struct load_result *result, char ret_text[CELL_SIZE])
{
    snprintf(ret_text, CELL_SIZE, "coir %s", result->version);
}

static void print_began(const struct load_result *result, char ret_text[CELL_SIZE])
{
    char moment[VALUE_TEXT_SIZE];

    value_print_moment(result->began, 0, moment);
    snprintf(ret_text, CELL_SIZE, "%.10s %.8s UTC", moment, moment + strlen("2026-11-28T"));
}

static const struct setting settings[] = {
    {"address", print_uri, true},
    {"mode", print_mode, false},
    {"connections", print_connections, false},
    {"message size", print_message, false},
    {"messages under way, per connection", print_depth, false},
    {"rate", print_rate, false},
    {"half-close", print_half_close, false},
    {"duration", print_duration, false},
    {"warm-up", print_warmup, false},
    {"ramp", print_ramp, false},
    {"patience", print_patience, false},
    {"source addresses", print_sources, false},
    {"engine", print_engine, false},
    {"processes", print_processes, false},
    {"machine", print_machine, false},
    {"version", print_version, true},
    {"began", print_began, true},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void print_figure(const struct figure *figure, const struct load_result *result, const char *unknown,
                         char ret_text[HTML_NUMBER_SIZE])
{
    double value = figure->value(result);

    if (isnan(value))
        snprintf(ret_text, HTML_NUMBER_SIZE, "%s", unknown);
    else
        figure->print(value, ret_text);
}

/* The second in terms of the first; empty where that says nothing. */
static void print_ratio(const struct page *page, const struct figure *figure, char ret_text[HTML_NUMBER_SIZE])
{
    double first = figure->value(page->results[0]);
    double ratio = figure->value(page->results[1]) / first;

    ret_text[0] = '\0';
    if (first > 0 && !isnan(ratio))
        html_print_rate(ratio, ret_text);
}

static void write_tile(const struct page *page, const struct figure *figure)
{
    char text[HTML_NUMBER_SIZE];

    fprintf(page->file, "<div class=\"tile\"><span class=\"name\">%s</span>", figure->name);
    for (size_t i = 0; i < page->count; i++) {
        print_figure(figure, page->results[i], "\u2013", text);
        fprintf(page->file, "<span class=\"figure %s\">", page->count == 1 ? "" : i == 0 ? "a" : "b");
        html_text(page->file, text);
        fprintf(page->file, "</span>");
    }
    if (page->count > 1) {
        print_ratio(page, figure, text);
        fprintf(page->file, "<span class=\"name\">%s", text[0] != '\0' ? "ratio " : "\u00a0");
        html_text(page->file, text);
        fprintf(page->file, "</span>");
    }
    fprintf(page->file, "</div>\n");
}

void page_write_tiles(const struct page *page)
{
    fprintf(page->file, "<div class=\"tiles\">\n");
    for (size_t i = 0; i < COUNT_OF(tiles); i++)
        write_tile(page, &tiles[i]);
    fprintf(page->file, "</div>\n");
}

static void write_names(const struct page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        fprintf(page->file, "<th class=\"word\"><span class=\"%c swatch\"></span>", page_class(i));
        html_text(page->file, page->names[i]);
        fprintf(page->file, "</th>");
    }
}

static void write_cell(const struct page *page, const char *kind, const char *text)
{
    fprintf(page->file, "<td class=\"%s\">", kind);
    html_text(page->file, text);
    fprintf(page->file, "</td>");
}

static void begin_table(const struct page *page, const char *first, bool has_ratio)
{
    fprintf(page->file, "<div class=\"wide\"><table%s>\n", page->count == 1 ? " class=\"narrow\"" : "");
    if (page->count > 1) {
        fprintf(page->file, "<thead><tr><th>%s</th>", first);
        write_names(page);
        fprintf(page->file, "%s</tr></thead>\n", has_ratio ? "<th class=\"number\">second / first</th>" : "");
    }
    fprintf(page->file, "<tbody>\n");
}

static void end_table(const struct page *page)
{
    fprintf(page->file, "</tbody></table></div>\n");
}

void page_write_results(const struct page *page)
{
    char text[HTML_NUMBER_SIZE];

    begin_table(page, "what", true);
    for (size_t row = 0; row < COUNT_OF(figures); row++) {
        fprintf(page->file, "<tr><th>%s</th>", figures[row].name);
        for (size_t i = 0; i < page->count; i++) {
            print_figure(&figures[row], page->results[i], "not known", text);
            write_cell(page, "number", text);
        }
        if (page->count > 1) {
            print_ratio(page, &figures[row], text);
            write_cell(page, "number", text);
        }
        fprintf(page->file, "</tr>\n");
    }
    end_table(page);
}

static uint64_t sum_of(const struct page *page, unsigned int error)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < page->count; i++)
        sum += page->results[i]->errors[error];
    return sum;
}

static uint64_t sum_all(const struct page *page)
{
    uint64_t sum = 0;

    for (unsigned int error = 0; error < LOAD_ERROR_COUNT; error++)
        sum += sum_of(page, error);
    return sum;
}

static void write_error(const struct page *page, unsigned int error)
{
    char text[HTML_NUMBER_SIZE];

    fprintf(page->file, "<tr><th><code>%s</code> %s</th>", load_error_name(error), load_error_text(error));
    for (size_t i = 0; i < page->count; i++) {
        html_print_count((double)page->results[i]->errors[error], text);
        write_cell(page, page->results[i]->errors[error] > 0 ? "number wrong" : "number", text);
    }
    fprintf(page->file, "</tr>\n");
}

void page_write_errors(const struct page *page)
{
    if (sum_all(page) == 0) {
        fprintf(page->file, "<p>No errors, of any kind.</p>\n");
        return;
    }
    begin_table(page, "kind", false);
    for (unsigned int error = 0; error < LOAD_ERROR_COUNT; error++)
        if (sum_of(page, error) > 0)
            write_error(page, error);
    end_table(page);
    fprintf(page->file, "<p class=\"note\">From the first connection to the last byte, warm-up included. There were "
                        "none of the kinds that are not listed.</p>\n");
}

static bool differs(const struct page *page, const struct setting *setting)
{
    char first[CELL_SIZE], second[CELL_SIZE];

    if (page->count < 2)
        return false;
    setting->print(page->results[0], first);
    setting->print(page->results[1], second);
    return strcmp(first, second) != 0;
}

void page_write_settings(const struct page *page)
{
    char text[CELL_SIZE];

    begin_table(page, "how it was set", false);
    for (size_t row = 0; row < COUNT_OF(settings); row++) {
        const char *mark = differs(page, &settings[row]) ? " class=\"differs\"" : "";

        fprintf(page->file, "<tr%s><th>%s</th>", mark, settings[row].name);
        for (size_t i = 0; i < page->count; i++) {
            settings[row].print(page->results[i], text);
            write_cell(page, "word", text);
        }
        fprintf(page->file, "</tr>\n");
    }
    end_table(page);
}

void page_write_differences(const struct page *page)
{
    const char *before = "<p class=\"notice\">The two were not set alike: ";

    for (size_t row = 0; row < COUNT_OF(settings); row++) {
        if (settings[row].may_differ || !differs(page, &settings[row]))
            continue;
        fprintf(page->file, "%s%s", before, settings[row].name);
        before = "; ";
    }
    if (strcmp(before, "; ") == 0)
        fprintf(page->file, ".</p>\n");
}

void page_write_legend(const struct page *page)
{
    if (page->count < 2)
        return;
    fprintf(page->file, "<p class=\"legend\">");
    for (size_t i = 0; i < page->count; i++) {
        fprintf(page->file, "<span><span class=\"%c swatch\"></span>", page_class(i));
        html_text(page->file, page->names[i]);
        fprintf(page->file, "</span> ");
    }
    fprintf(page->file, "</p>\n");
}
