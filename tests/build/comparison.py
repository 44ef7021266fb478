#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# tools/compare.py, part by part, without coir: the intervals; charts that are well formed and whose texts never
# meet; a report of recorded rows that hides neither failures nor losses; servers and loads that go wrong, each in its
# way. tests/system/comparison.py runs all of it.

import collections
import dataclasses
import io
import itertools
import os
import random
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.join(os.environ["COIR_SOURCE"], "tools"))
from compare import campaign, charts, clients, crowd, figures, load, machine, peers, pictures, plots, progress, report
from compare import rows, servers, sources
from compare.results import CPU, THROUGHPUT, Results

HELPER = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "comparison_servers.py")]
CORES = machine.choose_cores()
FACTS = {"date": "2026-11-28", "kind": "whole", "seed": "7", "measured in a run": "0.4 s", "warm-up": "0.1 s",
         "the crowd ends at": "18000", "repeats": "2", "descriptors": "20000 per process", "processor": "a | b"}
SMALL, LARGE = load.Cell(64, 64), load.Cell(1000, 16384)
BESIDE = load.Cell(64, 64, rows.IDLE, 900)


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def fake(name):
    return servers.Server(name, servers.PEER, [*HELPER, "serve", name], "", "")


# Figures


def an_interval_is_around_the_median():
    expect(figures.summarise([]) is None, "there is no interval of nothing")
    expect(figures.summarise([2.0] * 5) == (2.0, 2.0, 2.0, 5), "one value has no width")
    found = figures.summarise([float(value) for value in range(1, 12)])
    expect(found.median == 6 and 1 <= found.low < 6 < found.high <= 11, found)
    expect(figures.median([4, 1, 3, 2]) == 2.5, "an even number of values")


def chances_are_those_of_all_draws():
    for count in range(1, 7):
        ways = collections.Counter()
        for drawn in itertools.product(range(1, count + 1), repeat=count):
            ordered = sorted(drawn)
            ways[ordered[(count - 1) // 2], ordered[count // 2]] += 1
        chances = figures.list_middles(count)
        for ranks in itertools.combinations_with_replacement(range(1, count + 1), 2):
            expected = ways[ranks] / count**count
            expect(abs(chances.get(ranks, 0) - expected) < 1e-9, "%d: %s: %s" % (count, ranks, expected))


def an_interval_of_nine_rounds_holds_the_true_median():
    expect(0.95 <= figures.coverage(9) <= 0.97, figures.coverage(9))  # 0.961, by order statistics
    expect(figures.coverage(3) < figures.coverage(6) < figures.coverage(9), "fewer rounds tell less")


def ratios_are_of_the_same_round():
    expect(figures.pair({1: 2.0, 2: 9.0, 4: 3.0}, {1: 1.0, 4: 2.0, 5: 8.0}) == [2.0, 1.5], "rounds 1 and 4 alone")


# Charts


def check_drawing(drawing):
    root = xml.fromstring(drawing.render())
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    expect(texts == [box[4] for box in drawing.boxes], "a text that no box is noted for")
    for index, (x, y, end_x, end_y, text) in enumerate(drawing.boxes):
        inside = 0 <= x and 0 <= y and end_x <= drawing.width and end_y <= drawing.height
        expect(inside, "%s: '%s' reaches over the edge" % (drawing.title, text))
        for other in drawing.boxes[:index]:
            apart = end_x <= other[0] or other[2] <= x or end_y <= other[1] or other[3] <= y
            expect(apart, "%s: '%s' and '%s' meet" % (drawing.title, text, other[4]))
    return texts


def texts_never_meet_on_any_scale():
    draw = random.Random(11)
    names = [plots.Name("server number %d" % number, group) for number, group in enumerate(("coir", "article", "peer"))]
    for _ in range(60):
        spread = 10 ** draw.uniform(-2, 2)
        points = {name.text: figures.Figure(spread, spread / 1.2, spread * 1.2, 3) for name in names[1:]}
        points[names[0].text] = "not run"
        notes = {names[1].text: "1 of 6 failed"}
        grid = [[plots.Panel("10,000 sessions x 16 KiB", points, notes)] * draw.randint(1, 4)]
        check_drawing(plots.draw_ratios("Ratios", "an axis (us)", names, grid))
        entries = [plots.Entry(name, spread * (number + 1), None, None, "a note") for number, name in enumerate(names)]
        for logarithmic in (False, True):
            check_drawing(plots.draw_list("A list", "an axis (bytes)", entries, logarithmic))


def texts_that_meet_would_be_found():
    drawing = charts.Drawing("two", 200, 50)
    drawing.text(10, 20, "one text")
    drawing.text(40, 22, "another")
    try:
        check_drawing(drawing)
    except AssertionError:
        return
    expect(False, "two texts on top of each other went unseen")


def marks_in_a_text_are_escaped():
    drawing = charts.Drawing("a < b & c", 200, 50)
    drawing.text(10, 20, "a < b & c")
    expect(check_drawing(drawing) == ["a < b & c"], drawing.render())


def an_axis_has_one_and_few_ticks():
    ticks = charts.Scale(0.5, 4, 0, 180, True).ticks()
    expect(1 in ticks and 3 <= len(ticks) <= 8 and ticks == sorted(ticks), ticks)
    scale = charts.Scale(0, 18000, 100, 500, False)
    expect(scale.place(0) == 100 and scale.place(18000) == 500 and scale.place(9e9) == 500, "a place on the axis")


# Rows and the report


def record(factors, rounds=7):
    """Rows of servers that take so many times epoll's CPU, and have so much less throughput."""
    draw = random.Random(3)
    found = [rows.Row(rows.SERVER, name, group=group) for name, group, _ in factors]
    for cell in (SMALL, LARGE, BESIDE, campaign.CHURN):
        for name, _, factor in factors:
            for number in range(1, rounds + 1):
                noise = factor * draw.gauss(1, 0.02)
                found.append(rows.Row(cell.kind, name, rows.OK, "", number, cell.sessions, cell.message_bytes,
                                      cell.idle, 1e5 / noise, 50.0, 90 * noise, 5 * noise, 0.9, 0.99, 0))
    for name, _, factor in factors:
        found.append(rows.Row(rows.MEMORY, name, sessions=1000, memory_bytes=4000 * factor))
        found.append(rows.Row(rows.MOST, name, reason="the ramp ends there", sessions=18000))
        found.append(rows.Row(rows.CODE, name, code_lines=round(40 * factor), states=2))
    return found


FACTORS = (("epoll", servers.ARTICLE, 1.0), (servers.AGAIN, servers.ARTICLE, 1.0),
           ("coir (example)", servers.COIR, 1.05), ("fast", servers.PEER, 0.5), ("slow", servers.PEER, 2.0))


def write_report(every, facts=None):
    with tempfile.TemporaryDirectory() as folder:
        with open(report.write(folder, facts or FACTS, every), encoding="utf-8") as file:
            return file.read(), sorted(os.listdir(folder))


def section(text, title):
    return text.partition("## " + title)[2].partition("\n## ")[0]


def rows_come_back_as_they_were():
    every = record(FACTORS, 2)
    every[0].reason = 'it said: "no, ""never"\n# again'
    every[0].reason = every[0].reason.replace("\n", " ")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rows.csv")
        writer = rows.Writer(path, FACTS)
        for row in every:
            writer.add(row)
        writer.close()
        facts, again = rows.read(path)
        expect(facts == FACTS, facts)
        expect([row.server for row in again] == [row.server for row in every] and again[0] == every[0], again[0])
        expect(all(abs(one.per_s - two.per_s) < 1 for one, two in zip(every, again) if one.per_s), "figures")
        with open(path, "w", encoding="utf-8") as file:
            file.write("# date: today\nkind,other\n")
        try:
            rows.read(path)
        except ValueError:
            return
    expect(False, "rows of another version are read as ours")


def a_report_has_every_chart_and_table():
    text, files = write_report(record(FACTORS))
    names = ("churn", "code", "cpu", "idle", "memory", "most", "p99", "throughput")
    expect(files == ["README.md", *(name + ".svg" for name in names)], files)
    for name in files[1:]:
        expect("](%s)" % name in text, "%s is not shown" % name)
    for title in ("Throughput", "CPU per message", "p99 latency"):
        lines = [line for line in section(text, title).split("\n") if line.startswith("| fast |")]
        expect(len(lines) == 2 and all("[" in line for line in lines), "%s: %s" % (title, lines))
    lines = [line for line in section(text, "CPU per message beside idle").split("\n") if line.startswith("| fast |")]
    expect(len(lines) == 1 and lines[0].count("[") == 2, lines)  # beside none, and beside 900
    expect("in 2 of the 2 cells the\n  load is the busier" in text, section(text, "How"))
    expect("Not for quoting" not in text and "a \\| b" in text, text[:600])


def charts_of_a_report_are_sound():
    for drawing in pictures.draw_all(Results(record(FACTORS))).values():
        texts = check_drawing(drawing)
        expect("coir (example)" in texts and "fast" in texts, texts)


def failures_are_told():
    every = record(FACTORS)
    for row in every:
        if row.server == "slow" and row.kind == rows.CELL and row.round in (2, 3) and row.sessions == 64:
            row.outcome, row.reason = rows.FAILED, "wrong bytes: 3 corrupted"
        if row.server == "fast" and row.kind == rows.CELL and row.sessions == 64:
            row.outcome, row.reason = rows.FAILED, "the server ended, signal SIGSEGV"
    text = write_report(every)[0]
    lines = section(text, "Throughput").split("\n")
    expect(any(line.startswith("| slow |") and "FAILED 2 of 7" in line and "[" in line for line in lines), lines)
    expect(any(line.startswith("| fast | FAILED 7 of 7") for line in lines), lines)
    told = section(text, "What failed")
    expect("2 of 7 FAILED | wrong bytes: 3 corrupted" in told and "SIGSEGV" in told, told)
    texts = check_drawing(pictures.draw_cells(Results(every), THROUGHPUT))
    expect("failed" in texts and "2 of 7 failed" in texts, texts)


def a_round_without_its_baseline_gives_no_ratio():
    every = record(FACTORS)
    for row in every:
        if row.server == "epoll" and row.round == 1:
            row.outcome = rows.FAILED
    ratio = Results(every).ratio("fast", SMALL, "per_s")
    expect(ratio.count == 6 and abs(ratio.median - 2) < 0.2, ratio)


def what_was_not_run_says_why():
    every = record(FACTORS)
    every.append(rows.Row(rows.SERVER, "absent", rows.SKIPPED, "there is no such library", group=servers.PEER))
    every = [row for row in every if not (row.server == "slow" and row.sessions == 1000 and row.kind == rows.CELL)]
    every.append(rows.Row(rows.CELL, "slow", rows.SKIPPED, "it has 1 session at most", None, 1000, 16384))
    text = write_report(every)[0]
    told = section(text, "What failed")
    expect("| absent | everything | not run | there is no such library |" in told, told)
    expect("| slow | 1,000 sessions x 16 KiB | not run | it has 1 session at most |" in told, told)
    expect("| slow | not run |" in section(text, "Throughput"), "the table")


def a_quick_run_is_not_for_quoting():
    text = write_report(record(FACTORS, 3), dict(FACTS, kind="quick"))[0]
    expect("Not for quoting" in text and "this was no whole run" in text, text[:400])


def every_loss_is_told_and_no_other():
    results = Results(record(FACTORS))
    losses = [(loss.metric.title, loss.cell, [name for name, _ in loss.others]) for loss in results.losses()]
    for metric in (THROUGHPUT, CPU):
        for cell in (SMALL, LARGE):
            expect((metric.title, cell, ["fast", "epoll"]) in losses, losses)
    expect(not any("slow" in names or servers.AGAIN in names for _, _, names in losses), losses)
    text = section(write_report(record(FACTORS))[0], "Where coir loses")
    expect("fast 2.0" in text and "slow" not in text and "memory of an idle session" in text, text)
    # Of one server to three others: three figures in two cells, CPU beside the idle, and two of short connections.
    expect(results.compared() == 3 * 9 and "27 ratios" in text, text)
    nothing = section(write_report(record((FACTORS[0], ("coir (example)", servers.COIR, 0.5))))[0], "Where coir loses")
    expect("In no cell of this run." in nothing, nothing)


def a_level_server_is_no_loss():
    results = Results(record((("epoll", servers.ARTICLE, 1.0), ("coir (example)", servers.COIR, 1.0)), 15))
    expect(results.tally("coir (example)", CPU)[1] >= 1, results.tally("coir (example)", CPU))


# Sources


def count_text(text):
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write(text)
        file.flush()
        return sources.count(file.name)


def marked_lines_are_counted():
    text = ('int before;\n/* session: begin */\nenum {\n    STATE_A, /* STATE_NO */\n\n    STATE_B // too\n};\n'
            'const char *text = "// no comment";\n/* a\n * b */\nint a = STATE_A;\n/* session: end */\nint after;\n')
    expect(count_text(text) == (6, 2), count_text(text))
    expect(count_text(text + "// session: begin\nx();\n// session: end\n") == (7, 2), "two parts")
    for wrong in ("int a;\n", "/* session: begin */\nint a;\n", "/* session: end */\n" + text):
        try:
            count_text(wrong)
        except ValueError:
            continue
        expect(False, "marks that do not fit are taken: " + wrong)


def peers_are_those_of_the_list():
    with tempfile.TemporaryDirectory() as folder:
        absent = peers.find(folder)
        expect(len(absent) == 5 and all("builds them" in server.missing for server in absent), absent)
        expect(peers.facts(folder) == {"peers": "none"}, peers.facts(folder))
        os.mkdir(os.path.join(folder, "peers"))
        with open(os.path.join(folder, peers.LIST), "w", encoding="utf-8") as file:
            file.write("libuv\t/somewhere/libuv\t1.44.2\nasio\tmissing: libboost-dev g++\nother\t/somewhere/other\t2\n")
        found = peers.find(folder)
        expect([server.name for server in found] == ["libuv", "Boost.Asio", "other"], found)
        expect(found[0].words == ["/somewhere/libuv", "0"] and not found[0].missing, found[0])
        expect(found[1].missing == "there is no libboost-dev g++", found[1])
        expect(peers.facts(folder) == {"peers": "libuv 1.44.2, other 2"}, peers.facts(folder))


# Runs


def run_load(name, server="good", cell=SMALL):
    plan = load.Plan(os.path.join(os.path.dirname(__file__), "none"), CORES, 0.1, 0.1)
    with tempfile.TemporaryDirectory() as folder:
        plan.command = os.path.join(folder, "coir")
        with open(plan.command, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\nshift\nexec %s load %s "$@"\n' % (" ".join(HELPER), name))
        os.chmod(plan.command, 0o755)
        return load.measure(plan, cell, fake(server), 3)


def a_run_becomes_a_row():
    row = run_load("good")
    expect((row.outcome, row.round, row.sessions, row.message_bytes) == (rows.OK, 3, 64, 64), row)
    expect(row.per_s == 2000 and abs(row.server_us - 490) < 1e-9 and row.p99_us == 250 and row.load_busy == 0.5, row)
    expect(row.repeats == 0 and run_load("disturbed").repeats == 2, "who is disturbed runs again")


def a_run_that_fails_says_why():
    for name, server, reason in (("corrupts", "good", "wrong bytes: 3 corrupted; 1 reset"),
                                 ("nothing", "good", "no message came back"),
                                 ("refuses", "good", "exit code is 2: coir load: this size is not possible"),
                                 ("good", "mute", "exit code 1: mute: cannot listen")):
        row = run_load(name, server)
        expect(row.outcome == rows.FAILED and reason in row.reason and row.per_s is None, row)
    broken = servers.Server("none", servers.PEER, ["/nonexistent/server"], "", "")
    row = load.measure(load.Plan("/bin/false", CORES, 0.1, 0.1), SMALL, broken, 1)
    expect("does not start" in row.reason, row)


def fill_crowd(name, target=20):
    clients.PATIENCE_S = 0.2
    return crowd.measure(CORES, fake(name), target, (10, 500), lambda seconds: None)


def idle_sessions_are_there_or_the_run_fails():
    clients.PATIENCE_S = 0.2
    with servers.Running(fake("few"), CORES.server) as running:
        with clients.idle_sessions(running, 3):
            pass
    with servers.Running(fake("few"), CORES.server) as running:
        try:
            with clients.idle_sessions(running, 4):
                expect(False, "a fourth session, where there is room for three")
        except servers.Broken as broken:
            expect("idle client 4 was closed at once" in str(broken), broken)


def a_crowd_ends_where_the_server_does():
    for name, reached, reason in (("good", 20, "the ramp ends there"), ("single", 1, "one at a time"),
                                  ("few", 3, 'was closed at once; it said: "few: there is no room"'),
                                  ("wrong", 0, "client 1 got wrong bytes"), ("dies", 1, "signal SIGTERM")):
        most, memory, more = fill_crowd(name)
        expect(most.sessions == reached and reason in most.reason, most)
        expect((memory.memory_bytes is not None) == (reached >= 10), memory)
        expect(more.outcome == rows.SKIPPED and ("ends at" if reached == 20 else "at most") in more.reason, more)
    expect(fill_crowd("mute")[0].outcome == rows.FAILED, "a server that does not start")


class Pretence:
    """Takes the place of the parts of a campaign that measure."""

    def __init__(self, reached, fails=lambda server, number: False):
        self.reached = reached
        self.fails = fails
        self.runs = []

    def load(self, plan, cell, server, number):
        self.runs.append((number, cell, server.name))
        if self.fails(server.name, number):
            return cell.blank_row(server, rows.FAILED, "no", number)
        return dataclasses.replace(cell.blank_row(server, rows.OK, number=number), per_s=1.0)

    def crowd(self, cores, server, target, levels, wait):
        reached = min(target, self.reached.get(server.name, target))
        return [rows.Row(rows.MOST, server.name, reason="why", sessions=reached)]


def run_campaign(pretence, rounds, ends_after_s, room=19900):
    every = [servers.Server(name, servers.ARTICLE, [], "", missing)
             for name, missing in (("epoll", ""), (servers.AGAIN, ""), ("select", ""), ("absent", "no such library"))]
    kept = load.measure, crowd.measure
    load.measure, crowd.measure = pretence.load, pretence.crowd
    try:
        with tempfile.TemporaryDirectory() as folder:
            writer = rows.Writer(os.path.join(folder, "rows.csv"), FACTS)
            plan, cells = load.Plan("", CORES, 0.1, 0.1), [SMALL, LARGE, BESIDE]
            runs = campaign.Campaign(plan, every, cells, rounds, ends_after_s, room, 18000, (1000,), random.Random(1),
                                     writer)
            runs.progress = progress.Progress(runs.weight(), io.StringIO())
            runs.run()
            writer.close()
            return writer.rows, runs.progress
    finally:
        load.measure, crowd.measure = kept


def every_server_runs_once_in_each_cell_of_a_round():
    pretence = Pretence({"select": 500})
    every, told = run_campaign(pretence, 4, 60)
    counts = collections.Counter(pretence.runs)
    expect(set(counts.values()) == {1} and len(counts) == 4 * (3 * 4 - 2), counts)
    skipped = [row for row in every if row.outcome == rows.SKIPPED]
    expect([(row.server, row.sessions, row.idle) for row in skipped] ==
           [("absent", None, 0), ("select", 1000, 0), ("select", 64, 900)], skipped)
    expect(all("500 sessions at most: why" in row.reason for row in skipped[1:]), skipped)
    expect(abs(told.done - told.weight) < 1e-6, "the estimate has counted everything")
    orders = collections.defaultdict(list)
    for number, cell, name in pretence.runs:
        orders[number, cell].append(name)
    expect(len(set(map(tuple, orders.values()))) > 3, "the order is the same in each round")


def who_only_fails_is_given_up_and_who_fails_at_times_is_not():
    pretence = Pretence({}, lambda name, number: name == "select" or name == "epoll" and number != 1)
    every = run_campaign(pretence, 5, 60)[0]
    runs = collections.Counter((name, cell) for _, cell, name in pretence.runs)
    expect(runs["select", SMALL] == 2 and runs["epoll", SMALL] == 5 and runs[servers.AGAIN, SMALL] == 5, runs)
    told = list(Results(every).failures())
    for what in (("2 of 2 FAILED", "no"), ("not run", "its first 2 runs have failed")):
        expect(any(words[0] == "select" and words[2:] == what for words in told), told)


def cells_that_descriptors_do_not_suffice_for_are_skipped():
    every = run_campaign(Pretence({}), 1, 60, 900)[0]
    skipped = [row for row in every if row.outcome == rows.SKIPPED and row.kind == rows.CELL]
    expect(len(skipped) == 3 and all("RLIMIT_NOFILE leaves room for 900" in row.reason for row in skipped), skipped)


def no_round_begins_too_late():
    every = run_campaign(Pretence({}), 50, 0)[0]
    expect(Results(every).rounds == campaign.ROUNDS_LEAST, "rounds after the end")


def the_time_that_is_left_is_told():
    now = [0.0]
    file = io.StringIO()
    told = progress.Progress(100, file, lambda: now[0])
    told.tell("begin")
    told.add(50)
    now[0] = 100.0
    expect(abs(told.left() - 50 * 120 / 70) < 0.01, told.left())
    told.tell("half")
    now[0] = 101.0
    told.tell("too soon")
    said = file.getvalue()
    expect("half" in said and "too soon" not in said and "\r" not in said, said)
    file.isatty = lambda: True
    told.tell("at once")
    expect("\r\033[K" in file.getvalue() and "at once" in file.getvalue(), file.getvalue())
    expect([progress.show_time(seconds) for seconds in (0, 59, 100, 3600, 7200)] ==
           ["1 s", "59 s", "2 min", "60 min", "2 h 0 min"], "times")


def main():
    cases = {name: case for name, case in globals().items()
             if getattr(case, "__module__", "") == "__main__" and hasattr(case, "__code__")
             and case.__code__.co_argcount == 0 and name != "main"}
    status = 0
    for name in sys.argv[1:] or cases:
        began = time.monotonic()
        try:
            cases[name]()
            print("ok     %s (%.1f s)" % (name, time.monotonic() - began), flush=True)
        except AssertionError as failure:
            print("FAILED %s: %s" % (name, failure), flush=True)
            status = 1
    sys.exit(status)


main()
