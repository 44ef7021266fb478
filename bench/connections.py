#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Usage: bench/connections.py [PROCESSES [CONNECTIONS]]
#
# The claim: 100,000 connections at once on one machine, each having echoed a
# message and echoing one more before it ends: six `coir load` hold 16,667 each
# against six `coir echo`, since the kernel here gives a process 20,000
# descriptors. What is counted is each server's descriptors, all at one moment.
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COIR = os.environ.get("COIR_COMMAND", os.path.join(ROOT, "build", "release", "bin", "coir"))
PROCESSES = int(sys.argv[1]) if len(sys.argv) > 1 else 6
CONNECTIONS = int(sys.argv[2]) if len(sys.argv) > 2 else 16667
HELD = "10s"
PATIENCE_S = 120


def raise_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def start_server():
    server = subprocess.Popen([COIR, "echo", "--quiet", "--listen", "tcp://127.0.0.1:0"], stderr=subprocess.PIPE,
                              text=True)
    address = re.match(r"listening on (.*)", server.stderr.readline())
    if not address:
        sys.exit("connections: a server did not start")
    return server, address.group(1)


def start_load(address, folder, number):
    result = os.path.join(folder, "%d.json" % number)
    words = ["--idle", "--connections", str(CONNECTIONS), "--duration", HELD, "--warmup", "0", "--patience", "60s"]
    return subprocess.Popen([COIR, "load", address, "--quiet", "--json", result, *words]), result


def count_descriptors(server):
    return len(os.listdir("/proc/%d/fd" % server.pid))


def count_resident(server):
    """Bytes of the process's own memory."""
    with open("/proc/%d/status" % server.pid, encoding="ascii") as status:
        return int(re.search(r"RssAnon:\s*(\d+)", status.read()).group(1)) * 1024


def await_all(servers, loads, before):
    """Waits until all connections are there at once; returns how many, and the servers' memory for each. `before`: the
    descriptors that were theirs when there was no connection."""
    end = time.monotonic() + PATIENCE_S
    most = memory = 0
    while time.monotonic() < end and all(load.poll() is None for load, _ in loads):
        count = sum(count_descriptors(server) for server, _ in servers) - before
        if sys.stderr.isatty():
            print("\r%d connections" % count, end="", file=sys.stderr, flush=True)
        if count > most:
            most = count
            memory = sum(count_resident(server) for server, _ in servers) / count
        if most >= PROCESSES * CONNECTIONS:
            break
        time.sleep(0.1)
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    return most, memory


def main():
    raise_descriptors()
    servers = [start_server() for _ in range(PROCESSES)]
    before = sum(count_descriptors(server) for server, _ in servers)
    with tempfile.TemporaryDirectory() as folder:
        loads = [start_load(address, folder, number) for number, (_, address) in enumerate(servers)]
        most, memory = await_all(servers, loads, before)
        codes = [load.wait() for load, _ in loads]
        for server, _ in servers:
            server.terminate()
        codes += [server.wait() for server, _ in servers]
        merge = subprocess.run([COIR, "load", "--merge", *[result for _, result in loads]], check=False)
    held = PROCESSES * CONNECTIONS
    met = most >= held and not any(codes) and merge.returncode == 0
    print("connections: %d at one moment, in %d servers; %d bytes of theirs for each" % (most, PROCESSES, memory))
    print("    %s all at once, every echo right, every exit code 0" % ("ok    " if met else "MISSED"))
    return 0 if met else 1


sys.exit(main())
