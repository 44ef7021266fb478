#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# How `coir echo` leaves: in a hundred drains under load, whoever had sent a
# message before SIGTERM gets the whole echo and then the end, and nobody who
# was connected is reset; a second signal, or the time-out, ends it at once,
# with exit code 3 and a count; and restarts on a socket that a supervisor keeps
# lose nobody. Time limit: 180 s.
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_server import COMMAND, SANITIZED, Server, connect, echoes, expect, is_reset, run_cases

CALLERS = os.path.join(os.environ["COIR_PROGRAMS"], "callers")
ENGINES = [os.environ["COIR_ENGINE"]] if os.environ.get("COIR_ENGINE") else ["epoll", "poll"]
DRAINS = 10 if SANITIZED else 100
RESTARTS = 20


def start_callers(uri, *arguments):
    return subprocess.Popen([CALLERS, uri, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def drain_under_load(server, milliseconds):
    """Returns how many clients there were at the signal."""
    load = start_callers(server.addresses[0], 200, milliseconds, server.process.pid)
    said = load.communicate()[0]
    expect(load.returncode == 0, "%s: a caller was not served" % server.words)
    called, here = map(int, re.match(r"(\d+) called, (\d+) of them", said).groups())
    expect(here == 200, said)
    expect(server.soon(lambda: server.process.poll() is not None), "it stays")  # else we would send a second signal
    server.end()
    expect(server.totals()["accepted"] == called, "%d called, %s" % (called, server.said))
    return here


def whoever_called_before_the_signal_is_served():
    owed = 0
    for number in range(DRAINS):
        with Server("--engine", ENGINES[number % len(ENGINES)], "--drain-quiet", "50ms") as server:
            owed += drain_under_load(server, 50 + 7 * (number % 10))
    print("       %d drains, %d callers at the signals" % (DRAINS, owed))


def fill(clients):
    """They send without reading until nothing more has gone from any of them for two seconds."""
    for client in clients:
        client.setblocking(False)
    while writable := select.select([], clients, [], 2)[1]:
        for client in writable:
            client.send(b"x" * 65536)


def await_end(server, begin, what, at_least=0.0):
    """The server ends soon after `begin`: those it waits for would take half a minute and more."""
    expect(server.soon(lambda: server.process.poll() is not None), "%s does not end it" % what)
    took = time.monotonic() - begin
    print("       ended %.0f ms after %s" % (took * 1000, what))
    expect(at_least <= took < at_least + 10, "it took %.3f s" % took)


def cut_off(server):
    found = re.search(r"cut off (\d+) sessions, and (\d+) connections", server.listen())
    return tuple(map(int, found.groups())) if found else None


def leave_twice(server, engine):
    deaf = [connect(server, room=4096) for _ in range(5)]
    quiet = [connect(server) for _ in range(3)]  # they do not leave when they are told the end
    fill(deaf)
    expect(all(echoes(client) for client in quiet), "they are served")
    server.signal(signal.SIGTERM)
    expect(all(client.recv(1) == b"" for client in quiet), "the quiet are told the end")
    expect(server.process.poll() is None, "it waits for those who do not read, and for those who do not leave")
    server.signal(signal.SIGTERM)
    await_end(server, time.monotonic(), "the second signal, " + engine)
    expect(all(is_reset(client) for client in deaf), "who does not read is reset")


def a_second_signal_ends_it_at_once():
    for engine in ENGINES:
        with Server("--engine", engine, code=3) as server:
            leave_twice(server, engine)
        expect(cut_off(server) == (5, 3), server.said)
        expect(server.totals()["cancelled"] == 5 and server.totals()["finished"] == 3, server.said)


def the_time_out_ends_it_at_once():
    for engine in ENGINES:
        with Server("--engine", engine, "--drain-timeout", "700ms", code=3) as server:
            deaf = [connect(server, room=4096) for _ in range(5)]
            fill(deaf)
            begin = time.monotonic()
            server.signal(signal.SIGTERM)
            await_end(server, begin, "the signal, with a time-out of 700 ms, " + engine, at_least=0.7)
        expect(cut_off(server) == (5, 0), server.said)


def a_door_that_breaks_is_as_good_as_a_signal():
    for engine in ENGINES:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            options = ("--engine", engine, "--drain-timeout", "500ms")
            server = Server(*options, address="fd://%d" % listener.fileno(), start=False, code=1)
            server.pass_fds = [listener.fileno()]
            server.start()
            with server:
                client = connect(server)
                expect(echoes(client), "it serves")
                listener.shutdown(socket.SHUT_RDWR)
                expect(server.soon(lambda: ": somebody has shut it down; ending" in server.listen()), "it says so")
                begin = time.monotonic()
                while echoes(client):  # it is not quiet, and is cut off all the same
                    expect(time.monotonic() < begin + 20, "the time-out ends a client that goes on")


def a_datagram_socket_that_was_given_and_is_shut_down_breaks_too():
    for engine in ENGINES:
        for family, address in ((socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_UNIX, "\0coir-leaving-%d" % os.getpid())):
            with socket.socket(family, socket.SOCK_DGRAM) as given:
                given.bind(address)
                server = Server("--engine", engine, address="fd://%d" % given.fileno(), start=False, code=1)
                server.pass_fds = [given.fileno()]
                server.start()
                with server:
                    try:
                        given.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass  # "not connected", and it is shut down all the same
                    expect(server.soon(lambda: server.process.poll() is not None), "it ends")
                    expect("can no longer serve on fd://" in server.listen(), server.said)


def serve_on(listener, engine):
    """Starts a server on the listening socket, as systemd does."""

    def hand_over():
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)  # where it was that already
        os.environ["LISTEN_FDS"] = "1"
        os.environ["LISTEN_PID"] = str(os.getpid())

    return subprocess.Popen(
        [COMMAND, "echo", "--engine", engine, "--drain-quiet", "2s"],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hand_over,
        close_fds=False,  # it would close the copy; all others close themselves
    )


def await_start(server):
    """It has announced itself: a signal would not end it before it can drain."""
    expect(any(line.startswith("engine: ") for line in server.stderr), "it ended by itself")


def accepted_by(server):
    """It has been told to leave."""
    words = server.communicate(timeout=60)[1]
    expect(server.returncode == 0, "exit code %d: %s" % (server.returncode, words))
    return int(re.search(r"^accepted (\d+) sessions", words, re.M).group(1))


def restart_under_load(listener, engine, servers):
    load = start_callers("tcp://127.0.0.1:%d" % listener.getsockname()[1], 50, RESTARTS * 250)
    servers.append(serve_on(listener, engine))
    for _ in range(RESTARTS):
        await_start(servers[-1])
        time.sleep(0.1)
        servers[-1].terminate()
        servers.append(serve_on(listener, engine))
    said = load.communicate()[0]
    expect(load.returncode == 0, "%s: a connection was lost" % engine)
    await_start(servers[-1])
    servers[-1].terminate()
    accepted = sum(map(accepted_by, servers))
    print("       %s: %s, %d servers accepted %d" % (engine, said.strip(), len(servers), accepted))
    expect(said.startswith("%d called" % accepted), said)


def restarts_lose_nobody():
    for engine in ENGINES:
        servers = []
        with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
            try:
                restart_under_load(listener, engine, servers)
            finally:
                for server in servers:
                    server.kill()
                    server.wait()


run_cases(globals(), __file__)
