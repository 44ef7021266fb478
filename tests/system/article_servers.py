#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# The servers of examples/echo/ against one suite: each case of echo_suite.py
# with each of them. Named on the command line: servers or cases.
# Time limit: 240 s.
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_suite import Kind, run_suite

FOLDER = os.path.join(os.environ["COIR_EXAMPLES"], "echo")
ENGINES = [os.environ["COIR_ENGINE"]] if os.environ.get("COIR_ENGINE") else ["epoll", "poll"]


def choose(name, **promises):
    return Kind(name, [os.path.join(FOLDER, name)], **promises)


run_suite([
    choose("blocking", one_at_a_time=True, waits_in_accept=True),
    choose("threads", waits_in_accept=True),
    choose("select", select=True),
    choose("poll"),
    choose("epoll"),
    *(choose("coir", engine=engine)._replace(name="coir/" + engine) for engine in ENGINES),
])
