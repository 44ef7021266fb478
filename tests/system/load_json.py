#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Results as JSON are as docs/load-results.schema.json says, which tells good
# from bad; the page beside it names each member; and the figures agree.
import copy
import json
import math
import os
import re
import subprocess
import sys
import tempfile

import load_schema

PROGRAM = os.path.join(os.environ["COIR_PROGRAMS"], "load_results")
PAGE = os.path.join(os.environ["COIR_SOURCE"], "docs", "load-results.md")
# What is changed where, for the schema to notice.
CHANGES = (
    (("schema",), 2), (("schema",), True), (("program",), "wrk"), (("began",), "today"), (("processes",), -1),
    (("processes",), 1.5), (("processes",), "1"), (("settings", "mode"), "ajar"), (("settings", "uri"), "x" * 160),
    (("settings", "half_close"), 0), (("latency_us", "p50"), "1"), (("histogram",), {}), (("histogram", 0), [1]),
    (("histogram", 0, 1), 0), (("errors", "melted"), 1), (("errors", "reset"), None), (("cpu_s", "load"), None),
    (("timeline", "points"), [[1, 2]]), (("timeline", "points"), [[1, 0, 1.0]] * 601), (("measured_s",), -0.5),
)


def expect(holds, what):
    if not holds:
        print("FAILED: " + what)
        sys.exit(1)


def check_schema(result):
    """It takes the result, and none that was changed or lacks something."""
    schema = load_schema.read_schema()
    for path, value in CHANGES:
        changed = copy.deepcopy(result)
        part = changed
        for step in path[:-1]:
            part = part[step]
        part[path[-1]] = value
        expect(load_schema.find_flaw(schema, changed), "the schema takes %r in %r" % (value, path))
    for name in list(result):
        lacking = {key: value for key, value in result.items() if key != name}
        expect(load_schema.find_flaw(schema, lacking), "the schema takes a result without %s" % name)


def list_members(schema):
    for name, part in schema.get("properties", {}).items():
        yield name
        yield from list_members(part)


def check_page():
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    missing = [name for name in list_members(load_schema.read_schema()) if "`%s`" % name not in text]
    expect(not missing, "docs/load-results.md does not name " + ", ".join(missing))


def bucket_width(least):
    """As the page says."""
    return 1 if least < 256 else 2 ** (int(math.log2(least)) - 7)


def find_percentile(result, share):
    """From the histogram alone: the middle of the bucket."""
    seen = 0
    for least, count in result["histogram"]:
        seen += count
        if seen >= share * result["messages"]:
            return (least + (bucket_width(least) - 1) / 2) / 1000
    return None


def check_figures(result):
    expect(sum(count for _, count in result["histogram"]) == result["messages"], "the histogram lacks messages")
    expect(sum(point[0] for point in result["timeline"]["points"]) == result["messages"], "the timeline lacks messages")
    expect(math.isclose(result["messages"] / result["measured_s"], result["messages_per_s"]), "messages_per_s")
    expect(math.isclose(result["bytes"] / result["measured_s"], result["bytes_per_s"]), "bytes_per_s")
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99_9", 0.999)):
        found, told = find_percentile(result, share), result["latency_us"][name]
        expect(math.isclose(found, told, rel_tol=1e-9), "%s is %r, and by the histogram %r" % (name, told, found))


def check_lines(path):
    """A member a line, so that files can be compared."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    expect(lines[0] == "{" and lines[-2:] == ["}", ""], "%s: its braces" % path)
    expect(all(re.match(r' "[a-z_]+": .', line) for line in lines[1:-2]), "%s: its lines" % path)


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([PROGRAM, folder], check=True)
        files = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
        if not files:
            print("skipped: coir was built without jansson")
            sys.exit(77)
        expect(len(files) == 5, "there are %s" % files)
        results = {}
        for name in files:
            path = os.path.join(folder, name)
            expect(load_schema.check_file(path) is None, "%s: %s" % (name, load_schema.check_file(path)))
            check_lines(path)
            with open(path, encoding="utf-8") as file:
                results[name] = json.load(file)
    check_figures(results["plain.json"])
    check_figures(results["slow.json"])
    expect(results["empty.json"]["latency_us"]["p50"] is None, "a percentile of nothing")
    check_schema(results["slow.json"])
    check_page()


main()
