# SPDX-License-Identifier: MIT
"""What the rows of a comparison amount to: ratios to the epoll state machine, their intervals, and who is better."""
import collections

from compare import figures, load, rows, servers

# `field` is a row's; `more` is True where more is better.
Metric = collections.namedtuple("Metric", "field title unit more")
THROUGHPUT = Metric("per_s", "Throughput", "messages per second", True)
CPU = Metric("server_us", "CPU per message", "CPU time of the server per message", False)
P99 = Metric("p99_us", "p99 latency", "99th percentile of the latency", False)
METRICS = (THROUGHPUT, CPU, P99)
CHURN_METRICS = (Metric("per_s", "Connections per second", "connections per second", True),
                 Metric("server_us", "CPU per connection", "CPU time of the server per connection", False))
CHURN = load.Cell(64, 64, rows.CHURN)
AMONG_IDLE = load.Cell(64, 64, rows.IDLE)  # with more and more idle sessions besides
RUNS = (rows.CELL, rows.IDLE, rows.CHURN)
NOT_RUN = "not run"
# What is measured once, without a round, and what it is called.
SINGLE = {rows.MOST: "the most sessions", rows.MEMORY: "memory", rows.CODE: "lines of session logic"}

# How the runs of a server in a cell went: counts, and how often each reason, with its outcome, why some did not.
Outcome = collections.namedtuple("Outcome", "good failed skipped reasons")
# `server` of coir is beaten in a cell: by each of `others`, with its ratio to coir's figure.
Loss = collections.namedtuple("Loss", "server metric cell others")


class Results:
    def __init__(self, every):
        self.rows = every
        self.servers = [row for row in every if row.kind == rows.SERVER]
        self.groups = {row.server: row.group for row in self.servers}
        self.names = [row.server for row in self.servers if row.outcome == rows.OK]
        self.runs = collections.defaultdict(list)
        for row in every:
            if row.kind in RUNS:
                cell = load.Cell(row.sessions, row.message_bytes, row.kind, row.idle)
                self.runs[row.server, cell].append(row)
        self.cells = self.find_cells(rows.CELL)
        self.idle_cells = self.find_cells(rows.IDLE)
        self.rounds = max((row.round or 0 for row in every), default=0)
        self.kept = {}

    def find_cells(self, kind):
        return sorted({cell for _, cell in self.runs if cell.kind == kind},
                      key=lambda cell: (cell.message_bytes, cell.sessions, cell.idle))

    def sizes(self):
        return sorted({cell.message_bytes for cell in self.cells})

    def cells_of(self, message_bytes):
        return [cell for cell in self.cells if cell.message_bytes == message_bytes]

    def outcome(self, name, cell):
        runs = self.runs[name, cell]
        counts = collections.Counter(run.outcome for run in runs)
        reasons = collections.Counter((run.outcome, run.reason) for run in runs if run.outcome != rows.OK)
        return Outcome(counts[rows.OK], counts[rows.FAILED], counts[rows.SKIPPED], reasons)

    def values(self, name, cell, field):
        """By round, of the runs that went well."""
        found = {run.round: getattr(run, field) for run in self.runs[name, cell] if run.outcome == rows.OK}
        return {number: value for number, value in found.items() if value is not None}

    def absolute(self, name, cell, field):
        return figures.summarise(list(self.values(name, cell, field).values()))

    def ratio(self, name, cell, field, baseline=servers.BASELINE):
        """To the baseline of the same rounds; None where there is none."""
        key = (name, cell, field, baseline)
        if key not in self.kept:
            pairs = figures.pair(self.values(name, cell, field), self.values(baseline, cell, field))
            self.kept[key] = figures.summarise(pairs)
        return self.kept[key]

    def single(self, name, kind, sessions=None):
        """The one row of that kind; None where there is none."""
        for row in self.rows:
            if row.kind == kind and row.server == name and sessions in (None, row.sessions):
                return row
        return None

    def memory_levels(self):
        return sorted({row.sessions for row in self.rows if row.kind == rows.MEMORY and row.sessions})

    def tally(self, name, metric):
        """In how many cells it is better than the baseline, level with it, and worse, by the whole interval."""
        counts = collections.Counter(
            compare_with_one(self.ratio(name, cell, metric.field), metric.more) for cell in self.cells)
        return counts["better"], counts["level"], counts["worse"]

    def rivals(self):
        return [name for name in self.names if self.groups[name] != servers.COIR and name != servers.AGAIN]

    def losses(self):
        """Every cell in which somebody's interval lies wholly on the better side of a server of coir."""
        for name in (name for name in self.names if self.groups[name] == servers.COIR):
            for metrics, cells in self.fields():
                for metric in metrics:
                    for cell in cells:
                        others = self.better_ones(name, metric, cell)
                        if others:
                            yield Loss(name, metric, cell, others)

    def compared(self):
        """How many ratios losses() looks at."""
        ours = [name for name in self.names if self.groups[name] == servers.COIR]
        cells = [(cell, metric) for metrics, cells in self.fields() for cell in cells for metric in metrics]
        return sum(self.ratio(other, cell, metric.field, name) is not None
                   for name in ours for cell, metric in cells for other in self.rivals())

    def fields(self):
        """What is measured in which cells."""
        return (METRICS, self.cells), ([CPU], self.idle_cells), (CHURN_METRICS, [CHURN])

    def better_ones(self, name, metric, cell):
        """Who, with what ratio, the best first."""
        ratios = [(other, self.ratio(other, cell, metric.field, name)) for other in self.rivals()]
        better = [pair for pair in ratios if compare_with_one(pair[1], metric.more) == "better"]
        return sorted(better, key=lambda pair: pair[1].median, reverse=metric.more)

    def failures(self):
        """Everything that went wrong or was not tried: the server, where, what, and why."""
        for row in self.servers:
            if row.outcome != rows.OK:
                yield row.server, "everything", NOT_RUN, row.reason
        where = collections.defaultdict(list)
        for name in self.names:
            for place, what, reason in [*self.single_failures(name), *self.run_failures(name)]:
                where[name, what, reason].append(place)
        for (name, what, reason), places in where.items():
            yield name, "; ".join(places), what, reason

    def single_failures(self, name):
        for row in self.rows:
            if row.server == name and row.kind in SINGLE and row.outcome != rows.OK:
                at = " of %s" % load.show_sessions(row.sessions) if row.sessions else ""
                yield SINGLE[row.kind] + at, "FAILED" if row.outcome == rows.FAILED else NOT_RUN, row.reason

    def run_failures(self, name):
        for cell in [*self.cells, *self.idle_cells, CHURN]:
            outcome = self.outcome(name, cell)
            for (kind, reason), count in outcome.reasons.items():
                counts = "%d of %d FAILED" % (count, outcome.good + outcome.failed)
                yield cell.title(), NOT_RUN if kind == rows.SKIPPED else counts, reason

    def failed(self, name):
        """How many runs of a server failed."""
        return sum(row.server == name and row.outcome == rows.FAILED for row in self.rows)


def compare_with_one(ratio, more):
    """'better', 'level' or 'worse', as the whole interval says; None of nothing."""
    if ratio is None:
        return None
    if ratio.low <= 1 <= ratio.high:
        return "level"
    return "better" if (ratio.low > 1) == more else "worse"
