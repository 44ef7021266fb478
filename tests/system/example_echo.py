#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 03-echo-server, with socat and nc; then SIGTERM drains it: a session that
# still talks is answered, every client sees the end, the exit code is 0.
import random
import signal
import subprocess
import time

import example_helpers as peers

MESSAGE = random.Random(3).randbytes(1000000)


def check_command(who, command):
    back = subprocess.run(command, input=MESSAGE, stdout=subprocess.PIPE, check=True, timeout=peers.LIMIT_S)
    peers.check(back.stdout == MESSAGE, f"{who} got something else")


def check_drain(server):
    idle, busy = peers.connect(server.port), peers.connect(server.port)
    for client in (idle, busy):
        client.sendall(b"before")
        peers.check(peers.receive_exactly(client, 6) == b"before", "no echo")
    # The server finds the bytes and the signal at once, however slow we are.
    server.process.send_signal(signal.SIGSTOP)
    busy.sendall(b"after")
    server.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    server.process.send_signal(signal.SIGCONT)
    peers.check(peers.receive_to_end(busy) == b"after", "a draining session does not answer")
    peers.check(peers.receive_to_end(idle) == b"", "no end")
    took = time.monotonic() - began
    peers.check(took >= 0.2, f"the end comes after {took} s, not after 200 ms of quiet")
    for client in (idle, busy):
        client.close()
    code = server.process.wait(peers.LIMIT_S)
    peers.check(code == 0, f"the server ended with {code}")


for engine in peers.ENGINES:
    with peers.Server(peers.EXAMPLES, "03-echo-server", "tcp://127.0.0.1:0", engine=engine) as echo:
        check_command("socat", ["socat", f"-t{peers.LIMIT_S}", "-", f"TCP4:127.0.0.1:{echo.port}"])
        check_command("nc", ["nc", "-N", "127.0.0.1", str(echo.port)])
        check_drain(echo)

    # The signal is kept from the moment that the address is told.
    with peers.Server(peers.EXAMPLES, "03-echo-server", "tcp://127.0.0.1:0", engine=engine) as echo:
        echo.process.send_signal(signal.SIGTERM)
        code = echo.process.wait(peers.LIMIT_S)
        peers.check(code == 0, f"a server that nobody has used ended with {code}")
