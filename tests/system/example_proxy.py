#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 05-tcp-proxy: half-close in both directions, bulk both ways at once, resets
# that pass through at any time, and socat to 03-echo-server through it.
import random
import select
import socket
import subprocess
import threading

import example_helpers as peers

BULK = random.Random(5).randbytes(32 << 20)


class Route:
    """A client and a target, connected through the proxy."""

    def __init__(self, proxy, listener):
        self.client = peers.connect(proxy.port)
        self.target = peers.accept(listener)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.target.close()

    def both_ways(self):
        return (self.client, self.target), (self.target, self.client)


def check_half_close(near, far):
    near.sendall(b"question")
    near.shutdown(socket.SHUT_WR)
    peers.check(peers.receive_to_end(far) == b"question", "half-close: the question")
    # The end has gone through; the other direction goes on, and not once only.
    for _ in range(3):
        far.sendall(b"answer")
        peers.check(peers.receive_exactly(near, 6) == b"answer", "half-close: the answer")
    far.shutdown(socket.SHUT_WR)
    peers.check(peers.receive_to_end(near) == b"", "half-close: the end")


def check_bulk(client, target):
    def send(peer):
        peer.sendall(BULK)
        peer.shutdown(socket.SHUT_WR)

    def receive(peer, name):
        received[name] = peers.receive_to_end(peer)

    received = {}
    threads = [threading.Thread(target=send, args=(peer,)) for peer in (client, target)]
    threads += [threading.Thread(target=receive, args=(client, "client"))]
    for thread in threads:
        thread.start()
    receive(target, "target")
    for thread in threads:
        thread.join()
    for name in ("client", "target"):
        peers.check(received.get(name) == BULK, f"bulk: the {name} got something else")


def check_reset(near, far):
    near.sendall(b"x")
    peers.check(peers.receive_exactly(far, 1) == b"x", "reset: a byte first")
    peers.reset(near)
    peers.check(peers.is_reset(far), "reset: it does not pass through")


def check_reset_after_finish(near, far):
    near.shutdown(socket.SHUT_WR)
    peers.check(peers.receive_to_end(far) == b"", "reset after finish: the end first")
    peers.reset(near)
    # A read gives the end again, whatever follows; poll(2) tells.
    poll = select.poll()
    poll.register(far, 0)
    ready = poll.poll(1000 * peers.LIMIT_S)
    peers.check(ready and ready[0][1] & select.POLLERR, "reset after finish: it does not pass through")


def check_socat(engine):
    with peers.Server(peers.EXAMPLES, "03-echo-server", "tcp://127.0.0.1:0", engine=engine) as echo:
        with peers.Server(peers.EXAMPLES, "05-tcp-proxy", "tcp://127.0.0.1:0", echo.uri, engine=engine) as proxy:
            back = subprocess.run(
                ["socat", f"-t{peers.LIMIT_S}", "-", f"TCP4:127.0.0.1:{proxy.port}"],
                input=BULK[: 1 << 20],
                stdout=subprocess.PIPE,
                check=True,
            )
            peers.check(back.stdout == BULK[: 1 << 20], "socat got something else")


def check_refusal(engine):
    with socket.socket() as holder:  # Bound and not listening.
        holder.bind(("127.0.0.1", 0))
        uri = f"tcp://127.0.0.1:{holder.getsockname()[1]}"
        with peers.Server(peers.EXAMPLES, "05-tcp-proxy", "tcp://127.0.0.1:0", uri, engine=engine) as proxy:
            try:
                client = peers.connect(proxy.port)
            except ConnectionResetError:
                return  # So soon that connecting has not returned.
            with client:
                peers.check(peers.is_reset(client), "a refusal does not pass through")


def check_engine(engine):
    listener, port = peers.listen()
    target = f"tcp://127.0.0.1:{port}"
    with listener, peers.Server(peers.EXAMPLES, "05-tcp-proxy", "tcp://127.0.0.1:0", target, engine=engine) as proxy:
        for check in (check_half_close, check_reset, check_reset_after_finish):
            for way in (0, 1):
                with Route(proxy, listener) as route:
                    check(*route.both_ways()[way])
        with Route(proxy, listener) as route:
            check_bulk(route.client, route.target)


for chosen in peers.ENGINES:
    check_engine(chosen)
    check_refusal(chosen)
    check_socat(chosen)
