#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# `coir echo` as a service: rights that it gives up, sockets that it is handed,
# what it tells who supervises it, and signals. A case that takes root is
# skipped where we are not, and says so.
import glob
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_server import THREAD_SANITIZED, Server, Skipped, connect, echoes, expect, run_cases

NOBODY = 65534


def need(user):
    if os.geteuid() != user:
        raise Skipped("it takes user %d" % user)


def need_own_threads():
    if os.environ.get("COIR_WATCHED") == "emulator":
        raise Skipped("a thread of the emulator's own keeps its rights")


def low_port(end=1024):
    """A port below `end` that takes a right and that nobody has."""
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        limit = int(file.read())
    for port in random.sample(range(512, end), 50):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        if port < limit:
            return port
    raise Skipped("no port takes a right here")


def states(server):
    """What the kernel says of each of its threads: field -> text."""
    for path in glob.glob("/proc/%d/task/*/status" % server.process.pid):
        with open(path, encoding="ascii") as file:
            yield dict(re.findall(r"^(\w+):[ \t]*(.*)$", file.read(), re.M))


def has_no_rights(state):
    sets = [int(state[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
    return not any(sets) and state["NoNewPrivs"] == "1"


def it_becomes_another_user_in_every_thread():
    need(0)
    need_own_threads()
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, NOBODY, NOBODY)
        log = folder + "/echo.log"
        address = "tcp://127.0.0.1:%d" % low_port()
        with Server("--user", "65534:12345", "--log", log, "--stats=50ms", address=address) as server:
            expect(echoes(connect(server)), "it serves on a port that took a right")
            threads = list(states(server))
            expect(len(threads) == 3 + THREAD_SANITIZED, "%d threads" % len(threads))  # which brings its own
            for state in threads:
                expect(state["Uid"].split() == [str(NOBODY)] * 4, "user " + state["Uid"])
                expect(state["Gid"].split() == ["12345"] * 4, "group " + state["Gid"])
                expect(state["Groups"].strip() == "", "groups " + state["Groups"])
                expect(has_no_rights(state), str(state))
            owner = os.stat(log)
            expect((owner.st_uid, owner.st_gid, owner.st_mode & 0o777) == (NOBODY, 12345, 0o640), str(owner))


def a_user_comes_with_its_groups():
    need(0)
    need_own_threads()
    wanted = sorted(map(int, subprocess.check_output(["id", "-G", "nobody"]).split()))
    with Server("--user", "nobody") as server:
        for state in states(server):
            expect(sorted(map(int, state["Groups"].split())) == wanted, state["Groups"])


def the_log_is_opened_with_fewer_rights():
    need(0)
    with tempfile.TemporaryDirectory() as folder:
        server = Server("--user", "nobody", "--log", folder + "/echo.log", start=False)
        code, said = server.fail()
        expect(code == 1 and said.count("\n") == 1, said)
        expect("cannot write to '%s/echo.log': Permission denied" % folder in said, said)


def a_right_of_its_own_is_given_up_as_well():
    need(0)
    need_own_threads()
    setpriv = shutil.which("setpriv")
    if not setpriv:
        raise Skipped("no setpriv")
    server = Server(address="tcp://127.0.0.1:%d" % low_port(), start=False)
    rights = ["--inh-caps", "+net_bind_service", "--ambient-caps", "+net_bind_service"]
    server.words = [setpriv, "--reuid", "nobody", "--regid", str(NOBODY), "--clear-groups", *rights, *server.words]
    server.start()
    with server:
        expect(echoes(connect(server)), "it serves on a port that took a right")
        for state in states(server):
            expect(has_no_rights(dict(state, CapBnd="0")), str(state))


def hand_over(sockets, *options, **variables):
    """A server that finds them as descriptors 3 and on, by the protocol of sd_listen_fds(3)."""
    numbers = [str(one.fileno()) for one in sockets]
    move = (
        "import os, sys\n"
        "spare = [os.dup2(int(number), 100 + i) for i, number in enumerate(sys.argv[1].split(','))]\n"
        "for i, number in enumerate(spare): os.dup2(number, 3 + i)\n"
        "os.environ.update(LISTEN_FDS=str(len(spare)), LISTEN_PID=str(os.getpid()))\n"
        "os.closerange(3 + len(spare), 200)\n"
        "os.execv(sys.argv[2], sys.argv[2:])\n"
    )
    server = Server(*options, address=[], start=False, before=lambda: os.environ.update(variables))
    server.words = [sys.executable, "-c", move, ",".join(numbers), *server.words]
    server.pass_fds = [one.fileno() for one in sockets]
    return server


def it_serves_on_what_it_is_handed():
    stream = socket.create_server(("127.0.0.1", 0))
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", 0))
    server = hand_over([stream, datagrams], LISTEN_FDNAMES="echo:echo")
    server.start()
    with server:
        ports = [one.getsockname()[1] for one in (stream, datagrams)]
        expect(server.addresses == ["tcp://127.0.0.1:%d" % ports[0], "udp://127.0.0.1:%d" % ports[1]], server.said)
        expect(echoes(connect(server)), "over TCP")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.settimeout(5)
            one.connect(datagrams.getsockname())
            one.send(b"hello")
            expect(one.recv(10) == b"hello", "over UDP")
        with open("/proc/%d/environ" % server.process.pid, "rb") as file:
            expect(b"LISTEN_FDS=2" in file.read(), "the test hands over nothing")
    stream.close()
    datagrams.close()


def what_cannot_be_served_is_refused():
    with socket.socket() as deaf, socket.create_server(("127.0.0.1", 0)) as stream:
        code, said = hand_over([stream, deaf], LISTEN_FDNAMES="echo:deaf").fail()
        expect(code == 1 and said.count("\n") == 1, said)
        expect("descriptor 4 ('deaf')" in said and "does not listen" in said, said)


def sockets_for_another_process_are_told_of():
    """As a shell in between makes of them: the default addresses may not be what was meant."""
    with socket.create_server(("127.0.0.1", 0)) as stream:
        for options, told in (((), 1), (("--quiet",), 0)):
            server = hand_over([stream], *options)
            server.words[2] = server.words[2].replace("os.getpid()", "os.getppid()")
            server.words += ["--max-sessions", "4000000000"]  # that is refused, once it has looked for sockets
            code, said = server.fail()
            expect(said.count("LISTEN_PID is not this process") == told, "%s: %s" % (options, said))


class Supervisor:
    """The other side of NOTIFY_SOCKET, for a `with`."""

    def __init__(self, name=None):
        self.folder = tempfile.TemporaryDirectory()
        self.name = name or self.folder.name + "/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.name.replace("@", "\0", 1))
        self.socket.settimeout(10)

    def hears(self):
        return self.socket.recv(4096).decode("ascii")

    def variables(self, **more):
        return lambda: os.environ.update(NOTIFY_SOCKET=self.name, **more)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.socket.close()
        self.folder.cleanup()


def who_supervises_hears_of_begin_and_end():
    for name in (None, "@coir-service-%d" % os.getpid()):
        with Supervisor(name) as supervisor:
            with Server(before=supervisor.variables()) as server:
                said = supervisor.hears()
                expect(said == "READY=1\nSTATUS=serving", repr(said))
                server.signal(signal.SIGTERM)
                said = supervisor.hears()
                expect(said.startswith("STOPPING=1\n"), repr(said))


def who_supervises_and_is_busy_hears_it_later():
    with Supervisor() as supervisor:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.setblocking(False)
            count = 0
            try:
                while True:
                    other.sendto(b"FULL=1", supervisor.name)
                    count += 1
            except BlockingIOError:
                pass
        with Server(before=supervisor.variables()) as server:
            expect(echoes(connect(server)), "it serves meanwhile")
            for _ in range(count):
                expect(supervisor.hears() == "FULL=1", "what was there before")
            said = supervisor.hears()
            expect(said.startswith("READY=1\n"), repr(said))


def the_watchdog_gets_its_signs_of_life():
    with Supervisor() as supervisor:
        with Server(before=supervisor.variables(WATCHDOG_USEC="600000")) as server:
            expect(supervisor.hears().startswith(("READY=1", "WATCHDOG=1")), "ready")
            begin = time.monotonic()
            signs = 0
            while time.monotonic() - begin < 1.5:
                signs += supervisor.hears() == "WATCHDOG=1\n"
            expect(5 <= signs <= 10, "%d in 1.5 s" % signs)
            server.signal(signal.SIGTERM)


def another_ones_watchdog_gets_none():
    with Supervisor() as supervisor:
        with Server(before=supervisor.variables(WATCHDOG_USEC="100000", WATCHDOG_PID="1")) as server:
            expect(supervisor.hears().startswith("READY=1"), "ready")
            time.sleep(0.3)
            server.signal(signal.SIGTERM)
            expect(supervisor.hears().startswith("STOPPING=1"), "nothing in between")


def late_signals_change_nothing():
    """Whoever insists more than twice gets the exit code of twice."""
    for _ in range(10):
        server = Server("--drain-quiet", "60s", start=False)
        server.start()
        client = connect(server)
        expect(echoes(client), "it serves")
        server.signal(signal.SIGTERM)
        expect(server.soon(lambda: not accepts(server)), "it is leaving")
        end = time.monotonic() + 5
        while server.process.poll() is None and time.monotonic() < end:
            server.signal(signal.SIGTERM)
        code = server.process.wait(5)
        expect(code == 3, "exit code %d: %s" % (code, server.listen()))
        expect("cut off 1 sessions" in server.said, server.said)
        client.close()


def accepts(server):
    host, port = server.addresses[0].split("://")[1].rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), 0.2).close()
    except OSError:
        return False
    return True


def an_interrupt_is_no_less_polite():
    with Server() as server:
        client = connect(server)
        expect(echoes(client), "it serves")
        server.signal(signal.SIGINT)
        expect(client.recv(1) == b"", "a clean end")
        client.close()
        server.process.wait(5)
    expect(server.totals()["finished"] == 1, server.said)


run_cases(globals(), __file__)
