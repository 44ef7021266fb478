#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# `coir echo --free-bind` on addresses that the host gets only later, in a
# network of its own, which takes unshare(1) and ip(8).
import errno
import os
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_server import Server, connect, echoes, expect, run_cases

HAS_IPV6 = os.path.exists("/proc/sys/net/ipv6")
LATE = ["tcp://192.0.2.1:7007", "udp://192.0.2.1:7007"] + ["tcp://[2001:db8::1]:7007"] * HAS_IPV6


def enter_network(words):
    """Becomes this script in a network that has nothing but the loopback."""
    own = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if "COIR_OWN_NETWORK" in os.environ:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    elif not shutil.which("unshare") or not shutil.which("ip"):
        print("skipped: no unshare, or no ip")
        sys.exit(77)
    elif subprocess.run([*own, "ip", "link", "set", "lo", "up"], stderr=subprocess.DEVNULL).returncode != 0:
        print("skipped: no right to make a network namespace")
        sys.exit(77)
    else:
        os.environ["COIR_OWN_NETWORK"] = "1"
        os.execvp(own[0], [*own, sys.executable, *words])


def add_address(address):
    subprocess.run(["ip", "address", "add", address, "dev", "lo", *["nodad"] * (":" in address)], check=True)


def is_reached(server, number):
    """True if it echoes over that address, False if there is no way there yet: one of IPv6 comes after its address."""
    try:
        return echoes(connect(server, number=number))
    except OSError as error:
        if error.errno != errno.ENETUNREACH:
            raise
        return False


def echoes_datagrams(server, number):
    host, port = server.addresses[number].split("://")[1].rsplit(":", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(30)
        client.connect((host, int(port)))
        client.send(b"hello")
        return client.recv(10) == b"hello"


def without_it_the_address_has_to_be_there():
    for address in LATE:
        code, said = Server(address=address, start=False).fail()
        expect(code == 1 and "not an address of this host" in said and "--free-bind" in said, said)


def an_address_that_comes_late_is_served():
    with Server("--free-bind", address=LATE) as server:
        expect(server.addresses == LATE, server.said)
        try:
            connect(server)
            expect(False, "the address is not there yet")
        except OSError:
            pass
        add_address("192.0.2.1/32")
        expect(echoes(connect(server)), "over TCP")
        expect(echoes_datagrams(server, 1), "over UDP")
        if HAS_IPV6:
            add_address("2001:db8::1/128")
            expect(server.soon(lambda: is_reached(server, 2)), "over IPv6")


enter_network(sys.argv)
run_cases(globals(), __file__)
