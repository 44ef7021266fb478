#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Pages of results: well-formed, alone in the world (no script, nothing to
# fetch), with what was measured in them and nothing of it as markup; their
# charts have titles with units, and no two labels overlap.
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

PROGRAM = os.path.join(os.environ["COIR_PROGRAMS"], "load_results")
SVG = "svg"
HARMLESS = {"html", "head", "meta", "title", "style", "body", "main", "header", "footer", "section", "h1", "h2", "p",
            "div", "span", "figure", "figcaption", "table", "thead", "tbody", "tr", "th", "td", "code", "svg", "path",
            "text", "rect", "circle"}
FETCHING = {"src", "href", "action", "data", "poster", "background", "srcset", "cite", "formaction"}
LETTER = 7.2  # the width of a letter, in pixels, and
HEIGHT = 11   # its height, where a line has 12.5
TITLES = ("latency (logarithmic)", "share of messages, per bar", "percentile of messages", "messages per second",
          "seconds since the measurement began", "worst latency (logarithmic)")


def expect(holds, what):
    if not holds:
        print("FAILED: " + what)
        sys.exit(1)


def check_harmless(name, text, root):
    style = root.find("head/style").text
    expect("url(" not in style and "@import" not in style, name + ": its style fetches something")
    for element in root.iter():
        expect(element.tag in HARMLESS, "%s: has a <%s>" % (name, element.tag))
        for attribute in element.attrib:
            expect(attribute not in FETCHING and not attribute.startswith("on"), "%s: has %s=" % (name, attribute))
    outside = re.sub(r"<(p|h1|td|title|span)[ >].*", "", text)
    expect("://" not in outside.split("</style>")[0], name + ": names an address in its head")
    expect(text.startswith("<!DOCTYPE html>\n"), name + ": no doctype")


def place_text(element):
    """Left, top, right and bottom of a label, whichever way it is aligned."""
    size = LETTER * len(element.text)
    kinds = element.get("class", "").split()
    x, y = float(element.get("x")), float(element.get("y"))
    left = x - size if "y" in kinds else x - size / 2 if "x" in kinds else x
    return left, y - HEIGHT, left + size, y


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def check_chart(name, chart):
    width, height = map(float, chart.get("viewBox").split()[2:])
    labels = [text for text in chart.iter("text") if text.get("transform") is None]
    boxes = [place_text(label) for label in labels]
    for index, box in enumerate(boxes):
        text = labels[index].text
        expect(box[0] >= 0 and box[1] >= 0 and box[2] <= width and box[3] <= height, "%s: %s is cut" % (name, text))
        for other, below in zip(labels[index + 1:], boxes[index + 1:]):
            expect(not overlap(box, below), "%s: %s and %s overlap" % (name, text, other.text))


def check_page(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        text = file.read()
    root = xml.fromstring(text)
    check_harmless(name, text, root)
    charts = list(root.iter(SVG))
    expect(len(charts) == (0 if name == "empty.html" else 4), "%s: %d charts" % (name, len(charts)))
    for chart in charts:
        check_chart(name, chart)
    words = ["".join(element.itertext()) for element in root.iter("text")]
    if charts:
        for title in TITLES:
            expect(title in words, "%s: no axis is called %s" % (name, title))
    return root


def list_rows(root):
    """The cells of each row of the tables, by what begins it."""
    return {"".join(row[0].itertext()): ["".join(cell.itertext()) for cell in row[1:]] for row in root.iter("tr")}


def find_lines(root, kind):
    """Those of percentiles, of throughput, and of the worst latency."""
    return [path for path in root.iter("path") if path.get("class") == kind + " line"]


def check_even(root, kind, count):
    """The rate of so many intervals is the same; the last one counts for what there is of it, or not at all."""
    heights = [float(height) for height in re.findall(r"V([0-9.]+)", find_lines(root, kind)[1].get("d"))]
    expect(len(heights) == count and max(heights) - min(heights) < 1, "an even rate is drawn as %s" % heights)


def check_plain(root):
    rows = list_rows(root)
    expect(rows["messages that came back"] == ["643,200"], "plain: messages: %r" % rows)
    expect(rows["messages per second"] == ["64,000"], "plain: rate")
    expect(rows["latency, worst"] == ["4.53\u00a0ms"], "plain: worst")
    expect(rows["connections"] == ["64"] and rows["mode"] == ["closed loop"], "plain: settings")
    check_even(root, "a", 101)
    text = "".join(root.itertext())
    expect("No errors, of any kind." in text and "Every byte came back as it was sent." in text, "plain: errors")
    tips = [tip.text for tip in root.iter("title")]
    expect(any(re.search(r"\d+\.\d+\u00a0% *, [\d,]+ messages$", tip) for tip in tips), "plain: no tip tells a bar")


def check_compared(root):
    rows = list_rows(root)
    expect(rows["what"] == ["plain.json", "slow.json", "second / first"], "compared: %r" % rows["what"])
    expect(rows["messages that came back"] == ["643,200", "400,001", "0.622"], "compared: messages")
    expect(rows["corrupted bytes had another value"] == ["0", "3"], "compared: errors")
    text = "".join(root.itertext())
    expect("not set alike: mode; connections; messages under way, per connection; rate." in text, "compared: differences")
    expect("slow.json: 37 errors, 3 of wrong bytes." in text, "compared: verdict")
    check_even(root, "a", 101)
    check_even(root, "b", 100)
    for kind in "ab":
        expect(len(find_lines(root, kind)) == 3, "compared: lines of " + kind)
    bad = [mark for mark in root.iter("rect") if mark.get("class") == "bad"]
    expect(len(bad) == 7, "compared: %d intervals with errors" % len(bad))


def check_hostile(root):
    text = "".join(root.itertext())
    for words in ("<script>alert(1)</script>&\"'\ufffd\ufffd", "]]><img src=\"http://example.org/x.png\"/>", "</td><b>&lt;",
                  "coir <!--", "&amp;\u00e4\ufffd</style>"):
        expect(words in text, "hostile: lacks " + words)


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([PROGRAM, folder], check=True)
        pages = sorted(name for name in os.listdir(folder) if name.endswith(".html"))
        expect(len(pages) == 8, "there are %s" % pages)
        roots = {name: check_page(folder, name) for name in pages}
    check_plain(roots["plain.html"])
    check_compared(roots["compared.html"])
    check_hostile(roots["hostile.html"])


main()
