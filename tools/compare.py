#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares echo servers: those of the article in examples/echo, coir's, and what other libraries and languages offer.

All of them run in each round, in an order that is drawn anew, a fresh process for each run, alone on
its core; the load, `coir load`, has another. What they reach is told as a ratio to the epoll state
machine of the same round. Before, a crowd of idle sessions shows what each costs and where it ends.
The report goes to docs/comparison/, or, of --quick and of a part, which are not for quoting,
to build/comparison/. The rows are there while it runs.

Exit code: 0 the report is written; 1 and a server of coir, or epoll, has failed a run; 2 misuse,
or something it needs is missing; 3 interrupted.
"""
import argparse
import dataclasses
import datetime
import os
import random
import re
import shutil
import signal
import sys

from compare import campaign, load, machine, peers, progress, report, results, rows, servers

SESSIONS = (1, 64, 1000, 10000)
IDLE = (900, 10000)  # select has room for the fewer
SIZES = (64, 1024, 16384)
QUICK_CELLS = (load.Cell(64, 64), load.Cell(1000, 1024))
DESCRIPTORS_APART = 100  # of a process, for other things than sessions
PAGE, PARTIAL = "docs/comparison", "build/comparison"
ROWS = "rows.csv"

FULL = {"rounds": 9, "minutes": 30, "duration": 0.4, "warmup": 0.15, "most": 18000,
        "levels": (1000, 10000), "repeats": 2, "idle": IDLE}
QUICK = {"rounds": 3, "minutes": 3, "duration": 0.3, "warmup": 0.1, "most": 2000, "levels": (1000,),
         "repeats": 0, "idle": ()}


def read_cell(text):
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    if not found or int(found[1]) < 1 or int(found[2]) < 1:
        raise argparse.ArgumentTypeError('"%s" is no cell: SESSIONSxBYTES, such as 64x1024' % text)
    return load.Cell(int(found[1]), int(found[2]))


def show_counts(counts):
    return ",".join(map(str, counts))


def read_counts(text):
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", text):
        raise argparse.ArgumentTypeError('"%s" is no list of counts, such as 900,10000' % text)
    return tuple(int(word) for word in text.split(","))


def read_options(words):
    parser = argparse.ArgumentParser(prog="compare", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two cells, three runs each; not for quoting")
    parser.add_argument("--servers", metavar="A,B", help="these alone, and epoll; their names as in the report")
    parser.add_argument("--cells", metavar="SESSIONSxBYTES,...", help="these alone, such as 64x64,1000x1024")
    parser.add_argument("--idle", type=read_counts, metavar="N,...",
                        help="silent sessions beside which 64 are measured (default %s)" % show_counts(IDLE))
    parser.add_argument("--rounds", type=int, metavar="N", help="runs of each server in each cell (default 9)")
    parser.add_argument("--minutes", type=float, metavar="N", help="no round begins later than this (default 30)")
    parser.add_argument("--duration", type=float, metavar="SECONDS", help="measured in a run (default 0.4)")
    parser.add_argument("--warmup", type=float, metavar="SECONDS", help="before it (default 0.15)")
    parser.add_argument("--most", type=int, metavar="N", help="where the crowd of idle sessions ends (default 18000)")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=COMMAND",
                        help='one more server, which says "listening on tcp://HOST:PORT" on standard error')
    parser.add_argument("--seed", type=int, metavar="N", help="of the order")
    parser.add_argument("--build", default="build/release", metavar="FOLDER", help="where the programs are")
    parser.add_argument("--out", metavar="FOLDER", help="where the report goes")
    parser.add_argument("--report", metavar="ROWS.csv", help="measures nothing, writes the report of these rows")
    options = parser.parse_args(words)
    parts = ("servers", "cells", "idle", "rounds", "minutes", "duration", "warmup", "most", "also")
    options.part = [name for name in parts if getattr(options, name)]
    try:
        options.cells = [read_cell(text) for text in options.cells.split(",")] if options.cells else None
    except argparse.ArgumentTypeError as error:
        parser.error(str(error))
    for name, value in (QUICK if options.quick else FULL).items():
        if getattr(options, name, None) is None:
            setattr(options, name, value)
    if options.seed is None:
        options.seed = int.from_bytes(os.urandom(2), "little")
    return options


def choose_cells(options):
    cells = options.cells or (QUICK_CELLS if options.quick else
                              [load.Cell(sessions, size) for size in SIZES for sessions in SESSIONS])
    return [*cells, *(dataclasses.replace(results.AMONG_IDLE, idle=count) for count in options.idle)]


def misuse(text):
    print("compare: " + text, file=sys.stderr)
    sys.exit(2)


def list_servers(options):
    found = servers.find_servers(options.build) + peers.find(options.build)
    for text in options.also:
        name, _, command = text.partition("=")
        found.append(servers.Server(name, servers.PEER, command.split(), "", ""))
    return found


def choose_servers(options):
    found = list_servers(options)
    if not options.servers:
        return found
    names = [server.name for server in found]
    wanted = options.servers.split(",")
    for name in wanted:
        if name not in names:
            misuse('there is no "%s"; there are: %s' % (name, ", ".join(names)))
    also = [text.partition("=")[0] for text in options.also]
    return [server for server in found if server.name in (*wanted, *also, servers.BASELINE)]


def find_command(options):
    command = os.path.join(options.build, "bin", "coir")
    if not os.access(command, os.X_OK):
        misuse("there is no %s, which is the load: tools/build.sh release builds it" % command)
    return command


def describe_run(options, cores, descriptors, most):
    """The facts that stand before the rows."""
    facts = {
        "date": datetime.date.today().isoformat(),
        "kind": "quick" if options.quick else "partial" if options.part else "whole",
        "coir": describe_version(find_command(options)),
    }
    facts.update(machine.describe(cores, descriptors))
    facts.update(peers.facts(options.build))
    facts.update({
        "measured in a run": "%g s" % options.duration, "warm-up": "%g s" % options.warmup, "seed": options.seed,
        "the crowd ends at": most, "repeats": options.repeats,
    })
    return facts


def describe_version(command):
    commit = machine.first_line("git", "describe", "--always", "--dirty", "--exclude=*")
    return machine.first_line(command, "--version") + (", commit " + commit if commit else "")


def measure(options, path):
    """Makes all runs; returns the facts and the rows, which are in `path`, too."""
    cores = machine.choose_cores()
    descriptors = machine.raise_descriptors()
    room = descriptors - DESCRIPTORS_APART
    most = min(options.most, room)
    plan = load.Plan(find_command(options), cores, options.duration, options.warmup, options.repeats)
    chosen = choose_servers(options)
    check_baseline(plan, chosen)
    facts = describe_run(options, cores, descriptors, most)
    writer = rows.Writer(path, facts)
    runs = campaign.Campaign(plan, chosen, choose_cells(options), options.rounds, 60 * options.minutes, room, most,
                             options.levels, random.Random(options.seed), writer)
    runs.progress = progress.Progress(runs.weight())
    announce(runs, options)
    try:
        runs.run()
    finally:
        runs.progress.end()
        writer.close()
    return facts, writer.rows


def check_baseline(plan, chosen):
    """Everything is a ratio to it: without one there is nothing to find out."""
    baseline = next(server for server in chosen if server.name == servers.BASELINE)
    row = load.measure(plan, load.Cell(1, 64), baseline, 0) if not baseline.missing else None
    if row is None or row.outcome != rows.OK:
        misuse("epoll, which all are compared with, cannot be run: %s" % (row.reason if row else baseline.missing))


def announce(runs, options):
    print("compare: %d servers, %d cells, %d rounds, the order by --seed %d; about %s" % (
        len(runs.ready()), len(runs.cells), runs.rounds, options.seed, progress.show_time(runs.weight())))
    for server in runs.servers:
        if server.missing:
            print("compare: without %s: %s" % (server.name, server.missing))
    sys.stdout.flush()


def publish(options, facts, every):
    """Writes the report where it belongs; returns the exit code."""
    folder = options.out or (PAGE if facts["kind"] == "whole" else PARTIAL)
    page = report.write(folder, facts, every)
    found = results.Results(every)
    failed = {row.server: found.failed(row.server) for row in found.servers if found.failed(row.server)}
    for name, count in failed.items():
        print("compare: %s: %d FAILED; the report tells why" % (name, count))
    print("compare: %s%s" % (page, "" if facts["kind"] == "whole" else ", which is not for quoting"))
    ours = [name for name in failed if found.groups[name] == servers.COIR or name == servers.BASELINE]
    return 1 if ours else 0


def run(options):
    if options.report:
        return publish(options, *rows.read(options.report))
    folder = options.out or PARTIAL
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, ROWS)
    facts, every = measure(options, path)
    if not options.out and facts["kind"] == "whole":
        os.makedirs(PAGE, exist_ok=True)
        shutil.copyfile(path, os.path.join(PAGE, ROWS))
    return publish(options, facts, every)


def main(words):
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = read_options(words)
    try:
        return run(options)
    except KeyboardInterrupt:
        print("compare: interrupted; the rows so far are in %s" % os.path.join(options.out or PARTIAL, ROWS))
        return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
