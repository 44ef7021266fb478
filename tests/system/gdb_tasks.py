#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# The gdb commands of gdb/coir-gdb.py tell the truth about a program whose
# tasks are known: attached to it, and from its core file alone; loaded by gdb
# itself with the library, and with a library that was stripped. An emulated
# program is looked at through its emulator, by a gdb that knows other machines,
# and in the core file that the emulator writes. What the script cannot read, and
# stacks that it cannot unwind, it says. Time limit: 120 s.
import glob
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gdb_answers import TELL, expect, skip, split_answers

BUILD = os.environ["COIR_BUILD"]
PROGRAM = os.path.join(os.environ["COIR_PROGRAMS"], "idlers")
BINARY = os.path.join(BUILD, "tests", "programs", "idlers")
EMULATED = os.environ.get("COIR_WATCHED") == "emulator"
GDB = "gdb-multiarch" if EMULATED else "gdb"
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


def count(pattern, text):
    return len(re.findall(pattern, text, re.MULTILINE))


class Idlers:
    """The program, whose working directory is where its core goes. Under an emulator, which waits for gdb before it
    begins, with the gdb that has let it go on."""

    def __init__(self, folder, library):
        self.folder = folder
        self.library = library
        self.script = os.path.join(folder, "commands")
        self.stub = os.path.join(folder, "stub")
        environment = dict(os.environ, LD_LIBRARY_PATH=library)
        if EMULATED:
            environment["QEMU_GDB"] = self.stub
        self.process = subprocess.Popen(
            [PROGRAM, str(SESSIONS)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=environment,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2),
        )
        self.debugger = None
        if EMULATED:
            self.debugger = start_gdb(library, *reach(self.stub), "-ex", "continue", "-x", self.script, "-ex", "detach")
        self.fd, self.address = self.process.stdout.readline().split()
        while self.state() in "RD":
            time.sleep(0.02)
        with open(self.script, "w") as script:
            script.write(TELL)
            for command in COMMANDS:
                script.write('python tell("%s")\n' % command % {"fd": self.fd, "address": self.address})

    def state(self):
        """A letter, as in proc(5): after what it has printed, the wait of its loop is the first that it sleeps in."""
        with open("/proc/%d/stat" % self.process.pid) as stat:
            return stat.read().rpartition(")")[2].split()[0]

    def ask(self):
        """What gdb says of the process."""
        if EMULATED:
            self.process.send_signal(signal.SIGINT)
        return answers(self.debugger or start_gdb(self.library, "-x", self.script, "-p", str(self.process.pid)))

    def ask_core(self, core):
        """What gdb says of the core file."""
        return answers(start_gdb(self.library, *place_program(core), "-x", self.script, BINARY, core))

    def core(self):
        """Aborts the program; returns its core file, which the kernel or the emulator writes, or gdb where that goes
        elsewhere."""
        saved = os.path.join(self.folder, "saved")
        if not EMULATED:
            subprocess.run(["gcore", "-o", saved, str(self.process.pid)], capture_output=True, text=True)
        self.process.send_signal(signal.SIGABRT)
        self.process.wait()
        patterns = ["qemu_*.core"] if EMULATED else ["core*", "saved*"]
        cores = [core for pattern in patterns for core in glob.glob(os.path.join(self.folder, pattern))]
        return cores[0] if cores else None

    def end(self):
        for process in (self.process, self.debugger):
            if process:
                process.kill()
                process.wait()
                process.stdout.close()


def start_gdb(library, *words):
    """gdb, which loads the script by itself."""
    settings = ["auto-load safe-path /", "debuginfod enabled off", "breakpoint pending on"]
    settings += ["env LD_LIBRARY_PATH " + library, "solib-search-path " + library]
    settings = [word for setting in settings for word in ("-iex", "set " + setting)]
    return subprocess.Popen(
        [GDB, "-nx", "-q", "-batch", *settings, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def reach(stub):
    """Words for gdb to debug what waits at an emulator's socket."""
    end = time.monotonic() + 30
    while not os.path.exists(stub):
        expect(time.monotonic() < end, "the emulator does not wait for gdb")
        time.sleep(0.02)
    # Files of the machine are not to be had from the emulator, and the library is where it is said to be.
    return "-iex", "set sysroot /nowhere", BINARY, "-ex", "target remote " + stub


def place_program(core):
    """Words for gdb where a core file does not tell it where the program lies: an emulator leaves out all code, and the
    headers with it."""
    if not EMULATED:
        return ()
    with open(core, "rb") as file:
        header = file.read(4096)
    first, size, count = struct.unpack_from("<Q14xHH", header, 32)
    parts = [struct.unpack_from("<II2Q", header, first + index * size) for index in range(count)]
    lowest = min(address for kind, _, _, address in parts if kind == 1)  # PT_LOAD
    commands = ("symbol-file -o 0x%x %s" % (lowest, BINARY), "core-file " + core)
    return ("-iex", "set sysroot /nowhere", *(word for command in commands for word in ("-ex", command)))


def answers(debugger):
    """What it says to each command, and all that it says."""
    everything = debugger.communicate(timeout=60)[0]
    return dict(zip(*split_answers(everything, COMMANDS))), everything


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


def is_readable():
    """True for a 64-bit little-endian program."""
    with open(BINARY, "rb") as file:
        return file.read(6)[4:] == b"\x02\x01"


def judge(idlers, said, everything, names):
    if not is_readable():
        expect(all("reads 64-bit little-endian processes alone" in text for text in said.values()), "refusals", everything)
        return
    check_lists(idlers, said, everything)
    if names:
        check_backtraces(said, everything, names)
    else:
        refused = [command for command in said if "by ucontext, which this script cannot unwind" in said[command]]
        expect(refused == ["coir bt merged", "coir bt all", "coir bt sleeper"], "bt: refusals", everything)


def check_core(idlers, names):
    core = idlers.core()
    if core is None:
        print("nobody here writes a core file: left out")
        return
    before = os.stat(core).st_mtime_ns
    judge(idlers, *idlers.ask_core(core), names)
    expect(os.stat(core).st_mtime_ns == before, "the core file was changed")


def check(library, names):
    with tempfile.TemporaryDirectory() as folder:
        idlers = Idlers(folder, library)
        try:
            judge(idlers, *idlers.ask(), names)
            if is_readable():
                check_core(idlers, names)
        finally:
            idlers.end()


def check_running():
    """A task that is stopped in the middle of its turn."""
    commands = ["-ex", "coir tasks", "-ex", "coir bt session", "-ex", "kill"]
    with tempfile.TemporaryDirectory() as folder:
        if EMULATED:
            stub = os.path.join(folder, "stub")
            program = subprocess.Popen([PROGRAM, "3"], env=dict(os.environ, QEMU_GDB=stub))
            debugger = start_gdb(BUILD, *reach(stub), "-ex", "break coir_fd", "-ex", "continue", *commands)
        else:
            program = None
            debugger = start_gdb(BUILD, "-ex", "break coir_fd", "-ex", "run", *commands, "--args", PROGRAM, "3")
        said = debugger.communicate(timeout=60)[0]
        if program:
            program.wait()
    expect(count(r" session +running +\d+ *$", said) == 1, "running: tasks", said)
    expect(count(r" session +ready +\d+ *$", said) == 2, "running: the others", said)
    expect(count(r"^#\d .* in await_request \(\)", said) == 1, "running: bt", said)


def strip_library(folder):
    """Where a stripped libcoir.so is, with the script beside it."""
    [library] = glob.glob(os.path.join(BUILD, "libcoir.so.*.*.*[0-9]"))
    name = os.path.basename(library)
    subprocess.run([os.environ["COIR_STRIP"], "-o", os.path.join(folder, name), library], check=True)
    shutil.copy(library + "-gdb.py", folder)
    os.symlink(name, os.path.join(folder, ".".join(name.split(".")[:3])))


def main():
    if not shutil.which(GDB) or subprocess.run([GDB, "-batch", "-ex", "python 1"], capture_output=True).returncode:
        skip("there is no %s with Python" % GDB)
    if os.environ.get("COIR_WATCHED") in ("sanitizer", "valgrind"):
        skip("the address space of a sanitizer does not fit a core file, and Valgrind's is not the program's")
    names = FRAMES if os.environ["COIR_CONTEXT"] != "ucontext" else []
    check(BUILD, names)
    if is_readable():
        check_running()
        with tempfile.TemporaryDirectory() as folder:
            strip_library(folder)
            check(folder, names[:4])


main()
