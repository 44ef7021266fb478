#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Usage: bench/debugger.py [SESSIONS]
#
# The claim: what a server of 10,000 sessions was doing shows in gdb within 15 s
# from a core file, equal backtraces merged, and every backtrace within 60 s.
# Medians of five, for a library built with -O2 and one with -O0, each with
# nothing but the files that it installs.
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUNS = 5
CLAIMS = (("coir bt merged", 15), ("coir bt all", 60))


def run(*words, **options):
    return subprocess.run(words, check=True, stdout=subprocess.DEVNULL, **options)


def install(level):
    """Builds coir with that optimisation; returns the prefix where it is installed."""
    build = os.path.join(ROOT, "build", "debugger" + level)
    prefix = os.path.join(build, "prefix")
    flags = "-DCMAKE_C_FLAGS=%s -g" % level
    run("cmake", "-S", ROOT, "-B", build, "-DCMAKE_BUILD_TYPE=None", "-DCOIR_TESTS=OFF", flags)
    run("cmake", "--build", build, "--target", "install-parts", "--parallel", str(os.cpu_count()))
    run("cmake", "--install", build, "--prefix", prefix)
    return prefix


def raise_limits():
    for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE):
        hard = resource.getrlimit(limit)[1]
        resource.setrlimit(limit, (hard, hard))


def read_address(server):
    for line in server.stderr:
        found = re.match(r"listening on tcp://127\.0\.0\.1:(\d+)$", line)
        if found:
            return "127.0.0.1", int(found.group(1))
    sys.exit("debugger: the server did not start")


def visit(address):
    client = socket.create_connection(address)
    client.sendall(b"x")
    if client.recv(1) != b"x":
        sys.exit("debugger: a session was not served")
    return client


def make_core(prefix, sessions, folder):
    """The core file of a server with so many sessions, each of which waits for its next message."""
    words = [os.path.join(prefix, "bin", "coir"), "echo", "--listen", "tcp://127.0.0.1:0"]
    with subprocess.Popen(words, cwd=folder, stderr=subprocess.PIPE, text=True) as server:
        address = read_address(server)
        clients = [visit(address) for _ in range(sessions)]
        server.send_signal(6)
        server.wait()
    for client in clients:
        client.close()
    cores = [name for name in os.listdir(folder) if name.startswith("core")]
    if len(cores) != 1:
        sys.exit("debugger: no core file: see core(5) for kernel.core_pattern, which must name a file")
    return os.path.join(folder, cores[0])


def ask(prefix, core, command):
    """What gdb says to that command, and after how many seconds it has ended."""
    words = ["gdb", "-nx", "-q", "-batch", "-iex", "add-auto-load-safe-path " + prefix]
    words += ["-iex", "set debuginfod enabled off", "-ex", command, os.path.join(prefix, "bin", "coir"), core]
    begin = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return done.stdout, time.monotonic() - begin


def is_right(command, said, sessions):
    if command == "coir bt merged":  # the last session may be about to wait
        groups = re.findall(r"^(\d+) tasks?, such as 0x\w+ \"session\"\n(?:#.*\n)*#.* in run_task ", said, re.M)
        return len(groups) <= 2 and sum(map(int, groups)) == sessions
    return len(re.findall(r"^task 0x\w+ \"session\" .*\n(?:#.*\n)*#.* in run_task ", said, re.M)) == sessions


def measure(level, sessions):
    """Prints the medians; returns how many claims do not hold."""
    prefix = install(level)
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        core = make_core(prefix, sessions, folder)
        for command, limit in CLAIMS:
            times = []
            for _ in range(RUNS):
                said, seconds = ask(prefix, core, command)
                if not is_right(command, said, sessions):
                    sys.exit("debugger: %s: not every session is there:\n%s" % (command, said[:2000]))
                times.append(seconds)
            median = statistics.median(times)
            missed += median > limit
            values = (level, command, median, min(times), max(times))
            print("%s, %s: %.1f s (median of %d; %.1f to %.1f)" % (values[:3] + (RUNS,) + values[3:]))
            print("    %s at most %d s" % ("MISSED" if median > limit else "ok    ", limit))
    return missed


def main():
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    raise_limits()
    print("debugger: a core file of coir echo with %d sessions" % sessions)
    sys.exit(1 if sum(measure(level, sessions) for level in ("-O2", "-O0")) else 0)


main()
