#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# What `coir echo` writes while it serves: a line in the log for each event, a
# file that is rotated, and counters on a pipe and on a terminal. Nobody who
# takes none of it slows the echo, or keeps the server from leaving.
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
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_server import COMMAND, Server, connect, echoes, expect, is_reset, reset, run_cases

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
        return server.soon(lambda: re.search(line, self.text(), re.M), 5)

    def count(self, kind):
        """Lines of a kind, those that were suppressed included."""
        text = self.text()
        written = len(re.findall(r"^%s %s " % (MOMENT, kind), text, re.M))
        hidden = re.findall(r"^%s suppressed (\d+) lines of '%s'$" % (MOMENT, kind), text, re.M)
        return written + sum(map(int, hidden))


def a_line_tells_who_came_and_how_it_ended():
    with Log() as log:
        options = ("--log", log.path, "--max-per-source", "3", "--idle-timeout", "400ms", "--drain-quiet", "60s")
        with Server(*options, address="tcp://0.0.0.0:0", code=3) as server:
            done, broken, idle = connect(server), connect(server), connect(server)
            late = connect(server)
            expect(is_reset(late), "one too many is turned away")
            expect(log.tells(server, "shed", late.getsockname(), "in 0 out 0: there are too many from its address"), "shed")
            for client in (done, broken, idle):
                expect(echoes(client), "the others are served")
                expect(log.tells(server, "opened", client.getsockname(), "in 0 out 0"), "opened")
            names = [client.getsockname() for client in (done, broken, idle)]
            done.close()
            reset(broken)
            expect(log.tells(server, "finished", names[0], "in 5 out 5"), "finished")
            expect(log.tells(server, "reset", names[1], "in 5 out 5: .*[Cc]onnection.*"), "reset")
            expect(log.tells(server, "timed-out", names[2], "in 5 out 5: it was idle"), "timed out")
            last = connect(server)
            expect(echoes(last), "another one is served")
            server.signal(signal.SIGTERM)
            expect(log.tells(server, "server", None, "draining 1 sessions"), "draining")
            server.signal(signal.SIGTERM)
            expect(log.tells(server, "cancelled", last.getsockname(), "in 5 out 5"), "cancelled")
        expect(all(re.match(MOMENT + " [a-z-]+ .", line) for line in log.text().splitlines()), "each line is whole")
    counts = server.totals()
    for name in ("finished", "reset", "timed out", "shed", "cancelled"):
        expect(counts[name] == 1, "%s: %s" % (name, server.said))


def who_does_not_read_is_named():
    with Log() as log:
        with Server("--log", log.path, "--stall-timeout", "400ms") as server:
            deaf = connect(server, room=4096)
            deaf.settimeout(0.2)
            try:
                while True:
                    deaf.send(b"x" * 65536)
            except OSError:
                pass
            expect(log.tells(server, "timed-out", deaf.getsockname(), ".*: it does not read"), "timed out")


def who_waits_for_a_place_and_is_cut_off_was_cancelled():
    with Log() as log:
        with Server("--log", log.path, "--max-sessions", "1", "--drain-quiet", "60s", code=3) as server:
            first, second = connect(server), connect(server)
            expect(echoes(first), "one is served")
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
            os.rename(log.path, log.path + ".1")
            second = connect(server)
            expect(echoes(second), "it serves")
            server.signal(signal.SIGHUP)
            expect(server.soon(lambda: os.path.exists(log.path)), "a new file")
            third = connect(server)
            expect(echoes(third) and log.tells(server, "opened", third.getsockname()), "it is used")
            expect(echoes(first), "nobody was sent away")
            old = read(log.path + ".1")
            expect(":%d " % first.getsockname()[1] in old and ":%d " % second.getsockname()[1] in old, old)
            expect(":%d " % third.getsockname()[1] not in old, old)
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
            expect(server.soon(lambda: said in server.listen(), 5), server.said)
            client = connect(server)
            expect(echoes(client) and log.tells(server, "opened", client.getsockname()), "the old file is still used")
            time.sleep(1.5)
        expect(server.said.count("anew") == 1, server.said)


def too_many_lines_of_a_kind_are_counted():
    with Log() as log:
        with Server("--log", log.path) as server:
            begin = time.monotonic()
            for _ in range(1000):
                connect(server).close()
            took = time.monotonic() - begin
            written = len(re.findall(" opened ", log.text()))
            expect(written <= 100 * (took + 2), "%d lines in %.1f s" % (written, took))
            expect(server.soon(lambda: log.count("opened") == 1000), "%d of 1000 lines" % log.count("opened"))
        expect(log.count("finished") == 1000, "%d of 1000 ends" % log.count("finished"))
        expect(" suppressed " in log.text(), "they were too few")
    expect(server.totals()["finished"] == 1000, server.said)


def launch(errors, *options):
    """A server whose standard error is `errors`: what it says is for the caller to read."""
    with socket.create_server(("127.0.0.1", 0)) as lent:
        words = [COMMAND, "echo", "--listen", "fd://%d" % lent.fileno(), *options]
        process = subprocess.Popen(words, stderr=errors, pass_fds=[lent.fileno()])
        address = lent.getsockname()
    client = socket.create_connection(address)
    client.settimeout(10)
    expect(echoes(client), "it serves")
    return process, address, client


def finish(process, seconds=10):
    process.terminate()
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        code = "none in %d s" % seconds
    expect(code == 0, "exit code: %s" % code)


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


def visits(address, client):
    """Seconds for three hundred clients, each of which means two lines, and messages of one more."""
    start = time.monotonic()
    for _ in range(300):
        with socket.create_connection(address) as visitor:
            visitor.settimeout(10)
            expect(echoes(visitor), "a visitor is served")
        expect(echoes(client), "a client is served")
    return time.monotonic() - start


def nobody_waits_for_a_full_disk():
    process, address, client = launch(subprocess.DEVNULL, "--log", "/dev/full")
    took = visits(address, client)
    expect(took < 5, "%.1f s" % took)
    client.close()
    finish(process)


def nobody_waits_for_a_pipe():
    with tempfile.TemporaryDirectory() as folder:
        pipe = folder + "/pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDWR)
        process, address, client = launch(subprocess.DEVNULL, "--log", pipe)
        block(reader)
        took = visits(address, client)
        expect(took < 5, "%.1f s" % took)
        client.close()
        finish(process)
        os.close(reader)


def nobody_waits_for_standard_error():
    for options in ((), ("--log", "-"), ("--stats=50ms",), ("--stats=50ms", "--log", "-")):
        ours, its = os.pipe()
        process, address, client = launch(its, *options)
        block(its)
        took = visits(address, client)
        expect(took < 5, "%s: %.1f s" % (options, took))
        client.close()
        finish(process)
        os.close(ours)
        os.close(its)


def a_closed_standard_error_ends_nothing():
    ours, its = os.pipe()
    process, address, client = launch(its, "--log", "-", "--stats=50ms")
    os.close(its)
    os.close(ours)
    visits(address, client)
    client.close()
    finish(process)


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
    wanted = "1 accepted  1 finished  0 reset  0 timed out  0 shed  0 cancelled  0 refused  0 lost"
    expect(last.endswith(wanted), "the last line: " + last)


def terminal(width):
    """Both ends of one: ours, and the other side's."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    return ours, its


def drain_terminal(ours):
    text = b""
    try:
        while True:
            piece = os.read(ours, 65536)
            if not piece:
                break
            text += piece
    except OSError:
        pass  # EIO: the last one has closed its end
    os.close(ours)
    return text.decode("ascii")


def show(text):
    """What a terminal that shows `text` would have in its lines."""
    lines = []
    for line in text.split("\n"):
        lines.append(line.rstrip("\r").split("\r\x1b[K")[-1])
    return lines


def counters_on_a_terminal_are_one_line():
    ours, its = terminal(60)
    process, _, client = launch(its, "--stats=100ms", "--log", "-")
    os.close(its)
    time.sleep(0.5)
    client.close()
    time.sleep(0.3)
    finish(process)
    text = drain_terminal(ours)
    lines = [line for line in show(text) if line]
    expect("\r\x1b[K" in text and " stats " not in text, repr(text))
    expect(len([line for line in lines if " sessions  " in line]) == 1, "\n".join(lines))
    expect(lines[-1].startswith("0 sessions  "), "it stays below the rest: " + "\n".join(lines))
    expect(len(lines[-1]) < 60, "it fits: " + lines[-1])
    expect(any(re.match("accepted 1 sessions: 1 finished, ", line) for line in lines), "\n".join(lines))
    expect(any(re.match(MOMENT + " opened tcp://", line) for line in lines), "\n".join(lines))


run_cases(globals(), __file__)
