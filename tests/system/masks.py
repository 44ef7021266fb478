#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kernels and sandboxes without what coir can do without.

Each case has programs/mask.c take one thing away. contract/fallbacks must see
that it is gone, and what takes its place; then some of the tests that need it
most run, and a `coir echo` must serve, or say in one line why it cannot.
tools/masks.sh runs all tests like that.

Time limit: 300 s
"""
import os
import signal
import socket
import subprocess
import sys

from echo_server import Server, Skipped, connect, echoes, expect, run_cases

MASK = os.path.join(os.environ["COIR_PROGRAMS"], "mask")
TESTS = os.path.join(os.environ["COIR_BUILD"], "tests")
EXIT_SKIPPED = 77

os.environ.pop("COIR_ENGINE", None)  # each case names its engines, or is about the choice


def mask(feature, *command, engine="auto"):
    """Runs the command without the feature; returns its exit code and all that it said."""
    done = subprocess.run(
        [MASK, feature, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        env={**os.environ, "COIR_ENGINE": engine},
    )
    if done.returncode == EXIT_SKIPPED and "no seccomp filter" in done.stdout:
        raise Skipped(done.stdout)
    return done.returncode, done.stdout


def passes(feature, *programs, engines=("epoll", "poll")):
    """The fall-back is taken, and these programs of tests pass with it; those of contract/ on each engine."""
    said = ""
    for name in ("contract/fallbacks", *programs):
        program = os.path.join(TESTS, name)
        if not os.path.exists(program):
            raise Skipped("without cmocka there is no " + name)
        for engine in engines if name.startswith("contract/") else engines[:1]:
            code, words = mask(feature, program, engine=engine)
            expect(code == 0, "%s on %s: exit code %d:\n%s" % (name, engine, code, words))
            said += words
    expect("masked: %s\n" % feature in said, "nothing has missed it:\n" + said)


def every_address():
    """What an empty host stands for here."""
    try:
        with socket.socket(socket.AF_INET6) as ip6:
            ip6.bind(("::", 0))
        return "::"
    except OSError:
        return "0.0.0.0"


def serves(feature, engine="epoll", host=None):
    """Without the feature `coir echo` serves, drains, and says on which engine and for whom."""
    with Server(address=["tcp://:0", "udp://:0"], start=False) as server:
        server.words[:0] = [MASK, feature]
        server.start()
        host = host or every_address()
        shown = "[%s]" % host if ":" in host else host
        expect(server.addresses[0].startswith("tcp://%s:" % shown), server.said)
        expect("\nengine: %s (" % engine in server.said, server.said)
        client = connect(server)
        expect(echoes(client), "no echo")
        server.signal(signal.SIGTERM)
        expect(server.soon(lambda: client.recv(1) == b""), "no end")


def guard_markers():
    passes("guard-markers", "unit/stack_guard", "unit/stack_pools", "unit/stack_trim", "system/contract_overflow")
    serves("guard-markers")


def guard_markers_of_no_effect():
    passes("guard-markers-of-no-effect", "unit/stack_pools", "unit/stack_trim", "system/contract_overflow")


def huge_pages():
    passes("huge-pages", "unit/stack_pools", "unit/task_memory", "system/contract_tasks")


def nanosecond_waits():
    passes("nanosecond-waits", "unit/kernel_wait", "contract/engine", "system/contract_tasks_time")
    serves("nanosecond-waits")


def nanosecond_waits_denied():
    passes("nanosecond-waits-denied", "contract/engine", "system/contract_tasks_time")


def epoll():
    passes("epoll", "contract/engine", "contract/receive", engines=("auto", "poll"))
    serves("epoll", engine="poll")


def epoll_denied():
    passes("epoll-denied", "contract/accept", "contract/datagram_operations", engines=("auto", "poll"))
    serves("epoll-denied", engine="poll")


def ip6():
    passes("ip6", "system/contract_streams_listen", "system/contract_datagrams_open")
    serves("ip6", host="0.0.0.0")


def drain_filter():
    passes("drain-filter", "contract/accept")
    serves("drain-filter")


def late_ports():
    passes("late-ports", "contract/connect", "system/contract_streams_listen")


def unsent_bytes():
    passes("unsent-bytes", "contract/receive", "contract/entry")
    serves("unsent-bytes")


def refuses(feature, words):
    code, said = mask(feature, *Server(start=False).words)
    expect(code == 1 and said.count("\n") == 1 and words in said, "exit code %d:\n%s" % (code, said))


def signalfd():
    passes("signalfd", "contract/receive")
    refuses("signalfd", "signals")


def eventfd():
    code, said = mask("eventfd", os.path.join(TESTS, "contract/fallbacks"), "without_eventfd_the_start_says_so")
    expect(code == 0 and "masked: eventfd\n" in said, said)
    refuses("eventfd", "cannot run on engine")


def every_mask_is_tried():
    listed = subprocess.run([MASK, "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    forgotten = [feature for feature in listed if feature.replace("-", "_") not in globals()]
    expect(listed and not forgotten, "no case for " + ", ".join(forgotten))


if "COIR_MASK" in os.environ:
    print("skipped: something is masked already")
    sys.exit(EXIT_SKIPPED)
run_cases(globals(), __file__)
