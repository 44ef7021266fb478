#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# `coir echo` keeps its limits: sessions in all, per source and in memory;
# clients that are idle, that do not read, and that have to make room. Whatever
# happens, the counters add up. Time limit: 240 s.
import os
import re
import select
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_server import SANITIZED, Server, connect, echoes, expect, is_reset, is_turned_away, run_cases

KIB = 1024


def fill(client):
    """Sends without reading until nothing more goes."""
    client.settimeout(0.3)
    sent = 0
    try:
        while True:
            sent += client.send(b"x" * 65536)
    except (socket.timeout, TimeoutError):
        return sent


def one_too_many_waits():
    with Server("--max-sessions", "2") as server:
        first, second = connect(server), connect(server)
        expect(echoes(first) and echoes(second), "two are served")
        third = connect(server)
        third.sendall(b"hello")
        third.settimeout(0.5)
        try:
            third.recv(1)
            expect(False, "a third one is served")
        except (socket.timeout, TimeoutError):
            pass
        first.close()
        third.settimeout(5)
        expect(third.recv(5) == b"hello", "the third one is served once there is room")
        second.close()
        third.close()
    expect(server.totals()["accepted"] == 3 and server.totals()["finished"] == 3, server.said)


def too_many_of_one_source_are_turned_away():
    with Server("--max-per-source", "2", address="tcp://0.0.0.0:0") as server:
        first, second = connect(server), connect(server)
        expect(echoes(first) and echoes(second), "two are served")
        expect(is_turned_away(server), "a third one of the same address is reset")
        elsewhere = connect(server, source="127.0.0.2")
        expect(echoes(elsewhere), "one of another address is served")
        first.close()
        expect(server.soon(lambda: not is_turned_away(server)), "a place is free again")
    expect(server.totals()["shed"] >= 1, server.said)


def a_unix_client_has_no_source():
    with Server("--max-per-source", "1", address="unix://@coir-limits-%d" % os.getpid()) as server:
        clients = [connect(server) for _ in range(5)]
        expect(all(echoes(client) for client in clients), "each is served")


def the_oldest_idle_one_makes_room():
    with Server("--max-sessions", "3", "--shed-idle", "--idle-timeout", "8s") as server:
        clients = [connect(server) for _ in range(3)]
        expect(all(echoes(client) for client in clients), "three are served")
        time.sleep(1.1)  # a tick is an eighth of the time-out
        expect(echoes(clients[0]), "the oldest is active")
        late = connect(server)
        expect(echoes(late), "a fourth one is served")
        expect(is_reset(clients[1]), "who was idle for longest made room")
        expect(echoes(clients[0]) and echoes(clients[2]), "the others go on")
    expect(server.totals()["shed"] == 1, server.said)


def an_idle_client_ends():
    with Server("--idle-timeout", "400ms") as server:
        idle, active = connect(server), connect(server)
        expect(echoes(idle) and echoes(active), "both are served")
        begin = time.monotonic()
        while time.monotonic() - begin < 1.5:
            expect(echoes(active), "an active one goes on")
            time.sleep(0.05)
        idle.settimeout(0.1)
        expect(idle.recv(1) == b"", "an idle one sees a clean end")
        active.close()
    expect(server.totals()["timed out"] == 1 and server.totals()["finished"] == 1, server.said)


def idle_sessions_end_in_time():
    with Server("--idle-timeout", "400ms") as server:
        idle = connect(server)
        expect(echoes(idle), "it is served")
        begin = time.monotonic()
        idle.settimeout(5)
        expect(idle.recv(1) == b"", "it ends")
        took = time.monotonic() - begin
        expect(0.39 <= took < 4, "it took %.3f s" % took)


def a_time_out_of_centuries_is_no_short_one():
    with Server("--idle-timeout", "4294967297s") as server:  # in ticks of a second, 32 bits would say two
        idle = connect(server)
        expect(echoes(idle), "it is served")
        time.sleep(4)
        expect(echoes(idle), "it is served still")


def a_deaf_client_is_reset_and_a_slow_one_is_not():
    with Server("--stall-timeout", "800ms") as server:
        deaf, slow = connect(server, room=4096), connect(server, room=4096)
        fill(deaf)
        fill(slow)
        begin = time.monotonic()
        while time.monotonic() - begin < 4:
            slow.settimeout(2)
            try:
                expect(slow.recv(65536) != b"", "a slow one goes on")
            except ConnectionResetError:
                expect(False, "a slow one is reset")
            time.sleep(0.05)
        expect(is_reset(deaf), "a deaf one is reset")
        slow.close()
    expect(server.totals()["timed out"] == 1, server.said)


def push_until(clients, happens):
    """Sends without reading until it has happened, which it returns; who is reset by then is done."""
    clients = list(clients)
    for client in clients:
        client.setblocking(False)
    end = time.monotonic() + 100
    while not happens() and time.monotonic() < end:
        for client in select.select([], clients, [], 0.1)[1]:
            try:
                client.send(b"x" * 65536)
            except ConnectionError:
                clients.remove(client)
            except BlockingIOError:
                pass
    return happens()


def memory_is_bounded_and_others_are_served():
    deaf_count = 60  # a buffer of 64 KiB for each of them would be more than three times as much as there is
    with tempfile.TemporaryDirectory() as folder, Server("--memory", "1M", "--log", folder + "/log") as server:
        polite = connect(server)
        expect(echoes(polite), "it serves")
        before = server.memory()
        deaf = [connect(server, room=4096) for _ in range(deaf_count)]

        def sheds():  # for no other reason here than that somebody has waited for memory
            with open(folder + "/log", encoding="ascii") as log:
                return re.search(r"Z shed .*: it does not read$", log.read(), re.M)

        expect(push_until(deaf, sheds), "the budget is not reached")
        grown = server.memory() - before
        print("       %d KiB more memory" % grown)
        expect(SANITIZED or grown < 2 * KIB + 10 * deaf_count, "%d KiB more" % grown)
        polite.settimeout(20)
        expect(echoes(polite), "somebody who reads is served")
        polite.close()
    expect(server.totals()["shed"] > 0 and server.totals()["timed out"] == 0, server.said)


def more_sessions_than_descriptors_are_refused():
    server = Server("--max-sessions", "4000000000", start=False)
    code, said = server.fail()
    expect(code == 1 and "hard limit" in said and "ulimit" in said, said)
    expect(said.count("\n") == 1, said)


run_cases(globals(), __file__)
