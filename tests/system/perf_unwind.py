#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# perf unwinds the stack of a task to the task's entry and not a frame further,
# by frame pointers and by what DWARF says of each frame, through the switch
# that took the thread there.
import os
import re
import shutil
import subprocess
import sys
import tempfile

PROGRAM = os.path.join(os.environ["COIR_PROGRAMS"], "burner")
# A function that ends in the call of the next may have left its frame to it.
CALLERS = ["compute", "take_turns", "run_burner", "run_task", "begin_context"]
OPTIONAL = {"run_burner", "run_task"}


def skip(reason):
    print("skipped: " + reason)
    sys.exit(77)


def record(how, data):
    words = ["perf", "record", "-q", "-e", "cpu-clock:u", "-F", "500", "--call-graph", how, "-o", data, PROGRAM, "1500"]
    return subprocess.run(words, capture_output=True, text=True, timeout=50)


def chains(data):
    """The functions of each sample, the innermost first."""
    words = ["perf", "script", "-i", data, "-F", "ip,sym"]
    said = subprocess.run(words, capture_output=True, text=True, timeout=50, check=True).stdout
    for sample in said.strip().split("\n\n"):
        yield re.findall(r"^\s*[0-9a-f]+ (\S+)", sample, re.MULTILINE)


def is_whole(chain):
    """True if these are the callers of compute(), up to the task's entry, and that is the last."""
    wanted = [name for name in CALLERS if name not in OPTIONAL or name in chain]
    return chain[chain.index("compute") :] == wanted


def check(how):
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "perf.data")
        done = record(how, data)
        if done.returncode != 0:
            skip("perf cannot record here: " + done.stderr.strip())
        samples = [chain for chain in chains(data) if "compute" in chain]
        whole = [chain for chain in samples if is_whole(chain)]
        print("%s: %d samples in compute(), %d of them whole" % (how, len(samples), len(whole)))
        if len(samples) < 10 or len(whole) < 0.95 * len(samples):
            broken = [chain for chain in samples if not is_whole(chain)]
            print("FAILED: %s: %s" % (how, broken[:3]))
            sys.exit(1)


def main():
    if not shutil.which("perf"):
        skip("there is no perf")
    if os.environ.get("COIR_SANITIZE"):
        skip("a sanitizer's frames are between")
    if os.environ.get("COIR_WATCHED") == "emulator":
        skip("perf sees the emulator, and not what that runs")
    if os.environ["COIR_CONTEXT"] not in ("x86_64", "aarch64"):
        skip("the entry is the C library's, whose frames are its own, or perf has not been tried there")
    check("fp")
    sections = subprocess.run(["readelf", "-SW", PROGRAM], capture_output=True, text=True).stdout
    if ".eh_frame_hdr" in sections:
        check("dwarf")
    else:
        print("dwarf: the program has no table by which perf finds what DWARF says, as with musl-gcc: left out")


main()
