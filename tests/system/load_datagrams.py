#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# `coir load` with datagrams: against servers that lose, change or repeat them,
# answer late or from elsewhere, or do not read at all; and where the load itself
# stands still. Time limit: 180 s.
import collections
import os
import signal
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_server import SANITIZED, Server, expect, run_cases
from load_outcome import BRIEFLY, Run, failed, load, right, right_briefly
from load_wrong_bytes import corrupt, drop, repeat, swap

END = b"end"


class Answering:
    """A server of datagrams: `answer(data, number)` gives the datagrams to be sent back for number 1, 2, ..."""

    def __init__(self, answer=lambda data, number: [data], host="127.0.0.1", other=None):
        self.answer = answer
        self.count = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((host, 0))
        self.sender = other or self.socket
        self.port = self.socket.getsockname()[1]
        self.address = "udp://127.0.0.1:%d" % self.port
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            data, peer = self.socket.recvfrom(65536)
            if data == END:
                return
            self.count += 1
            self.send(self.answer(data, self.count), peer)

    def send(self, answers, peer):
        for one in answers:
            try:
                self.sender.sendto(one, peer)
            except OSError:  # who has gone refuses it
                pass

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(END, ("127.0.0.1", self.port))
        self.thread.join()
        self.socket.close()


class Late(Answering):
    """Answers `delay` seconds late, in order."""

    def __init__(self, delay):
        self.delay = delay
        self.owed = collections.deque()
        self.ends = threading.Event()
        super().__init__()
        self.pay_thread = threading.Thread(target=self.pay, daemon=True)
        self.pay_thread.start()

    def send(self, answers, peer):
        self.owed.append((time.monotonic() + self.delay, answers, peer))

    def pay(self):
        while not self.ends.is_set():
            if not self.owed:
                self.ends.wait(0.002)
                continue
            due, answers, peer = self.owed.popleft()
            if due > time.monotonic():
                self.ends.wait(due - time.monotonic())
            super().send(answers, peer)

    def __exit__(self, *ignored):
        self.ends.set()
        self.pay_thread.join()
        super().__exit__()


def at_number(place, edit):
    """Answers all but number `place` as it came, and that one by `edit(data)`."""
    return lambda data, number: edit(data) if number == place else [data]


def those_that_are_lost_are_counted():
    with Answering(lambda data, number: []) as server:
        outcome = load(server.address, "--connections", 2, "--patience", "100ms", *BRIEFLY)
    expect(outcome.code == 1 and outcome.errors.keys() == {"datagram_lost"}, outcome.said)
    expect(outcome.errors["datagram_lost"] >= 2, outcome.said)


def wrong_ones_are_named():
    for edit, kind in ((corrupt, "corrupted"), (drop, "lost"), (swap, "reordered"), (repeat, "duplicated")):
        for depth, index in ((1, 9), (8, 0), (8, 61)):
            with Answering(at_number(5, lambda data, edit=edit, index=index: [edit(data, index)])) as server:
                outcome = load(server.address, "--connections", 2, "--depth", depth, *BRIEFLY)
            failed(outcome, 4, **{kind: 1})


def one_that_is_lost_holds_up_no_others():
    with Answering(at_number(20, lambda data: [])) as server:
        outcome = load(server.address, "--connections", 1, "--depth", 4, "--patience", "2s", "--duration", "1s",
                       "--warmup", 0)
    failed(outcome, 0, datagram_lost=1)
    expect(outcome.messages > 100, outcome.said)


def a_late_answer_is_a_loss_and_no_wrong_byte():
    for manner in (["--connections", 4, "--depth", 2], ["--connections", 1, "--rate", 200],
                   ["--connections", 4, "--depth", 3, "--size", 3]):
        with Late(0.4) as server:
            outcome = load(server.address, *manner, "--patience", "300ms", "--duration", "1s", "--warmup", "0")
        expect(outcome.code == 1 and outcome.errors.keys() == {"datagram_lost"}, outcome.said)
        expect("an answer came after the patience" in outcome.said and outcome.messages == 0, outcome.said)


def an_open_loop_waits_for_all_that_the_patience_allows():
    """Some 1,600 are under way at a time."""
    with Late(0.4) as server:
        outcome = load(server.address, "--connections", 1, "--rate", 4000, "--patience", "5s", "--duration", "1s",
                       "--warmup", "0")
    expect(outcome.errors.keys() <= {"datagram_lost"}, outcome.said)  # where queues are short
    expect(outcome.messages > 1200, outcome.said)


def one_that_comes_twice_is_counted():
    for manner in (["--depth", 8], ["--depth", 1], ["--rate", 1000]):
        with Answering(at_number(5, lambda data: [data, data])) as server:
            outcome = load(server.address, "--connections", 1, *manner, *BRIEFLY)
        failed(outcome, 4, duplicated=1)


def one_that_comes_again_much_later_is_counted_and_takes_no_other_with_it():
    kept = []

    def answer(data, number):
        if number == 5:
            kept.append(data)
        return [kept[0], data] if number == 900 else [data]

    with Answering(answer) as server:
        outcome = load(server.address, "--connections", 1, "--depth", 8, "--duration", "2s", "--warmup", 0)
    expect(server.count > 900, outcome.said)
    failed(outcome, 4, duplicated=1)


def garbage_takes_no_innocent_one_with_it():
    for manner in (["--depth", 8], ["--depth", 1], ["--rate", 1000]):
        with Answering(lambda data, number: [os.urandom(64), data] if number % 50 == 7 else [data]) as server:
            outcome = load(server.address, "--connections", 1, *manner, *BRIEFLY)
        failed(outcome, 4, corrupted=(server.count - 7) // 50 + 1)
        expect(outcome.messages > 0, outcome.said)


def answers_of_somebody_else_are_ignored():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        with Answering(other=other) as server:
            outcome = load(server.address, "--connections", 2, "--patience", "100ms", *BRIEFLY)
        expect(outcome.code == 1 and outcome.errors.keys() == {"datagram_lost"} and outcome.messages == 0,
               outcome.said)
        said = "a datagram came from udp://127.0.0.1:%d, not from %s" % (other.getsockname()[1], server.address)
        expect(outcome.said.count(said) == 1, outcome.said)


def who_asks_every_address_is_answered_by_one():
    with Answering(host="0.0.0.0") as server:
        right_briefly("udp://0.0.0.0:%d" % server.port, "--connections", 2)


def a_server_that_does_not_read_holds_up_nobody_for_ever():
    for manner in (["--depth", 64], ["--depth", 1], ["--rate", 1000]):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
            deaf.bind(os.path.join(folder, "d"))
            filled = fill(deaf) if "1" in map(str, manner) else 0
            outcome = load("unixgram://%s/d" % folder, "--connections", 2, *manner, "--patience", "300ms",
                           "--duration", "1s", "--warmup", 0)
            sent = count_queued(deaf) - filled
        expect(outcome.code == 1 and outcome.errors.pop("silent") == 2, outcome.said)
        expect(outcome.errors.get("datagram_lost", 0) == sent, "%d were sent: %s" % (sent, outcome.said))
        expect("the server does not read" in outcome.said, outcome.said)
        if "--rate" in manner:
            expect(outcome.result.get("unsent", 1000 - sent) == 1000 - sent, "%d were sent: %s" % (sent, outcome.said))


def fill(deaf):
    """Fills its queue; returns how many are in it."""
    count = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        try:
            while True:
                sender.sendto(b"x", deaf.getsockname())
                count += 1
        except BlockingIOError:
            return count


def count_queued(deaf):
    deaf.setblocking(False)
    count = 0
    try:
        while deaf.recv(65536):
            count += 1
    except BlockingIOError:
        pass
    return count


def unix_datagrams_fill_the_queues_of_both_sides():
    with tempfile.TemporaryDirectory() as folder:
        with Server(address=["tcp://127.0.0.1:0", "unixgram://%s/d" % folder]):
            right_briefly("unixgram://%s/d" % folder, "--connections", 4, "--depth", 64, "--patience", "5s")


def a_schedule_lasts_until_its_end_though_its_last_message_is_back():
    with Server(address=["tcp://127.0.0.1:0", "udp://127.0.0.1:0"]) as server:
        for manner in (["udp", "--rate", 1], ["tcp", "--rate", 2, "--churn"]):
            address = next(uri for uri in server.addresses if uri.startswith(manner[0]))
            outcome = load(address, "--connections", 1, *manner[1:], "--duration", "1s", "--warmup", "0")
            right(outcome)
            expect(outcome.result.get("measured_s", 1) >= 1, outcome.result)


def a_rate_that_cannot_be_kept_ends_in_time():
    with Answering() as server:
        begin = time.monotonic()
        outcome = load(server.address, "--connections", 2, "--rate", 20000000, "--patience", "300ms",
                       "--duration", "300ms", "--warmup", 0)
        took = time.monotonic() - begin
    expect(outcome.errors.keys() <= {"datagram_lost"} and outcome.messages > 0, outcome.said)
    expect(outcome.result.get("unsent", 1) > 0, outcome.said)
    expect(took < (20 if SANITIZED else 5), "it took %.1f s" % took)


def who_has_stood_still_takes_what_waits_for_him():
    for manner in (["--depth", 8], ["--depth", 1], ["--rate", 500]):
        with Answering() as server:
            run = Run(server.address, "--connections", 2, *manner, "--patience", "300ms", "--duration", "1500ms",
                      "--warmup", 0)
            expect(soon(lambda: server.count > 100), "it begins")
            run.process.send_signal(signal.SIGSTOP)
            time.sleep(0.7)  # longer than the patience
            run.process.send_signal(signal.SIGCONT)
            right(run.finish())


def soon(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.001)
    return False


def the_queue_has_room_for_all_that_is_under_way():
    """They come all at once, while the load stands still."""
    depth = 350  # more than there is room for by default
    held = []
    run = None

    def answer(data, number):
        held.append(data)
        if len(held) < depth:
            return []
        run.process.send_signal(signal.SIGSTOP)
        expect(soon(lambda: is_stopped(run.process)), "it stops")
        answers = list(held)
        held.clear()
        return answers

    class Bursting(Answering):
        def send(self, answers, peer):
            super().send(answers, peer)
            if answers:
                run.process.send_signal(signal.SIGCONT)

    with Bursting(answer) as server:
        run = Run(server.address, "--connections", 1, "--depth", depth, "--patience", "1s", "--duration", "1s",
                  "--warmup", 0)
        outcome = run.finish()
    lost = outcome.errors.pop("datagram_lost", 0)  # in the end, when fewer than that are held
    expect(lost < depth and not outcome.errors, outcome.said)
    expect(outcome.messages >= depth and lost == server.count % depth, "%d came, %s" % (server.count, outcome.said))


def is_stopped(process):
    with open("/proc/%d/stat" % process.pid, encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "T"


run_cases(globals(), __file__)
