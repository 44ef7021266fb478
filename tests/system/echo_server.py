# SPDX-License-Identifier: MIT
"""A `coir echo` to be tested, and clients of it, for the scripts beside this file."""
import os
import re
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time

COMMAND = os.environ["COIR_COMMAND"]
SANITIZED = os.environ.get("COIR_WATCHED", "") != ""  # or under Valgrind, or emulated: slow, and larger
THREAD_SANITIZED = "thread" in os.environ.get("COIR_SANITIZE", "")


class Failed(Exception):
    pass


class Skipped(Exception):
    """This case cannot be tried here, and says why."""


def expect(condition, what):
    if not condition:
        raise Failed(what)


class Server:
    """Runs until the end of a `with`, which ends it by SIGTERM and looks at its exit code and counters."""

    def __init__(self, *options, address="tcp://127.0.0.1:0", start=True, code=0, wait=30, before=None):
        addresses = [address] if isinstance(address, str) else address
        listen = [word for one in addresses for word in ("--listen", one)]
        self.words = [COMMAND, "echo", *listen, *options]
        self.code = code
        self.wait = wait
        self.said = ""
        self.addresses = []
        self.clients = []
        self.before = before
        self.pass_fds = []
        self.errors = tempfile.TemporaryFile()
        if start:
            self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.words, stderr=self.errors, preexec_fn=self.before, pass_fds=self.pass_fds
        )
        if not self.soon(lambda: "\nengine: " in self.listen() or self.process.poll() is not None):
            self.process.kill()
            self.process.wait()
            raise Failed("the server is not ready: " + self.said)
        self.addresses = re.findall(r"^listening on (.*)$", self.said, re.M)
        if self.process.poll() is not None:
            raise Failed("the server has ended: " + self.said)

    def listen(self):
        # The offset is the server's as well: what it says would go where we have read.
        file = self.errors.fileno()
        self.said = os.pread(file, os.fstat(file).st_size, 0).decode()
        return self.said

    def soon(self, condition, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.01)
        return False

    def fail(self):
        """Expects it to end by itself; returns its exit code and what it said."""
        done = subprocess.run(
            self.words,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            preexec_fn=self.before,
            pass_fds=self.pass_fds,
        )
        return done.returncode, done.stderr

    def signal(self, number):
        self.process.send_signal(number)

    def memory(self):
        """In KiB, without what is shared with files."""
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as status:
            return int(re.search(r"RssAnon:\s*(\d+)", status.read()).group(1))

    def totals(self):
        """What it counted, by its last words."""
        said = self.listen()
        words = re.search(r"^accepted (\d+) sessions: (.*)$", said, re.M)
        if not words:
            raise Failed("no totals: " + said)
        counts = {"accepted": int(words.group(1))}
        for number, name in re.findall(r"(\d+) ([a-z ]+)", words.group(2)):
            counts[name] = int(number)
        tail = re.search(r"echoed (\d+) bytes in (\d+) messages; datagrams: (\d+) refused, (\d+) lost", said)
        counts.update(zip(("bytes", "messages", "refused", "lost"), map(int, tail.groups())))
        return counts

    def end(self):
        for client in self.clients:
            client.close()  # else the server would wait for them to finish
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(self.wait)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failed("the server does not end: " + self.listen()) from None
        expect(code == self.code, "exit code %d: %s" % (code, self.listen()))
        counts = self.totals()
        ended = sum(counts[name] for name in ("finished", "reset", "timed out", "shed", "cancelled"))
        expect(counts["accepted"] == ended, self.said)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.end()
        else:
            self.process.kill()
            self.process.wait()
            sys.stderr.write(self.listen())


def connect(server, source=None, room=None, number=0):
    """A client of the server's address, with a receive buffer of `room` bytes."""
    scheme, rest = server.addresses[number].split("://", 1)
    if scheme == "unix":
        client = socket.socket(socket.AF_UNIX)
        place = "\0" + rest[1:] if rest.startswith("@") else rest
    else:
        client = socket.socket(socket.AF_INET6 if rest.startswith("[") else socket.AF_INET)
        host, port = rest.rsplit(":", 1)
        host = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
        place = (host, int(port))
    if room:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    if source:
        client.bind((source, 0))
    client.settimeout(30)
    client.connect(place)
    server.clients.append(client)
    return client


def echoes(client, text=b"hello"):
    """True if the server answers."""
    try:
        client.sendall(text)
        got = b""
        while len(got) < len(text):
            piece = client.recv(len(text) - len(got))
            if piece == b"":
                return False
            got += piece
        return got == text
    except (ConnectionError, socket.timeout, TimeoutError):
        return False


def is_reset(client):
    """True if the connection ends by a reset, after whatever is still to be read."""
    client.settimeout(30)
    try:
        while client.recv(65536) != b"":
            pass
    except ConnectionError:
        return True
    return False


def is_turned_away(server):
    """True if a new client is reset, which may come before it knows that it is connected."""
    try:
        return not echoes(connect(server))
    except ConnectionError:
        return True


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def count_overflows():
    """How often the kernel has found the queue of a listener full: whoever is turned away knows of no accept."""
    with open("/proc/net/netstat", encoding="ascii") as netstat:
        names, values = [line.split() for line in netstat if line.startswith("TcpExt:")]
    return int(values[names.index("ListenOverflows")])


def raise_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run_cases(names, path):
    """Runs every function that the script itself defines and that takes nothing, or those named on its command line."""
    cases = {
        name: case
        for name, case in names.items()
        if hasattr(case, "__code__") and getattr(case, "__module__", "") == "__main__" and case.__code__.co_argcount == 0
    }
    status = 0
    for name in sys.argv[1:] or cases:
        begin = time.monotonic()
        try:
            cases[name]()
            print("ok     %s (%.1f s)" % (name, time.monotonic() - begin), flush=True)
        except Skipped as reason:
            print("skipped %s: %s" % (name, reason), flush=True)
        except (Failed, OSError) as failure:
            print("FAILED %s: %s" % (name, failure), flush=True)
            status = 1
    sys.exit(status)
