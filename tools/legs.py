#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Usage: tools/legs.py [LEG...]
          tools/legs.py --whole [BUILD...]

Runs the legs of .ci/run, or those named: each is a build or two and their tests, of
some a sample, by `make test`. Prints a line for each, and at last how many tests passed
in all. A leg fails if a test fails, if none passes, or if it takes twice its budget:
what takes a little longer, on a machine that has other things to do, is only told.

With --whole, each build, or those named, runs all its tests, system tests on both
engines. What came of it is kept in build/legs; docs/proof.md gets the table of all
builds, and why tests were skipped, as soon as there is none that was never run.

build/legs/NAME.log has all that was said. CONFIGURE is for CMake, as in tools/build.sh.
"""
import collections
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

import page

PAGE = "docs/proof.md"
MARK = "<!-- table: written by tools/legs.py --whole -->"
LOGS = "build/legs"
RESULTS = "build/tests/results.xml"  # of tools/test.sh
SUPPRESSIONS = r"\.supp\b|suppressions="

Leg = collections.namedtuple("Leg", "name builds sample budget_s")
Outcome = collections.namedtuple("Outcome", "passed failed skipped seconds complaints reasons")

LEGS = (
    Leg("test", "release debug", "", 300),
    Leg("clang", "clang", "-LE build", 180),
    Leg("ucontext", "ucontext", "-L unit|contract|build", 110),
    Leg("tsan", "tsan", "-L unit|contract|examples -E torture", 140),
    Leg("valgrind", "valgrind", "-L unit|contract|examples -E torture|stack_guard", 140),
    Leg("aarch64", "aarch64", "-R /(unit|contract)/|/echo_(peers|datagrams|addresses|crowd|drain) -E torture", 140),
    Leg("s390x", "s390x", "-L unit", 90),
)
BUILDS = ("release", "debug", "clang", "clang-debug", "tsan", "gcc-tsan", "valgrind", "ucontext", "musl", "aarch64",
          "riscv64", "i386", "armhf", "s390x")
# What a build needs that tools/setup.sh test does not install.
NEEDS = {
    "clang": "clang", "clang-debug": "clang", "tsan": "clang", "valgrind": "valgrind", "musl": "musl-gcc",
    "aarch64": "aarch64-linux-gnu-gcc qemu-aarch64", "riscv64": "riscv64-linux-gnu-gcc qemu-riscv64",
    "i386": "i686-linux-gnu-gcc", "armhf": "arm-linux-gnueabihf-gcc qemu-arm",
    "s390x": "s390x-linux-gnu-gcc qemu-s390x",
}


def judge(case):
    """What became of a test: passed, failed or skipped."""
    reason = case.find("skipped")
    if case.get("status") == "run":
        return "passed"
    return "skipped" if reason is not None and "RETURN_CODE" in reason.get("message") else "failed"


def read_reason(case):
    """Why a test was skipped, as it says itself."""
    found = re.search(r"skipped: (.+)", case.findtext("system-out"))
    return found[1] if found else None


def find_missing(leg):
    needs = [tool for build in leg.builds.split() for tool in NEEDS.get(build, "").split()]
    return [tool for tool in needs if not shutil.which(tool)]


def run_leg(leg, settings=""):
    """Builds, and runs the tests."""
    missing = find_missing(leg)
    if missing:
        text = "there is no %s; tools/setup.sh tools and machines install it where it is packaged" % missing[0]
        return Outcome(0, 0, 0, 0, [text], {})
    environment = dict(os.environ, TEST_ARGUMENTS=leg.sample)
    environment["CONFIGURE"] = " ".join((os.environ.get("CONFIGURE", ""), settings))
    if os.path.exists(RESULTS):
        os.remove(RESULTS)
    began = time.monotonic()
    with open("%s/%s.log" % (LOGS, leg.name), "w", encoding="utf-8") as said:
        code = subprocess.call(["make", "test", "PRESETS=" + leg.builds], stdout=said, stderr=said, env=environment)
    seconds = time.monotonic() - began
    cases = xml.parse(RESULTS).getroot().findall("testcase") if os.path.exists(RESULTS) else []
    counts = collections.Counter(map(judge, cases))
    complaints = [case.get("name") for case in cases if judge(case) == "failed"]
    if code != 0 and not complaints:
        complaints.append("exit code %d" % code)
    if counts["passed"] == 0:
        complaints.append("no test has passed")
    if seconds > 2 * leg.budget_s:
        complaints.append("twice its budget of %d s, and more" % leg.budget_s)
    reasons = collections.Counter(map(read_reason, (case for case in cases if judge(case) == "skipped")))
    if reasons[None]:
        complaints.append("%d tests are skipped without a word" % reasons[None])
    return Outcome(counts["passed"], counts["failed"], counts["skipped"], seconds, complaints, reasons)


def tell(leg, outcome):
    late = ", over its budget of %d s" % leg.budget_s if outcome.seconds > leg.budget_s else ""
    print("%s: %d passed, %d failed, %d skipped, %.0f s%s" % (leg.name, *outcome[:4], late), flush=True)
    if outcome.complaints and outcome.seconds > 0:
        show_log(leg)
    for complaint in outcome.complaints:
        print("%s: FAILED: %s" % (leg.name, complaint), flush=True)


def show_log(leg):
    """All but what went well, or the last of it."""
    with open("%s/%s.log" % (LOGS, leg.name), encoding="utf-8", errors="replace") as said:
        lines = [line for line in said if not re.match(r"\s*(Start +\d+:|\d+/\d+ Test .* Passed|\[\d+/\d+\])", line)]
    sys.stdout.writelines(lines[-300:])


def read_setting(build, file, name):
    """What CMake has found out about a build's compiler or system, or was told."""
    for path in glob.glob("build/%s/%s" % (build, file)):
        with open(path, encoding="utf-8") as text:
            found = re.search(r'^(?:set\()?%s(?::\w+=| ")([^"\n]*)' % name, text.read(), re.MULTILINE)
            if found:
                return found[1]
    return ""


def describe_build(build):
    """The machine, the compiler and the tools of a build: cells of the table."""
    compiler = "CMakeFiles/*/CMakeCCompiler.cmake"
    name = {"GNU": "gcc", "Clang": "clang"}[read_setting(build, compiler, "CMAKE_C_COMPILER_ID")]
    version = read_setting(build, compiler, "CMAKE_C_COMPILER_VERSION")
    machine = read_setting(build, "CMakeFiles/*/CMakeSystem.cmake", "CMAKE_SYSTEM_PROCESSOR")
    watchers = {"address": "ASan", "undefined": "UBSan", "thread": "TSan"}
    tools = [watchers[word] for word in read_setting(build, "CMakeCache.txt", "COIR_SANITIZE").split(",")
             if word in watchers]
    if read_setting(build, "CMakeCache.txt", "COIR_VALGRIND") == "ON":
        tools.append("memcheck")
    return machine, "%s %s" % (name, version), " + ".join(tools) or "none"


def count_suppressions():
    found = subprocess.run(["git", "grep", "-IlE", SUPPRESSIONS, "--", ".", ":!tools/legs.py", ":!docs"],
                           stdout=subprocess.PIPE, text=True, check=False)
    return len(found.stdout.split())


def describe_leg(build):
    """Which part of a build's tests CI runs, and how long that may take: a cell of the table."""
    for leg in LEGS:
        if build in leg.builds.split():
            sample = "`%s`" % leg.sample.replace("|", "\\|") if leg.sample else "all"
            return "%s, %d s" % (sample, leg.budget_s)
    return "no"


def make_row(build, kept):
    cells = (build, *kept["what"], *kept["counts"], kept["seconds"], describe_leg(build))
    return "| `%s` | %s | %s | %s | epoll, poll | %d | %d | %d | %.0f | %s |" % cells


def run_whole(build):
    """Runs all tests of a build; keeps what came of it."""
    leg = Leg(build, build, "", float("inf"))
    outcome = run_leg(leg, "-DCOIR_SYSTEM_ENGINES=epoll;poll")
    tell(leg, outcome)
    if outcome.seconds > 0:
        kept = {"what": describe_build(build), "counts": outcome[:3], "seconds": outcome.seconds,
                "reasons": outcome.reasons}
        with open("%s/%s.json" % (LOGS, build), "w", encoding="utf-8") as file:
            json.dump(kept, file)
    return outcome


def read_kept():
    """What came of each build, by its name."""
    kept = {}
    for build in BUILDS:
        if os.path.exists("%s/%s.json" % (LOGS, build)):
            with open("%s/%s.json" % (LOGS, build), encoding="utf-8") as file:
                kept[build] = json.load(file)
    return kept


def list_reasons(kept):
    """A row for each reason why tests were skipped."""
    where = collections.defaultdict(list)
    for build, result in kept.items():
        for reason, count in result["reasons"].items():
            where[reason].append("%s %d" % (build, count))
    return ["| %s | %s |" % (reason, ", ".join(where[reason])) for reason in sorted(where)]


def make_tables(kept):
    text = ["| Build | Machine | Compiler | Tools | Engines | Passed | Failed | Skipped | Seconds | In CI, budget |",
            "|---|---|---|---|---|---:|---:|---:|---:|---|", *(make_row(*item) for item in kept.items()), "",
            "Suppressions: %d." % count_suppressions(), "",
            "| Skipped, because | Where, and how many |", "|---|---|", *list_reasons(kept)]
    return "\n".join(text)


def publish():
    kept = read_kept()
    tables = make_tables(kept)
    print(tables)
    if len(kept) == len(BUILDS):
        page.publish(PAGE, MARK, tables, sum(result["seconds"] for result in kept.values()))


def run_legs(legs):
    outcomes = []
    for leg in legs:
        outcomes.append(run_leg(leg))
        tell(leg, outcomes[-1])
    return outcomes


def choose(names, known):
    """Those that were named, all of them if none was."""
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit("legs: there is no %s; there are: %s" % (unknown[0], ", ".join(known)))
    return names or known


def main(words):
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    os.makedirs(LOGS, exist_ok=True)
    began = time.monotonic()
    if words[:1] == ["--whole"]:
        outcomes = [run_whole(build) for build in choose(words[1:], BUILDS)]
        publish()
    else:
        names = choose(words, [leg.name for leg in LEGS])
        outcomes = run_legs([leg for leg in LEGS if leg.name in names])
    print("took %.0f s" % (time.monotonic() - began))
    print("%d passed, %d failed, %d skipped" % tuple(map(sum, list(zip(*outcomes))[:3])))
    sys.exit(1 if any(outcome.complaints for outcome in outcomes) else 0)


main(sys.argv[1:])
