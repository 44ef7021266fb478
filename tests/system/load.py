#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# `coir load` against servers that are right, stand still or are not there, within
# limits of every kind: what it says, and its exit code. Time limit: 180 s.
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


def nobody_there_is_said():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = load("tcp://127.0.0.1:%d" % port, "--connections", 5, *BRIEFLY)
    expect(outcome.code == 1 and outcome.errors == {"refused": 5}, outcome.said)
    expect("does the server run" in outcome.said and "more like this" in outcome.said, outcome.said)


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


def a_pipe_gets_all_of_the_page_or_the_wait_for_a_reader_can_be_ended():
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        pipe = os.path.join(folder, "pipe")
        os.mkfifo(pipe)
        words = [COMMAND, "load", server.addresses[0], *BRIEFLY, "--quiet", "--report", pipe]
        reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
        subprocess.run(words, timeout=60, check=False)
        expect(reader.communicate(timeout=60)[0].rstrip().endswith(b"</html>"), "the page is not whole")
        process = subprocess.Popen([*words, "--duration", "1s"])
        expect(server.soon(lambda: sockets(process) >= 64), "it begins")
        expect(server.soon(lambda: sockets(process) == 0), "it ends")
        expect(process.poll() is None, "nobody reads, and it does not wait")
        process.send_signal(signal.SIGTERM)
        server.soon(lambda: process.poll() is not None)
        process.kill()
        expect(process.wait() == -signal.SIGTERM, "nobody reads, and it waits on")


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
    words = ["timeout", "50", "unshare", "-rn", "sh", "-c", script, COMMAND, COMMAND, "--connections", "30", *BRIEFLY]
    if subprocess.run(["unshare", "-rn", "sh", "-c", "ip link set lo up"], capture_output=True, check=False).returncode:
        raise Skipped("no network of our own can be had")
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr
    expect(done.returncode == 1 and "--sources 127.0.0.1-127.0.0.8" in said and "ip_local_port_range" in said, said)
    done = subprocess.run([*words, "--sources", "127.0.0.1-127.0.0.8"], capture_output=True, text=True, timeout=60,
                          check=False)
    expect(done.returncode == 0, done.stdout + done.stderr)
    script = ("echo 40000 40009 >/proc/sys/net/ipv4/ip_local_port_range && ip link set lo up && "
              "exec \"$0\" load udp://127.0.0.1:7007 \"$@\"")
    done = subprocess.run(["unshare", "-rn", "sh", "-c", script, COMMAND, "--connections", "20", *BRIEFLY],
                          capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr
    expect(done.returncode == 1 and "ip_local_port_range" in said and "no_port" in said, said)


def a_signal_ends_it_with_a_result():
    with Server() as server:
        process = subprocess.Popen([COMMAND, "load", server.addresses[0], "--duration", "60s", "--warmup", "0"],
                                stdout=subprocess.PIPE, text=True)
        expect(server.soon(lambda: sockets(process) >= 64), "it begins")
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[0]
        expect(process.returncode == 3 and "messages" in said and "errors       none" in said, said)


def sockets(process):
    """How many it has."""
    return sum(is_socket(name) for name in glob.glob("/proc/%d/fd/*" % process.pid))


def is_socket(descriptor):
    try:
        return os.readlink(descriptor).startswith("socket:")
    except FileNotFoundError:
        return False  # closed since it was listed


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
        twice = [files[0], os.path.join(folder, ".", os.path.basename(files[0]))]
        done = subprocess.run([COMMAND, "load", "--merge", *twice], capture_output=True, text=True, check=False)
        expect(done.returncode == 2 and "is named twice" in done.stderr, done.stderr)


def the_servers_processor_time_is_told():
    if os.environ.get("COIR_WATCHED") == "emulator":
        raise Skipped("/proc is another machine's there, its byte order, too")
    with Server() as server:
        outcome = load(server.addresses[0], "--duration", "1s")
        expect("us at the server" in outcome.said, outcome.said)


run_cases(globals(), __file__)
