#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# `coir load` against servers that corrupt, drop, repeat or swap bytes, mix up
# their clients, send too much, stall, stop or never close: what it finds, what it
# says, and its exit code. Time limit: 180 s.
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_server import COMMAND, expect, run_cases
from load_outcome import BRIEFLY, HAS_JSON, Run, load, right
from load_wrong_bytes import corrupt, drop, repeat, swap


LOOK_BYTES = 128  # that are sent to see what is wrong with a connection


class Faulty:
    """An echo server with a thread per client; `change(bytes, offset, number)` is what it makes of them."""

    def __init__(self, change=None, serve=None):
        self.change = change or (lambda data, offset, number: data)
        self.serve = serve or self.echo
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.address = "tcp://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.clients = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.clients.append(client)
            threading.Thread(target=self.guard, args=(client, len(self.clients) - 1), daemon=True).start()

    def guard(self, client, number):
        try:
            self.serve(client, number)
        except OSError:
            pass
        client.close()

    def echo(self, client, number):
        offset = 0
        while data := client.recv(65536):
            client.sendall(self.change(data, offset, number))
            offset += len(data)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.listener.close()


def at_byte(place, edit):
    """Changes what has byte `place` of the first client by `edit(bytes, index)`."""

    def change(data, offset, number):
        if number != 0 or not offset <= place < offset + len(data):
            return data
        return edit(data, place - offset)

    return change


def faults_are_named():
    for edit, kind in ((corrupt, "corrupted"), (drop, "lost"), (repeat, "duplicated"), (swap, "reordered")):
        for size, depth in ((64, 1), (64, 8), (1000, 1), (24, 3)):
            place = size * 3 + 7
            with Faulty(at_byte(place, edit)) as server:
                outcome = load(server.address, "--connections", 3, "--size", size, "--depth", depth, "--patience",
                                  "1s", *BRIEFLY)
            expect(outcome.code == 4 and outcome.errors == {kind: 1}, "%s %d %d: exit code %d, %s"
                   % (kind, size, depth, outcome.code, outcome.said))


def faults_at_a_messages_ends_are_named():
    for edit, kind in ((corrupt, "corrupted"), (drop, "lost"), (repeat, "duplicated")):
        for place in (192, 192 + 63):
            with Faulty(at_byte(place, edit)) as server:
                outcome = load(server.address, "--connections", 2, "--patience", "1s", *BRIEFLY)
            expect(outcome.code == 4 and outcome.errors == {kind: 1}, "%s at %d: %s" % (kind, place, outcome.said))


def messages_of_one_byte_are_judged_too():
    for edit, kind in ((corrupt, "corrupted"), (drop, "lost"), (repeat, "duplicated")):
        with Faulty(at_byte(3, edit)) as server:
            outcome = load(server.address, "--connections", 2, "--size", 1, "--patience", "1s", *BRIEFLY)
        expect(outcome.code == 4 and outcome.errors == {kind: 1}, "%s: %s" % (kind, outcome.said))


def a_mix_up_of_clients_is_named():
    latest = {}

    def mix_up(data, offset, number):
        latest[number] = data
        if number == 0 and offset >= 192 and 1 in latest:
            return latest[1]
        return data

    with Faulty(mix_up) as server:
        outcome = load(server.address, "--connections", 2, *BRIEFLY)
    expect(outcome.code == 4 and outcome.errors == {"foreign": 1}, outcome.said)
    expect(re.search(r"connection \d: byte \d+: here come bytes of session \d", outcome.said), outcome.said)


def a_server_that_ends_or_resets_or_is_silent_fails_the_load():
    def end(client, number):
        client.recv(10)

    def reset(client, number):
        client.recv(65536)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def be_silent(client, number):
        while client.recv(65536):
            pass

    for serve, kind in ((end, ("ended", "reset")), (reset, ("reset",)), (be_silent, ("silent",))):
        with Faulty(serve=serve) as server:
            outcome = load(server.address, "--connections", 3, "--patience", "300ms", *BRIEFLY)
        expect(outcome.code == 1 and sum(outcome.errors.get(one, 0) for one in kind) == 3, "%s: %s" % (kind, outcome.said))


def who_waits_for_the_server_to_take_him_is_not_measured():
    late_s = 1

    def serve(client, number):
        if number == 0:
            time.sleep(late_s)  # as if he had been in the queue
        server.echo(client, number)

    server = Faulty(serve=serve)
    outcome = load(server.address, "--connections", 4, "--duration", "2s", "--warmup", "50ms")
    right(outcome)
    expect(outcome.percentile("longest") < late_s * 1e6, outcome.said)


def who_gets_no_connection_makes_room_for_the_next():
    """More of them than may connect at a time, while others are served."""
    taken = []

    def serve(client, number):
        taken.append(client)
        if len(taken) == 5:
            server.listener.setblocking(False)  # whoever comes now waits in the queue, which has room for one
        server.echo(client, number)

    class Narrow(Faulty):
        def accept(self):
            self.listener.listen(0)
            for _ in range(5):
                client = self.listener.accept()[0]
                self.clients.append(client)
                threading.Thread(target=self.guard, args=(client, len(self.clients) - 1), daemon=True).start()

    server = Narrow(serve=serve)
    outcome = load(server.address, "--connections", 400, "--patience", "300ms", "--duration", "300ms", "--warmup",
                      "0")
    failed = outcome.errors.get("no_connection", 0) + outcome.errors.get("silent", 0)
    expect(outcome.code == 1 and failed == 395, outcome.said)


def what_a_server_holds_up_past_the_end_is_in_the_latencies():
    """It echoes nothing from a moment on, until all is over."""
    moments = {}

    def serve(client, number):
        offset = 0
        begin = time.monotonic()
        while data := client.recv(65536):
            if 0.6 < time.monotonic() - begin < 1.5:
                time.sleep(1.5)
            moments[number] = offset
            client.sendall(data)
            offset += len(data)

    with Faulty(serve=serve) as server:
        outcome = load(server.address, "--connections", 4, "--rate", 400, "--duration", "1s", "--warmup", "0")
    expect(outcome.code == 0 and outcome.messages == 400, outcome.said)
    expect(outcome.percentile("p90") > 500e3, outcome.said)
    expect("in time" in outcome.said and outcome.result.get("in_time", 0) < 400, outcome.said)


def what_was_due_is_sent_or_counted_as_not_sent():
    """Of connections that fail, too, though more is sent over them to see what is wrong."""
    taken = [0, 0, 0]

    def be_silent(client, number):
        while data := client.recv(65536):
            taken[number] += len(data)

    with Faulty(serve=be_silent) as server:
        outcome = load(server.address, "--connections", 3, "--rate", 150, "--duration", "1s", "--warmup", "0",
                       "--patience", "300ms")
    expect(outcome.code == 1 and outcome.errors == {"silent": 3}, outcome.said)
    sent = (sum(taken) - 3 * LOOK_BYTES) // 64
    found = re.search(r"NOT SENT +(\d+) ", outcome.said)
    expect(found and int(found[1]) == 150 - sent, "%d were sent: %s" % (sent, outcome.said))


def an_interrupt_leaves_nothing_out():
    with Faulty(serve=lambda client, number: time.sleep(60)) as server:
        run = Run(server.address, "--connections", 2, "--depth", 3, "--duration", "60s")
        while len(server.clients) < 2:
            time.sleep(0.01)
        for client in server.clients:
            client.recv(3 * 64, socket.MSG_PEEK | socket.MSG_WAITALL)
        run.process.send_signal(signal.SIGINT)
        outcome = run.finish()
    expect(outcome.code == 3 and "INTERRUPTED  6 messages" in outcome.said, outcome.said)
    expect("every byte that was sent came back until then" in outcome.said, outcome.said)
    if HAS_JSON:
        expect(outcome.result["interrupted"] and outcome.result["abandoned"] == 6, outcome.result)
        expect(not outcome.result["began"].startswith("1970"), outcome.result["began"])


def wrong_bytes_are_told_though_the_result_cannot_be():
    with Faulty(at_byte(100, corrupt)) as server:
        outcome = load(server.address, "--connections", 1, *BRIEFLY, "--report", "/dev/full")
    expect(outcome.code == 4 and "cannot write '/dev/full'" in outcome.said, outcome.said)


def a_half_that_is_not_closed_is_missed():
    def keep(client, number):
        offset = 0
        while data := client.recv(65536):
            client.sendall(data)
            offset += len(data)
        client.recv(1)
        time.sleep(20)

    for manner in ([], ["--rate", 100], ["--churn"]):
        with Faulty(serve=keep) as server:
            outcome = load(server.address, "--connections", 2, *manner, "--half-close", "--patience", "500ms", *BRIEFLY)
        expect(outcome.code == 1 and outcome.errors.get("silent", 0) >= 2, outcome.said)
        expect("but not its end" in outcome.said, outcome.said)


def more_than_was_sent_is_too_much():
    def greet(client, number):
        client.sendall(b"220 hello, who is there?\r\n")
        server.echo(client, number)

    with Faulty(serve=greet) as server:
        outcome = load(server.address, "--connections", 2, *BRIEFLY)
    expect(outcome.code == 4 and outcome.errors == {"duplicated": 2}, outcome.said)


def closed_standard_descriptors_are_nobodys_connection():
    heard = []

    def keep(client, number):
        while data := client.recv(65536):
            heard.append(data)
            client.sendall(b"x" * len(data))

    with Faulty(serve=keep) as server:
        script = 'exec "$0" load "$@" 0<&- 1>&- 2>&-'
        done = subprocess.run(["sh", "-c", script, COMMAND, server.address, "--engine", "poll", "--connections", "3", *BRIEFLY],
                              timeout=60, check=False)
    expect(done.returncode != 0 and b"coir load" not in b"".join(heard), "%d, %r" % (done.returncode, heard[:3]))


def a_signal_while_connections_linger_loses_no_result():
    finished = threading.Semaphore(0)

    def keep(client, number):
        server.echo(client, number)
        finished.release()
        time.sleep(20)

    with Faulty(serve=keep) as server:
        process = subprocess.Popen([COMMAND, "load", server.address, "--connections", "5", *BRIEFLY], stdout=subprocess.PIPE,
                                text=True)
        for _ in range(5):
            expect(finished.acquire(timeout=60), "it ends")  # and lingers
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[0]
    expect("messages" in said and process.returncode == 0, "exit code %d: %s" % (process.returncode, said))


def visits_that_linger_take_no_descriptors_from_others():
    def keep(client, number):
        server.echo(client, number)
        time.sleep(5)

    def few_descriptors():
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

    with Faulty(serve=keep) as server:
        outcome = load(server.address, "--churn", "--connections", 4, "--duration", "1s", "--warmup", "0",
                          preexec=few_descriptors)
    right(outcome, least=0)  # most of them before it measures
    expect(int(re.search(r"(\d+) opened", outcome.said).group(1)) > 4, outcome.said)


run_cases(globals(), __file__)
