# SPDX-License-Identifier: MIT
"""All runs of a comparison, one after another: what the sources tell, the crowds, then round by round every cell."""
import dataclasses
import random
import time

from compare import crowd, load, rows, servers, sources
from compare.results import CHURN

ROUNDS_LEAST = 3
FAILURES_MOST = 2  # of a server in a cell where it has never succeeded: more would tell nothing, and take long
START_S = 0.05  # to start both sides and to end them
SESSION_S = 0.0001  # to open and to close one


@dataclasses.dataclass
class Campaign:
    plan: load.Plan
    servers: list
    cells: list
    rounds: int
    ends_after_s: float  # no round begins later, but for the first few
    room: int  # sessions that there are descriptors for
    most: int  # sessions of a crowd
    levels: tuple  # of sessions, at which memory is read
    draw: random.Random
    writer: rows.Writer
    progress: object = None
    failures: dict = dataclasses.field(default_factory=dict)  # by server and cell, until it succeeds: then None
    most_of: dict = dataclasses.field(default_factory=dict)  # by server: sessions it has reached, and what stopped it

    def ready(self):
        return [server for server in self.servers if not server.missing]

    def weight_of(self, cell):
        return START_S + SESSION_S * cell.every_session() + self.plan.duration_of(cell) + self.plan.warmup_of(cell)

    def crowd_weight(self):
        return START_S + 3 * SESSION_S * self.most

    def weight(self):
        """The seconds that all of it may take."""
        cells = sum(self.weight_of(cell) for cell in [*self.cells, CHURN])
        return len(self.ready()) * (self.crowd_weight() + self.rounds * cells)

    def run(self):
        began = time.monotonic()
        self.tell_servers()
        for server in self.ready():
            self.run_crowd(server)
        self.tell_impossible()
        for number in range(1, self.rounds + 1):
            if number > ROUNDS_LEAST and time.monotonic() - began > self.ends_after_s:
                break
            self.run_round(number)

    def tell_servers(self):
        for server in self.servers:
            outcome = rows.SKIPPED if server.missing else rows.OK
            self.writer.add(rows.Row(rows.SERVER, server.name, outcome, server.missing, group=server.group))
            if server.source:
                self.writer.add(self.count_source(server))

    def count_source(self, server):
        try:
            lines, states = sources.count(server.source)
        except (OSError, ValueError) as error:
            return rows.Row(rows.CODE, server.name, rows.FAILED, "%s: %s" % (server.source, error))
        return rows.Row(rows.CODE, server.name, code_lines=lines, states=states)

    def run_crowd(self, server):
        if server.name != servers.AGAIN:
            self.progress.tell("a crowd for %s" % server.name)
            for row in crowd.measure(self.plan.cores, server, self.most, self.levels, time.sleep):
                self.writer.add(row)
                if row.kind == rows.MOST:
                    self.most_of[server.name] = (row.sessions or 0, row.reason)
        self.progress.add(self.crowd_weight())

    def why_impossible(self, server, cell):
        """Why a server cannot be run in a cell; "" if it can."""
        if cell.every_session() > self.room:
            return "RLIMIT_NOFILE leaves room for {:,} sessions".format(self.room)
        name = servers.BASELINE if server.name == servers.AGAIN else server.name
        reached, stopped = self.most_of.get(name, (self.most, ""))
        # Who has not served anybody is run all the same, and its failures seen.
        if cell.kind == rows.CHURN or reached in (0, self.most) or cell.every_session() <= reached:
            return ""
        return "it has %s at most: %s" % (load.show_sessions(reached), stopped)

    def tell_impossible(self):
        for cell in self.cells:
            for server in self.ready():
                why = self.why_impossible(server, cell)
                if why:
                    self.skip(server, cell, why)

    def skip(self, server, cell, why):
        self.writer.add(cell.blank_row(server, rows.SKIPPED, why))

    def run_round(self, number):
        cells = [*self.cells, CHURN]
        self.draw.shuffle(cells)
        for cell in cells:
            several = self.ready()
            self.draw.shuffle(several)
            for server in several:
                if not self.why_impossible(server, cell) and not self.has_given_up(server, cell):
                    self.run_one(number, cell, server)
                self.progress.add(self.weight_of(cell))

    def run_one(self, number, cell, server):
        self.progress.tell("round %d of %d, %s, %s" % (number, self.rounds, cell.title(), server.name))
        row = load.measure(self.plan, cell, server, number)
        self.writer.add(row)
        if row.outcome == rows.OK:
            self.failures[server.name, cell] = None
        else:
            self.progress.note("FAILED: %s, %s: %s" % (server.name, cell.title(), row.reason))
            self.count_failure(server, cell)

    def count_failure(self, server, cell):
        count = self.failures.get((server.name, cell), 0)
        if count is None:
            return
        self.failures[server.name, cell] = count + 1
        if count + 1 == FAILURES_MOST:
            self.skip(server, cell, "its first %d runs have failed" % FAILURES_MOST)

    def has_given_up(self, server, cell):
        return self.failures.get((server.name, cell)) == FAILURES_MOST
