# SPDX-License-Identifier: MIT
"""What every echo server must do that listens at 127.0.0.1, at the port of its command line, and says where: a case is
a function of a Kind of server, of which it starts one. For the scripts beside this file."""
import collections
import fcntl
import os
import random
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

from echo_server import COMMAND, SANITIZED, Failed, Skipped, echoes, expect, reset

LIMIT_S = 30
VALGRIND = os.environ.get("COIR_WATCHED") == "valgrind"
MIB = 1 << 20
SELECT_LIMIT = 1024

# How to start a server, and where it is not like most: whether it serves one client after the other; waits in accept(2),
# which takes a descriptor before it waits; turns away who comes in a shortage; can do no more than select(2), and then
# has others wait and does not turn them away.
Kind = collections.namedtuple("Kind", "name command engine one_at_a_time waits_in_accept turns_away select waits_at_limit",
                              defaults=("auto", False, False, False, False, False))


class Server:
    """Runs until the end of a `with`, and must live until then unless it may end."""

    def __init__(self, kind):
        environment = dict(os.environ, COIR_ENGINE=kind.engine)
        self.process = subprocess.Popen([*kind.command, "0"], stderr=subprocess.PIPE, text=True, env=environment,
                                        preexec_fn=raise_descriptors)
        self.clients = []
        self.may_end = False
        line = self.process.stderr.readline()
        found = re.fullmatch(r"listening on tcp://127\.0\.0\.1:([1-9]\d*)\n", line)
        if not found:
            self.process.kill()
            raise Failed("it says: " + line + self.process.communicate()[1])
        self.port = int(found[1])

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.port), LIMIT_S)
        self.clients.append(client)
        return client

    def open_descriptors(self):
        return [int(name) for name in os.listdir("/proc/%d/fd" % self.process.pid)]

    def limit_descriptors(self, limit):
        hard = resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (min(limit, hard), hard))

    def read_status(self, name):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as status:
            return re.search(r"^%s:\s*(\S+)" % name, status.read(), re.M)[1]

    def memory(self):
        """In bytes, without what is shared with files."""
        return int(self.read_status("RssAnon")) * 1024

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: self.read_status("State") == "T", "it stops")

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for client in self.clients:
            client.close()
        early = self.process.poll()
        self.process.kill()
        said = self.process.communicate()[1]
        if kind is not None or early is not None and not self.may_end:
            sys.stderr.write(said)
        if kind is None and early is not None and not self.may_end:
            raise Failed("it ended with %d" % early)


def hard_limit():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def raise_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit(), hard_limit()))


def wait_until(condition, what):
    end = time.monotonic() + LIMIT_S
    while not condition():
        expect(time.monotonic() < end, what)
        time.sleep(0.005)


def receive_exactly(client, size):
    received = bytearray()
    while len(received) < size:
        part = client.recv(size - len(received))
        expect(part, "the end comes after %d of %d bytes" % (len(received), size))
        received += part
    return bytes(received)


def receive_to_end(client):
    received = bytearray()
    while part := client.recv(MIB):
        received += part
    return bytes(received)


def fill(client, data):
    """Sends until no more goes, reading nothing. Returns how much was sent."""
    sent = 0
    while sent < len(data) and select.select([], [client], [], 0.3)[1]:
        sent += client.send(data[sent:sent + 65536], socket.MSG_DONTWAIT)
    return sent


def exchange(client, data, sent=0, piece=lambda: 65536):
    """Sends the rest of `data` in pieces; returns what comes back: so much, or all before the end."""
    received = bytearray()
    while len(received) < len(data):
        readable, writable, _ = select.select([client], [client] if sent < len(data) else [], [], LIMIT_S)
        expect(readable or writable, "nothing comes after %d of %d bytes" % (len(received), len(data)))
        if writable:
            sent += client.send(data[sent:sent + piece()], socket.MSG_DONTWAIT)
        if readable:
            part = client.recv(65536)
            if not part:
                break
            received += part
    return bytes(received)


def count_unacknowledged(client):
    """The bytes of a client that the server's kernel does not have yet."""
    return struct.unpack("i", fcntl.ioctl(client, termios.TIOCOUTQ, bytes(4)))[0]


def expect_rest(server, what):
    before = server.cpu_seconds()
    time.sleep(1)
    used = server.cpu_seconds() - before
    expect(used < 0.25, "in a second of %s it uses %.2f s of CPU" % (what, used))


def wait_readable(client, seconds):
    poll = select.poll()  # of a descriptor beyond what select(2) can do
    poll.register(client, select.POLLIN)
    return bool(poll.poll(1000 * seconds))


def is_turned_away(server):
    """True if a new client sees the end, or a reset, and no echo."""
    try:
        client = server.connect()
        client.sendall(b"hello")
        return client.recv(1) == b""
    except ConnectionError:
        return True


def small_messages_come_back(kind):
    with Server(kind) as server:
        client = server.connect()
        for size in (*range(1, 65), 1000, 1460, 65536):
            expect(echoes(client, os.urandom(size)), "%d bytes" % size)


def a_megabyte_in_random_pieces_comes_back(kind):
    chance = random.Random(862)
    data = chance.randbytes(MIB)
    with Server(kind) as server:
        back = exchange(server.connect(), data, piece=lambda: chance.randint(1, 20000))
        expect(back == data, "something else came back")


def who_has_finished_gets_all_that_is_owed(kind):
    data = os.urandom(32 * MIB)
    with Server(kind) as server:
        client = server.connect()
        expect(exchange(client, b"first") == b"first", "the first bytes")
        client.shutdown(socket.SHUT_WR)
        expect(receive_to_end(client) == b"", "the end")
        client = server.connect()
        sent = fill(client, data)
        client.shutdown(socket.SHUT_WR)
        back = receive_to_end(client)
        expect(back == data[:sent], "%d of %d bytes, or others" % (len(back), sent))


def data_and_the_end_at_once(kind):
    with Server(kind) as server:
        server.stop()
        clients = [server.connect() for _ in range(5)]
        for number, client in enumerate(clients):
            client.sendall(b"%d" % number * (1 if number == 0 else 10000))
            client.shutdown(socket.SHUT_WR)
        server.resume()
        for number, client in enumerate(clients):
            expect(receive_to_end(client) == b"%d" % number * (1 if number == 0 else 10000), "client %d" % number)
            client.close()


def being_stopped_and_continued_ends_nothing(kind):
    """Stopping a process ends a wait with EINTR."""
    with Server(kind) as server:
        client = server.connect()
        for _ in range(5):
            expect(echoes(client), "an echo")
            server.stop()
            server.resume()
        expect(echoes(client), "an echo")


def a_reset_ends_one_session(kind):
    data = os.urandom(32 * MIB)
    with Server(kind) as server:
        silent = server.connect()
        expect(echoes(silent), "an echo")
        with_one = len(server.open_descriptors())
        reset(silent)
        other = None if kind.one_at_a_time else server.connect()
        expect(other is None or echoes(other), "the other one")
        busy = server.connect()
        busy.sendall(data[:300000])
        receive_exactly(busy, 1000)
        reset(busy)
        full = server.connect()
        fill(full, data)
        reset(full)
        expect(other is None or echoes(other), "the other one goes on")
        expect(echoes(server.connect()), "the next one")
        for client in server.clients:
            client.close()
        wait_until(lambda: len(server.open_descriptors()) < with_one, "the descriptors of sessions are closed")


def leave_two_reads(server):
    """Stops it, and leaves more at its door than it reads at once, then the end. Its kernel makes room for so much only
    where bytes went fast before. Returns whether it did."""
    client = server.connect()
    expect(len(exchange(client, bytes(16 * MIB))) == 16 * MIB, "all comes back")
    server.stop()
    client.sendall(bytes(70000))
    end = time.monotonic() + 0.5
    while count_unacknowledged(client) > 0 and time.monotonic() < end:
        time.sleep(0.005)
    is_there = count_unacknowledged(client) == 0
    client.close()
    return is_there


def who_does_not_wait_for_the_echo_harms_nobody(kind):
    """Its kernel answers the echo by a reset, and the next write would be a SIGPIPE."""
    with Server(kind) as server:
        for _ in range(5):
            was_left = leave_two_reads(server)
            server.resume()
            expect(echoes(server.connect()), "the next one is served")
            server.clients[-1].close()
            if was_left:
                return
        raise Skipped("too slow for the kernel to make room for two reads")


def many_are_served(kind):
    if kind.one_at_a_time:
        raise Skipped("it serves one at a time")
    with Server(kind) as server:
        clients = [server.connect() for _ in range(150)]
        for turn in range(3):
            for number, client in enumerate(clients):
                client.sendall(b"%d %d" % (turn, number))
            for number, client in reversed(list(enumerate(clients))):
                text = b"%d %d" % (turn, number)
                expect(receive_exactly(client, len(text)) == text, "client %d" % number)


def others_wait_and_are_served_in_turn(kind):
    if not kind.one_at_a_time:
        raise Skipped("it serves many")
    with Server(kind) as server:
        clients = [server.connect() for _ in range(20)]
        for number, client in enumerate(clients):
            client.sendall(b"%2d" % number)
        for number, client in enumerate(clients):
            expect(receive_exactly(client, 2) == b"%2d" % number, "client %d" % number)
            expect(all(echoes(client) for _ in range(20)), "client %d goes on" % number)
            expect(not select.select(clients[number + 1:], [], [], 0)[0], "one after client %d was served" % number)
            client.close()


def who_does_not_read_loses_nothing_and_costs_no_memory(kind):
    data = os.urandom(64 * MIB)
    with Server(kind) as server:
        client = server.connect()
        expect(echoes(client), "an echo")
        before = server.memory()
        sent = fill(client, data)
        expect(sent < len(data), "it takes everything from who reads nothing")
        expect_rest(server, "waiting for who reads nothing")
        grown = server.memory() - before
        expect(grown < 8 * MIB or SANITIZED, "%d bytes more for %d that were sent" % (grown, sent))
        expect(exchange(client, data, sent) == data, "something else came back")


def hundreds_come_and_go(kind):
    with Server(kind) as server:
        for number in range(200):
            client = server.connect()
            expect(number % 2 == 0 or echoes(client), "client %d" % number)
            client.close()
        expect(echoes(server.connect()), "the last one")
        with_one = len(server.open_descriptors())
        expect(with_one < 20, "%d descriptors are open" % with_one)
        server.clients[-1].close()
        wait_until(lambda: len(server.open_descriptors()) < with_one, "the descriptors of sessions are closed")


def bring_shortage(server, kind):
    """Returns who is in."""
    first = server.connect()
    expect(echoes(first), "it serves")
    inside = [] if kind.one_at_a_time else [first, server.connect()]
    expect(all(echoes(client) for client in inside), "two are in")
    if kind.waits_in_accept:
        wait_until(lambda: server.read_status("State").startswith("S"), "it waits for the next one")
    server.limit_descriptors(max(server.open_descriptors()) + (0 if kind.one_at_a_time else 1))
    if kind.one_at_a_time:
        first.close()  # there is none for the next
    elif kind.waits_in_accept:
        inside.append(server.connect())
        expect(echoes(inside[-1]), "a descriptor was in hand already")
    return inside


def a_shortage_of_descriptors_passes(kind):
    if VALGRIND:
        raise Skipped("Valgrind keeps descriptors for itself")
    with Server(kind) as server:
        inside = bring_shortage(server, kind)
        outside = [server.connect() for _ in range(10)]
        for client in outside:
            client.sendall(b"hello")
        expect_rest(server, "shortage")
        expect(all(echoes(client) for client in inside), "who is in goes on")
        if not kind.turns_away:
            expect(not select.select(outside, [], [], 0)[0], "nobody more is in")
        if not kind.turns_away and inside:
            inside.pop(0).close()
            expect(select.select(outside, [], [], LIMIT_S)[0], "one leaves, one is served")
        server.limit_descriptors(SELECT_LIMIT if kind.select else 65536)
        for client in [] if kind.turns_away else outside:
            expect(receive_exactly(client, 5) == b"hello", "who has waited is served")
            if kind.one_at_a_time:
                client.close()
        expect(echoes(server.connect()), "the next one is served")


def judge_limit(server, kind):
    within = list(server.clients)
    if kind.waits_at_limit:
        others = [server.connect() for _ in range(100)]
        for client in others:
            client.sendall(b"hello")
        expect(receive_exactly(others[0], 5) == b"hello", "there is room for one more")
        expect(not wait_readable(others[-1], 0.1), "who comes beyond the limit waits")
    else:
        others = [is_turned_away(server) for _ in range(100)]
        expect(others[-1] and not others[0], "who comes beyond the limit is turned away, and nobody else")
    expect(all(echoes(client) for client in within), "who is in goes on")
    for client in within[:100]:
        client.close()
    if kind.waits_at_limit:
        expect(receive_exactly(others[-1], 5) == b"hello", "some leave, the last is served")
    else:
        wait_until(lambda: not is_turned_away(server), "some leave, the next is served")


def more_than_select_can_do(kind):
    if kind.one_at_a_time:
        raise Skipped("it serves one at a time")
    if VALGRIND:
        raise Skipped("Valgrind allows fewer threads, and has descriptors of its own")
    if hard_limit() < 2 * SELECT_LIMIT:
        raise Skipped("the limit of descriptors is %d" % hard_limit())
    raise_descriptors()
    with Server(kind) as server:
        for _ in range(SELECT_LIMIT - 50):
            server.connect()
        expect(all(echoes(client) for client in server.clients), "each is served")
        if not kind.select:
            expect(all(echoes(server.connect()) for _ in range(100)), "more are served")
            return
        judge_limit(server, kind)


def coir_load_finds_every_byte_right(kind):
    with Server(kind) as server:
        for size, depth in ((1, 1), (64, 8), (100000, 2)):
            load = subprocess.run(
                [COMMAND, "load", "tcp://127.0.0.1:%d" % server.port, "--connections", "1" if kind.one_at_a_time else "8",
                 "--size", str(size), "--depth", str(depth), "--half-close", "--duration", "200ms", "--warmup", "0",
                 "--patience", "60s"],
                capture_output=True, text=True, timeout=2 * LIMIT_S, check=False)
            said = load.stdout + load.stderr
            expect(load.returncode == 0 and "errors       none" in said, said)


def the_first_signal_ends_it(kind):
    if VALGRIND:
        raise Skipped("Valgrind would tell of the signal")
    with Server(kind) as server:
        client = server.connect()
        expect(echoes(client), "an echo")
        server.may_end = True
        server.process.terminate()
        code = server.process.wait(LIMIT_S)
        expect(code == -signal.SIGTERM, "it ended with %d" % code)


CASES = (
    small_messages_come_back,
    a_megabyte_in_random_pieces_comes_back,
    who_has_finished_gets_all_that_is_owed,
    data_and_the_end_at_once,
    being_stopped_and_continued_ends_nothing,
    a_reset_ends_one_session,
    who_does_not_wait_for_the_echo_harms_nobody,
    many_are_served,
    others_wait_and_are_served_in_turn,
    who_does_not_read_loses_nothing_and_costs_no_memory,
    hundreds_come_and_go,
    a_shortage_of_descriptors_passes,
    more_than_select_can_do,
    coir_load_finds_every_byte_right,
    the_first_signal_ends_it,
)


def run_case(kind, case):
    """Returns whether it went well."""
    begin = time.monotonic()
    try:
        case(kind)
        print("ok      %s: %s (%.1f s)" % (kind.name, case.__name__, time.monotonic() - begin), flush=True)
    except Skipped as reason:
        print("skipped %s: %s: %s" % (kind.name, case.__name__, reason), flush=True)
    except (Failed, OSError) as failure:
        print("FAILED  %s: %s: %s" % (kind.name, case.__name__, failure), flush=True)
        return False
    return True


def run_suite(kinds):
    """Runs all cases against all kinds, or those of both that the command line names; exits."""
    words = sys.argv[1:]
    chosen = [kind for kind in kinds if kind.name in words] or kinds
    cases = [case for case in CASES if case.__name__ in words] or CASES
    results = [run_case(kind, case) for kind in chosen for case in cases]
    sys.exit(0 if all(results) else 1)
