# SPDX-License-Identifier: MIT
"""The charts of a report, by the names of their files."""
from compare import load, plots, rows, servers
from compare.results import CHURN, CHURN_METRICS, METRICS

NOTE_MOST = 56  # characters beside a bar


def name_of(results, name):
    return plots.Name(name, results.groups[name])


def make_point(results, name, cell, metric):
    ratio = results.ratio(name, cell, metric.field)
    if ratio:
        return ratio
    outcome = results.outcome(name, cell)
    return "failed" if outcome.failed else "not run" if outcome.skipped else "no figure"


def draw_metric(results, metric):
    names = [name for name in results.names if name != servers.BASELINE]
    grid = [[plots.Panel(cell.title(), {name: make_point(results, name, cell, metric) for name in names})
             for cell in results.cells_of(size)] for size in results.sizes()]
    axis = "%s, as a ratio to epoll (logarithmic; %s is better)" % (metric.unit, "more" if metric.more else "less")
    return plots.draw_ratios(metric.title + ", next to the epoll state machine",
                             axis, [name_of(results, name) for name in names], grid)


def shorten(text):
    return text if len(text) <= NOTE_MOST else text[:NOTE_MOST - 3].rstrip() + "..."


def singles(results, kind, sessions=None):
    """The servers that have a row of that kind, each with it."""
    found = [(name, results.single(name, kind, sessions)) for name in results.names]
    return [(name, row) for name, row in found if row]


def draw_memory(results):
    level = results.memory_levels()[0]
    entries = []
    for name, row in singles(results, rows.MEMORY, level):
        known = row.memory_bytes is not None
        note = "{:,.0f} bytes".format(row.memory_bytes) if known else shorten(row.reason)
        value = row.memory_bytes if known and row.memory_bytes > 0 else None  # no place of a logarithmic axis is 0
        entries.append(plots.Entry(name_of(results, name), value, None, None, note))
    return plots.draw_list("Memory of an idle session, of %s" % load.show_sessions(level),
                           "bytes of the server's memory per session (logarithmic; less is better)", entries, True)


def draw_most(results):
    entries = []
    for name, row in singles(results, rows.MOST):
        note = "{:,}: {}".format(row.sessions or 0, row.reason.split(";")[0])
        entries.append(plots.Entry(name_of(results, name), row.sessions, None, None, shorten(note)))
    return plots.draw_list("The most sessions, and what stopped them",
                           "sessions open at a time (more is better)", entries)


def draw_churn(results):
    entries = []
    for name in results.names:
        rate, cpu = (results.absolute(name, CHURN, metric.field) for metric in CHURN_METRICS)
        if rate:
            note = "{:,.0f}/s".format(rate.median) + ("; %.1f us of CPU" % cpu.median if cpu else "")
            entries.append(plots.Entry(name_of(results, name), rate.median, rate.low, rate.high, note))
        else:
            entries.append(plots.Entry(name_of(results, name), None, None, None, "failed"))
    return plots.draw_list("Short connections: connect, one echo of 64 bytes, close",
                           "connections per second (more is better)", entries, interval="95 % interval")


def draw_code(results):
    entries = []
    for row in results.servers:
        code = results.single(row.server, rows.CODE)
        if code and code.code_lines is not None:
            states = "no states" if not code.states else "%d states" % code.states if code.states > 1 else "1 state"
            entries.append(plots.Entry(name_of(results, row.server), code.code_lines, None, None,
                                       "%d lines, %s" % (code.code_lines, states)))
    return plots.draw_list("What a session is in the source", "lines of session logic (less is better)", entries)


def draw_all(results):
    """Each chart by its file's name."""
    found = {}
    if results.cells:
        found = {metric.title.split()[0].lower() + ".svg": draw_metric(results, metric) for metric in METRICS}
    if results.memory_levels():
        found["memory.svg"] = draw_memory(results)
    if singles(results, rows.MOST):
        found["most.svg"] = draw_most(results)
    if any(row.kind == rows.CHURN for row in results.rows):
        found["churn.svg"] = draw_churn(results)
    if any(row.kind == rows.CODE and row.outcome == rows.OK for row in results.rows):
        found["code.svg"] = draw_code(results)
    return found
