/* SPDX-License-Identifier: MIT
 *
 * Axes and frames of charts: see chart.h.
 */
#include "load/page/chart.h"
#include <math.h>

#define ZERO_TO_MOST 5 /* steps of an axis from 0 */
/* Between two marks, in pixels. */
#define X_GAP 58
#define Y_GAP 36
#define Y_LOG_GAP 22

static double position_of(const struct chart_axis *axis, double value)
{
    return axis->is_log ? log10(value) : value;
}

double chart_place(const struct chart_axis *axis, double value)
{
    double least = position_of(axis, axis->least);
    double most = position_of(axis, axis->most);
    double bounded = fmin(fmax(value, axis->least), axis->most);

    return axis->from + (axis->to - axis->from) * (position_of(axis, bounded) - least) / (most - least);
}

double chart_value_at(const struct chart_axis *axis, double pixel)
{
    double share = (pixel - axis->from) / (axis->to - axis->from);
    double least = position_of(axis, axis->least);
    double position = least + share * (position_of(axis, axis->most) - least);

    return axis->is_log ? pow(10, position) : position;
}

/* 1, 2 or 5 times a power of ten, and not less than `step`. */
static double round_step(double step)
{
    double decade = pow(10, floor(log10(step)));
    double digits = step / decade;

    /* A little more than a round number is that number: it was computed. */
    return decade * (digits <= 1.0001 ? 1 : digits <= 2.0001 ? 2 : digits <= 5.0001 ? 5 : 10);
}

/* The least step that is `gap` pixels long everywhere; on a logarithmic axis it is shortest at the upper end. */
static double find_step(const struct chart_axis *axis, double gap)
{
    double share = gap / fabs(axis->to - axis->from);

    if (axis->is_log)
        return axis->most * (1 - pow(axis->least / axis->most, share));
    return (axis->most - axis->least) * share;
}

static size_t list_linear(const struct chart_axis *axis, double gap, double ret_ticks[CHART_TICKS_MAX])
{
    double step = round_step(find_step(axis, gap));
    double first = ceil(axis->least / step - 1e-9);
    size_t count = 0;

    while (count < CHART_TICKS_MAX && (first + (double)count) * step <= axis->most * (1 + 1e-9)) {
        ret_ticks[count] = (first + (double)count) * step;
        count++;
    }
    return count;
}

/* The powers of ten, and between them 2 and 5 times these where there is room. */
static size_t list_log(const struct chart_axis *axis, double gap, double ret_ticks[CHART_TICKS_MAX])
{
    static const double digits[] = {1, 2, 5};
    double decades = log10(axis->most / axis->least);
    double decade_size = fabs(axis->to - axis->from) / decades;
    size_t per_decade = decade_size * log10(2) >= gap ? 3 : 1;
    double stride = ceil(gap / decade_size);
    size_t count = 0;

    for (double decade = floor(log10(axis->least)); decade <= log10(axis->most); decade += stride)
        for (size_t i = 0; i < per_decade; i++) {
            double tick = digits[i] * pow(10, decade);

            if (count < CHART_TICKS_MAX && tick >= axis->least * (1 - 1e-9) && tick <= axis->most * (1 + 1e-9))
                ret_ticks[count++] = tick;
        }
    return count;
}

size_t chart_ticks(const struct chart_axis *axis, double gap, double ret_ticks[CHART_TICKS_MAX])
{
    if (axis->is_log && axis->most / axis->least >= 8)
        return list_log(axis, gap, ret_ticks);
    return list_linear(axis, gap, ret_ticks);
}

double chart_round_up(double most)
{
    double step = most > 0 ? round_step(most / ZERO_TO_MOST) : 1;

    return step * ceil(most > 0 ? most / step - 1e-9 : 1);
}

void chart_begin(FILE *file, const char *label, double height)
{
    fprintf(file, "<svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"", CHART_WIDTH, height);
    html_text(file, label);
    fprintf(file, "\">\n");
}

void chart_end(FILE *file)
{
    fprintf(file, "</svg>\n");
}

static void draw_x(FILE *file, const struct chart_axis *x, double base)
{
    double own[CHART_TICKS_MAX];
    size_t count = x->ticks != NULL ? x->tick_count : chart_ticks(x, X_GAP, own);
    const double *ticks = x->ticks != NULL ? x->ticks : own;
    char text[HTML_NUMBER_SIZE];

    fprintf(file, "<path class=\"axis\" d=\"M%.1f %.1fH%.1f\"/>\n", x->from, base, x->to);
    for (size_t i = 0; i < count; i++) {
        double at = chart_place(x, ticks[i]);

        x->print(ticks[i], text);
        fprintf(file, "<path class=\"axis\" d=\"M%.1f %.1fv5\"/><text class=\"x\" x=\"%.1f\" y=\"%.1f\">", at, base, at,
                base + 18);
        html_text(file, text);
        fprintf(file, "</text>\n");
    }
    fprintf(file, "<text class=\"x title\" x=\"%.1f\" y=\"%.1f\">", (x->from + x->to) / 2, base + 40);
    html_text(file, x->title);
    fprintf(file, "</text>\n");
}

static void draw_y(FILE *file, const struct chart_axis *y, const struct chart_axis *x)
{
    double ticks[CHART_TICKS_MAX];
    size_t count = chart_ticks(y, y->is_log ? Y_LOG_GAP : Y_GAP, ticks);
    double middle = (y->from + y->to) / 2;
    char text[HTML_NUMBER_SIZE];

    for (size_t i = 0; i < count; i++) {
        double at = chart_place(y, ticks[i]);

        y->print(ticks[i], text);
        fprintf(file, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/><text class=\"y\" x=\"%.1f\" y=\"%.1f\">", x->from,
                at, x->to, x->from - 8, at + 4);
        html_text(file, text);
        fprintf(file, "</text>\n");
    }
    fprintf(file, "<text class=\"x title\" transform=\"translate(14 %.1f) rotate(-90)\">", middle);
    html_text(file, y->title);
    fprintf(file, "</text>\n");
}

void chart_draw_axes(FILE *file, const struct chart_axis *x, const struct chart_axis *y)
{
    draw_y(file, y, x);
    draw_x(file, x, y->from);
}

void chart_begin_tip(FILE *file, const struct chart_axis *y, double left, double right)
{
    fprintf(file, "<rect class=\"tip\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\"><title>", left, y->to,
            right - left, y->from - y->to);
}

void chart_end_tip(FILE *file)
{
    fprintf(file, "</title></rect>\n");
}
