/* SPDX-License-Identifier: MIT
 *
 * What charts are made of: axes that place values on the drawing, their marks
 * and titles, and the frame of SVG around them. Pixels count from the top left.
 * Styles come from the page, by class.
 */
#ifndef PROGRAMS_LOAD_PAGE_CHART_H
#define PROGRAMS_LOAD_PAGE_CHART_H

#include "load/page/html.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CHART_WIDTH 960
#define CHART_LEFT 84   /* where x axes begin, */
#define CHART_RIGHT 940 /* and end */
#define CHART_TICKS_MAX 24
/** Below the x axis there is room for its marks and its title. */
#define CHART_FOOT 48

struct chart_axis {
    const char *title; /* with its unit */
    void (*print)(double value, char ret_text[HTML_NUMBER_SIZE]);
    bool is_log;
    double least; /* values; > 0 where it is logarithmic */
    double most;
    double from; /* pixels */
    double to;
    const double *ticks; /* NULL = round numbers */
    size_t tick_count;
};

/** Where the value is drawn; what lies outside is drawn at the end of the axis. */
double chart_place(const struct chart_axis *axis, double value);

/** The value that is drawn there. */
double chart_value_at(const struct chart_axis *axis, double pixel);

/** Round numbers that lie on the axis, `gap` pixels or more apart; how many. */
size_t chart_ticks(const struct chart_axis *axis, double gap, double ret_ticks[CHART_TICKS_MAX]);

/** The least round number from which on an axis from 0 has all of `most`. */
double chart_round_up(double most);

/** Begins a drawing; `label` is for those who cannot see it. */
void chart_begin(FILE *file, const char *label, double height);
void chart_end(FILE *file);

/** Draws both axes, their marks and titles, and the lines across. The y axis goes up: its `from` is below its `to`. */
void chart_draw_axes(FILE *file, const struct chart_axis *x, const struct chart_axis *y);

/** Begins a column from `left` to `right` over the whole y axis that shows what follows where the mouse rests on it. */
void chart_begin_tip(FILE *file, const struct chart_axis *y, double left, double right);
void chart_end_tip(FILE *file);

#endif
