#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# What `coir echo` writes while it serves: a line in the log for each event, a
# file that is rotated, and counters on a pipe and on a terminal. Nobody who
# takes none of it slows the echo, or keeps the server from leaving.
# Time limit: 180 s.
import fcntl
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_server import COMMAND, Server, connect, echoes, expect
from echo_server import is_turned_away, raise_descriptors, reset, run_cases

MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


class Log:
    """A folder with a log in it, for a `with`."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = self.folder.name + "/echo.log"
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            sys.stderr.write(self.text())
        self.folder.cleanup()

    def text(self):
        return read(self.path) if os.path.exists(self.path) else ""

    def tells(self, server, kind, who=None, more=".*"):
        """True if there is, soon, a line of this kind about the client `who` (its address, by itself)."""
        peer = r"tcp://\S+ %s " % re.escape("tcp://%s:%d" % who) if who else ""
        line = "^%s %s %s%s$" % (MOMENT, kind, peer, more)
        return server.soon(lambda: re.search(line, self.text(), re.M))

    def count(self, kind):
        """Lines of a kind, those that were suppressed included."""
        text = self.text()
        written = len(re.findall(r"^%s %s " % (MOMENT, kind), text, re.M))
        hidden = re.findall(r"^%s suppressed (\d+) lines of '%s'$" % (MOMENT, kind), text, re.M)
        return written + sum(map(int, hidden))


def a_line_tells_who_came_and_how_it_ended():
    with Log() as log:
        options = ("--log", log.path, "--max-per-source", "3", "--drain-quiet", "60s")
        with Server(*options, address="tcp://0.0.0.0:0", code=3) as server:
            done, broken, last = connect(server), connect(server), connect(server)
            for client in (done, broken, last):
                expect(echoes(client), "three are served")
                expect(log.tells(server, "opened", client.getsockname(), "in 5 out 0"), "opened")
            expect(is_turned_away(server), "one too many is turned away")
            peer = r"tcp://\S+ tcp://127\.0\.0\.1:\d+ "
            expect(log.tells(server, "shed", None, peer + "in 0 out 0: there are too many from its address"), "shed")
            names = [client.getsockname() for client in (done, broken)]
            done.close()
            reset(broken)
            expect(log.tells(server, "finished", names[0], "in 5 out 5"), "finished")
            expect(log.tells(server, "reset", names[1], "in 5 out 5: .*[Cc]onnection.*"), "reset")
            server.signal(signal.SIGTERM)
            expect(log.tells(server, "server", None, "draining 1 sessions"), "draining")
            server.signal(signal.SIGTERM)
            expect(log.tells(server, "cancelled", last.getsockname(), "in 5 out 5"), "cancelled")
        expect(all(re.match(MOMENT + " [a-z-]+ .", line) for line in log.text().splitlines()), "each line is whole")
    counts = server.totals()
    for name in ("finished", "reset", "shed", "cancelled"):
        expect(counts[name] == 1, "%s: %s" % (name, server.said))


def who_is_idle_is_named():
    with Log() as log:
        with Server("--log", log.path, "--idle-timeout", "400ms") as server:
            idle = connect(server)
            expect(log.tells(server, "timed-out", idle.getsockname(), "in 0 out 0: it was idle"), "timed out")


def who_says_nothing_is_counted_and_not_logged():
    with Log() as log:
        with Server("--log", log.path) as server:
            scan, check = connect(server), connect(server)
            reset(scan)
            check.close()
            talker = connect(server)
            expect(echoes(talker) and log.tells(server, "opened", talker.getsockname()), "who says something is logged")
            name = talker.getsockname()
            talker.close()
            expect(log.tells(server, "finished", name, "in 5 out 5"), "finished")
        kinds = [line.split()[1] for line in log.text().splitlines()]
    expect(kinds == ["opened", "finished", "server"], "%s" % kinds)
    counts = server.totals()
    expect(counts["finished"] == 2 and counts["reset"] == 1 and counts["were empty"] == 2, server.said)


def push(client):
    """Sends what goes now."""
    client.setblocking(False)
    try:
        while True:
            client.send(b"x" * 65536)
    except OSError:
        pass  # full, or reset


def who_does_not_read_is_named():
    with Log() as log:
        with Server("--log", log.path, "--stall-timeout", "400ms") as server:
            deaf = connect(server, room=4096)
            line = " timed-out .* tcp://%s:%d .*: it does not read$" % deaf.getsockname()
            expect(server.soon(lambda: push(deaf) or re.search(line, log.text(), re.M)), "timed out")


def open_files(server):
    return len(os.listdir("/proc/%d/fd" % server.process.pid))


def who_waits_for_a_place_and_is_cut_off_was_cancelled():
    with Log() as log:
        with Server("--log", log.path, "--max-sessions", "1", "--drain-quiet", "60s", code=3) as server:
            first = connect(server)
            expect(echoes(first), "one is served")
            files = open_files(server)
            second = connect(server)
            expect(server.soon(lambda: open_files(server) > files), "one is accepted and waits")
            server.signal(signal.SIGTERM)
            expect(log.tells(server, "server", None, "draining .*"), "draining")
            server.signal(signal.SIGTERM)
            expect(log.tells(server, "cancelled", second.getsockname(), "in 0 out 0"), "cancelled")
    expect(server.totals()["cancelled"] == 2 and server.totals()["shed"] == 0, server.said)


def a_rotated_log_goes_on_in_a_new_file():
    with Log() as log:
        with Server("--log", log.path) as server:
            first = connect(server)
            expect(echoes(first) and log.tells(server, "opened", first.getsockname()), "the first file")
            old = log.path + ".1"
            os.rename(log.path, old)
            second = connect(server)
            expect(echoes(second), "it serves")
            expect(server.soon(lambda: ":%d " % second.getsockname()[1] in read(old)), "it writes what was renamed")
            server.signal(signal.SIGHUP)
            expect(server.soon(lambda: os.path.exists(log.path)), "a new file")
            third = connect(server)
            expect(echoes(third) and log.tells(server, "opened", third.getsockname()), "it is used")
            expect(echoes(first), "nobody was sent away")
            expect(":%d " % third.getsockname()[1] not in read(old), read(old))
            expect(":%d " % first.getsockname()[1] not in log.text(), log.text())


def a_rotation_that_fails_is_told():
    with Log() as log:
        folder = log.folder.name + "/logs"
        os.mkdir(folder)
        log.path = folder + "/echo.log"
        with Server("--log", log.path) as server:
            os.rename(log.path, log.folder.name + "/old.log")
            os.rmdir(folder)
            log.path = log.folder.name + "/old.log"
            server.signal(signal.SIGHUP)
            said = "cannot open '%s/echo.log' anew: No such file or directory" % folder
            expect(server.soon(lambda: said in server.listen()), server.said)
            client = connect(server)
            expect(echoes(client) and log.tells(server, "opened", client.getsockname()), "the old file is still used")
            time.sleep(1.5)  # once a second it would be told again
        expect(server.said.count("anew") == 1, server.said)


def too_many_lines_of_a_kind_are_counted():
    """A thousand clients who are all there, and done, before the server looks: none of them is slow."""
    raise_descriptors()
    with Log() as log:
        with Server("--log", log.path) as server:
            server.signal(signal.SIGSTOP)
            for _ in range(1000):
                client = connect(server)
                client.send(b"hello")
                client.shutdown(socket.SHUT_WR)
            begin = time.monotonic()
            server.signal(signal.SIGCONT)
            expect(server.soon(lambda: log.count("opened") == 1000, 90), "%d of 1000 lines" % log.count("opened"))
            written = len(re.findall(" opened ", log.text()))
            took = time.monotonic() - begin
            expect(written <= 100 * (took + 1), "%d lines in %.1f s" % (written, took))
        expect(log.count("finished") == 1000, "%d of 1000 ends" % log.count("finished"))
        # Where it takes ten seconds to serve them, there are not too many a second.
        expect(took > 9 or " suppressed " in log.text(), "they were too few")
    expect(server.totals()["finished"] == 1000, server.said)


class Launched:
    """A server whose standard error is `errors`, which the caller reads, and a client of it, for a `with`: SIGTERM ends
    it once the client has left."""

    def __init__(self, errors, *options):
        with socket.create_server(("127.0.0.1", 0)) as lent:
            words = [COMMAND, "echo", "--listen", "fd://%d" % lent.fileno(), *options]
            self.process = subprocess.Popen(words, stderr=errors, pass_fds=[lent.fileno()])
            self.address = lent.getsockname()
        self.client = socket.create_connection(self.address, 10)

    def __enter__(self):
        served = echoes(self.client)
        if not served:
            self.process.kill()
        expect(served, "it serves")
        return self

    def __exit__(self, kind, value, trace):
        self.client.close()
        self.process.terminate()
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = "none in 30 s"
        expect(kind or code == 0, "exit code: %s" % code)


def block(pipe):
    """Fills a pipe to the last byte, by a description of our own, as O_NONBLOCK is not the server's wish."""
    end = os.open("/proc/self/fd/%d" % pipe, os.O_WRONLY | os.O_NONBLOCK)
    for size in (4096, 1):
        try:
            while True:
                os.write(end, b"x" * size)
        except BlockingIOError:
            pass
    os.close(end)


def visits(server):
    """Three hundred clients, each of which means two lines, and messages of one more. Who waits for an output that
    stands still does so for longer than 10 s, and who pauses at each line that fails for longer than 40 in all."""
    end = time.monotonic() + 40
    for number in range(300):
        with socket.create_connection(server.address, 10) as visitor:
            expect(echoes(visitor), "visitor %d is served" % number)
        expect(echoes(server.client), "a client is served")
        expect(time.monotonic() < end, "%d visits in 40 s" % number)


def nobody_waits_for_a_full_disk():
    with Launched(subprocess.DEVNULL, "--log", "/dev/full") as server:
        visits(server)


def lines_that_are_lost_at_the_end_are_told():
    with Server("--log", "/dev/full") as server:
        client = connect(server)
        expect(echoes(client), "it serves")
        client.close()
    told = re.findall(r"^coir echo: (\d+) lines of the log were lost: '/dev/full' did not take them$", server.said, re.M)
    expect(told == ["3"], server.said)


def nobody_waits_for_a_pipe():
    with tempfile.TemporaryDirectory() as folder:
        pipe = folder + "/pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDWR)
        with Launched(subprocess.DEVNULL, "--log", pipe) as server:
            block(reader)
            visits(server)
        os.close(reader)


def nobody_waits_for_standard_error():
    for options in ((), ("--log", "-"), ("--stats=50ms",), ("--stats=50ms", "--log", "-")):
        ours, its = os.pipe()
        with Launched(its, *options) as server:
            block(its)
            visits(server)
        os.close(ours)
        os.close(its)


def standard_error_that_is_full_holds_up_no_start():
    for options in ((), ("--log", "-", "--stats=50ms")):
        ours, its = os.pipe()
        block(its)
        with Launched(its, *options):
            pass
        os.close(ours)
        os.close(its)


def a_closed_standard_error_ends_nothing():
    for options in ((), ("--log", "-", "--stats=50ms")):
        ours, its = os.pipe()
        with Launched(its, *options) as server:
            os.close(its)
            os.close(ours)
            visits(server)


def counters_on_a_pipe_are_lines_with_the_time():
    with Server("--stats=100ms") as server:
        client = connect(server)
        expect(echoes(client), "it is served")
        lines = lambda: re.findall(r"^%s stats (.*)$" % MOMENT, server.listen(), re.M)
        expect(server.soon(lambda: any(line.startswith("1 sessions  ") for line in lines())), server.said)
        expect("1 accepted  0 finished" in lines()[-1], lines()[-1])
        client.close()
        expect(server.soon(lambda: "0 sessions" in lines()[-1] and "1 finished" in lines()[-1]), server.said)
    last = lines()[-1]
    wanted = "1 accepted  1 finished  0 reset  0 timed out  0 shed  0 cancelled  0 empty  0 refused  0 lost  0 shortages"
    expect(last.endswith(wanted), "the last line: " + last)


def terminal(width):
    """Both ends of one: ours, and the other side's."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    return ours, its


class Screen:
    """Reads all along what is written to a terminal, as people do."""

    def __init__(self, ours):
        self.ours = ours
        self.text = ""
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        try:
            while True:
                self.text += os.read(self.ours, 65536).decode("ascii")
        except OSError:
            os.close(self.ours)  # EIO: the last one has closed its end

    def shows(self, what):
        end = time.monotonic() + 10
        while what not in self.text and time.monotonic() < end:
            time.sleep(0.01)
        expect(what in self.text, "'%s' is not in %r" % (what, self.text))


def show(text):
    """What a terminal that shows `text` would have in its lines."""
    lines = []
    for line in text.split("\n"):
        lines.append(line.rstrip("\r").split("\r\x1b[K")[-1])
    return lines


def counters_on_a_terminal_are_one_line():
    ours, its = terminal(60)
    with Launched(its, "--stats=100ms", "--log", "-") as server:
        os.close(its)
        screen = Screen(ours)
        screen.shows("1 sessions  ")
        server.client.close()
        screen.shows("0 sessions  ")
    screen.thread.join()
    text = screen.text
    lines = [line for line in show(text) if line]
    expect("\r\x1b[K" in text and " stats " not in text, repr(text))
    expect(len([line for line in lines if " sessions  " in line]) == 1, "\n".join(lines))
    expect(lines[-1].startswith("0 sessions  "), "it stays below the rest: " + "\n".join(lines))
    expect(len(lines[-1]) < 60, "it fits: " + lines[-1])
    expect(any(re.match("accepted 1 sessions: 1 finished, ", line) for line in lines), "\n".join(lines))
    expect(any(re.match(MOMENT + " opened tcp://", line) for line in lines), "\n".join(lines))


run_cases(globals(), __file__)
