#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# The gdb commands of gdb/coir-gdb.py tell the truth about a program whose
# tasks are known: attached to it, and from its core file alone; loaded by gdb
# itself with the library, and with a library that was stripped. Time limit: 120 s.
import glob
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

BUILD = os.environ["COIR_BUILD"]
PROGRAM = os.path.join(os.environ["COIR_PROGRAMS"], "idlers")
SESSIONS = 20
COMMANDS = (
    "coir tasks",
    "coir scopes",
    "coir bt merged",
    "coir bt all",
    "coir bt sleeper",
    "coir find fd %(fd)s",
    "coir find address %(address)s",
)
FRAMES = ["coir_read", "await_request", "serve", "run_session", "run_task", "begin_context"]


def skip(reason):
    print("skipped: " + reason)
    sys.exit(77)


def expect(holds, what, output=""):
    if not holds:
        print("FAILED: %s\n%s" % (what, output))
        sys.exit(1)


def count(pattern, text):
    return len(re.findall(pattern, text, re.MULTILINE))


class Idlers:
    """The program, whose working directory is where its core goes."""

    def __init__(self, folder, library):
        self.folder = folder
        environment = dict(os.environ, LD_LIBRARY_PATH=library)
        self.process = subprocess.Popen(
            [PROGRAM, str(SESSIONS)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=environment,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2),
        )
        self.fd, self.address = self.process.stdout.readline().split()

    def core(self):
        """Aborts the program; returns its core file, which the kernel writes, or gdb where that goes elsewhere."""
        saved = os.path.join(self.folder, "saved")
        subprocess.run(["gcore", "-o", saved, str(self.process.pid)], capture_output=True, text=True)
        self.process.send_signal(signal.SIGABRT)
        self.process.wait()
        cores = glob.glob(os.path.join(self.folder, "core*")) or glob.glob(saved + "*")
        if not cores:
            skip("neither the kernel nor gcore wrote a core file")
        return cores[0]

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def ask(idlers, library, *target):
    """What gdb says, which loads the script by itself."""
    words = ["gdb", "-nx", "-q", "-batch", "-iex", "set auto-load safe-path /", "-iex", "set debuginfod enabled off"]
    words += ["-iex", "set env LD_LIBRARY_PATH " + library, "-iex", "set solib-search-path " + library]
    for command in COMMANDS:
        words += ["-ex", "echo \\n== %s\\n" % command.split("%")[0].strip()]
        words += ["-ex", command % {"fd": idlers.fd, "address": idlers.address}]
    result = subprocess.run(words + list(target), capture_output=True, text=True, timeout=60)
    parts = re.split(r"^== (.*)\n", result.stdout, flags=re.MULTILINE)
    expect(len(parts) == 1 + 2 * len(COMMANDS), "gdb did not get to the end", result.stdout + result.stderr)
    return dict(zip(parts[1::2], parts[2::2])), result.stdout + result.stderr


def check_lists(idlers, said, everything):
    tasks = said["coir tasks"]
    expect(count(r"^run 0x[0-9a-f]+: %d tasks$" % (SESSIONS + 2), tasks) == 1, "tasks: their number", everything)
    expect(count(r" session +parked +\d+ +\d+\.\d+ s  read, fd \d+$", tasks) == SESSIONS, "tasks: sessions", everything)
    expect(count(r" sleeper +parked +\d+ +\d+\.\d+ s  sleep, for another 3[56]\d\d\.\d+ s$", tasks) == 1, "tasks: sleep", everything)
    expect(count(r" main +parked +\d+ +\d+\.\d+ s  scope close, 0x", tasks) == 1, "tasks: main", everything)
    ages = {name: float(age) for name, age in re.findall(r" (session|sleeper) +parked +\d+ +(\d+\.\d+) s ", tasks)}
    expect(0.29 < ages["session"] - ages["sleeper"] < 10, "tasks: for how long they wait", everything)
    scopes = said["coir scopes"]
    expect(count(r'^  scope 0x\w+ "sessions", %d tasks, closing$' % (SESSIONS + 1), scopes) == 1, "scopes", everything)
    expect(count(r'^    task 0x\w+ "session" parked$', scopes) == SESSIONS, "scopes: tasks", everything)
    task = re.search(r"^  task (0x\w+ \"session\") parked: read, fd %s$" % idlers.fd, said["coir find fd"], re.MULTILINE)
    expect(task, "find fd", everything)
    expect("on the stack of task %s," % task.group(1) in said["coir find address"], "find address", everything)


def check_backtraces(said, everything, names):
    merged = said["coir bt merged"]
    expect(count(r"^\d+ tasks?, such as ", merged) == 3, "merged: groups", everything)
    first = re.search(r"\A%d tasks, such as .*\n((?:#.*\n)+)" % SESSIONS, merged)
    expect(first, "merged: sessions come first", everything)
    found = re.findall(r"^#\d+ +0x\w+ in (\S+) \(", first.group(1), re.MULTILINE)
    expect([name for name in found if name in names] == names, "merged: frames", everything)
    expect(count(r'^task 0x\w+ "session" parked: read, fd \d+$', said["coir bt all"]) == SESSIONS, "bt all", everything)
    expect(said["coir bt all"].count(first.group(1)) == SESSIONS, "bt all: frames", everything)
    expect(" in coir_sleep ()" in said["coir bt sleeper"], "bt by name", everything)


def check(library, names):
    with tempfile.TemporaryDirectory() as folder:
        idlers = Idlers(folder, library)
        try:
            said, everything = ask(idlers, library, "-p", str(idlers.process.pid))
            check_lists(idlers, said, everything)
            check_backtraces(said, everything, names)
            core = idlers.core()
            before = os.stat(core).st_mtime_ns
            said, everything = ask(idlers, library, PROGRAM, core)
            check_lists(idlers, said, everything)
            check_backtraces(said, everything, names)
            expect(os.stat(core).st_mtime_ns == before, "the core file was changed")
        finally:
            idlers.end()


def check_running():
    """A task that is stopped in the middle of its turn."""
    words = ["gdb", "-nx", "-q", "-batch", "-iex", "set auto-load safe-path /", "-iex", "set debuginfod enabled off"]
    for command in ("set breakpoint pending on", "break coir_fd", "run", "coir tasks", "coir bt session", "kill"):
        words += ["-ex", command]
    result = subprocess.run(
        words + ["--args", PROGRAM, "3"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    expect(count(r" session +running +\d+ *$", result.stdout) == 1, "running: tasks", result.stdout + result.stderr)
    expect(count(r" session +ready +\d+ *$", result.stdout) == 2, "running: the others", result.stdout)
    expect(count(r"^#\d .* in await_request \(\)", result.stdout) == 1, "running: bt", result.stdout)


def strip_library(folder):
    """Where a stripped libcoir.so is, with the script beside it."""
    [library] = glob.glob(os.path.join(BUILD, "libcoir.so.*.*.*[0-9]"))
    name = os.path.basename(library)
    subprocess.run(["strip", "-o", os.path.join(folder, name), library], check=True)
    shutil.copy(library + "-gdb.py", folder)
    os.symlink(name, os.path.join(folder, ".".join(name.split(".")[:3])))


def main():
    if not shutil.which("gdb") or subprocess.run(["gdb", "-batch", "-ex", "python 1"], capture_output=True).returncode:
        skip("there is no gdb with Python")
    if os.environ.get("COIR_WATCHED"):
        skip("the address space of a sanitizer does not fit a core file, and Valgrind's is not the program's")
    with open(os.path.join(BUILD, "CMakeCache.txt")) as cache:
        if "COIR_CONTEXT:STRING=ucontext" in cache.read() or os.uname().machine != "x86_64":
            skip("the script knows the assembly switch of x86-64 alone")
    check(BUILD, FRAMES)
    check_running()
    with tempfile.TemporaryDirectory() as folder:
        strip_library(folder)
        check(folder, FRAMES[:4])


main()
