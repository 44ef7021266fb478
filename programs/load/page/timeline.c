/* SPDX-License-Identifier: MIT
 *
 * What a page shows over time: throughput, with errors above it, and the worst
 * latency. See parts.h.
 */
#include "load/page/chart.h"
#include "load/page/parts.h"
#include <math.h>

#define PLOT 200
#define CROWD 200  /* intervals, of which more are drawn finer */
#define LANE 18    /* the height of a row of errors */
#define BRIEF 0.25 /* of an interval: less of it tells no rate */

static double seconds_of(coir_time time_ns)
{
    return (double)time_ns / (double)COIR_SECOND;
}

static void print_seconds(double seconds, char ret_text[HTML_NUMBER_SIZE])
{
    snprintf(ret_text, HTML_NUMBER_SIZE, "%.6g", seconds);
}

/* Points that lie within what was measured. */
static size_t count_points(const struct load_result *result)
{
    size_t count = 0;

    while (count < result->point_count && (coir_time)count * result->point_ns < result->measured_ns)
        count++;
    return count;
}

static coir_time begin_of(const struct load_result *result, size_t point)
{
    return (coir_time)point * result->point_ns;
}

/* The last interval may be cut. */
static coir_time end_of(const struct load_result *result, size_t point)
{
    coir_time end = begin_of(result, point) + result->point_ns;

    return end < result->measured_ns ? end : result->measured_ns;
}

/* Messages a second; NAN = too brief to tell. */
static double rate_at(const struct load_result *result, size_t point)
{
    coir_time length = end_of(result, point) - begin_of(result, point);

    if (point > 0 && (double)length < BRIEF * (double)result->point_ns)
        return NAN;
    return (double)result->points[point].messages / seconds_of(length);
}

/* Nanoseconds; NAN = nothing came back. */
static double worst_at(const struct load_result *result, size_t point)
{
    return result->points[point].most_ns > 0 ? (double)result->points[point].most_ns : NAN;
}

typedef double value_at(const struct load_result *result, size_t point);

static double find_most(const struct page *page, value_at *value)
{
    double most = 0;

    for (size_t i = 0; i < page->count; i++)
        for (size_t point = 0; point < count_points(page->results[i]); point++)
            most = fmax(most, value(page->results[i], point)); /* which ignores NAN */
    return most;
}

static double find_least(const struct page *page, value_at *value)
{
    double least = INFINITY;

    for (size_t i = 0; i < page->count; i++)
        for (size_t point = 0; point < count_points(page->results[i]); point++)
            least = fmin(least, value(page->results[i], point));
    return least;
}

static struct chart_axis make_time_axis(const struct page *page)
{
    struct chart_axis axis = {
        .title = "seconds since the measurement began", .print = print_seconds, .from = CHART_LEFT, .to = CHART_RIGHT};

    for (size_t i = 0; i < page->count; i++)
        axis.most = fmax(axis.most, seconds_of(page->results[i]->measured_ns));
    if (axis.most <= 0)
        axis.most = 1;
    return axis;
}

/* A step an interval; where there is no value, there is no line. */
static void draw_line(const struct page *page, const struct chart_axis *x, const struct chart_axis *y, size_t result,
                      value_at *value)
{
    const struct load_result *of = page->results[result];
    bool drawing = false;

    fprintf(page->file, "<path class=\"%c line%s\" d=\"M%.1f %.1f", page_class(result),
            count_points(of) > CROWD ? " fine" : "", x->from, y->from);
    for (size_t point = 0; point < count_points(of); point++) {
        double height = value(of, point);

        if (!isnan(height) && !drawing)
            fprintf(page->file, "M%.2f %.1f", chart_place(x, seconds_of(begin_of(of, point))), chart_place(y, height));
        if (!isnan(height))
            fprintf(page->file, "V%.1fH%.2f", chart_place(y, height), chart_place(x, seconds_of(end_of(of, point))));
        drawing = !isnan(height);
    }
    fprintf(page->file, "\"/>\n");
}

static void tell_point(const struct page *page, size_t result, size_t point)
{
    const struct load_result *of = page->results[result];
    char rate[HTML_NUMBER_SIZE], worst[HTML_NUMBER_SIZE], errors[HTML_NUMBER_SIZE];
    bool is_known = !isnan(rate_at(of, point));

    html_print_rate(is_known ? rate_at(of, point) : (double)of->points[point].messages, rate);
    html_print_duration((double)of->points[point].most_ns, worst);
    html_print_count((double)of->points[point].errors, errors);
    fputs("\n", page->file);
    if (page->count > 1) {
        html_text(page->file, page->names[result]);
        fputs(": ", page->file);
    }
    html_text(page->file, rate);
    fprintf(page->file, " messages%s", is_known ? "/s" : "");
    if (of->points[point].most_ns > 0)
        fprintf(page->file, ", at most %s", worst);
    if (of->points[point].errors > 0)
        fprintf(page->file, ", %s %s", errors, of->points[point].errors == 1 ? "error" : "errors");
}

/* The point of a result in which the moment lies; false if there is none. */
static bool find_point(const struct load_result *result, coir_time at_ns, size_t *ret_point)
{
    size_t point = result->point_ns > 0 ? (size_t)(at_ns / result->point_ns) : 0;

    if (point >= count_points(result))
        return false;
    *ret_point = point;
    return true;
}

/* By the intervals of the result that has more of them. */
static void draw_tips(const struct page *page, const struct chart_axis *x, const struct chart_axis *y)
{
    const struct load_result *finer = page->results[0];

    if (page->count > 1 && count_points(page->results[1]) > count_points(finer))
        finer = page->results[1];
    for (size_t i = 0; i < count_points(finer); i++) {
        double begin = seconds_of(begin_of(finer, i)), end = seconds_of(end_of(finer, i));
        size_t point;

        chart_begin_tip(page->file, y, chart_place(x, begin), chart_place(x, end));
        fprintf(page->file, "%.6g\u2013%.6g\u00a0s", begin, end);
        for (size_t result = 0; result < page->count; result++)
            if (find_point(page->results[result], (begin_of(finer, i) + end_of(finer, i)) / 2, &point))
                tell_point(page, result, point);
        chart_end_tip(page->file);
    }
}

static bool has_errors(const struct load_result *result)
{
    for (size_t point = 0; point < count_points(result); point++)
        if (result->points[point].errors > 0)
            return true;
    return false;
}

/* A row above the plot, with a mark for each interval that had errors. */
static void draw_lane(const struct page *page, const struct chart_axis *x, size_t result, double top)
{
    const struct load_result *of = page->results[result];
    const char *colour = page->count == 1 ? "" : result == 0 ? "a" : "b";

    fprintf(page->file, "<text class=\"y %s\" x=\"%.1f\" y=\"%.1f\">errors</text>\n", colour, x->from - 8, top + 12);
    fprintf(page->file, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>\n", x->from, top + 8, x->to);
    for (size_t point = 0; point < count_points(of); point++) {
        char number[HTML_NUMBER_SIZE];
        double left = chart_place(x, seconds_of(begin_of(of, point)));
        double width = chart_place(x, seconds_of(end_of(of, point))) - left;

        if (of->points[point].errors == 0)
            continue;
        html_print_count((double)of->points[point].errors, number);
        fprintf(page->file,
                "<rect class=\"bad\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"12\"><title>%s errors from %.6g "
                "s</title></rect>\n",
                left, top + 2, fmax(width, 2), number, seconds_of(begin_of(of, point)));
    }
}

static double draw_lanes(const struct page *page, const struct chart_axis *x)
{
    double top = 4;

    for (size_t i = 0; i < page->count; i++) {
        if (!has_errors(page->results[i]))
            continue;
        draw_lane(page, x, i, top);
        top += LANE;
    }
    return top;
}

static size_t count_lanes(const struct page *page)
{
    size_t count = 0;

    for (size_t i = 0; i < page->count; i++)
        count += has_errors(page->results[i]) ? 1 : 0;
    return count;
}

void page_write_throughput(const struct page *page)
{
    struct chart_axis x = make_time_axis(page);
    struct chart_axis y = {.title = "messages per second", .print = html_print_round_rate};

    y.most = chart_round_up(find_most(page, rate_at) * 1.02);
    y.to = 14 + LANE * (double)count_lanes(page);
    y.from = y.to + PLOT;
    chart_begin(page->file, "messages per second over time", y.from + CHART_FOOT);
    (void)draw_lanes(page, &x);
    chart_draw_axes(page->file, &x, &y);
    for (size_t i = 0; i < page->count; i++)
        draw_line(page, &x, &y, i, rate_at);
    draw_tips(page, &x, &y);
    chart_end(page->file);
}

void page_write_worst(const struct page *page)
{
    struct chart_axis x = make_time_axis(page);
    struct chart_axis y = {.title = "worst latency (logarithmic)",
                           .print = html_print_round_duration,
                           .is_log = true,
                           .least = find_least(page, worst_at) / 1.2,
                           .most = find_most(page, worst_at) * 1.2,
                           .to = 12};

    if (y.most <= 0) { /* nothing came back */
        y.least = 1e3;
        y.most = 1e6;
    }
    y.from = y.to + PLOT;
    y.most = fmax(y.most, y.least * 2);
    chart_begin(page->file, "worst latency over time", y.from + CHART_FOOT);
    chart_draw_axes(page->file, &x, &y);
    for (size_t i = 0; i < page->count; i++)
        draw_line(page, &x, &y, i, worst_at);
    draw_tips(page, &x, &y);
    chart_end(page->file);
}
