# SPDX-License-Identifier: MIT
"""One run of `coir load` against a server that has just been started."""
import dataclasses
import json
import os
import subprocess
import tempfile

from compare import clients, machine, rows, servers

PATIENCE_S = 10  # `coir load` gives up on a connection from which nothing comes so long
CROWD = 64  # sessions from which on one of the two sides is always busy
BUSY = 0.75  # of its core
# The least of a window and of a warm-up for each session: each shall have its turn some times.
WINDOW_PER_SESSION_S, WARMUP_PER_SESSION_S = 0.0001, 0.00003
NOTHING = "no message came back"  # nor an error: somebody else had the machine
WRONG = ("corrupted", "lost", "duplicated", "reordered", "foreign")  # errors that are wrong bytes
CHURN_SOURCES = "127.0.0.1-127.0.0.8"  # one address has too few ports for connections as short as these


@dataclasses.dataclass
class Plan:
    """How runs are made."""

    command: str
    cores: machine.Cores
    duration_s: float
    warmup_s: float
    repeats: int = 2  # at most, of a run that the machine disturbed

    def duration_of(self, cell):
        return max(self.duration_s, WINDOW_PER_SESSION_S * cell.sessions)

    def warmup_of(self, cell):
        return max(self.warmup_s, WARMUP_PER_SESSION_S * cell.sessions)


@dataclasses.dataclass(frozen=True)
class Cell:
    sessions: int
    message_bytes: int
    kind: str = rows.CELL
    idle: int = 0  # sessions that are there besides, and say nothing

    def options(self):
        options = ["--connections", str(self.sessions), "--size", str(self.message_bytes)]
        return options + (["--churn", "--sources", CHURN_SOURCES] if self.kind == rows.CHURN else [])

    def title(self):
        if self.kind == rows.CHURN:
            return "short connections"
        busy = "%s x %s" % (show_sessions(self.sessions), show_bytes(self.message_bytes))
        return busy + (" beside {:,} idle".format(self.idle) if self.idle else "")

    def every_session(self):
        return self.sessions + self.idle

    def blank_row(self, server, outcome, reason="", number=None):
        """A row of a run in this cell, without figures."""
        return rows.Row(self.kind, server.name, outcome, reason, number, self.sessions, self.message_bytes, self.idle)


def show_sessions(count):
    return "1 session" if count == 1 else "{:,} sessions".format(count)


def show_bytes(count):
    return "%d KiB" % (count // 1024) if count >= 1024 and count % 1024 == 0 else "%d B" % count


def milliseconds(seconds):
    return "%dms" % round(1000 * seconds)


def call_load(plan, cell, uri, path):
    """Runs it; returns its exit code and what it said."""
    words = [plan.command, "load", uri, *cell.options(), "--duration", milliseconds(plan.duration_of(cell)),
             "--warmup", milliseconds(plan.warmup_of(cell)), "--patience", "%ds" % PATIENCE_S, "--json", path,
             "--quiet"]
    limit = plan.duration_of(cell) + plan.warmup_of(cell) + 2 * PATIENCE_S + cell.sessions / 1000
    with machine.pinned(plan.cores.load):
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True, errors="replace")
    try:
        said = process.communicate(timeout=limit)[1].strip()
        return process.returncode, said
    except subprocess.TimeoutExpired:
        raise servers.Broken("the load had not ended after %.0f s" % limit) from None
    finally:
        process.kill()
        process.wait()


def read_result(path):
    if os.path.getsize(path) == 0:
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def list_errors(result):
    """'wrong bytes: 3 corrupted; 2 reset', or ""."""
    counts = {name: count for name, count in result["errors"].items() if count}
    wrong = ["%d %s" % (counts.pop(name), name) for name in WRONG if name in counts]
    others = ["%d %s" % (count, name.replace("_", " ")) for name, count in counts.items()]
    return "; ".join((["wrong bytes: " + ", ".join(wrong)] if wrong else []) + others)


def judge(code, said, result):
    """What was wrong with a run; "" where nothing was."""
    errors = list_errors(result) if result else ""
    if errors:
        return errors
    if code != 0 or result is None:
        return "the load's exit code is %d%s" % (code, ": " + said.split("\n")[-1] if said else "")
    return "" if result["messages"] > 0 else NOTHING


def measure_once(plan, cell, server):
    """Returns what the load found out."""
    with servers.Running(server, plan.cores.server) as running, tempfile.NamedTemporaryFile(suffix=".json") as file, \
            clients.idle_sessions(running, cell.idle):
        code, said = call_load(plan, cell, running.uri, file.name)
        result = read_result(file.name)
        wrong = judge(code, said, result)
        if wrong:
            raise servers.Broken("; ".join(word for word in (running.how_ended(), wrong) if word))
        return result


def make_row(cell, server, number, result):
    cpu, seconds, messages = result["cpu_s"], result["measured_s"], result["messages"]
    known = cpu["server"] is not None
    row = cell.blank_row(server, rows.OK, number=number)
    row.per_s = messages / seconds
    row.p50_us, row.p99_us = result["latency_us"]["p50"], result["latency_us"]["p99"]
    row.server_us = 1e6 * cpu["server"] / messages if known else None
    row.server_busy, row.load_busy = cpu["server"] / seconds if known else None, cpu["load"] / seconds
    return row


def was_disturbed(row):
    """True if both sides waited: the machine had other things to do. Of few sessions both wait for each other."""
    if row.outcome != rows.OK:
        return row.reason == NOTHING
    return row.sessions >= CROWD and max(row.server_busy or 1, row.load_busy) < BUSY


def measure_row(plan, cell, server, number):
    """A row for one run, whatever became of it."""
    try:
        return make_row(cell, server, number, measure_once(plan, cell, server))
    except servers.Broken as broken:
        return cell.blank_row(server, rows.FAILED, str(broken), number)


def measure(plan, cell, server, number):
    """The row of a run, or of the one in its place if the machine disturbed it."""
    for repeats in range(plan.repeats + 1):
        row = measure_row(plan, cell, server, number)
        row.repeats = repeats
        if not was_disturbed(row):
            break
    return row
