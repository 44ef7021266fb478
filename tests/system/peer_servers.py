#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# The peers that coir is compared with echo as they should: the suite of
# echo_suite.py with each that was built.
# Time limit: 240 s.
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_suite import Kind, run_suite

LIST = os.path.join(os.environ["COIR_BUILD"], "peers", "list.txt")
# State Threads, as packaged, can do no more than select(2), and accepts nobody beyond. libuv keeps a descriptor to turn
# away who comes in a shortage.
PROMISES = {"libuv": {"turns_away": True}, "state_threads": {"select": True, "waits_at_limit": True}}


def read_list():
    """The peers that are there, and a word on each that is not."""
    with open(LIST, encoding="utf-8") as text:
        rows = [line.rstrip("\n").split("\t") for line in text]
    there = [Kind(name, [program], **PROMISES.get(name, {})) for name, program, *version in rows if version]
    return there, ["%s: %s" % (row[0], row[1]) for row in rows if len(row) == 2]


if not os.path.exists(LIST):
    print("skipped: the peers are not built, which the target peers does")
    sys.exit(77)
kinds, missing = read_list()
for word in missing:
    print("skipped " + word)
if not kinds:
    print("skipped: no peer's library is here")
    sys.exit(77)
run_suite(kinds)
