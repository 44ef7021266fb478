# SPDX-License-Identifier: MIT
"""Drawings as SVG: texts that know how much room they take, marks, and the colours for light and dark.

Every text goes through Drawing.text(), which notes the box it fills at most; the tests look whether any two meet.
"""
import math
import xml.sax.saxutils as xml

CHARACTER = 0.6  # width of one, of the size: more than any common font takes on average
SIZE = 12
LINE = 18

STYLE = """
    svg { --page: #ffffff; --ink: #1f2328; --faint: #59636e; --grid: #d8dee4;
          --coir: #0969da; --article: #57606a; --peer: #bc4c00; }
    @media (prefers-color-scheme: dark) {
        svg { --page: #0d1117; --ink: #e6edf3; --faint: #9198a1; --grid: #30363d;
              --coir: #58a6ff; --article: #b1bac4; --peer: #f0883e; }
    }
    text { font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 12px; }
"""

# A renderer that knows no variables takes the attribute, which is for light.
COLOURS = {"page": "#ffffff", "ink": "#1f2328", "faint": "#59636e", "grid": "#d8dee4",
           "coir": "#0969da", "article": "#57606a", "peer": "#bc4c00"}


def width_of(text, size=SIZE):
    return len(text) * size * CHARACTER


def paint(kind, colour):
    """As an attribute for renderers that know no variables, and as a style for those that do."""
    return '%s="%s" style="%s: var(--%s)"' % (kind, COLOURS[colour], kind, colour)


class Drawing:
    def __init__(self, title, width, height):
        self.title = title
        self.width = width
        self.height = height
        self.boxes = []  # of texts: x, y, end of x, end of y, the text
        self.items = []

    def text(self, x, y, text, anchor="start", colour="ink", bold=False):
        """With its baseline at y."""
        width = width_of(text)
        begin = x - {"start": 0, "middle": width / 2, "end": width}[anchor]
        self.boxes.append((begin, y - SIZE * 0.8, begin + width, y + SIZE * 0.25, text))
        weight = ' font-weight="bold"' if bold else ""
        self.items.append('<text x="%.1f" y="%.1f" text-anchor="%s" %s%s>%s</text>' % (
            x, y, anchor, paint("fill", colour), weight, xml.escape(text)))

    def covering(self, x, y, text):
        """A faint text, centred, in place of what is drawn there already."""
        self.bar(x - width_of(text) / 2, y - SIZE, width_of(text), SIZE * 1.3, "page")
        self.text(x, y, text, "middle", "faint")

    def line(self, x, y, end_x, end_y, colour="grid", width=1.0, dashed=False):
        dashes = ' stroke-dasharray="4 3"' if dashed else ""
        self.items.append('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" %s stroke-width="%.1f"%s/>' % (
            x, y, end_x, end_y, paint("stroke", colour), width, dashes))

    def bar(self, x, y, width, height, colour):
        self.items.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" %s/>' % (
            x, y, width, height, paint("fill", colour)))

    def mark(self, x, y, group):
        """A group has a shape as well as a colour: a circle, a square or a diamond."""
        shapes = {
            "coir": '<circle cx="%.1f" cy="%.1f" r="4"' % (x, y),
            "article": '<rect x="%.1f" y="%.1f" width="7" height="7"' % (x - 3.5, y - 3.5),
            "peer": '<path d="M %.1f %.1f l 5 5 l -5 5 l -5 -5 z"' % (x, y - 5),
        }
        self.items.append("%s %s/>" % (shapes[group], paint("fill", group)))

    def render(self):
        head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">' % (
            self.width, self.height, self.width, self.height)
        page = '<rect width="%d" height="%d" %s/>' % (self.width, self.height, paint("fill", "page"))
        body = ["<!-- SPDX-License-Identifier: MIT -->", head, "<title>%s</title>" % xml.escape(self.title),
                "<style>%s</style>" % STYLE, page, *self.items, "</svg>"]
        return "\n".join(body) + "\n"


class Scale:
    """Where values go between two places; logarithmic, as factors are, or from 0 on."""

    def __init__(self, least, most, begin, end, logarithmic):
        self.least, self.most = least, most
        self.begin, self.end = begin, end
        self.logarithmic = logarithmic

    def place(self, value):
        value = min(max(value, self.least), self.most)
        if self.logarithmic:
            part = math.log(value / self.least) / math.log(self.most / self.least)
        else:
            part = (value - self.least) / (self.most - self.least)
        return self.begin + part * (self.end - self.begin)

    def ticks(self):
        """Round values, the roundest first, so few that their texts do not meet."""
        candidates = round_values(self.least, self.most) if self.logarithmic else even_values(self.most)
        chosen = []
        for value in candidates:
            room = (self.place(value), width_of(show_number(value)) / 2 + SIZE * CHARACTER)
            if all(abs(room[0] - other[0]) >= room[1] + other[1] for _, other in chosen):
                chosen.append((value, room))
        return sorted(value for value, _ in chosen)


def round_values(least, most):
    """From the roundest on: 1, which ratios are about, the powers of ten, and what is between them."""
    powers = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    values = [1.0] + [step * 10.0**power for step in (1, 5, 2, 1.5, 7, 3, 8, 6, 1.2, 9) for power in powers]
    return [value for value in dict.fromkeys(values) if least <= value <= most]


def even_values(most):
    raw = most / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= raw)
    return [step * index for index in range(int(most / step + 1.0001))]


def show_number(value):
    """1,500, 25, 2.5 or 0.07: three digits at most, but for whole numbers."""
    if value >= 100:
        return "{:,.0f}".format(value)
    return "%.3g" % value
