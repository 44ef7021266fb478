# SPDX-License-Identifier: MIT
"""The report: README.md with its tables, and the charts beside it, of the facts and rows that were measured."""
import os

from compare import clients, figures, load, pictures, rows, servers
from compare.results import AMONG_IDLE, CHURN, CHURN_METRICS, CPU, METRICS, Results

PAGE = "README.md"
WHY = "../why-coroutines-matter.md"
LOSSES_SHOWN = 4  # who is better than coir in a cell; how many more there are is told

# Of figures that have no interval: kind, field, whether more is better, and what it is called.
SINGLES = (
    (rows.MEMORY, "memory_bytes", False, "memory of an idle session, bytes"),
    (rows.MOST, "sessions", True, "the most sessions"),
    (rows.CODE, "code_lines", False, "lines of session logic"),
)

NOT_FOR_QUOTING = """> **Not for quoting.** This was %s: it shows that all of it works, and roughly where things lie.
> The figures to quote come from a whole run, `make compare`.
"""

HOW = """## How it was measured

- Each round runs every server once in every cell, in an order that is drawn anew (seed {seed}), each time as a
  fresh process. {rounds} rounds were made; a run measures {measured} after {warmup} of warm-up, of 10,000
  sessions 1 s after 0.3 s.
- The server has one core and the load another; several threads of a server share its core. The load is
  `coir load`, one thread, which compares every byte that comes back. A session sends its next message when the
  last has come back. A message costs the load no less than it costs a good server: in {load_bound} of the {cells} cells the
  load is the busier of the two (the table of how busy both were), and there messages per second tell little of
  the server. CPU per message is the figure to look at.
- A ratio is to the epoll state machine, `examples/echo/epoll.c`, in the same cell of the same round. Tables have
  the median of the rounds' ratios and its 95 % bootstrap interval, which of {rounds} rounds holds the true one
  {coverage} times of 100 (by trial with normal noise). "{again}" is that server once more, as one of those compared:
  what it differs from 1 by is noise.
- Where there are 64 sessions or more and neither side was busy, the machine had other things to do. Such a run is made
  again, up to {repeats} times; {disturbed} runs that count were disturbed all the same.
- A run in which a connection failed or a byte was wrong is a failure: it has no figures, and is counted here.
- All of it is on loopback, where the sender's core does the receiver's TCP: nothing here is about networks.
"""

IDLE_TEXT = """In all cells above every session is busy, as it seldom is. Here, of {cell} and of more and more sessions
that were opened before, have echoed once and say nothing: what do they add to the cost of each message?
"""

MEMORY = """What grows in the server's memory from the first session to the last, per session: anonymous
pages and page tables (RssAnon and VmPTE of /proc/PID/status). Each session has echoed {bytes} once and says nothing
more. Who has a buffer for each session, on its stack or elsewhere, as threads, State Threads and Boost.Asio have here,
keeps what larger messages touch of it, too. The kernel's own memory is left out: a socket costs the same for all, and
a thread has a kernel stack besides.
"""

MOST = """Clients connect, up to 256 at a time; each echoes once, and all stay. When {most} are there, or one is
not served within two seconds, all of them echo once more. Descriptors: {descriptors}.
"""

CHURN_TEXT = """{sessions} clients at a time connect, have one message of {bytes} echoed, and close, over and over. The
load opens and closes too, and is the slower side for most: the CPU that a connection costs the server tells more.
"""

CODE_TEXT = """Lines between the marks `session: begin` and `session: end` in the sources: what a session does, without
comments, blank lines, and the listening that all have in common. States are those it names. What is no state there
may be one in another form: a callback that is put in place of another. `coir echo` is left out: it has limits,
time-outs, a drain and counters, which none of the others has.
"""

LOSSES_TEXT = """Every cell in which the 95 % interval of somebody's ratio to coir lies wholly on the better side,
the best first, up to {shown} of them. That it is so does not mean that it matters: look how far from 1 it is. Of the
{compared} ratios that were looked at for this, about {chance} would be here by chance alone if all servers were equal.
"""


def table(head, body):
    """Of lists of texts; the first column is for words, the others are figures."""
    lines = ["| %s |" % " | ".join(head), "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| %s |" % " | ".join(words) for words in body]) + "\n"


def words_table(head, body):
    """Of texts that may have anything in them."""
    lines = ["| %s |" % " | ".join(head), "|" + "---|" * len(head)]
    for words in body:
        lines.append("| %s |" % " | ".join(str(word).replace("|", "\\|") for word in words))
    return "\n".join(lines) + "\n"


def show_figure(value):
    """Three digits, and thousands apart."""
    if value >= 1000:
        digits = 10 ** (len(str(int(value))) - 3)
        return "{:,}".format(int(round(value / digits)) * digits)
    return "%.3g" % value


def show_ratio(ratio):
    return "%.2f [%.2f, %.2f]" % ratio[:3]


def show_result(results, name, cell, field):
    """A ratio, or why there is none; failures never go unsaid."""
    outcome = results.outcome(name, cell)
    ratio = results.ratio(name, cell, field) if name != servers.BASELINE else None
    failed = "FAILED %d of %d" % (outcome.failed, outcome.failed + outcome.good) if outcome.failed else ""
    if ratio:
        return "%s, %s" % (show_ratio(ratio), failed) if failed else show_ratio(ratio)
    if name == servers.BASELINE and outcome.good:
        return "1, " + failed if failed else "1"
    return failed or ("not run" if outcome.skipped else "–")


def show_microseconds(value):
    return show_figure(value) + " us" if value < 1000 else show_figure(value / 1000) + " ms"


def show_absolute(results, cell, field):
    value = results.absolute(servers.BASELINE, cell, field)
    if not value:
        return "–"
    return show_figure(value.median) + "/s" if field == "per_s" else show_microseconds(value.median)


def describe_metric(results, metric):
    yield "## %s\n\n![%s](%s.svg)\n" % (metric.title, metric.title, metric.title.split()[0].lower())
    yield "Ratios of the %s; %s is better.\n" % (metric.unit, "more" if metric.more else "less")
    for size in results.sizes():
        cells = results.cells_of(size)
        body = [["*epoll, as measured*"] + [show_absolute(results, cell, metric.field) for cell in cells]]
        for name in (name for name in results.names if name != servers.BASELINE):
            body.append([name] + [show_result(results, name, cell, metric.field) for cell in cells])
        yield "Messages of %s:\n" % load.show_bytes(size)
        yield table(["Server"] + [load.show_sessions(cell.sessions) for cell in cells], body)


def describe_busy(results):
    """How much of their cores both sides used, of the baseline: who was the bottleneck."""
    body = []
    for field, title in (("server_busy", "epoll's core"), ("load_busy", "the load's core")):
        values = [results.absolute(servers.BASELINE, cell, field) for cell in results.cells]
        body.append([title] + ["%.0f %%" % (100 * value.median) if value else "–" for value in values])
    yield "How busy both sides were against the epoll state machine:\n"
    yield table(["Busy"] + [cell.title() for cell in results.cells], body)


def describe_short(results):
    yield "## In short\n"
    yield "In how many of the %d cells its whole interval is better than the epoll state machine / holds 1 / is" % (
        len(results.cells))
    yield "worse:\n"
    body = []
    for name in (name for name in results.names if name != servers.BASELINE):
        tallies = [show_tally(results.tally(name, metric)) for metric in METRICS]
        memory = results.single(name, rows.MEMORY, (results.memory_levels() or [None])[0])
        body.append([name, *tallies, show_memory(memory), show_most(results.single(name, rows.MOST))])
    yield table(["Server", *(metric.title for metric in METRICS), "Memory a session", "Most sessions"], body)


def show_tally(tally):
    return "%d / %d / %d" % tally if any(tally) else "–"


def show_memory(row):
    if row is None:
        return "–"
    return "{:,.0f} B".format(row.memory_bytes) if row.memory_bytes is not None else "not run"


def show_most(row):
    return "–" if row is None else pictures.show_most(row)


def describe_idle(results):
    if not results.idle_cells:
        return
    yield "## CPU per message beside idle sessions\n\n![CPU per message beside idle sessions](idle.svg)\n"
    yield IDLE_TEXT.format(cell=AMONG_IDLE.title())
    cells = pictures.idle_row(results)
    body = []
    for name in results.names:
        words = [name]
        for cell in cells:
            value = results.absolute(name, cell, CPU.field)
            words += [show_figure(value.median) if value else "–", show_result(results, name, cell, CPU.field)]
        body.append(words)
    head = ["Server"]
    for cell in cells:
        head += ["beside %s, us" % ("{:,} idle".format(cell.idle) if cell.idle else "none"), "ratio to epoll"]
    yield table(head, body)


def describe_memory(results):
    levels = results.memory_levels()
    if not levels:
        return
    yield "## Memory of an idle session\n\n![Memory of an idle session](memory.svg)\n"
    yield MEMORY.format(bytes=load.show_bytes(len(clients.text_of(0))))
    yield table(["Server"] + ["of %s" % load.show_sessions(level) for level in levels],
                [[name] + [show_memory(results.single(name, rows.MEMORY, level)) for level in levels]
                 for name in results.names if results.single(name, rows.MEMORY)])


def describe_most(results, facts):
    found = pictures.singles(results, rows.MOST)
    if not found:
        return
    yield "## The most sessions\n\n![The most sessions](most.svg)\n"
    yield MOST.format(most="{:,}".format(int(facts["the crowd ends at"])), descriptors=facts["descriptors"])
    yield words_table(["Server", "Sessions", "What stopped it"],
                      [[name, pictures.show_most(row), row.reason] for name, row in found])


def describe_churn(results):
    if not any(row.kind == rows.CHURN for row in results.rows):
        return
    yield "## Connections per second\n\n![Connections per second](churn.svg)\n"
    yield CHURN_TEXT.format(sessions=CHURN.sessions, bytes=load.show_bytes(CHURN.message_bytes))
    body = []
    for name in results.names:
        cells = []
        for metric in CHURN_METRICS:
            value = results.absolute(name, CHURN, metric.field)
            cells += [show_figure(value.median) if value else "–", show_result(results, name, CHURN, metric.field)]
        body.append([name, *cells])
    yield table(["Server", "Connections/s", "ratio to epoll", "CPU of the server, us each", "ratio to epoll"], body)


def describe_code(results):
    found = [(row.server, results.single(row.server, rows.CODE)) for row in results.servers]
    body = [[name, str(row.code_lines), str(row.states or "none")] for name, row in found
            if row and row.code_lines is not None]
    if body:
        yield "## What a session is in the source\n\n![What a session is in the source](code.svg)\n"
        yield CODE_TEXT
        yield table(["Server", "Lines", "States"], body)


def show_others(others):
    shown = ["%s %s" % (name, show_ratio(ratio)) for name, ratio in others[:LOSSES_SHOWN]]
    if len(others) > LOSSES_SHOWN:
        shown.append("and %d more" % (len(others) - LOSSES_SHOWN))
    return "; ".join(shown)


def value_of(results, name, kind, field):
    """The one figure of a server of that kind; None if it has none. Memory is that of the fewest sessions."""
    level = (results.memory_levels() or [None])[0] if kind == rows.MEMORY else None
    row = results.single(name, kind, level)
    return getattr(row, field) if row else None


def single_losses(results):
    """Where one figure, without an interval, is better than coir's: memory, the most sessions, lines."""
    for kind, field, more, title in SINGLES:
        others = [(value_of(results, name, kind, field), name) for name in results.rivals()]
        for name in (name for name in results.names if results.groups[name] == servers.COIR):
            ours = value_of(results, name, kind, field)
            better = [(value, other) for value, other in others if None not in (ours, value)
                      and (value > ours if more else value < ours)]
            if better:
                better.sort(reverse=more)
                texts = ["%s %s" % (other, show_figure(value)) for value, other in better]
                yield [name, title, show_figure(ours), "; ".join(texts)]


def describe_losses(results):
    yield "## Where coir loses\n"
    compared, rounds = results.compared(), max(results.rounds, 1)
    yield LOSSES_TEXT.format(shown=LOSSES_SHOWN, compared="{:,}".format(compared),
                             chance=round(compared * (1 - figures.coverage(rounds)) / 2))
    body = [[loss.server, loss.metric.title, loss.cell.title(), show_others(loss.others)] for loss in results.losses()]
    if body:
        yield words_table(["Server", "Figure", "Cell", "Better: its ratio to coir's"], body)
    else:
        yield "In no cell of this run.\n"
    singles = list(single_losses(results))
    if singles:
        yield "And of the figures that have no interval:\n"
        yield words_table(["Server", "Figure", "coir's", "Better"], singles)


def describe_failures(results, facts):
    yield "## What failed, and what was not run\n"
    body = [list(words) for words in results.failures()]
    if facts["kind"] != "whole":
        body.append(["all", "the other cells", "not run", "this was no whole run"])
    yield words_table(["Server", "Where", "What", "Why"], body) if body else "Nothing: every row is there.\n"
    if any("silent" in row.reason for row in results.rows):
        yield ("Clients who are silent were connected by the kernel and then heard nothing for %d s: mostly such as the\n"
               "server, busy with others, had not yet taken.\n" % load.PATIENCE_S)


def describe_machine(facts):
    names = [name for name in facts if name not in ("kind", "date", "repeats")]
    return words_table(["The machine, and the run", ""], [[name, facts[name]] for name in names])


def count_disturbed(results):
    good = [row for row in results.rows if row.round is not None and row.outcome == rows.OK]
    return "%d of the %d" % (sum(map(load.was_disturbed, good)), len(good))


def count_load_bound(results):
    """Cells in which the load was busier than the baseline."""
    busy = [[results.absolute(servers.BASELINE, cell, field) for field in ("server_busy", "load_busy")]
            for cell in results.cells]
    return sum(None not in pair and pair[1].median > pair[0].median for pair in busy)


def describe_all(facts, results):
    yield "# Echo servers compared\n"
    if facts["kind"] != "whole":
        yield NOT_FOR_QUOTING % ("a quick run" if facts["kind"] == "quick" else "a part of a comparison")
    yield "Written by `make compare` on %s: the servers of `examples/echo/`, coir's, and those of other libraries" % (
        facts["date"])
    yield "and languages in `bench/peers/`. [rows.csv](rows.csv) has every run; [why coroutines matter](%s)" % WHY
    yield "tells what the charts show.\n"
    yield describe_machine(facts)
    if results.cells:
        yield from describe_short(results)
    yield HOW.format(seed=facts["seed"], rounds=results.rounds, measured=facts["measured in a run"],
                     warmup=facts["warm-up"], again=servers.AGAIN, repeats=facts["repeats"],
                     disturbed=count_disturbed(results), load_bound=count_load_bound(results), cells=len(results.cells),
                     coverage=round(100 * figures.coverage(max(results.rounds, 1))))
    for metric in METRICS if results.cells else ():
        yield from describe_metric(results, metric)
    if results.cells:
        yield from describe_busy(results)
    yield from describe_idle(results)
    yield from describe_memory(results)
    yield from describe_most(results, facts)
    yield from describe_churn(results)
    yield from describe_code(results)
    yield from describe_losses(results)
    yield from describe_failures(results, facts)


def write(folder, facts, every):
    """Returns the path of the page."""
    results = Results(every)
    os.makedirs(folder, exist_ok=True)
    for name, drawing in pictures.draw_all(results).items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(drawing.render())
    path = os.path.join(folder, PAGE)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(describe_all(facts, results)))
    return path
