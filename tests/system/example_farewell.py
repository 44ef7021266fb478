#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 07-farewell-server: a client that reads slowly, and 6 bytes of whom are
# unread, gets all 4 MB and then the end. From a server that uses close(2) the
# same client must not, or this test could not fail.
import time

import example_helpers as peers

SIZE = 4000000


def read_slowly(server):
    """How many bytes came, and whether a reset ended them."""
    # A small buffer, so that most of the 4 MB is in the server's send queue
    # when it closes.
    peer = peers.connect(server.port, receive_buffer=16384)
    peer.sendall(b"hello\n")
    received = 0
    with peer:
        try:
            while part := peer.recv(16384):
                received += len(part)
                time.sleep(0.002)
        except ConnectionResetError:
            return received, True
    return received, False


with peers.Server(peers.PROGRAMS, "plain_close_server") as plain:
    count, was_reset = read_slowly(plain)
    peers.check(was_reset and count < SIZE, f"a plain close lost nothing: {count} bytes, reset: {was_reset}")
    print(f"plain close: {count} bytes, then a reset")

for engine in peers.ENGINES:
    with peers.Server(peers.EXAMPLES, "07-farewell-server", "tcp://127.0.0.1:0", engine=engine) as server:
        count, was_reset = read_slowly(server)
        peers.check(count == SIZE and not was_reset, f"{engine}: {count} bytes, reset: {was_reset}")
