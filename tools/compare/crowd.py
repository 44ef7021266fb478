# SPDX-License-Identifier: MIT
"""A crowd of idle sessions: what each costs the server, how many there may be, and what stops them.

Plain sockets, some at a time; each echoes once when it is opened, and again when all are there.
"""
import collections
import os
import re
import resource
import socket

from compare import load, machine, rows, servers

PATIENCE_S = 2  # a server that has not answered by then will not
FD_SETSIZE = 1024
STEADY_S = 0.1
READINGS_MAX = 20
ALL_THERE = "the ramp ends there"  # nothing stopped it
TOGETHER = 256  # sessions that echo at a time

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


def text_of(number):
    """What a session says: no other says the same."""
    return b"session %08d" % number


def read_text(client, size):
    text = b""
    while len(text) < size:
        piece = client.recv(size - len(text))
        if not piece:
            raise servers.Broken("was closed at once")
        text += piece
    return text


def expect_echo(client, number):
    expected = text_of(number)
    if read_text(client, len(expected)) != expected:
        raise servers.Broken("got wrong bytes")


def describe_error(error):
    if isinstance(error, socket.timeout):
        return "got no answer within %g s" % PATIENCE_S
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return "was closed at once"
    return "got: " + os.strerror(error.errno).lower()


def start_session(address, number):
    """A session that has asked; what becomes of it is told when its answer is read."""
    client = socket.socket()
    try:
        client.settimeout(PATIENCE_S)
        client.connect(address)
        client.sendall(text_of(number))
    except OSError as error:
        client.close()
        raise servers.Broken(describe_error(error)) from None
    return client


def open_sessions(address, first, count):
    """So many more sessions that have echoed, and what the one after the last has seen, or "".

    They ask together, as a server that looks at all its sessions each time would take minutes to answer one by one.
    """
    clients, complaint = [], ""
    for number in range(first, first + count):
        try:
            clients.append(start_session(address, number))
        except servers.Broken as broken:
            complaint = str(broken)
            break
    answered, earlier = read_answers(clients, first)
    for client in clients[answered:]:
        client.close()
    return clients[:answered], earlier or complaint


def read_answers(clients, first):
    """How many answer before one does not, and what that one has seen."""
    for index, client in enumerate(clients):
        try:
            expect_echo(client, first + index)
        except servers.Broken as broken:
            return index, str(broken)
        except OSError as error:
            return index, describe_error(error)
    return len(clients), ""


def count_answers(clients):
    """How many of the sessions echo once more before one does not, and what that one has seen."""
    answered, complaint = 0, ""
    while answered < len(clients) and not complaint:
        some = clients[answered:answered + TOGETHER]
        for index, client in enumerate(some):
            try:
                client.sendall(text_of(answered + index))
            except OSError:
                break  # it is told when its answer is read
        good, complaint = read_answers(some, answered)
        answered += good
    return answered, complaint


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
        lowered = "it has lowered them to" if most < resource.getrlimit(resource.RLIMIT_NOFILE)[0] else "RLIMIT_NOFILE is"
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
        yield from range(before + TOGETHER, stop, TOGETHER)
        yield stop


def fill(running, target, levels, wait):
    """Opens sessions until the target or until one is not served."""
    clients, memory, stopped = [], {}, ""
    try:
        for step in steps(target, levels):
            more, complaint = open_sessions(running.address, len(clients), step - len(clients))
            clients += more
            if complaint:
                stopped = explain(running, len(clients) + 1, complaint)
                break
            if step in (1, *levels):
                memory[step] = read_steady_memory(running.pid, wait)
        # Of a server that is no more, it counts how many it had.
        answered, complaint = (len(clients), "") if running.how_ended() else count_answers(clients)
    finally:
        for client in clients:
            client.close()
    if answered < len(clients):
        stopped = "of {:,} only {:,} answered once more; the next {}".format(len(clients), answered, complaint)
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
