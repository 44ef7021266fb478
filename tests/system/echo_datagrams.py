#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# `coir echo` over datagrams: all sizes come back, from the address that was
# asked; and whom it refuses to answer, lest somebody makes it talk to itself or
# shout at others. A case that takes a right which is not there is skipped, and
# says so.
import os
import socket
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_server import Server, Skipped, expect, run_cases

# Services that answer what they are sent. Binding those below 1024 takes a right.
SERVICES = (7, 11, 13, 17, 19, 37, 53, 69, 111, 123, 137, 138, 161, 389, 520, 1900, 3702, 5353, 11211)


def port_of(server, number=0):
    return int(server.addresses[number].rsplit(":", 1)[1])


def client(family=socket.AF_INET, place=None):
    one = socket.socket(family, socket.SOCK_DGRAM)
    one.settimeout(30)
    if place:
        one.bind(place)
    return one


def is_silent(one, seconds=0.3):
    one.settimeout(seconds)
    try:
        one.recv(65536)
    except (socket.timeout, TimeoutError):
        return True
    return False


def echoes(one, text=b"hello", seconds=30):
    """True if what the client sends comes back, to a connected socket: from the address that was asked."""
    one.settimeout(seconds)
    try:
        one.send(text)
        return one.recv(65536) == text
    except (socket.timeout, TimeoutError):
        return False


def send_as(source, target, text=b"hello"):
    """Sends a datagram over IPv4 that says it is from `source`."""
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    except PermissionError:
        raise Skipped("raw sockets take a right") from None
    datagram = struct.pack("!HHHH", source[1], target[1], 8 + len(text), 0) + text
    head = struct.pack(
        "!BBHHHBBH4s4s",
        *(0x45, 0, 20 + len(datagram), 1, 0, 64, socket.IPPROTO_UDP, 0),
        *(socket.inet_aton(source[0]), socket.inet_aton(target[0])),
    )
    with raw:
        raw.sendto(head + datagram, (target[0], 0))


def every_size_comes_back():
    with Server(address="udp://127.0.0.1:0") as server:
        with client() as one:
            one.connect(("127.0.0.1", port_of(server)))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            for size in (0, 1, 1472, 1473, 65507, 0):
                expect(echoes(one, os.urandom(size)), "%d bytes come back" % size)
    expect(server.totals()["messages"] == 6 and server.totals()["lost"] == 0, server.said)


def answers_come_from_the_address_that_was_asked():
    with Server(address="udp://:0") as server:
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1")):
            if family == socket.AF_INET6 and not server.addresses[0].startswith("udp://[::]"):
                print("IPv6 is off here")
                continue
            with client(family) as one:
                one.connect((host, port_of(server)))
                expect(echoes(one), "an answer from %s" % host)


def services_get_no_answer():
    refused = 0
    with Server(address="udp://127.0.0.1:0") as server:
        for port in SERVICES:
            try:
                one = client(place=("127.0.0.1", port))
            except PermissionError:
                print("port %d takes a right: left out" % port)
                continue
            except OSError:
                print("port %d is taken: left out" % port)
                continue
            with one:
                one.sendto(b"hello", ("127.0.0.1", port_of(server)))
                refused += 1
                expect(is_silent(one, 0.05), "port %d gets an answer" % port)
        with client() as one:
            one.connect(("127.0.0.1", port_of(server)))
            expect(echoes(one), "any other port gets one")
    expect(refused > 0 and server.totals()["refused"] == refused, server.said)


def it_does_not_talk_to_itself():
    """On one socket for all addresses each of ours is another way to come back."""
    with Server(address="udp://0.0.0.0:0") as server:
        port = port_of(server)
        send_as(("127.0.0.1", port), ("127.0.0.1", port))
        send_as(("127.0.0.2", port), ("127.0.0.1", port))
        with client() as one:
            one.connect(("127.0.0.1", port))
            expect(echoes(one), "others get answers")
        time.sleep(0.1)
    expect(server.totals()["refused"] == 2, server.said)
    expect(server.totals()["messages"] == 1, server.said)


def it_does_not_talk_to_another_one():
    """Two servers on one port of two hosts: a datagram that says it is from the other must not go back and forth."""
    with Server(address="udp://127.0.0.1:0") as server:
        with Server(address="udp://127.0.0.2:%d" % port_of(server)) as other:
            send_as(("127.0.0.2", port_of(server)), ("127.0.0.1", port_of(server)))
            time.sleep(0.2)
        expect(other.totals()["messages"] == 0, other.said)
    expect(server.totals()["refused"] == 1 and server.totals()["messages"] == 0, server.said)


def broadcasts_get_no_answer():
    with Server(address="udp://0.0.0.0:0") as server:
        with client() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            try:
                one.sendto(b"hello", ("127.255.255.255", port_of(server)))
            except OSError as error:
                raise Skipped("no broadcast over loopback: %s" % error) from None
            expect(is_silent(one), "a broadcast is answered")
    expect(server.totals()["refused"] == 1, server.said)


def multicasts_get_no_answer():
    with Server(address="udp://0.0.0.0:0") as server:
        with client() as one:
            one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            try:
                one.sendto(b"hello", ("224.0.0.1", port_of(server)))
            except OSError as error:
                raise Skipped("no multicast over loopback: %s" % error) from None
            expect(is_silent(one), "a multicast is answered")
    expect(server.totals()["refused"] == 1, server.said)


def unix_datagrams_come_back():
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/echo.sock"
        with Server(address=["unixgram://" + path, "unixgram://@coir-datagrams-%d" % os.getpid()]) as server:
            expect(server.addresses[0].endswith(path), server.said)
            for number, place in enumerate((path, "\0coir-datagrams-%d" % os.getpid())):
                with client(socket.AF_UNIX, "%s/client.%d" % (folder, number)) as one:
                    one.connect(place)
                    for size in (0, 5, 65536):
                        expect(echoes(one, os.urandom(size)), "%d bytes come back" % size)
        expect(not os.path.exists(path), "the socket file is gone")
    expect(server.totals()["messages"] == 6, server.said)


def half_of_a_datagram_is_no_echo():
    place = "\0coir-half-%d" % os.getpid()
    with Server(address="unixgram://@" + place[1:]) as server:
        with client(socket.AF_UNIX, "\0coir-halved-%d" % os.getpid()) as one:
            one.connect(place)
            one.send(b"x" * 65537)
            expect(is_silent(one), "it is answered")
            expect(echoes(one), "the next one is")
    expect(server.totals()["refused"] == 1 and server.totals()["lost"] == 0, server.said)


def who_has_no_address_gets_no_answer():
    place = "\0coir-nameless-%d" % os.getpid()
    with Server(address="unixgram://@" + place[1:]) as server:
        with client(socket.AF_UNIX) as one:
            one.sendto(b"hello", place)
        with client(socket.AF_UNIX, "\0coir-named-%d" % os.getpid()) as one:
            one.connect(place)
            expect(echoes(one), "who has one does")
    expect(server.totals()["lost"] == 1, server.said)


def queue_length():
    """How many datagrams wait for a Unix socket at most, but for one or two."""
    with open("/proc/sys/net/unix/max_dgram_qlen", encoding="ascii") as file:
        length = int(file.read())
    if length > 100:
        raise Skipped("%d datagrams fit a queue: each would be waited for" % length)
    return length


def a_deaf_unix_client_holds_up_nobody_for_long():
    place = "\0coir-deaf-%d" % os.getpid()
    with Server(address="unixgram://@" + place[1:]) as server:
        with client(socket.AF_UNIX, "\0coir-deaf-one-%d" % os.getpid()) as deaf:
            for _ in range(2 * queue_length() + 10):  # each waits for a place; more than both queues hold
                deaf.sendto(b"hello", place)
            with client(socket.AF_UNIX, "\0coir-hearing-%d" % os.getpid()) as one:
                one.connect(place)
                expect(echoes(one), "others are answered")
    expect(server.totals()["lost"] > 0, server.said)


def what_has_come_is_answered_before_it_leaves():
    with Server(address="udp://127.0.0.1:0") as server:
        with client() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            one.connect(("127.0.0.1", port_of(server)))
            for _ in range(50):
                one.send(b"hello")
            server.process.terminate()
            for number in range(50):
                expect(one.recv(5) == b"hello", "answer %d" % number)


run_cases(globals(), __file__)
