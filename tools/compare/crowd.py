# SPDX-License-Identifier: MIT
"""A crowd of idle sessions: what each costs the server, how many there may be, and what stops them.

Each echoes once when it is opened, and again when all are there.
"""
import collections
import os
import re
import resource

from compare import clients, load, machine, rows, servers

FD_SETSIZE = 1024
STEADY_S = 0.1
READINGS_MAX = 20
ALL_THERE = "the ramp ends there"  # nothing stopped it

# What became of a ramp: sessions that echoed, why there were no more, and memory by the sessions it was read at.
Ramp = collections.namedtuple("Ramp", "reached stopped memory")


def read_memory(pid):
    """Bytes that are the process's own, with its page tables; not what it shares with files."""
    status = machine.read_text("/proc/%d/status" % pid)
    return sum(1024 * int(count) for count in re.findall(r"^(?:RssAnon|VmPTE):\s*(\d+)", status, re.MULTILINE))


def read_steady_memory(pid, wait):
    """When two readings agree: a server may still be putting things away."""
    before = read_memory(pid)
    for _ in range(READINGS_MAX):
        wait(STEADY_S)
        now = read_memory(pid)
        if now == before:
            break
        before = now
    return before


def count_entries(path):
    try:
        return len(os.listdir(path))
    except OSError:
        return 0


def find_thread_limit(pid):
    """Where the kernel stops threads, and the name of that limit."""
    limits = machine.read_text("/proc/%d/limits" % pid)
    found = re.search(r"Max processes\s+(\d+)", limits)
    choices = [(int(found[1]), "RLIMIT_NPROC")] if found else []
    for path, name in (("/sys/fs/cgroup/pids.max", "pids.max"), ("/proc/sys/kernel/threads-max", "threads-max")):
        text = machine.read_text(path)
        if text.isdigit():
            choices.append((int(text), name))
    return min(choices) if choices else (float("inf"), "")


def explain(running, number, complaint):
    """Why client `number` was not served, by what can be seen of the server."""
    ended = running.how_ended()
    if ended:
        return ended
    descriptors = count_entries("/proc/%d/fd" % running.pid)
    threads = count_entries("/proc/%d/task" % running.pid)
    found = re.search(r"Max open files\s+(\d+)", machine.read_text("/proc/%d/limits" % running.pid))
    most = int(found[1]) if found else 0
    thread_limit, thread_limit_name = find_thread_limit(running.pid)
    if number == 2:
        return "one at a time: the second %s" % complaint
    if most and descriptors >= most - 8:
        most_here = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        lowered = "it has lowered them to" if most < most_here else "RLIMIT_NOFILE is"
        reason = "its descriptors: {} {:,}".format(lowered, most)
    elif FD_SETSIZE - 8 <= descriptors <= FD_SETSIZE + 1:
        reason = "FD_SETSIZE: select takes descriptors below {:,}".format(FD_SETSIZE)
    elif threads > thread_limit * 0.95:
        reason = "its threads: {:,}, {} is {:,}".format(threads, thread_limit_name, thread_limit)
    else:
        reason = "client {:,} {}".format(number, complaint)
    said = running.last_words()
    return '%s; it said: "%s"' % (reason, said) if said else reason


def steps(target, levels):
    """How many sessions there are each time: 1, the levels, the target, and few enough more in between."""
    stops = sorted({1, target, *(level for level in levels if level < target)})
    for before, stop in zip([0] + stops, stops):
        yield from range(before + clients.TOGETHER, stop, clients.TOGETHER)
        yield stop


def fill(running, target, levels, wait):
    """Opens sessions until the target or until one is not served."""
    crowd, memory, stopped = [], {}, ""
    try:
        for step in steps(target, levels):
            more, complaint = clients.open_sessions(running.address, len(crowd), step - len(crowd))
            crowd += more
            if complaint:
                stopped = explain(running, len(crowd) + 1, complaint)
                break
            if step in (1, *levels):
                memory[step] = read_steady_memory(running.pid, wait)
        # Of a server that is no more, it counts how many it had.
        answered, complaint = (len(crowd), "") if running.how_ended() else clients.count_answers(crowd)
    finally:
        clients.close_all(crowd)
    if answered < len(crowd):
        stopped = "of {:,} only {:,} answered once more; the next {}".format(len(crowd), answered, complaint)
    return Ramp(answered, stopped or ALL_THERE, memory)


def make_rows(server, ramp, levels):
    found = [rows.Row(rows.MOST, server.name, reason=ramp.stopped, sessions=ramp.reached)]
    for level in levels:
        row = rows.Row(rows.MEMORY, server.name, sessions=level)
        if level in ramp.memory:
            # From the first session on: what every program has once is no session's.
            row.memory_bytes = (ramp.memory[level] - ramp.memory[1]) / (level - 1)
        else:
            limit = "the ramp ends at %s" if ramp.stopped == ALL_THERE else "it has %s at most"
            row.outcome, row.reason = rows.SKIPPED, limit % load.show_sessions(ramp.reached)
        found.append(row)
    return found


def measure(cores, server, target, levels, wait):
    """Rows for the most sessions of a server, up to `target`, and for its memory at these levels."""
    try:
        with servers.Running(server, cores.server) as running, machine.pinned(cores.load):
            return make_rows(server, fill(running, target, levels, wait), levels)
    except servers.Broken as broken:
        return [rows.Row(kind, server.name, rows.FAILED, str(broken)) for kind in (rows.MOST, rows.MEMORY)]
