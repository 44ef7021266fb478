#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 04-chat-server: who hears which line; leaving, by an end, a reset and a line
# too long; who says much at once is heard to the last line; and a member who
# reads nothing delays nobody.
import socket

import example_helpers as peers

BATCH_LINES = 100  # 50 kB: never more than a socket's buffers hold
BATCHES = 240


class Member:
    """A client. Its first line shows that it is in: the others have heard it. The first has no others."""

    def __init__(self, server, name, others, receive_buffer=0):
        self.name = name
        self.socket = peers.connect(server.port, receive_buffer)
        self.lines = self.socket.makefile("rb")
        if others:
            self.tells(others, f"{name} is here")

    def says(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def hears(self, text):
        line = self.lines.readline()
        peers.check(line == text.encode() + b"\n", f"{self.name} should hear {text!r}, hears {line!r}")

    def tells(self, others, text):
        self.says(text)
        for other in others:
            other.hears(text)

    def leaves(self):
        self.lines.close()
        self.socket.close()


def check_lines(ann, bob, eve):
    ann.tells([bob, eve], "to both")
    bob.socket.sendall(b"two\nlines\nand a par")
    for line in ("two", "lines"):
        ann.hears(line)
        eve.hears(line)
    eve.tells([ann, bob], "")
    bob.socket.sendall(b"t\n")
    for other in (ann, eve):
        other.hears("and a part")


def check_leaving(server, ann, bob, eve):
    bob.leaves()
    ann.tells([eve], "bob has gone")
    eve.lines.close()
    peers.reset(eve.socket)
    tom = Member(server, "tom", [ann])
    ann.tells([tom], "eve has gone too")
    tom.socket.sendall(b"x" * 600)
    peers.check(tom.lines.readline() == b"", "a line too long is not the end")
    tom.leaves()
    # Whoever finishes still gets what was said before the end.
    kim = Member(server, "kim", [ann])
    ann.says("good-bye")
    kim.hears("good-bye")
    kim.socket.shutdown(socket.SHUT_WR)
    peers.check(kim.lines.readline() == b"", "no end for who has finished")
    kim.leaves()


def check_much_at_once(ann, bob):
    said = [str(number) for number in range(2000)]
    ann.says("\n".join(said))
    for line in said:
        bob.hears(line)


def check_slow_member(server, ann):
    bob = Member(server, "bob", [ann])
    check_much_at_once(ann, bob)
    eve = Member(server, "eve", [ann, bob], receive_buffer=4096)
    said = [f"{number:0>499}" for number in range(BATCHES * BATCH_LINES)]
    for first in range(0, len(said), BATCH_LINES):
        batch = said[first : first + BATCH_LINES]
        ann.says("\n".join(batch))
        for line in batch:
            bob.hears(line)
    # Eve has heard nothing yet. What she gets is whole, in order, and not all.
    eve.socket.shutdown(socket.SHUT_WR)
    heard = [int(line) for line in eve.lines.read().splitlines()]
    peers.check(heard == sorted(set(heard)), "lines out of order, or twice")
    peers.check(0 < len(heard) < len(said), f"the slow member got {len(heard)} of {len(said)} lines")
    ann.tells([bob], "still there?")


for engine in peers.ENGINES:
    with peers.Server(peers.EXAMPLES, "04-chat-server", "tcp://127.0.0.1:0", engine=engine) as chat:
        everybody = []
        for newcomer in ("ann", "bob", "eve"):
            everybody.append(Member(chat, newcomer, everybody))
        check_lines(*everybody)
        check_leaving(chat, *everybody)
        check_slow_member(chat, everybody[0])
