#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Usage: tools/coverage.py BUILD SECONDS
#        tools/coverage.py
#
# With BUILD, where tools/coverage.sh has put its counts after SECONDS: prints the
# table by room, writes it into docs/coverage.md, and fails if one of the ROOMS
# misses a limit, or has a line or branch that no test reached and that no row of
# docs/coverage.md explains. Without: fails if such a row names what is not there.
import collections
import json
import os
import re
import sys

import page

ROOMS = ("task", "io", "engine/epoll", "engine/poll", "net")
LIMITS = {"lines": 95.0, "branches": 90.0}
PAGE = "docs/coverage.md"
MARK = "<!-- figures: written by make coverage -->"

Row = collections.namedtuple("Row", "file function code")
Gap = collections.namedtuple("Gap", "file function number code what")


def read_rows():
    """The rows of the page's table of explanations: | FILE | `FUNCTION()` | `CODE` or all of it | why |"""
    rows = []
    with open(PAGE, encoding="utf-8") as text:
        for line in text:
            found = re.match(r"\| (src/\S+) \| `(\w+)\(\)` \| (?:`(.+?)`|all of it) \| .+ \|$", line)
            if found:
                rows.append(Row(found[1], found[2], (found[3] or "").replace("\\|", "|")))
            elif line.startswith("| src/"):
                sys.exit("coverage: %s: not a row: %s" % (PAGE, line))
    return rows


def body_of(file, function):
    """The text of a function, or of the macro that makes it, or None."""
    with open(file, encoding="utf-8") as source:
        found = re.search(r"^[^\s#/].*\b%s\(.*?^}" % function, source.read(), re.MULTILINE | re.DOTALL)
    return found[0] if found else None


def check_rows():
    stale = []
    for row in read_rows():
        body = body_of(row.file, row.function) if os.path.exists(row.file) else None
        if body is None or row.code not in body:
            stale.append(row)
    for row in stale:
        print("coverage: %s explains what is not there: %s, %s(), %s" % (PAGE, row.file, row.function, row.code))
    return not stale


def room_of(file):
    folder = os.path.dirname(file)
    return folder[len("src/"):] if folder.startswith("src/") else folder


def lines_of(file):
    return [line for line in file["lines"] if not line.get("gcovr/noncode")]


def read_counts(build, name):
    with open(os.path.join(build, name + ".json"), encoding="utf-8") as counts:
        files = json.load(counts)["files"]
    for file in files:  # headers are reached through links
        file["file"] = os.path.relpath(os.path.realpath(file["file"]))
    return sorted(files, key=lambda file: file["file"])


class Tally:
    def __init__(self):
        self.lines = self.lines_reached = self.branches = self.branches_reached = 0
        self.asserted = self.explained = self.unexplained = 0

    def add(self, file):
        for line in lines_of(file):
            taken = [branch["count"] > 0 for branch in line["branches"]]
            self.lines += 1
            self.lines_reached += line["count"] > 0
            self.branches += len(taken)
            self.branches_reached += sum(taken)

    def percent(self, what):
        reached, count = getattr(self, what + "_reached"), getattr(self, what)
        return 100.0 * reached / count if count else 100.0


def function_at(text, number):
    """The function, or the macro, that begins last before the line. Not as gcov says: what is inlined always is none."""
    for line in reversed(text[:number]):
        found = re.match(r"(?:[a-z_].*?|#define )\b(?!__attribute__)(\w+)\(", line)
        if found and not line.endswith(";"):
            return found[1]
    return "?"


def find_gaps(file):
    """The lines that were not reached, or not left in every way there is."""
    with open(file["file"], encoding="utf-8") as source:
        text = source.read().split("\n")
    for line in lines_of(file):
        number, taken = line["line_number"], [branch["count"] > 0 for branch in line["branches"]]
        if line["count"] > 0 and all(taken):
            continue
        what = "never reached" if line["count"] == 0 else "%d of %d branches" % (sum(taken), len(taken))
        yield Gap(file["file"], function_at(text, number), number, text[number - 1].strip(), what)


def explains(row, gap):
    return row.file == gap.file and row.function == gap.function and row.code in gap.code


def tally_all(build, rows):
    tallies, unexplained, used = collections.defaultdict(Tally), [], set()
    for file in read_counts(build, "outside_assertions"):
        tally = tallies[room_of(file["file"])]
        tally.add(file)
        for gap in find_gaps(file):
            found = [row for row in rows if explains(row, gap)]
            used.update(found)
            tally.explained += bool(found)
            tally.unexplained += not found
            if not found and room_of(file["file"]) in ROOMS:
                unexplained.append(gap)
    for file in read_counts(build, "all"):
        tallies[room_of(file["file"])].asserted += sum(len(line["branches"]) for line in lines_of(file))
    for tally in tallies.values():
        tally.asserted -= tally.branches
    return tallies, unexplained, [row for row in rows if row not in used]


def describe(tallies):
    title = "| Room | Lines | reached | Branches | reached | in assertions | Lines with gaps: explained | not |"
    text = [title, "|---|" + "---:|" * 7]
    for room in sorted(tallies, key=lambda room: (room not in ROOMS, room)):
        tally = tallies[room]
        text.append("| %s | %d | %.1f %% | %d | %.1f %% | %d | %d | %d |" % (
            "**%s**" % room if room in ROOMS else room, tally.lines, tally.percent("lines"), tally.branches,
            tally.percent("branches"), tally.asserted, tally.explained, tally.unexplained))
    return "\n".join(text)


def report(build, seconds):
    tallies, unexplained, unused = tally_all(build, read_rows())
    table = describe(tallies)
    page.publish(PAGE, MARK, table, seconds)
    print(table)
    print("coverage: %d s; %d branches of assertions are left out; %s/index.html has every line" % (
        seconds, sum(tally.asserted for tally in tallies.values()), build))
    for row in unused:
        print("coverage: reached after all, this time: %s, %s(), %s" % (row.file, row.function, row.code or "all of it"))
    for gap in unexplained:
        print("coverage: %s:%d: %s(): %s: %s" % (gap.file, gap.number, gap.function, gap.what, gap.code))
    missed = [(room, what) for room in ROOMS for what in LIMITS if tallies[room].percent(what) < LIMITS[what]]
    for room, what in missed:
        print("coverage: %s of %s: %.1f %%, limit %.1f %%" % (what, room, tallies[room].percent(what), LIMITS[what]))
    return not missed and not unexplained


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    ok = check_rows()
    if len(sys.argv) == 3:
        ok = report(sys.argv[1], int(sys.argv[2])) and ok
    sys.exit(0 if ok else 1)


main()
