#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# `coir load` against servers that are right, and against such as corrupt, drop,
# repeat or swap bytes, mix up their clients, stall, stop or are not there: what
# it finds, what it says, and its exit code. Time limit: 180 s.
import glob
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_server import COMMAND, SANITIZED, Server, Skipped, expect, run_cases
from load_outcome import BRIEFLY, HAS_JSON, load, right, right_briefly


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


def corrupt(data, index):
    return data[:index] + bytes([data[index] ^ 0x20]) + data[index + 1:]


def drop(data, index):
    return data[:index] + data[index + 1:]


def repeat(data, index):
    return data[:index + 1] + data[index:]


def swap(data, index):
    if index + 1 == len(data) or data[index] == data[index + 1]:
        index -= 1
    return data[:index] + bytes([data[index + 1], data[index]]) + data[index + 2:]


def every_address_and_size_is_right():
    with tempfile.TemporaryDirectory() as folder:
        datagrams = "unixgram://%s/d" % folder
        listen = ["tcp://127.0.0.1:0", "tcp://[::1]:0", "udp://127.0.0.1:0", "unix://%s/s" % folder,
                  "unix://@coir-test-%d" % os.getpid(), datagrams]
        with Server(address=listen) as server:
            for address in [*server.addresses[:-1], datagrams]:
                for size, depth in ((1, 1), (64, 1), (1000, 7), (8000, 2)):
                    right_briefly(address, "--connections", 4, "--size", size, "--depth", depth)


def every_manner_is_right():
    with Server() as server:
        for manner in (["--half-close"], ["--half-close", "--depth", 16], ["--churn"], ["--churn", "--half-close"],
                       ["--churn", "--rate", 200], ["--rate", 2000], ["--rate", 50, "--size", "200K"],
                       ["--ramp", "200ms"], ["--sources", "127.0.0.2-127.0.0.9"], ["--engine", "poll"]):
            right_briefly(server.addresses[0], "--connections", 16, *manner)


def what_does_not_fit_into_the_kernel_stops_nobody():
    with Server() as server:
        right_briefly(server.addresses[0], "--connections", 4, "--size", "2M", "--depth", 16)


def idle_connections_are_held_and_echo_again():
    with Server() as server:
        outcome = load(server.addresses[0], "--idle", "--connections", 300, *BRIEFLY)
        right(outcome, least=0)
        expect("300 opened, 300 at a time" in outcome.said, outcome.said)
    expect(server.totals()["bytes"] == 300 * 2 * 64, server.said)


def socat_is_right():
    if shutil.which("socat") is None:
        raise Skipped("there is no socat")
    process = subprocess.Popen(["socat", "-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1,fork,backlog=100", "EXEC:cat"],
                               stderr=subprocess.PIPE, text=True)
    try:
        port = next(re.search(r"listening on .*:(\d+)", line) for line in process.stderr if "listening on" in line).group(1)
        threading.Thread(target=process.stderr.read, daemon=True).start()
        right_briefly("tcp://127.0.0.1:" + port, "--connections", 4, "--half-close")
    finally:
        process.terminate()
        process.wait()


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


def nobody_there_is_said():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = load("tcp://127.0.0.1:%d" % port, "--connections", 5, *BRIEFLY)
    expect(outcome.code == 1 and outcome.errors == {"refused": 5}, outcome.said)
    expect("does the server run" in outcome.said and "more like this" in outcome.said, outcome.said)


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


def large_messages_stop_nobody_in_any_manner():
    with Server() as server:
        for manner in (["--churn"], ["--idle"], ["--churn", "--depth", 100]):
            right(load(server.addresses[0], "--connections", 2, *manner, "--size", "8M" if len(manner) < 2 else "64K",
                          "--duration", "500ms", "--warmup", "0"), least=0)


def who_waits_for_the_schedule_loses_no_patience():
    with Server() as server:
        right(load(server.addresses[0], "--connections", 20, "--ramp", "1s", "--rate", 200, "--patience", "300ms",
                      "--duration", "300ms", "--warmup", "0"))


def what_is_due_and_cannot_be_sent_is_told():
    with Server() as server:
        for manner in ([], ["--churn"]):
            begin = time.monotonic()
            outcome = load(server.addresses[0], "--connections", 8, *manner, "--rate", 20000000, "--patience", "500ms",
                              "--duration", "500ms", "--warmup", "0")
            took = time.monotonic() - begin
            expect(outcome.code == 1 and "NOT SENT" in outcome.said and not outcome.errors, outcome.said)
            expect(took < (30 if SANITIZED else 5), "it took %.1f s: %s" % (took, outcome.said))


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


def standing_still_ourselves_is_no_fault_of_the_servers():
    with Server() as server:
        process = subprocess.Popen([COMMAND, "load", server.addresses[0], "--connections", "30", "--rate", "500", "--patience",
                                 "700ms", "--duration", "2s", "--warmup", "0"], stdout=subprocess.PIPE, text=True)
        expect(server.soon(lambda: sockets(process) >= 30), "it begins")
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.2)
        process.send_signal(signal.SIGCONT)
        said = process.communicate(timeout=60)[0]
        expect("errors       none" in said, said)


def more_than_was_sent_is_too_much():
    def greet(client, number):
        client.sendall(b"220 hello, who is there?\r\n")
        server.echo(client, number)

    with Faulty(serve=greet) as server:
        outcome = load(server.address, "--connections", 2, *BRIEFLY)
    expect(outcome.code == 4 and outcome.errors == {"duplicated": 2}, outcome.said)


def the_result_is_written_whatever_becomes_of_the_output():
    if not HAS_JSON:
        raise Skipped("built without jansson")
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "result.json")
        with open("/dev/full", "w", encoding="ascii") as full:
            code = subprocess.call([COMMAND, "load", server.addresses[0], "--json", path, *BRIEFLY], stdout=full)
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
        expect(code == 1 and result["messages"] > 0, "exit code %d" % code)
        expect(result["settings"]["engine"] in ("epoll", "poll"), result["settings"]["engine"])


def a_file_that_cannot_be_written_is_told_before_the_run():
    for option in (["--json"] if HAS_JSON else []) + ["--report"]:
        begin = time.monotonic()
        done = subprocess.run([COMMAND, "load", "tcp://127.0.0.1:7", option, "/nowhere/file", "--duration", "60s"],
                              capture_output=True, text=True, timeout=30, check=False)
        expect(done.returncode == 1 and "/nowhere/file" in done.stderr, done.stderr)
        expect(time.monotonic() - begin < 10, "it ran first")


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


def stop_and_go(server, ends):
    """Pauses it for 200 ms every second."""
    while not ends.wait(0.8):
        server.signal(signal.SIGSTOP)
        ends.wait(0.2)
        server.signal(signal.SIGCONT)


def an_open_loop_shows_a_stalled_server():
    """A closed loop hides it: nearly nothing is sent while the server stands still."""
    found = {}
    for name, manner in (("closed", ()), ("open", ("--rate", 1000))):
        with Server() as server:
            ends = threading.Event()
            thread = threading.Thread(target=stop_and_go, args=(server, ends))
            thread.start()
            try:
                outcome = load(server.addresses[0], "--connections", 8, *manner, "--duration", "3s")
            finally:
                ends.set()
                thread.join()
            right(outcome)
            found[name] = outcome.percentile("p99")
    print("       p99: closed loop %.0f us, open loop %.0f us" % (found["closed"], found["open"]))
    expect(found["open"] > 100e3, "the open loop says %.0f us" % found["open"])
    expect(found["closed"] < 50e3, "the closed loop says %.0f us" % found["closed"])


def limits_are_explained():
    def few_descriptors():
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

    with Server() as server:
        outcome = load(server.addresses[0], "--connections", 200, *BRIEFLY, preexec=few_descriptors)
        expect(outcome.code == 1 and "ulimit -Hn" in outcome.said and "--merge" in outcome.said, outcome.said)


def ports_that_run_out_are_explained():
    """One source address in a network of its own with ten ports."""
    script = ("echo 40000 40009 >/proc/sys/net/ipv4/ip_local_port_range && ip link set lo up && "
              "{ \"$1\" echo --quiet --listen tcp://127.0.0.1:7007 & } && "
              "until \"$1\" load tcp://127.0.0.1:7007 --quiet --connections 1 --duration 10ms --warmup 0 2>/dev/null; "
              "do :; done; shift; "
              "\"$0\" load tcp://127.0.0.1:7007 \"$@\"; code=$?; kill $!; wait; exit $code")
    words = ["unshare", "-rn", "sh", "-c", script, COMMAND, COMMAND, "--connections", "30", *BRIEFLY]
    if subprocess.run(["unshare", "-rn", "sh", "-c", "ip link set lo up"], capture_output=True, check=False).returncode:
        raise Skipped("no network of our own can be had")
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr
    expect(done.returncode == 1 and "--sources 127.0.0.1-127.0.0.8" in said and "ip_local_port_range" in said, said)
    done = subprocess.run([*words, "--sources", "127.0.0.1-127.0.0.8"], capture_output=True, text=True, timeout=60,
                          check=False)
    expect(done.returncode == 0, done.stdout + done.stderr)


def a_signal_ends_it_with_a_result():
    with Server() as server:
        process = subprocess.Popen([COMMAND, "load", server.addresses[0], "--duration", "60s", "--warmup", "0"],
                                stdout=subprocess.PIPE, text=True)
        expect(server.soon(lambda: sockets(process) >= 64), "it begins")
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[0]
        expect(process.returncode == 3 and "messages" in said and "errors       none" in said, said)


def sockets(process):
    """How many it has; some others, such as files, may come and go meanwhile."""
    names = glob.glob("/proc/%d/fd/*" % process.pid)
    return sum("/socket:" in os.path.realpath(name) for name in names)


def results_of_several_processes_merge():
    if not HAS_JSON:
        raise Skipped("built without jansson")
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, "%d.json" % number) for number in range(3)]
        loads = [subprocess.Popen([COMMAND, "load", server.addresses[0], "--quiet", "--json", file, "--rate", "500",
                                   "--duration", "4s"]) for file in files]
        expect([process.wait() for process in loads] == [0, 0, 0], "all are right")
        merged = os.path.join(folder, "merged.json")
        done = subprocess.run([COMMAND, "load", "--merge", *files, "--json", merged, "--report",
                               os.path.join(folder, "page.html")], capture_output=True, text=True, check=False)
        expect(done.returncode == 0 and "by 3 processes" in done.stdout, done.stdout + done.stderr)
        parts = [json.load(open(file, encoding="utf-8")) for file in files]
        whole = json.load(open(merged, encoding="utf-8"))
        for name in ("messages", "opened", "bytes"):
            expect(whole[name] == sum(part[name] for part in parts), name)
        expect(whole["latency_us"]["most"] == max(part["latency_us"]["most"] for part in parts), "the longest")
        expect(sum(count for _, count in whole["histogram"]) == whole["messages"], "the histogram")
        expect(os.path.getsize(os.path.join(folder, "page.html")) > 1000, "the page")


def the_servers_processor_time_is_told():
    if os.environ.get("COIR_WATCHED") == "emulator":
        raise Skipped("/proc is another machine's there, its byte order, too")
    with Server() as server:
        outcome = load(server.addresses[0], "--duration", "1s")
        expect("us at the server" in outcome.said, outcome.said)


run_cases(globals(), __file__)
