# SPDX-License-Identifier: MIT
"""The servers of bench/peers/, as the list tells that the build writes: see cmake/Peers.cmake."""
import glob
import os

from compare.servers import PEER, Server

LIST = os.path.join("peers", "list.txt")
# What they are called in the report, by their names in the list.
TITLES = {"libuv": "libuv", "libevent": "libevent", "asio": "Boost.Asio", "state_threads": "State Threads", "go": "Go"}
MISSING = "missing: "


def read_lines(build):
    """The words of each line: a name, and a program with its version or what is missing."""
    path = os.path.join(build, LIST)
    if not os.path.exists(path):
        return [[name, MISSING + "tools/build.sh release peers, which builds them"] for name in TITLES]
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t") for line in file if line.strip()]


def find_source(name):
    return next(iter(glob.glob("bench/peers/%s.*" % name)), "")


def find(build):
    """All of them; those that cannot be run say what is missing."""
    found = []
    for name, what, *_ in read_lines(build):
        missing = what[len(MISSING):] if what.startswith(MISSING) else ""
        words = [] if missing else [what, "0"]
        why = "there is no " + missing if missing else ""
        found.append(Server(TITLES.get(name, name), PEER, words, find_source(name), why))
    return found


def facts(build):
    """Their versions, for the report."""
    versions = ["%s %s" % (TITLES.get(name, name), version) for name, _, *rest in read_lines(build) for version in rest]
    return {"peers": ", ".join(versions) or "none"}
