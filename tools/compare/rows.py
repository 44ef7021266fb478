# SPDX-License-Identifier: MIT
"""What was measured, a row for each run, as a CSV file; lines before its columns tell of the machine and the day."""
import csv
import dataclasses
import typing

# What a row is of:
SERVER = "server"  # one that is compared, in the order of the report; skipped if it cannot be run at all
CELL = "cell"  # a run of a server in a cell
IDLE = "idle"  # a run of a server in a cell that has idle sessions besides
CHURN = "churn"  # a run of connections that are opened, used once and closed
MEMORY = "memory"  # bytes per idle session
MOST = "most"  # the most sessions, and as the reason what stopped it
CODE = "code"  # lines of session logic, and states

OK = "ok"
FAILED = "failed"
SKIPPED = "skipped"


@dataclasses.dataclass
class Row:
    kind: str
    server: str
    outcome: str = OK
    reason: str = ""
    round: typing.Optional[int] = None
    sessions: typing.Optional[int] = None
    message_bytes: typing.Optional[int] = None
    idle: int = 0  # sessions besides, that say nothing
    per_s: typing.Optional[float] = None  # messages, or connections
    p50_us: typing.Optional[float] = None
    p99_us: typing.Optional[float] = None
    server_us: typing.Optional[float] = None  # CPU of the server a message, or a connection
    server_busy: typing.Optional[float] = None  # of its core, 0 to 1
    load_busy: typing.Optional[float] = None
    repeats: typing.Optional[int] = None  # runs before this one that the machine disturbed
    memory_bytes: typing.Optional[float] = None
    code_lines: typing.Optional[int] = None
    states: typing.Optional[int] = None
    group: str = ""  # of a server


FIELDS = dataclasses.fields(Row)
COLUMNS = [field.name for field in FIELDS]
READERS = {str: str, int: int, typing.Optional[int]: int, typing.Optional[float]: float}


class Writer:
    """Keeps the rows, and writes each at once: what ends early has them still."""

    def __init__(self, path, facts):
        self.rows = []
        self.file = open(path, "w", encoding="utf-8", newline="")
        for name, value in facts.items():
            self.file.write("# %s: %s\n" % (name, " ".join(str(value).split())))
        self.table = csv.writer(self.file, lineterminator="\n")
        self.table.writerow(COLUMNS)
        self.file.flush()

    def add(self, row):
        self.rows.append(row)
        self.table.writerow([show_value(getattr(row, name)) for name in COLUMNS])
        self.file.flush()

    def close(self):
        self.file.close()


def show_value(value):
    if value is None:
        return ""
    return "%.6g" % value if isinstance(value, float) else str(value)


def read_row(words):
    values = {}
    for field, word in zip(FIELDS, words):
        if word != "":
            values[field.name] = READERS[field.type](word)
    return Row(**values)


def read(path):
    """The facts and the rows that a Writer wrote."""
    facts = {}
    with open(path, encoding="utf-8", newline="") as file:
        lines = file.read().splitlines()
    while lines and lines[0].startswith("# "):
        name, _, value = lines.pop(0)[2:].partition(": ")
        facts[name] = value
    table = csv.reader(lines)
    if next(table, None) != COLUMNS:
        raise ValueError("%s: its columns are not those of this version" % path)
    return facts, [read_row(words) for words in table]
