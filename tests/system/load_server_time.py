#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Whose processor time `coir load` tells as the server's: of servers that share a
# port, that have a process for each connection, or beside which another has the
# same port. Time limit: 120 s.
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_server import SANITIZED, Server, Skipped, expect, run_cases
from load_outcome import HAS_JSON, load, right

LONG_ENOUGH = ("--duration", "3s" if SANITIZED else "1s", "--warmup", 0)
# An echo server of one process, or of one more for each connection, which ends when its client does.
SERVER = """
import os, selectors, socket, sys, threading
def echo(client):
    try:
        while data := client.recv(65536):
            client.sendall(data)
    except OSError:
        pass
    client.close()
family, place, shares, forks = sys.argv[1], sys.argv[2], sys.argv[3] == "shares", sys.argv[4] != "-"
listener = socket.socket(getattr(socket, family), socket.SOCK_STREAM)
if shares:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener.bind(place if family == "AF_UNIX" else (place.rsplit(":", 1)[0], int(place.rsplit(":", 1)[1])))
listener.listen(1000)
if forks:
    import signal
    def reap(*ignored):
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
    signal.signal(signal.SIGCHLD, signal.SIG_IGN if sys.argv[4] == "forgets" else reap)
print(listener.getsockname()[1] if family != "AF_UNIX" else place, flush=True)
while True:
    client = listener.accept()[0]
    if not forks:
        threading.Thread(target=echo, args=(client,), daemon=True).start()
    elif os.fork() == 0:
        listener.close()
        echo(client)
        os._exit(0)
    else:
        client.close()
"""


class Process:
    """Such a server."""

    def __init__(self, family="AF_INET", place="127.0.0.1:0", shares=False, forks="-"):
        words = [family, place, "shares" if shares else "-", forks]
        self.process = subprocess.Popen([sys.executable, "-c", SERVER, *words], stdout=subprocess.PIPE, text=True)
        self.name = self.process.stdout.readline().strip()
        expect(self.name, "the server begins")

    def used(self):
        """Its processor time, and that of its children that have ended, in seconds."""
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as file:
            times = file.read().rsplit(")", 1)[1].split()[11:15]
        return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def time_of(address, *words):
    """What it tells of the server, in seconds; None: nothing."""
    outcome = load(address, *words, *LONG_ENOUGH)
    right(outcome)
    return outcome.result["cpu_s"]["server"]


def agrees(told_s, used_s):
    expect(told_s is not None and used_s > 0.05, "told %s, used %.2f s" % (told_s, used_s))
    expect(0.8 * used_s - 0.03 < told_s < 1.2 * used_s + 0.03, "told %.3f s, used %.3f s" % (told_s, used_s))


def one_process_is_told():
    with Process() as server:
        before = server.used()
        told = time_of("tcp://127.0.0.1:" + server.name, "--connections", 4)
        agrees(told, server.used() - before)


def another_with_the_same_port_is_not_meant():
    with Process() as server, Process(place="127.0.0.2:" + server.name) as other:
        for one, host in ((server, "127.0.0.1"), (other, "127.0.0.2")):
            before = one.used()
            told = time_of("tcp://%s:%s" % (host, server.name), "--connections", 4)
            agrees(told, one.used() - before)


def one_for_every_address_is_meant_where_no_other_fits_better():
    with Process(place="0.0.0.0:0", shares=True) as server:
        with Process(place="127.0.0.2:" + server.name, shares=True) as other:
            for one, host in ((server, "127.0.0.1"), (other, "127.0.0.2")):
                before = one.used()
                told = time_of("tcp://%s:%s" % (host, server.name), "--connections", 4)
                agrees(told, one.used() - before)


def one_of_ipv6_serves_ipv4_too():
    with Server(address="tcp://:0") as server:
        port = server.addresses[0].rsplit(":", 1)[1]
        for host in ("127.0.0.1", "[::1]") if socket.has_dualstack_ipv6() else ("127.0.0.1",):
            told = time_of("tcp://%s:%s" % (host, port), "--connections", 4)
            expect(told is not None and told > 0.01, "told %s of %s" % (told, host))


def those_that_share_a_port_are_all_told():
    with Process(shares=True) as server, Process(place="127.0.0.1:" + server.name, shares=True) as other:
        before = server.used(), other.used()
        told = time_of("tcp://127.0.0.1:" + server.name, "--connections", 16)
        used = server.used() - before[0], other.used() - before[1]
        expect(min(used) > 0.05, "both have something to do: %s" % (used,))
        agrees(told, sum(used))


def a_process_for_each_connection_is_told_too():
    with Process(forks="forks") as server:
        for manner in (["--connections", 4], ["--connections", 2, "--churn"]):
            before = server.used()
            told = time_of("tcp://127.0.0.1:" + server.name, *manner)
            expect(server.process.poll() is None and soon_childless(server), "its children end")
            agrees(told, server.used() - before)


def soon_childless(server):
    path = "/proc/%d/task/%d/children" % (server.process.pid, server.process.pid)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with open(path, encoding="ascii") as file:
            if not file.read():
                return True
        time.sleep(0.01)
    return False


def nothing_is_told_where_the_kernel_forgets_children():
    with Process(forks="forgets") as server:
        for manner in (["--connections", 4], ["--connections", 4, "--churn"]):
            expect(time_of("tcp://127.0.0.1:" + server.name, *manner) is None, "told")


def nothing_is_told_of_a_server_that_has_started_the_load():
    """Its other children need not be the server's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if os.fork() == 0:  # which serves, and so does this process, as far as can be seen
            client = listener.accept()[0]
            while data := client.recv(65536):
                client.sendall(data)
            os._exit(0)
        try:
            expect(time_of("tcp://127.0.0.1:%d" % port, "--connections", 1) is None, "told")
        finally:
            os.wait()


def socat_is_told():
    if shutil.which("socat") is None:
        raise Skipped("there is no socat")
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/s"
        with subprocess.Popen(["socat", "UNIX-LISTEN:%s,fork" % path, "PIPE"]) as process:
            while not os.path.exists(path):
                time.sleep(0.01)
            told = time_of("unix://" + path, "--connections", 4)
            process.terminate()
        expect(told is not None and told > 0.05, "told %s" % told)


def who_listens_is_told_and_not_who_was_accepted():
    """An idle connection's process has a socket of that name, too."""
    with tempfile.TemporaryDirectory() as folder, Process("AF_UNIX", folder + "/s", forks="forks") as server:
        with socket.socket(socket.AF_UNIX) as idle:
            idle.connect(folder + "/s")
            idle.sendall(b"x")
            expect(idle.recv(1) == b"x", "it is served")
            before = server.used()
            told = time_of("unix://%s/s" % folder, "--connections", 4)
        expect(soon_childless(server), "its children end")
        agrees(told, server.used() - before)


def datagrams_are_told_of_their_server():
    with tempfile.TemporaryDirectory() as folder:
        with Server(address=["tcp://127.0.0.1:0", "udp://127.0.0.1:0", "unixgram://%s/d" % folder]) as server:
            for address in (server.addresses[1], "unixgram://%s/d" % folder):
                told = time_of(address, "--connections", 4)
                expect(told is not None and told > 0.01, "told %s of %s" % (told, address))


if not HAS_JSON:
    print("skipped: built without jansson")
    sys.exit(77)
if not os.path.exists("/proc/self/task/%d/children" % os.getpid()):
    print("skipped: this kernel does not list children")
    sys.exit(77)
run_cases(globals(), __file__)
