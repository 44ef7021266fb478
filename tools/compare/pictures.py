# SPDX-License-Identifier: MIT
"""The charts of a report, by the names of their files."""
from compare import crowd, load, plots, rows, servers
from compare.results import AMONG_IDLE, CHURN, CHURN_METRICS, CPU, METRICS

NOTE_MOST = 56  # characters beside a bar


def name_of(results, name):
    return plots.Name(name, results.groups[name])


def make_point(results, name, cell, metric):
    ratio = results.ratio(name, cell, metric.field)
    if ratio:
        return ratio
    outcome = results.outcome(name, cell)
    return "failed" if outcome.failed else "not run" if outcome.skipped else "no figure"


def note_failures(results, name, cell):
    """Of a point that some runs are missing from."""
    outcome = results.outcome(name, cell)
    return "%d of %d failed" % (outcome.failed, outcome.good + outcome.failed) if outcome.failed else None


def make_panel(results, names, cell, metric):
    return plots.Panel(cell.title(), {name: make_point(results, name, cell, metric) for name in names},
                       {name: note_failures(results, name, cell) for name in names})


def draw_metric(results, metric, title, grid):
    """`grid`: the cells, in rows."""
    names = [name for name in results.names if name != servers.BASELINE]
    axis = "%s, as a ratio to epoll (logarithmic; %s is better)" % (metric.unit, "more" if metric.more else "less")
    panels = [[make_panel(results, names, cell, metric) for cell in cells] for cells in grid]
    return plots.draw_ratios(title + ", next to the epoll state machine", axis,
                             [name_of(results, name) for name in names], panels)


def draw_cells(results, metric):
    return draw_metric(results, metric, metric.title, [results.cells_of(size) for size in results.sizes()])


def idle_row(results):
    """The cells with more and more idle sessions, beginning with none."""
    none = [cell for cell in results.cells if cell.sessions == AMONG_IDLE.sessions
            and cell.message_bytes == AMONG_IDLE.message_bytes]
    return none + results.idle_cells


def draw_idle(results):
    return draw_metric(results, CPU, CPU.title + " beside idle sessions", [idle_row(results)])


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


def show_most(row):
    """A ramp that nothing stopped has not found the end."""
    return "{}{:,}".format("≥ " if row.reason == crowd.ALL_THERE else "", row.sessions or 0)


def draw_most(results):
    entries = []
    for name, row in singles(results, rows.MOST):
        note = "{}: {}".format(show_most(row), row.reason.split(";")[0])
        entries.append(plots.Entry(name_of(results, name), row.sessions, None, None, shorten(note)))
    return plots.draw_list("The most sessions, and what stopped them",
                           "sessions open at a time (more is better)", entries)


def draw_churn(results):
    entries = []
    for name in results.names:
        rate, cpu = (results.absolute(name, CHURN, metric.field) for metric in CHURN_METRICS)
        if cpu:
            note = "%.1f us; %s/s" % (cpu.median, "{:,.0f}".format(rate.median))
            entries.append(plots.Entry(name_of(results, name), cpu.median, cpu.low, cpu.high, note))
        else:
            note = "{:,.0f}/s".format(rate.median) if rate else "failed"
            entries.append(plots.Entry(name_of(results, name), None, None, None, note))
    return plots.draw_list("Short connections: connect, one echo of 64 bytes, close",
                           "CPU time of the server per connection, in us (less is better)", entries,
                           interval="95 % interval")


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
        found = {metric.title.split()[0].lower() + ".svg": draw_cells(results, metric) for metric in METRICS}
    if results.idle_cells:
        found["idle.svg"] = draw_idle(results)
    if results.memory_levels():
        found["memory.svg"] = draw_memory(results)
    if singles(results, rows.MOST):
        found["most.svg"] = draw_most(results)
    if any(row.kind == rows.CHURN for row in results.rows):
        found["churn.svg"] = draw_churn(results)
    if any(row.kind == rows.CODE and row.outcome == rows.OK for row in results.rows):
        found["code.svg"] = draw_code(results)
    return found
