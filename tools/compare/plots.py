# SPDX-License-Identifier: MIT
"""The two kinds of chart of a comparison: panels of dots with their intervals, and a list of bars or dots."""
import collections

from compare.charts import LINE, Drawing, Scale, show_number, width_of

WIDTH = 920
MARGIN = 16
GAP = 14  # between panels
HEAD = 62  # the title and the legend
LEGEND = (("coir", "coir"), ("article", "examples/echo"), ("peer", "other libraries and languages"))

# What a chart's row is called, and its group.
Name = collections.namedtuple("Name", "text group")
# By the rows' texts: points, which are a figure with median, low and high, or a word why there is none; and notes on
# some of them.
Panel = collections.namedtuple("Panel", "title points notes")
# A row of a list: its value and interval (None: there is none), and what stands at its end.
Entry = collections.namedtuple("Entry", "name value low high note")


def draw_head(drawing, interval):
    drawing.text(MARGIN, 24, drawing.title, bold=True)
    x = MARGIN + 4
    for group, text in LEGEND:
        drawing.mark(x, 44, group)
        drawing.text(x + 12, 48, text, colour="faint")
        x += 12 + width_of(text) + 24
    if interval:
        drawing.line(x, 44, x + 24, 44, "faint", 2)
        drawing.text(x + 32, 48, interval, colour="faint")


def draw_point(drawing, scale, y, name, point):
    drawing.line(scale.place(point.low), y, scale.place(point.high), y, name.group, 2)
    drawing.mark(scale.place(point.median), y, name.group)


def draw_note(drawing, scale, y, point, note):
    """Where the point leaves more room."""
    left = scale.place(point.low) - scale.begin > scale.end - scale.place(point.high)
    half = width_of(note) / 2 + 2
    drawing.covering(scale.begin + half if left else scale.end - half, y + 4, note)


def draw_axis(drawing, scale, top, bottom):
    for value in scale.ticks():
        x = scale.place(value)
        drawing.line(x, top, x, bottom)
        drawing.text(x, bottom + 15, show_number(value), "middle", "faint")


def find_range(panels):
    """Where all points and 1 have room; not so little that noise would fill it."""
    points = [point for panel in panels for point in panel.points.values() if not isinstance(point, str)]
    least = min([0.8] + [point.low for point in points]) / 1.05
    most = max([1.25] + [point.high for point in points]) * 1.05
    return least, most


def draw_panel(drawing, panel, names, scale, top):
    bottom = top + LINE * len(names)
    drawing.text((scale.begin + scale.end) / 2, top - 8, panel.title, "middle", bold=True)
    draw_axis(drawing, scale, top, bottom)
    drawing.line(scale.place(1), top, scale.place(1), bottom, "faint", 1.5, dashed=True)
    for index, name in enumerate(names):
        y = top + LINE * (index + 0.5)
        drawing.line(scale.begin, y, scale.end, y, width=0.5)
        point = panel.points[name.text]
        if isinstance(point, str):
            drawing.covering((scale.begin + scale.end) / 2, y + 4, point)
        else:
            if panel.notes.get(name.text):
                draw_note(drawing, scale, y, point, panel.notes[name.text])
            draw_point(drawing, scale, y, name, point)


def draw_ratios(title, axis, names, grid):
    """Panels in rows, of ratios on a logarithmic scale that is the same along a row; 1 is marked."""
    left = MARGIN + max(width_of(name.text) for name in names) + 12
    columns = max(len(panels) for panels in grid)
    width = (WIDTH - MARGIN - left - GAP * (columns - 1)) / columns
    step = LINE * len(names) + 54
    drawing = Drawing(title, WIDTH, HEAD + step * len(grid) + 24)
    draw_head(drawing, "95 % interval")
    for number, panels in enumerate(grid):
        least, most = find_range(panels)
        top = HEAD + step * number + 26
        for index, name in enumerate(names):
            drawing.text(left - 12, top + LINE * (index + 0.5) + 4, name.text, "end")
        for column, panel in enumerate(panels):
            begin = left + (width + GAP) * column
            draw_panel(drawing, panel, names, Scale(least, most, begin, begin + width, True), top)
    drawing.text((left + WIDTH - MARGIN) / 2, drawing.height - 14, axis, "middle")
    return drawing


def draw_entry(drawing, entry, scale, y):
    end = scale.place(entry.value)
    if scale.logarithmic:
        drawing.line(scale.begin, y, end, y, entry.name.group, 1.5)
        drawing.mark(end, y, entry.name.group)
    else:
        drawing.bar(scale.begin, y - 5, end - scale.begin, 10, entry.name.group)
    if entry.low is not None:
        drawing.line(scale.place(entry.low), y, scale.place(entry.high), y, "ink", 2)


def list_range(entries, logarithmic):
    values = [end for entry in entries for end in (entry.value, entry.low, entry.high) if end is not None]
    positive = [value for value in values if value > 0] or [1]
    most = max(positive) * 1.05
    return (min(min(positive) / 1.5, most / 10), most) if logarithmic else (0, most)


def draw_list(title, axis, entries, logarithmic=False, interval=""):
    """A bar for each entry, or a dot on a logarithmic scale, which has no 0 to begin at; its note stands beside."""
    left = MARGIN + max(width_of(entry.name.text) for entry in entries) + 12
    right = WIDTH - MARGIN - max(width_of(entry.note) for entry in entries) - 12
    drawing = Drawing(title, WIDTH, HEAD + LINE * len(entries) + 62)
    draw_head(drawing, interval)
    scale = Scale(*list_range(entries, logarithmic), left, right, logarithmic)
    top = HEAD + 10
    draw_axis(drawing, scale, top, top + LINE * len(entries))
    for index, entry in enumerate(entries):
        y = top + LINE * (index + 0.5)
        drawing.text(left - 12, y + 4, entry.name.text, "end")
        drawing.text(right + 12, y + 4, entry.note, colour="faint")
        if entry.value is not None:
            draw_entry(drawing, entry, scale, y)
    drawing.text((left + right) / 2, drawing.height - 14, axis, "middle")
    return drawing
