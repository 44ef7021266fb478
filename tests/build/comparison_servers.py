# SPDX-License-Identifier: MIT
"""For comparison.py: echo servers with something wrong, by their names, and loads that end in several ways."""
import json
import os
import signal
import socket
import sys
import threading

ALL = 1 << 30


def echo(client, turn=lambda piece: piece):
    with client:
        while True:
            piece = client.recv(65536)
            if not piece:
                return
            client.sendall(turn(piece))


def accept(listener, limit):
    """Serves that many; the next is closed at once."""
    for number in range(ALL):
        client = listener.accept()[0]
        if number < limit:
            threading.Thread(target=echo, args=(client,), daemon=True).start()
        else:
            client.close()


def serve(name, listener):
    if name == "good":
        accept(listener, ALL)
    elif name == "few":
        print("few: there is no room", file=sys.stderr, flush=True)
        accept(listener, 3)
    elif name == "single":
        while True:
            echo(listener.accept()[0])
    elif name == "wrong":
        while True:
            echo(listener.accept()[0], lambda piece: piece[:-1] + b"!")
    elif name == "dies":
        kept = [listener.accept()[0]]
        text = kept[0].recv(65536)
        kept[0].sendall(text)
        listener.accept()
        os.kill(os.getpid(), signal.SIGTERM)


def load(name, words):
    """A result of 1,000 messages in half a second, or less than that."""
    result = {
        "messages": 1000, "measured_s": 0.5, "latency_us": {"p50": 100.0, "p99": 250.0},
        "errors": {"refused": 0, "corrupted": 0, "lost": 0, "reset": 0}, "cpu_s": {"load": 0.25, "server": 0.49},
    }
    if name == "corrupts":
        result["errors"].update(corrupted=3, reset=1)
    if name == "nothing":
        result["messages"] = 0
    if name == "disturbed":
        result["cpu_s"] = {"load": 0.1, "server": 0.1}
    if name == "refuses":
        print("coir load: this size is not possible", file=sys.stderr)
        sys.exit(2)
    with open(words[words.index("--json") + 1], "w", encoding="utf-8") as file:
        json.dump(result, file)
    sys.exit(4 if name == "corrupts" else 0)


def main():
    kind, name = sys.argv[1:3]
    if kind == "load":
        load(name, sys.argv)
    if name == "mute":
        sys.exit("mute: cannot listen")
    listener = socket.create_server(("127.0.0.1", 0))
    print("listening on tcp://127.0.0.1:%d" % listener.getsockname()[1], file=sys.stderr, flush=True)
    serve(name, listener)


main()
