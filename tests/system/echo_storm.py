#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# `coir echo` in a storm: clients that never read, clients that reset at random,
# idle ones and a flood, all at once. Memory stays within
#
#     --memory + PER_SESSION * --max-sessions + BASE,
#
# the counters are exact, and those who behave are served. Runs alone. Time limit: 180 s.
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_server import SANITIZED, Failed, Server, count_overflows, expect, raise_descriptors, run_cases

STORM = os.path.join(os.environ["COIR_PROGRAMS"], "storm")
SCALE = 10 if SANITIZED else 1
DEAF = RESTLESS = IDLE = 1000 // SCALE
FLOOD = 10 if not SANITIZED else 2
GOOD = 64 // (4 if SANITIZED else 1)
MIB = 1 << 20
SESSIONS = 6000 // SCALE  # who has reset is a session still until the server sees it, and the next one is there
PER_SESSION = 6 * 1024  # a page of stack or two, task, stream, and what the program has of it
STOOD_STILL_S = 0.8  # clients may stall for 2 s
BASE = 4 * MIB  # the process itself, without a session


def words(text):
    """'served 64 p50 9 us' as a dictionary; of 'put off 3' the key is 'off'."""
    parts = text.split()
    return {parts[i]: float(parts[i + 1]) for i in range(len(parts) - 1) if parts[i + 1].isdigit()}


def storm(memory, seconds):
    """storm_once(), and again where the machine stood still for about as long as clients may stall."""
    for _ in range(3):
        outcome = storm_once(memory, seconds)
        if outcome:
            return outcome
        print("       the machine stood still: once more")
    raise Failed("the machine stood still for %.1f s, three times" % STOOD_STILL_S)


def storm_once(memory, seconds):
    """Returns the server, the crowd's tally, the good ones' and the most memory that was seen, in bytes."""
    overflows = count_overflows()
    raise_descriptors()
    options = ("--memory", "%dM" % (memory // MIB), "--stall-timeout", "2s", "--max-sessions", str(SESSIONS))
    with Server(*options, wait=100) as server:  # it may have thousands in its queue, of whom most have left
        port = server.addresses[0].rsplit(":", 1)[1]
        crowd = subprocess.Popen(
            [STORM, "crowd", port] + [str(count) for count in (DEAF, RESTLESS, IDLE, FLOOD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        pulse = subprocess.Popen([STORM, "pulse", port, str(GOOD), str(seconds)], stdout=subprocess.PIPE, text=True)
        most = longest = 0
        looked = time.monotonic()
        while pulse.poll() is None:
            most = max(most, server.memory() * 1024)
            longest = max(longest, time.monotonic() - looked)
            looked = time.monotonic()
            time.sleep(0.02)
        good = words(pulse.communicate()[0])
        said = crowd.communicate("")[0]
        if crowd.returncode != 0 and longest > STOOD_STILL_S:
            return None  # whoever would have read was cut off, too
        expect(crowd.returncode == 0 and "ready" in said, "the crowd: " + said)
        expect(pulse.returncode == 0, "the good ones")
    return server, {**words(said), "overflows": count_overflows() - overflows}, good, most


def judge(memory, server, crowd, good, most):
    limit = memory + PER_SESSION * SESSIONS + BASE
    totals = server.totals()
    print("       %.1f MiB of memory, limit %.1f; p50 %d us, p99 %d us, longest %d us; %d connections; %s"
          % (most / MIB, limit / MIB, good["p50"], good["p99"], good["longest"], crowd["connected"], totals))
    expect(good["served"] == GOOD, "%d of %d are served" % (good["served"], GOOD))
    unseen = crowd["connected"] + GOOD - totals["accepted"]
    expect(0 <= unseen <= crowd["overflows"], "%s, connected: %s" % (totals, crowd))
    expect(crowd["off"] == DEAF, "all who do not read are cut off: %s" % crowd)
    expect(totals["timed out"] + totals["shed"] == DEAF, totals)
    expect(SANITIZED or most <= limit, "%d bytes of memory, limit %d" % (most, limit))


def counters_are_exact_and_memory_is_bounded():
    memory = 128 * MIB
    server, crowd, good, most = storm(memory, 6)
    judge(memory, server, crowd, good, most)
    expect(server.totals()["timed out"] == DEAF, "nobody had to make room: %s" % server.totals())


def a_budget_too_small_for_the_deaf_is_kept():
    memory = 4 * MIB if SANITIZED else 16 * MIB
    server, crowd, good, most = storm(memory, 6)
    judge(memory, server, crowd, good, most)
    expect(server.totals()["shed"] > 0, "some had to give their memory back: %s" % server.totals())


run_cases(globals(), __file__)
