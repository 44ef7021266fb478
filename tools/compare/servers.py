# SPDX-License-Identifier: MIT
"""The servers that are compared: which there are, why one is missing, and one while it runs, alone on its core."""
import collections
import os
import re
import signal
import subprocess
import threading

from compare import machine

ARTICLE, COIR, PEER = "article", "coir", "peer"  # groups
BASELINE = "epoll"
AGAIN = "epoll again"  # the baseline as one of those that are compared with it
READY_S = 20  # the longest it may take to start
WORDS_KEPT = 20  # lines of what it said

# `words` is the command; `source` the file whose logic is counted; `missing` says why it cannot run, or "".
Server = collections.namedtuple("Server", "name group words source missing")


class Broken(Exception):
    """A server, or a run of one, that went wrong; says how."""


def article(build, name, group=ARTICLE, title=None):
    program = os.path.join(build, "examples", "echo", name)
    missing = "" if os.access(program, os.X_OK) else "examples/echo/%s.c is not built" % name
    return Server(title or name, group, [program, "0"], "examples/echo/%s.c" % name, missing)


def command(build, engine):
    program = os.path.join(build, "bin", "coir")
    words = [program, "echo", "--listen", "tcp://127.0.0.1:0", "--engine", engine, "--quiet"]
    missing = "" if os.access(program, os.X_OK) else "the coir command is not built"
    return Server("coir echo (%s)" % engine, COIR, words, "", missing)


def find_servers(build):
    """All of them in the order of the report."""
    found = [article(build, name) for name in ("blocking", "threads", "select", "poll", "epoll")]
    found.append(article(build, "epoll", title=AGAIN)._replace(source=""))
    found.append(article(build, "coir", COIR, "coir (example)"))
    found.extend(command(build, engine) for engine in ("epoll", "poll"))
    return found


class Running:
    """A server process for the length of a `with`."""

    def __init__(self, server, core):
        self.server = server
        self.core = core
        self.said = collections.deque(maxlen=WORDS_KEPT)
        self.heard = threading.Event()  # the address, or the end of all it says
        self.uri = None

    def __enter__(self):
        with machine.pinned(self.core):
            try:
                self.process = subprocess.Popen(self.server.words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                                stderr=subprocess.PIPE, text=True, errors="replace")
            except OSError as error:
                raise Broken("it does not start: %s" % error.strerror) from None
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()
        try:
            if not self.heard.wait(READY_S) or self.uri is None:
                raise Broken(self.how_ended() or "it says no address")
        except BaseException:  # an interrupt among them: nothing stays behind
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def listen(self):
        for line in self.process.stderr:
            found = re.match(r"listening on (tcp://\S+)", line)
            if found:
                self.uri = found[1]
                self.heard.set()
            else:
                self.said.append(line.strip())
        self.heard.set()

    @property
    def pid(self):
        return self.process.pid

    @property
    def address(self):
        host, port = self.uri[len("tcp://"):].rsplit(":", 1)
        return host, int(port)

    def last_words(self):
        """The last that it said, apart from where it listens."""
        return self.said[-1] if self.said else ""

    def how_ended(self):
        """How it ended, if it has ended by itself; else ""."""
        try:
            code = self.process.wait(0.2)  # whoever asks may have seen its connections end first
        except subprocess.TimeoutExpired:
            return ""
        self.listener.join(1)
        how = "exit code %d" % code if code >= 0 else "signal %s" % signal.Signals(-code).name
        return "the server ended, %s%s" % (how, ": " + self.last_words() if self.said else "")

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.listener.join(1)
        self.process.stderr.close()
