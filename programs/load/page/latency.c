/* SPDX-License-Identifier: MIT
 *
 * The latencies of a page: how many messages took how long, and which share of
 * them no longer than that. See parts.h.
 */
#include "load/page/chart.h"
#include "load/page/parts.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BARS 107 /* of 8 pixels */
#define BAR_LEAST 1.5
#define PLOT 240 /* the height of what is within the axes */
#define MARK_ROW 16
#define MARK_LETTER 6.6 /* the width of a letter, generously */
#define MARK_ROOM 110   /* for what stands beside the last mark */
#define MARKS_MAX (4 * PAGE_RESULTS_MAX)
#define NINES_MAX 7

struct percentile {
    const char *name;
    double quantile;
};

static const struct percentile percentiles[] = {{"p50", 0.50}, {"p90", 0.90}, {"p99", 0.99}, {"p99.9", 0.999}};

#define PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

/* A percentile on the axis of latencies, with its name. */
struct mark {
    char text[HTML_NUMBER_SIZE + 8];
    double at;
    double end; /* of the text */
    size_t result;
    size_t row; /* from the top */
};

struct bars {
    double counts[BARS]; /* messages; of a bucket that lies in two bars each has its part */
};

static const struct histogram *latency_of(const struct page *page, size_t result)
{
    return &page->results[result]->latency;
}

static double least_of(const struct page *page)
{
    double least = INFINITY;

    for (size_t i = 0; i < page->count; i++)
        least = fmin(least, (double)latency_of(page, i)->least_ns);
    return fmax(least, 1);
}

static double most_of(const struct page *page, double quantile)
{
    double most = 1;

    for (size_t i = 0; i < page->count; i++)
        most = fmax(most, histogram_quantile(latency_of(page, i), quantile));
    return most;
}

/* From the least to the greatest latency; the last mark's text has room. */
static struct chart_axis make_latency_axis(const struct page *page)
{
    struct chart_axis axis = {
        .title = "latency (logarithmic)",
        .print = html_print_round_duration,
        .is_log = true,
        .least = least_of(page) / 1.1,
        .most = most_of(page, 1) * 1.1,
        .from = CHART_LEFT,
        .to = CHART_RIGHT,
    };
    double width = axis.to - axis.from;
    double last_mark = most_of(page, percentiles[PERCENTILES - 1].quantile);

    axis.most = fmax(axis.most, axis.least * pow(last_mark / axis.least, width / (width - MARK_ROOM)));
    axis.most = fmax(axis.most, axis.least * 2);
    return axis;
}

static double bar_left(const struct chart_axis *x, double bar)
{
    return x->from + (x->to - x->from) * bar / BARS;
}

/* Where a latency lies, in bars from the left. */
static double bar_at(const struct chart_axis *x, double latency_ns)
{
    return (chart_place(x, fmax(latency_ns, 1)) - x->from) / (x->to - x->from) * BARS;
}

static void spread_bucket(const struct histogram *latency, unsigned int bucket, const struct chart_axis *x,
                          struct bars *bars)
{
    double least = fmax((double)histogram_bucket_least(bucket), (double)latency->least_ns);
    double end = bucket == HISTOGRAM_BUCKETS - 1 ? INFINITY : (double)histogram_bucket_end(bucket);
    double from = bar_at(x, least);
    double to = bar_at(x, fmin(end, (double)latency->most_ns + 1));
    double count = (double)latency->buckets[bucket];

    if (to - from < 1e-6) { /* on an axis of a single value */
        bars->counts[(size_t)fmin(from, BARS - 1)] += count;
        return;
    }
    for (size_t bar = (size_t)from; bar < BARS && (double)bar < to; bar++)
        bars->counts[bar] += count * (fmin(to, (double)bar + 1) - fmax(from, (double)bar)) / (to - from);
}

static struct bars make_bars(const struct histogram *latency, const struct chart_axis *x)
{
    struct bars bars = {{0}};

    for (unsigned int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
        if (latency->buckets[bucket] > 0)
            spread_bucket(latency, bucket, x, &bars);
    return bars;
}

static double share_of(const struct page *page, const struct bars *bars, size_t result, size_t bar)
{
    uint64_t total = latency_of(page, result)->total;

    return total > 0 ? bars[result].counts[bar] / (double)total : 0;
}

/* What is there at all can be seen. */
static double top_of(const struct chart_axis *y, double share)
{
    return share > 0 ? fmin(chart_place(y, share), y->from - BAR_LEAST) : y->from;
}

static void draw_bars(const struct page *page, const struct chart_axis *x, const struct chart_axis *y,
                      const struct bars *bars)
{
    for (size_t bar = 0; bar < BARS; bar++) {
        double top = top_of(y, share_of(page, bars, 0, bar));

        if (top < y->from)
            fprintf(page->file, "<rect class=\"a fill\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>\n",
                    bar_left(x, (double)bar) + 0.5, top, bar_left(x, 1) - bar_left(x, 0) - 1, y->from - top);
    }
}

/* Of two results, steps that can be seen through; where nothing is, there is no line either. */
static void draw_steps(const struct page *page, const struct chart_axis *x, const struct chart_axis *y,
                       const struct bars *bars, size_t result)
{
    bool drawing = false;

    fprintf(page->file, "<path class=\"%c area\" d=\"M%.1f %.1f", page_class(result), x->from, y->from);
    for (size_t bar = 0; bar < BARS; bar++) {
        double share = share_of(page, bars, result, bar);

        if (share > 0 && !drawing)
            fprintf(page->file, "M%.1f %.1f", bar_left(x, (double)bar), y->from);
        if (share > 0)
            fprintf(page->file, "V%.1fH%.1f", top_of(y, share), bar_left(x, (double)bar + 1));
        if (drawing && !(share > 0))
            fprintf(page->file, "V%.1fZ", y->from);
        drawing = share > 0;
    }
    fprintf(page->file, drawing ? "V%.1fZ\"/>\n" : "\"/>\n", y->from);
}

static void tell_share(const struct page *page, const struct bars *bars, size_t result, size_t bar)
{
    char share[HTML_NUMBER_SIZE], count[HTML_NUMBER_SIZE];

    html_print_share(share_of(page, bars, result, bar), share);
    html_print_count(bars[result].counts[bar], count);
    if (page->count > 1) {
        fputs("\n", page->file);
        html_text(page->file, page->names[result]);
        fputs(": ", page->file);
    }
    fprintf(page->file, "%s, %s messages", share, count);
}

static void draw_bar_tips(const struct page *page, const struct chart_axis *x, const struct chart_axis *y,
                          const struct bars *bars)
{
    for (size_t bar = 0; bar < BARS; bar++) {
        double left = bar_left(x, (double)bar), right = bar_left(x, (double)bar + 1);
        char from[HTML_NUMBER_SIZE], to[HTML_NUMBER_SIZE];

        if (bars[0].counts[bar] + (page->count > 1 ? bars[1].counts[bar] : 0) <= 0)
            continue;
        html_print_duration(chart_value_at(x, left), from);
        html_print_duration(chart_value_at(x, right), to);
        chart_begin_tip(page->file, y, left, right);
        fprintf(page->file, "%s to %s%s", from, to, page->count > 1 ? "" : ": ");
        for (size_t i = 0; i < page->count; i++)
            tell_share(page, bars, i, bar);
        chart_end_tip(page->file);
    }
}

static int compare_marks(const void *a, const void *b)
{
    double left = ((const struct mark *)a)->at, right = ((const struct mark *)b)->at;

    return (left > right) - (left < right);
}

/* Below each earlier one whose text reaches as far as its line, so that no line crosses a text. */
static size_t find_row(const struct mark *marks, size_t index)
{
    size_t row = 0;

    for (size_t i = 0; i < index; i++)
        if (marks[i].end > marks[index].at && marks[i].row >= row)
            row = marks[i].row + 1;
    return row;
}

static struct mark make_mark(const struct page *page, const struct chart_axis *x, size_t result, size_t percentile)
{
    double latency = histogram_quantile(latency_of(page, result), percentiles[percentile].quantile);
    struct mark mark = {.at = chart_place(x, fmax(latency, 1)), .result = result};
    char number[HTML_NUMBER_SIZE];

    html_print_duration(latency, number);
    snprintf(mark.text, sizeof(mark.text), "%s %s", percentiles[percentile].name, number);
    mark.end = mark.at + MARK_LETTER * (double)strlen(mark.text) + 8;
    return mark;
}

/* From the left to the right; how many. */
static size_t make_marks(const struct page *page, const struct chart_axis *x, struct mark marks[MARKS_MAX])
{
    size_t count = 0;

    for (size_t result = 0; result < page->count; result++)
        for (size_t i = 0; i < PERCENTILES && latency_of(page, result)->total > 0; i++)
            marks[count++] = make_mark(page, x, result, i);
    qsort(marks, count, sizeof(marks[0]), compare_marks);
    for (size_t i = 0; i < count; i++)
        marks[i].row = find_row(marks, i);
    return count;
}

static size_t count_rows(const struct mark *marks, size_t count)
{
    size_t rows = 0;

    for (size_t i = 0; i < count; i++)
        rows = marks[i].row + 1 > rows ? marks[i].row + 1 : rows;
    return rows;
}

static void draw_marks(const struct page *page, const struct chart_axis *y, const struct mark *marks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double base = MARK_ROW * ((double)marks[i].row + 1);

        fprintf(page->file, "<path class=\"%c mark\" d=\"M%.1f %.1fV%.1f\"/><text class=\"%c\" x=\"%.1f\" y=\"%.1f\">",
                page_class(marks[i].result), marks[i].at, base - 11, y->from, page_class(marks[i].result),
                marks[i].at + 4, base);
        html_text(page->file, marks[i].text);
        fprintf(page->file, "</text>\n");
    }
}

static double highest_share(const struct page *page, const struct bars *bars)
{
    double highest = 0;

    for (size_t result = 0; result < page->count; result++)
        for (size_t bar = 0; bar < BARS; bar++)
            highest = fmax(highest, share_of(page, bars, result, bar));
    return highest;
}

void page_write_distribution(const struct page *page)
{
    struct chart_axis x = make_latency_axis(page);
    struct bars bars[PAGE_RESULTS_MAX] = {{{0}}};
    struct mark marks[MARKS_MAX];
    size_t count = make_marks(page, &x, marks);
    double top = MARK_ROW * (double)count_rows(marks, count) + 12;
    struct chart_axis y = {.title = "share of messages, per bar", .print = html_print_round_share, .to = top};

    for (size_t i = 0; i < page->count; i++)
        bars[i] = make_bars(latency_of(page, i), &x);
    y.from = y.to + PLOT;
    y.most = chart_round_up(highest_share(page, bars));
    chart_begin(page->file, "how many messages took how long", y.from + CHART_FOOT);
    chart_draw_axes(page->file, &x, &y);
    if (page->count == 1)
        draw_bars(page, &x, &y, bars);
    for (size_t i = 0; page->count > 1 && i < page->count; i++)
        draw_steps(page, &x, &y, bars, i);
    draw_marks(page, &y, marks, count);
    draw_bar_tips(page, &x, &y, bars);
    chart_end(page->file);
}

/* Percentiles lie where their nines do: 0, 90, 99 and 99.9 % are equally far apart. */
static double nines_of(double quantile)
{
    return -log10(1 - quantile);
}

static void print_nines(double nines, char ret_text[HTML_NUMBER_SIZE])
{
    int decimals = nines > 2.5 ? (int)lround(nines) - 2 : 0;

    snprintf(ret_text, HTML_NUMBER_SIZE, "%.*f\u00a0%%", decimals, 100 * (1 - pow(10, -nines)));
}

/* As many as there are messages for: of a thousand, one is beyond 99.9 %. */
static double count_nines(const struct page *page)
{
    double nines = 2;

    for (size_t i = 0; i < page->count; i++)
        if (latency_of(page, i)->total > 0)
            nines = fmax(nines, floor(log10((double)latency_of(page, i)->total)));
    return fmin(nines, NINES_MAX);
}

/* Up to the last percentile of the axis, to which the longest of fewer messages belongs. */
static void draw_curve(const struct page *page, const struct chart_axis *x, const struct chart_axis *y, size_t result)
{
    const struct histogram *latency = latency_of(page, result);
    double drawn = x->from;
    uint64_t seen = 0;

    if (latency->total == 0)
        return;
    fprintf(page->file, "<path class=\"%c line\" d=\"M%.1f %.1f", page_class(result), x->from,
            chart_place(y, fmax((double)latency->least_ns, 1)));
    for (unsigned int bucket = 0; bucket < HISTOGRAM_BUCKETS && drawn < x->to; bucket++) {
        double quantile, at;

        seen += latency->buckets[bucket];
        quantile = (double)seen / (double)latency->total;
        at = seen < latency->total ? chart_place(x, nines_of(quantile)) : x->to;
        if (latency->buckets[bucket] == 0 || (at < drawn + 1 && seen < latency->total))
            continue;
        fprintf(page->file, "L%.1f %.1f", at, chart_place(y, fmax(histogram_quantile(latency, quantile), 1)));
        drawn = at;
    }
    fprintf(page->file, "\"/>\n");
}

static void draw_dots(const struct page *page, const struct chart_axis *x, const struct chart_axis *y, size_t result)
{
    const struct histogram *latency = latency_of(page, result);

    for (size_t i = 0; i < PERCENTILES && latency->total > 0; i++) {
        double value = histogram_quantile(latency, percentiles[i].quantile);
        char number[HTML_NUMBER_SIZE];

        if (nines_of(percentiles[i].quantile) > x->most + 1e-9)
            continue;
        html_print_duration(value, number);
        fprintf(page->file,
                "<circle class=\"%c fill\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>%s: %s</title></circle>\n",
                page_class(result), chart_place(x, nines_of(percentiles[i].quantile)), chart_place(y, fmax(value, 1)),
                percentiles[i].name, number);
    }
}

void page_write_percentiles(const struct page *page)
{
    double ticks[NINES_MAX + 2] = {0, nines_of(0.5)};
    struct chart_axis x = {.title = "percentile of messages",
                           .print = print_nines,
                           .most = count_nines(page),
                           .from = CHART_LEFT,
                           .to = CHART_RIGHT - 16,
                           .ticks = ticks,
                           .tick_count = 2};
    struct chart_axis y = {.title = "latency (logarithmic)",
                           .print = html_print_round_duration,
                           .is_log = true,
                           .least = least_of(page) / 1.1,
                           .from = PLOT + 12,
                           .to = 12};

    y.most = fmax(most_of(page, 1) * 1.1, y.least * 2);
    for (double nines = 1; nines <= x.most; nines++)
        ticks[x.tick_count++] = nines;
    chart_begin(page->file, "latency by percentile", y.from + CHART_FOOT);
    chart_draw_axes(page->file, &x, &y);
    for (size_t i = 0; i < page->count; i++) {
        draw_curve(page, &x, &y, i);
        draw_dots(page, &x, &y, i);
    }
    chart_end(page->file);
}
