#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# `coir echo` at its limit of descriptors, with 50 clients at the door: it tries
# to accept at most 50 times a second, costs under 2 % of a core, those who are
# in keep their pace, whoever waits is served as soon as there is room, and a
# line a second says so.
import os
import re
import resource
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_server import COMMAND, SANITIZED, Failed, Server, Skipped, connect, echoes, expect, run_cases

ENGINES = [os.environ["COIR_ENGINE"]] if os.environ.get("COIR_ENGINE") else ["epoll", "poll"]
WAITING = 50
SECONDS = 1


def set_limit(server, descriptors):
    """Of the running server; None: as high as may be."""
    hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (descriptors or hard, hard))


def count_open(server):
    return max(int(name) for name in os.listdir("/proc/%d/fd" % server.process.pid)) + 1


def open_now(server):
    return len(os.listdir("/proc/%d/fd" % server.process.pid))


def cpu_seconds(server):
    """Of all its threads."""
    total = 0
    for thread in os.listdir("/proc/%d/task" % server.process.pid):
        with open("/proc/%d/task/%s/schedstat" % (server.process.pid, thread), encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def count_accepts(server, seconds):
    """Calls a second, as strace sees them; None without it."""
    if shutil.which("strace") is None:
        return None
    with tempfile.NamedTemporaryFile("r") as trace:
        tracer = subprocess.Popen(
            ["strace", "-f", "-o", trace.name, "-e", "trace=accept4", "-p", str(server.process.pid)],
            stderr=subprocess.PIPE,
            text=True,
        )
        if "attached" not in tracer.stderr.readline():
            tracer.wait()
            return None  # not allowed here
        time.sleep(seconds)
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        calls = trace.read().count("EMFILE")
    return calls / seconds


def pace(client):
    """Seconds that an echo takes: the median and the longest."""
    took = []
    for _ in range(300):
        begin = time.monotonic()
        expect(echoes(client), "one who is in is served")
        took.append(time.monotonic() - begin)
    return statistics.median(took), max(took)


def until_served(clients, begin, count):
    """Seconds since `begin` until so many of the clients have an answer, which they get; and these."""
    waiting = list(clients)
    served = []
    while len(served) < count:
        ready = select.select(waiting, [], [], 5)[0]
        if not ready:
            raise Failed("%d of %d are served" % (len(served), count))
        for client in ready:
            expect(client.recv(5) == b"hello", "the answer")
            waiting.remove(client)
            served.append(client)
    return time.monotonic() - begin, served


def judge_cost(server):
    before = cpu_seconds(server)
    time.sleep(SECONDS)
    share = (cpu_seconds(server) - before) / SECONDS
    accepts = count_accepts(server, SECONDS)
    print("       %.2f %% of a core, %s accept calls a second" % (100 * share, accepts))
    expect(SANITIZED or share < 0.02, "%.2f %% of a core" % (100 * share))
    expect(accepts is None or 0 < accepts <= 50, "%s accept calls a second" % accepts)


def judge_pace(usual, short):
    print("       an echo takes %.0f us, longest %.0f; before it took %.0f, longest %.0f"
          % (short[0] * 1e6, short[1] * 1e6, usual[0] * 1e6, usual[1] * 1e6))
    expect(short[0] < 3 * usual[0] + 0.001, "an echo takes %.6f s in place of %.6f" % (short[0], usual[0]))
    expect(short[1] < 1, "an echo took %.3f s" % short[1])


def signals_are_heard_in_the_end():
    """Waiting for one takes a descriptor, each time."""
    if "epoll" not in ENGINES:
        return  # poll(2) itself takes no limit below what is open
    with Server("--engine", "epoll") as server:
        client = connect(server)
        expect(echoes(client), "there is no shortage yet")
        before = open_now(server)
        set_limit(server, 3)
        server.signal(signal.SIGHUP)
        expect(server.soon(lambda: open_now(server) == before - 1), "the first wait for signals ends")
        server.signal(signal.SIGTERM)
        time.sleep(0.3)
        expect(echoes(client), "a shortage ends nothing")
        set_limit(server, None)
        expect(client.recv(1) == b"", "it drains")


def nobody_spins_and_whoever_waits_is_served():
    for engine in ENGINES:
        with Server("--engine", engine) as server:
            inside = [connect(server) for _ in range(20)]
            expect(all(echoes(client) for client in inside), "twenty are in")
            usual = pace(inside[0])
            set_limit(server, count_open(server))
            outside = [connect(server) for _ in range(WAITING)]
            for client in outside:
                client.sendall(b"hello")
            judge_pace(usual, pace(inside[0]))
            judge_cost(server)
            expect(not select.select(outside, [], [], 0)[0], "nobody more is in")
            begin = time.monotonic()
            inside.pop().close()
            took, served = until_served(outside, begin, 1)
            print("       %s: one was served %.0f ms after one had left" % (engine, took * 1000))
            expect(took < (10 if SANITIZED else 1), "%.3f s" % took)
            begin = time.monotonic()
            set_limit(server, None)
            others = [client for client in outside if client not in served]
            first = until_served(others, begin, 1)
            took = until_served([client for client in others if client not in first[1]], begin,
                                WAITING - 1 - len(first[1]))[0]
            print("       %s: with a higher limit one after %.0f ms, all after %.0f ms"
                  % (engine, first[0] * 1000, took * 1000))
            expect(took < (10 if SANITIZED else 1), "%.3f s" % took)
        expect(server.totals()["accepted"] == 20 + WAITING, server.said)


MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
WARNING = r"no descriptor or no memory for clients of (\S+), (\d+) times in the last second: they wait; raise ulimit -n.*"


def warnings(text, begin):
    """The lines that tell of shortages: address and how many times."""
    return [(one[0], int(one[1])) for one in re.findall("^%s%s$" % (begin, WARNING), text, re.M)]


def a_line_a_second_tells_of_it_on_standard_error():
    with Server("--stats=100ms") as server:
        expect(echoes(connect(server)), "one is in")
        begin = time.monotonic()
        set_limit(server, count_open(server))
        late = connect(server)
        told = lambda: warnings(server.listen(), "coir echo: ")
        expect(server.soon(lambda: len(told()) >= 3), server.said)
        took = time.monotonic() - begin
        expect(len(told()) <= took + 1, "%d lines in %.1f s" % (len(told()), took))
        expect(all(address == server.addresses[0] and times > 0 for address, times in told()), server.said)
        set_limit(server, None)
        expect(echoes(late), "who waited is served")
    counted = re.findall(r"^shortages: (\d+) times no descriptor", server.said, re.M)
    expect(len(counted) == 1 and int(counted[0]) >= sum(times for _, times in told()), server.said)
    expect(re.findall(r"(\d+) shortages$", server.said, re.M)[-1] == counted[0], server.said)


def a_line_a_second_tells_of_it_in_the_log():
    with tempfile.NamedTemporaryFile("r") as log:
        with Server("--log", log.name) as server:
            expect(echoes(connect(server)), "one is in")
            set_limit(server, count_open(server))
            late = connect(server)

            def told():
                log.seek(0)
                return warnings(log.read(), MOMENT + " shortage ")

            expect(server.soon(lambda: len(told()) >= 2), "two lines")
            set_limit(server, None)
            expect(echoes(late), "who waited is served")
        expect("no memory for clients" not in server.said, server.said)


def who_wants_quiet_has_it():
    with socket.create_server(("127.0.0.1", 0)) as lent:
        words = [COMMAND, "echo", "--quiet", "--listen", "fd://%d" % lent.fileno()]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, pass_fds=[lent.fileno()]) as process:
            server = type("Server", (), {"process": process})
            try:
                with socket.create_connection(lent.getsockname(), 10) as client:
                    expect(echoes(client), "one is in")
                    set_limit(server, count_open(server))
                    with socket.create_connection(lent.getsockname(), 10):
                        time.sleep(2.5)  # two lines would have come
            finally:
                process.terminate()
            said = process.stderr.read()
    expect(re.fullmatch(r"listening on \S+\n", said), said)


def a_connection_that_breaks_in_the_queue_is_told():
    if shutil.which("strace") is None:
        raise Skipped("no strace")
    with Server() as server:
        expect(echoes(connect(server)), "it serves")
        words = ["strace", "-o", "/dev/null", "-e", "inject=accept4:error=ECONNABORTED:when=1"]
        with subprocess.Popen([*words, "-p", str(server.process.pid)], stderr=subprocess.PIPE, text=True) as tracer:
            try:
                if "attached" not in tracer.stderr.readline():
                    raise Skipped("not allowed to trace")
                expect(echoes(connect(server)), "the next try accepts it")
                line = "1 connections to %s broke before they were accepted" % server.addresses[0]
                expect(server.soon(lambda: line in server.listen()), server.said)
            finally:
                tracer.terminate()
    expect("; 1 clients lost before they were accepted" in server.said, server.said)


if os.environ.get("COIR_WATCHED") == "valgrind":
    print("skipped: Valgrind keeps descriptors for itself, which run short here")
    sys.exit(77)
run_cases(globals(), __file__)
