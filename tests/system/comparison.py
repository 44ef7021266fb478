#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# tools/compare.py from beginning to end, small: two servers and one that returns wrong bytes, one cell, two rounds.
# The report has what it should, also of the server that lies. Time limit: 120 s.
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["COIR_SOURCE"], "tools"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from compare import rows
from echo_server import SANITIZED, expect, run_cases
from load_outcome import HAS_JSON

BUILD = os.path.dirname(os.path.dirname(os.environ["COIR_COMMAND"]))
TOOL = os.path.join(os.environ["COIR_SOURCE"], "tools", "compare.py")
LIAR = os.path.join(os.environ["COIR_SOURCE"], "tests", "build", "comparison_servers.py")
ALSO = "liar=%s %s serve wrong" % (sys.executable, LIAR)
SESSIONS = 64


def compare_words(folder, *more):
    return [sys.executable, TOOL, "--build", BUILD, "--out", folder, "--servers", "epoll,coir (example)", "--cells",
            "%dx64" % SESSIONS, "--idle", "200", "--rounds", "2", "--duration", "0.5", "--warmup", "0.05", "--most", "300", *more]


def compare(folder, *more):
    done = subprocess.run(compare_words(folder, *more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, timeout=100)
    with open(os.path.join(folder, "README.md"), encoding="utf-8") as file:
        return done, file.read(), rows.read(os.path.join(folder, "rows.csv"))[1]


def check_runs(every, name):
    runs = [row for row in every if row.server == name and row.round]
    expect(len(runs) == 6, "%s: %d runs, of a cell, of one beside idle sessions, and of short connections" % (
        name, len(runs)))
    for row in runs:
        expect(row.outcome == rows.OK and row.per_s > 0, row)
        expect(row.server_us > 0 and 0 < row.p50_us <= row.p99_us, row)


def a_small_comparison_is_reported():
    with tempfile.TemporaryDirectory() as folder:
        done, text, every = compare(folder)
        expect(done.returncode == 0, done.stdout)
        for name in ("epoll", "coir (example)"):
            check_runs(every, name)
        most = [row for row in every if row.kind == rows.MOST]
        expect([row.sessions for row in most] == [300, 300], most)
        line = [line for line in text.split("\n") if line.startswith("| coir (example) |") and "[" in line]
        expect(len(line) >= 4 and "Not for quoting" in text, text)
        charts = {"throughput.svg", "cpu.svg", "p99.svg", "idle.svg", "churn.svg", "most.svg"}
        expect(charts <= set(os.listdir(folder)), os.listdir(folder))


def who_returns_wrong_bytes_has_failed():
    with tempfile.TemporaryDirectory() as folder:
        done, text, every = compare(folder, "--also", ALSO)
        expect(done.returncode == 0 and "liar: " in done.stdout, done.stdout)
        runs = [row for row in every if row.server == "liar" and row.round]
        expect(len(runs) == 6 and all(row.outcome == rows.FAILED and "wrong bytes" in row.reason for row in runs), runs)
        expect("| liar | FAILED 2 of 2 |" in text, text)


def what_is_not_understood_is_told():
    for words, complaint in ((["--cells", "many"], '"many" is no cell'), (["--servers", "none"], 'there is no "none"'),
                             (["--build", "/nonexistent"], "there is no /nonexistent/bin/coir")):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(compare_words(folder, *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, check=False, timeout=60)
            expect(done.returncode == 2 and complaint in done.stdout, done.stdout)


def has_runs(path):
    return os.path.exists(path) and os.path.getsize(path) > 0 and any(row.round for row in rows.read(path)[1])


def ends_soon(group):
    """Whoever is killed last may still have to be reaped, by a process that has other things to do, too."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def interrupted_it_keeps_its_rows_and_leaves_nothing_running():
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(compare_words(folder, "--rounds", "1000"), stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, start_new_session=True)
        path = os.path.join(folder, "rows.csv")
        end = time.monotonic() + 60
        while time.monotonic() < end and not has_runs(path):
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[0]
        expect(process.returncode == 3 and "interrupted" in said, said)
        expect(ends_soon(process.pid), "something that it started is still there")


if SANITIZED:
    print("skipped: what is watched, or emulated, is not compared")
    sys.exit(77)
if not HAS_JSON:
    print("skipped: built without jansson")
    sys.exit(77)
run_cases(globals(), __file__)
