#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 08-udp-echo, with socat and plain sockets: datagrams come back as they are,
# also the empty one and the largest; a peer that may answer by itself gets
# nothing; a SIGTERM finds what has come answered, and the exit code is 0.
import random
import signal
import socket
import subprocess

import example_helpers as peers

SIZES = [0, 1, 512, 1472, 1473, 16384, 16385, 65507]


def new_client(address=("127.0.0.1", 0)):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(peers.LIMIT_S)
    client.bind(address)
    return client


def check_socat(server):
    # One datagram a block of its input; it ends when an empty one comes back, or after -T.
    command = ["socat", "-T1", "-b512", "-", f"UDP4:127.0.0.1:{server.port}"]
    back = subprocess.run(command, input=b"s" * 500, stdout=subprocess.PIPE, check=True, timeout=peers.LIMIT_S)
    peers.check(back.stdout == b"s" * 500, f"socat got {back.stdout!r}")


def check_sizes(server):
    with new_client() as client:
        client.connect(("127.0.0.1", server.port))
        for size in SIZES:
            message = random.Random(size).randbytes(size)
            client.send(message)
            peers.check(client.recv(65536) == message, f"{size} bytes came back otherwise")


def check_refusal(server):
    """A peer on a port of the system is no client: what comes after it is answered first."""
    try:
        service = new_client(("127.0.0.1", 19))
    except OSError:
        print("skipped: ports below 1024 are not ours to use")
        return
    with service, new_client() as client:
        service.sendto(b"chargen", ("127.0.0.1", server.port))
        client.sendto(b"client", ("127.0.0.1", server.port))
        peers.check(client.recv(100) == b"client", "no answer")
        service.setblocking(False)
        try:
            peers.check(False, f"chargen was sent {service.recv(100)!r}")
        except BlockingIOError:
            pass


def check_drain(server):
    with new_client() as client:
        # The server finds the datagrams and the signal at once, however slow we are.
        server.process.send_signal(signal.SIGSTOP)
        for number in range(10):
            client.sendto(bytes([number]), ("127.0.0.1", server.port))
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGCONT)
        for number in range(10):
            peers.check(client.recv(10) == bytes([number]), "a drain leaves datagrams unanswered")
    code = server.process.wait(peers.LIMIT_S)
    peers.check(code == 0, f"the server ended with {code}")


for engine in peers.ENGINES:
    with peers.Server(peers.EXAMPLES, "08-udp-echo", "udp://127.0.0.1:0", engine=engine) as echo:
        check_socat(echo)
        check_sizes(echo)
        check_refusal(echo)
        check_drain(echo)
