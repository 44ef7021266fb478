# SPDX-License-Identifier: MIT
#
# For tests that drive the examples. Peers are plain blocking sockets with a
# time-out, so a test waits for what must happen and never for luck.
import os
import re
import socket
import struct
import subprocess
import sys

LIMIT_S = 30
EXAMPLES = os.environ["COIR_EXAMPLES"]
PROGRAMS = os.environ["COIR_PROGRAMS"]
ENGINES = [os.environ["COIR_ENGINE"]] if "COIR_ENGINE" in os.environ else ["epoll", "poll"]


def check(condition, what):
    if not condition:
        print("FAILED: " + what, file=sys.stderr)
        sys.exit(1)


class Server:
    """A program that says on standard error where it listens; killed at the end of a `with`."""

    def __init__(self, folder, name, *arguments, engine="auto"):
        self.name = name
        self.process = subprocess.Popen(
            [os.path.join(folder, name), *arguments],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COIR_ENGINE": engine},
        )
        line = self.process.stderr.readline()
        found = re.search(r"listening on ((?:tcp|udp)://127\.0\.0\.1:([1-9][0-9]*))$", line.rstrip())
        check(found, f"{name}: says {line!r}")
        self.uri = found.group(1)
        self.port = int(found.group(2))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        early = self.process.poll()
        self.process.kill()
        said = self.process.communicate()[1]
        check(not early, f"{self.name}: ended with {early}, says:\n{said}")


def connect(port, receive_buffer=0):
    peer = socket.socket()
    peer.settimeout(LIMIT_S)
    if receive_buffer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    peer.connect(("127.0.0.1", port))
    return peer


def listen():
    """A listening socket of ours, and its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(LIMIT_S)
    return listener, listener.getsockname()[1]


def accept(listener):
    peer, _ = listener.accept()
    peer.settimeout(LIMIT_S)
    return peer


def receive_exactly(peer, size):
    received = bytearray()
    while len(received) < size:
        part = peer.recv(size - len(received))
        check(part, f"the end after {len(received)} of {size} bytes")
        received += part
    return bytes(received)


def receive_to_end(peer):
    received = bytearray()
    while part := peer.recv(65536):
        received += part
    return bytes(received)


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def is_reset(peer):
    """Waits for what comes next: whether it is a reset."""
    try:
        return peer.recv(1) and False
    except ConnectionResetError:
        return True
