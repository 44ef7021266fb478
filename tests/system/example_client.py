#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 06-client-timeout tells apart, by exit code and message: an answer, a server
# that is silent, one that is not there, one that resets, one that finishes.
import os
import socket
import subprocess
import time

import example_helpers as peers

LONG_MS = 1000 * peers.LIMIT_S


def start(engine, port, limit_ms=LONG_MS):
    return subprocess.Popen(
        [os.path.join(peers.EXAMPLES, "06-client-timeout"), f"tcp://127.0.0.1:{port}", "question", str(limit_ms)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COIR_ENGINE": engine},
    )


def expect(client, code, output="", message=""):
    out, err = client.communicate(timeout=peers.LIMIT_S)
    said = f"{code} expected, got {client.returncode}, {out!r}, {err!r}"
    peers.check(client.returncode == code and out == output and message in err, said)


def hear_question(listener):
    peer = peers.accept(listener)
    question = peers.receive_exactly(peer, 9)
    peers.check(question == b"question\n", f"the client asks {question!r}")
    return peer


def expect_answer(engine, listener, port):
    client = start(engine, port)
    peer = hear_question(listener)
    peer.sendall(b"ans")
    peer.sendall(b"wer\n")
    peers.check(peers.receive_to_end(peer) == b"", "the client says more than its question")
    peer.close()
    expect(client, 0, "answer\n")


def expect_time_out(engine, listener, port):
    began = time.monotonic()
    client = start(engine, port, 300)
    peer = hear_question(listener)
    peer.sendall(b"no whole line")
    expect(client, 3, message="deadline")
    took = time.monotonic() - began
    peers.check(0.3 <= took < peers.LIMIT_S, f"the client gave up after {took} s")
    peers.check(peers.is_reset(peer), "the client that gave up still wants the answer")
    peer.close()


def expect_refusal(engine):
    # Bound and not listening: nobody else gets the port meanwhile.
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        expect(start(engine, holder.getsockname()[1]), 4, message="nobody listens")


def expect_reset(engine, listener, port):
    client = start(engine, port)
    peers.reset(hear_question(listener))
    expect(client, 5, message="reset")


def expect_finish(engine, listener, port):
    client = start(engine, port)
    hear_question(listener).close()
    expect(client, 6, message="finished")


for chosen in peers.ENGINES:
    ours, number = peers.listen()
    with ours:
        for case in (expect_answer, expect_time_out, expect_reset, expect_finish):
            case(chosen, ours, number)
        expect_refusal(chosen)
