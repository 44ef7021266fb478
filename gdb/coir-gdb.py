# SPDX-License-Identifier: MIT
#
# gdb commands for programs that use coir, in live processes and core files:
# `coir tasks`, `bt`, `scopes` and `find`; see docs/guide/debugging.md.
#
# Needs no debug information: what it must know is in the library's section
# coir_debug (src/runtime/debug.h), which survives strip. Reads memory only;
# nothing of the process or of the core file is changed.
import collections
import contextlib
import re
import struct

import gdb
import gdb.unwinder

VERSION = 1
MAGIC = b"coir dbg"
FOREVER = (1 << 63) - 1
FRAMES_MOST = 1000
HANDLER_FRAMES_MOST = 64  # of a signal handler, or of an overflow, on top of a task's stack
GUARD_MOST = 1 << 16  # bytes below a stack that are nobody else's
# What a switch has pushed, from the saved stack pointer up: `registers` of 8 bytes each, pc or rip being where to go on,
# in a frame of `size` bytes. A build that switches floating-point control words has `fpu_below` bytes below and
# `fpu_above` above that. Floating-point registers are left out: nobody finds a frame by them.
Pushed = collections.namedtuple("Pushed", "registers size fpu_below fpu_above pointer")
PUSHED = {
    "x86_64": Pushed("r15 r14 r13 r12 rbx rbp rip", 56, 8, 0, "rsp"),
    "aarch64": Pushed("x29 pc x19 x20 x21 x22 x23 x24 x25 x26 x27 x28", 160, 0, 16, "sp"),
    "riscv64": Pushed("pc fp s1 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11", 208, 0, 0, "sp"),
}


# What reading a process says that is no longer whole, or a core file that never was.
UNREADABLE = (gdb.error, gdb.MemoryError, struct.error, OverflowError)


def complain(text):
    raise gdb.GdbError("coir: " + text)


def escape(text):
    """So that it does nothing to a terminal, and stays within its quotes."""
    return "".join("\\" + one if one in '"\\' else one if one.isprintable() else one.encode("unicode_escape").decode()
                   for one in text)


@contextlib.contextmanager
def selection_kept():
    """Thread and frame are selected again afterwards: frames do not outlive what unwinding here takes."""
    thread = gdb.selected_thread()
    try:
        level, frame = 0, gdb.selected_frame()
        while frame.newer() is not None:
            level, frame = level + 1, frame.newer()
    except gdb.error:
        level = 0
    try:
        yield
    finally:
        if thread is not None and thread.is_valid():
            thread.switch()
        with contextlib.suppress(gdb.error):
            frame = gdb.newest_frame()
            for _ in range(level):
                frame = frame.older()
            frame.select()


@contextlib.contextmanager
def language_c():
    """What is evaluated here is C, whatever the program is written in."""
    before = gdb.parameter("language")
    gdb.execute("set language c", to_string=True)
    try:
        yield
    finally:
        gdb.execute("set language " + before, to_string=True)


class Memory:
    """The inferior's memory, by pages that are read once."""

    PAGE = 4096

    def __init__(self):
        self.pages = {}

    def read(self, address, size):
        page = address - address % self.PAGE
        if address + size <= page + self.PAGE:
            held = self.page(page)
            if held is not None:
                return held[address - page : address - page + size]
        return bytes(gdb.selected_inferior().read_memory(address, size))

    def page(self, page):
        if page not in self.pages:
            try:
                self.pages[page] = bytes(gdb.selected_inferior().read_memory(page, self.PAGE))
            except gdb.MemoryError:
                self.pages[page] = None  # a part of it is not there: read piece by piece
        return self.pages[page]

    def number(self, address, size):
        return int.from_bytes(self.read(address, size), "little")

    def word(self, address):
        return self.number(address, 8)

    def text(self, address, most=64):
        if address == 0:
            return ""
        found = b""
        while len(found) < most and (byte := self.read(address + len(found), 1)) != b"\0":
            found += byte
        return escape(found.decode("utf-8", "replace"))


class Table:
    """The library's table, and what it leads to."""

    def __init__(self, memory, address):
        self.memory = memory
        header = memory.read(address, 48)
        magic, version, self.fact_size = struct.unpack_from("<8sII", header)
        if magic != MAGIC:
            complain("there is no table at 0x%x" % address)
        if int(gdb.parse_and_eval("sizeof(void *)")) != 8 or version == VERSION << 24:
            complain("this script reads 64-bit little-endian processes alone")
        if version != VERSION:
            complain("the library's table is of version %d, this script is for %d" % (version, VERSION))
        self.runs_head = address + 16
        self.machine = header[32:48].split(b"\0")[0].decode()
        self.facts = self.read_facts(address + 48)

    def read_facts(self, address):
        facts = {}
        while True:
            fact = self.memory.read(address, self.fact_size)
            name = fact[:-4].split(b"\0")[0].decode()
            if not name:
                return facts
            facts[name] = struct.unpack("<I", fact[-4:])[0]
            address += self.fact_size

    def runs(self):
        link, seen = self.memory.word(self.runs_head), {0, self.runs_head}
        while link not in seen:
            seen.add(link)
            yield Run(self, self.memory.word(link - self.facts["debug_run.link"] + self.facts["debug_run.loop"]))
            link = self.memory.word(link)


class Run:
    """One thread's coir_run()."""

    def __init__(self, table, loop):
        self.table = table
        self.memory = table.memory
        self.facts = table.facts
        self.loop = loop
        self.scheduler = loop + self.facts["loop.scheduler"]
        self.now = self.memory.word(self.scheduler + self.facts["scheduler.now"])
        self.tick = self.memory.number(self.scheduler + self.facts["scheduler.tick"], 4)

    def objects(self, slab):
        """The addresses of what the slab holds, oldest chunk first."""
        facts, memory = self.facts, self.memory
        size = memory.word(slab + facts["slab.object_size"])
        magic = memory.number(slab + facts["slab.magic"], 4)
        chunk = memory.word(slab + facts["slab.chunks"])
        chunks = []
        while chunk and chunk not in chunks:
            chunks.append(chunk)
            chunk = memory.word(chunk + facts["slab_chunk.next"])
        for chunk in reversed(chunks):
            first = chunk + facts["SLAB_FIRST_SLOT"]
            most = (facts["SLAB_CHUNK_SIZE"] - facts["SLAB_FIRST_SLOT"]) // size if size else 0
            for index in range(min(most, memory.word(chunk + facts["slab_chunk.slots_made"]))):
                address = first + index * size
                if memory.number(address + facts["slab_header.magic"], 4) == magic:
                    yield address

    def tasks(self):
        return [Task(self, address) for address in self.objects(self.scheduler + self.facts["scheduler.tasks"])]

    def scopes(self):
        return self.objects(self.scheduler + self.facts["scheduler.scopes"])

    def endpoints(self):
        return self.objects(self.loop + self.facts["loop.endpoints"])

    def endpoint_of(self, address):
        """The endpoint that holds the address; 0 = none."""
        facts = self.facts
        slab = self.loop + facts["loop.endpoints"]
        chunk = address - address % facts["SLAB_CHUNK_SIZE"]
        try:
            if self.memory.word(chunk + facts["slab_chunk.slab"]) != slab:
                return 0
        except gdb.MemoryError:
            return 0
        size = self.memory.word(slab + facts["slab.object_size"])
        first = chunk + facts["SLAB_FIRST_SLOT"]
        return first + (address - first) // size * size


class Task:
    def __init__(self, run, address):
        facts, memory = run.facts, run.memory
        self.run = run
        self.address = address
        self.bytes = memory.read(address, facts["sizeof task"])
        self.name = self.bytes[facts["task.name"] :].split(b"\0")[0].decode("utf-8", "replace")
        self.shown = escape(self.name)
        self.state = self.bytes[facts["task.state"]]
        self.scope = self.field("scope")
        self.home = self.field("home")
        self.stack_pointer = self.field("context.stack_pointer")
        self.stack_low = self.field("context.stack_low")
        self.stack_top = self.stack_low + self.field("context.stack_size")

    def field(self, name):
        return struct.unpack_from("<Q", self.bytes, self.run.facts["task." + name])[0]

    def is_running(self):
        return self.state == self.run.facts["TASK_RUNNING"]

    def state_text(self):
        for name in ("ready", "called", "running", "parked", "finished"):
            if self.state == self.run.facts["TASK_" + name.upper()]:
                return name
        return "state %d" % self.state

    def wait_text(self):
        facts = self.run.facts
        if not self.waits():
            return ""
        text = self.run.memory.text(self.run.memory.word(self.field("wait.kind") + facts["wait_kind.name"]))
        target = self.field("wait.object")
        endpoint = self.run.endpoint_of(target) if target else 0
        if endpoint:
            text += ", fd %d" % self.run.memory.number(endpoint + facts["endpoint.fd"], 4)
        elif target:
            text += ", 0x%x" % target
        if self.field("wait.timer.fire"):
            text += ", for another %.3f s" % ((self.field("wait.timer.node.key") - self.run.now) / 1e9)
        return text

    def waits(self):
        return self.state in (self.run.facts["TASK_PARKED"], self.run.facts["TASK_CALLED"])

    def wait_seconds(self):
        """How long it had waited when the loop last looked at the clock; None: it does not wait."""
        if not self.waits():
            return None
        since = struct.unpack_from("<I", self.bytes, self.run.facts["task.wait.since"])[0]
        return ((self.run.tick - since) % (1 << 32) << self.run.facts["SCHEDULER_TICK_SHIFT"]) / 1e9

    def stack_used(self):
        thread = find_thread(self)
        pointer = thread[1] if thread else 0 if self.is_running() else self.stack_pointer
        return self.stack_top - pointer if self.stack_low <= pointer <= self.stack_top else None

    def title(self):
        return '0x%x "%s"' % (self.address, self.shown)


def find_tables():
    """One of each copy of the library in the program; gdb may list a copy more than once."""
    if not gdb.selected_inferior().threads():
        complain("there is no process, nor a core file")
    text = gdb.execute("info files", to_string=True)
    places = re.findall(r"^\s*0x([0-9a-f]+) - 0x[0-9a-f]+ is coir_debug\b", text, re.MULTILINE)
    if not places:
        complain("no coir library is loaded in this program")
    return [Table(Memory(), int(place, 16)) for place in dict.fromkeys(places)]


def find_runs():
    runs = {run.loop: run for table in find_tables() for run in table.runs()}
    if not runs:
        complain("no thread is in coir_run()")
    return list(runs.values())


def find_task(word):
    """The task of that address or name; the first of several."""
    tasks = [task for run in find_runs() for task in run.tasks()]
    found = [task for task in tasks if task.name == word]
    if not found:
        try:
            address = int(gdb.parse_and_eval(word))
        except gdb.error:
            address = 0
        found = [task for task in tasks if task.address == address]
    if not found:
        complain("no task has the name or the address %s" % word)
    if len(found) > 1:
        print("%d tasks have that name: this is the first, of %s" % (len(found), list_addresses(found)))
    return found[0]


def list_addresses(tasks):
    some = " ".join("0x%x" % task.address for task in tasks[:10])
    return some + (" ..." if len(tasks) > 10 else "")


class Threads:
    """Where the threads are, as long as one command lasts: where their newest frame is, and the frames before it."""

    def __init__(self):
        self.pointers = {}
        self.trails = {}

    def forget(self):
        self.__init__()

    def look(self):
        with selection_kept():
            for thread in gdb.selected_inferior().threads():
                if thread.is_running():
                    continue
                thread.switch()
                self.pointers[thread.num] = int(gdb.newest_frame().read_register("sp"))
                self.trails[thread.num] = list(self.trail(gdb.newest_frame()))

    def trail(self, frame):
        for _ in range(HANDLER_FRAMES_MOST):
            if frame is None:
                return
            yield int(frame.read_register("sp"))
            try:
                frame = frame.older()
            except gdb.error:
                return

    def find(self, task):
        """The thread on the task's stack, or in a handler or an overflow on top of that, and its stack pointer."""
        if not self.pointers:
            self.look()
        for thread in gdb.selected_inferior().threads():
            trail = self.trails.get(thread.num, ()) if task.is_running() else [self.pointers.get(thread.num, 0)]
            if any(task.stack_low <= pointer <= task.stack_top for pointer in trail):
                return thread, self.pointers[thread.num]
        return None


threads = Threads()


def find_thread(task):
    """The thread that runs on the task's stack, and its stack pointer; None if there is none. Between the change of its
    state and the switch a task that is said to wait is there still."""
    return threads.find(task)


class Unwinder(gdb.unwinder.Unwinder):
    """While it has registers, the newest frame's caller is whoever was suspended with them."""

    def __init__(self):
        super().__init__("coir")
        self.registers = None
        self.newest = 0

    def __call__(self, pending):
        if self.registers is None or int(pending.read_register("sp")) != self.newest:
            return None
        # Of the suspended stack: else gdb would find its frames in an impossible order.
        info = pending.create_unwind_info(FrameIdentity(self.registers["below"], pending.read_register("pc")))
        for name, value in self.registers["values"].items():
            info.add_saved_register(name, gdb.Value(value))
        return info


class FrameIdentity:
    def __init__(self, pointer, pc):
        self.sp = gdb.Value(pointer)
        self.pc = pc


unwinder = Unwinder()


def saved_registers(task):
    """What the switch has pushed on the stack of a suspended task: registers, by name."""
    machine = task.run.table.machine
    if machine not in PUSHED:
        complain("this library switches stacks by %s, which this script cannot unwind" % machine)
    pushed = PUSHED[machine]
    switches_fpu = task.run.facts["SWITCHES_FPU"]
    names = pushed.registers.split()
    begin = task.stack_pointer + switches_fpu * pushed.fpu_below
    words = struct.unpack("<%dQ" % len(names), task.run.memory.read(begin, 8 * len(names)))
    values = dict(zip(names, words))
    values[pushed.pointer] = begin + pushed.size + switches_fpu * pushed.fpu_above
    return values


def walk(frame, known):
    """What to print of each frame from that one on. `known`: lines of earlier walks, by place."""
    lines = []
    inlined = 0
    while frame is not None and len(lines) < FRAMES_MOST:
        counter = frame.pc()
        if (counter, inlined) not in known:
            known[counter, inlined] = describe(frame, counter)
        lines.append(known[counter, inlined])
        if len(lines) == FRAMES_MOST:
            lines.append("(more than %d frames: the others are left out)" % FRAMES_MOST)
        inlined = inlined + 1 if frame.type() == gdb.INLINE_FRAME else 0
        try:
            frame = frame.older()
        except gdb.error:
            break
    return lines


def describe(frame, counter):
    place = frame.find_sal()
    text = "0x%016x in %s ()" % (counter, frame.name() or "??")
    if place.symtab is not None:
        return "%s at %s:%d" % (text, place.symtab.filename, place.line)
    library = gdb.solib_name(counter)
    return text + (" from " + library if library else "")


def innermost_caller():
    """What called the newest frame; inlined functions are frames of their own, and no callers."""
    frame = gdb.newest_frame()
    while frame.type() == gdb.INLINE_FRAME:
        frame = frame.older()
    return frame.older()


def unwind_suspended(task, known):
    try:
        values = saved_registers(task)
    except gdb.MemoryError:
        values = {}
    if not values.get("rip", values.get("pc")):
        return ["(its stack is not in this core file, or was overwritten)"]
    gdb.invalidate_cached_frames()
    unwinder.registers = None
    unwinder.newest = int(gdb.newest_frame().read_register("sp"))
    unwinder.registers = {"values": values, "below": task.stack_pointer}
    try:
        gdb.invalidate_cached_frames()
        return walk(innermost_caller(), known)
    finally:
        unwinder.registers = None
        gdb.invalidate_cached_frames()


def unwind(task, known):
    """What to print of each frame of the task. `known`: a dictionary, the same for tasks of one command."""
    found = find_thread(task)
    if found is None and task.is_running():
        return ["(no thread is on its stack: it may have resumed a coroutine, or be about to run)"]
    try:
        if found is None:
            return unwind_suspended(task, known)
        with selection_kept():
            found[0].switch()
            return walk(gdb.newest_frame(), {})
    except UNREADABLE as error:
        return ["(cannot be unwound: %s)" % error]


def describe_wait(task):
    """What it waits for; what cannot be read is no reason to say nothing of the others."""
    try:
        return task.wait_text()
    except UNREADABLE as error:
        return "(cannot be read: %s)" % error


class CoirCommand(gdb.Command):
    """See into the tasks of coir."""

    def __init__(self):
        super().__init__("coir", gdb.COMMAND_STACK, prefix=True)


class Command(gdb.Command):
    """One of those below: `answer()` prints, and leaves the rest to this."""

    def __init__(self, name):
        super().__init__(name, gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        thread = gdb.selected_thread()
        if thread is not None and thread.is_running():
            complain("the selected thread is running: stop it, or select one that stands")
        threads.forget()
        try:
            with language_c(), selection_kept():
                self.answer(gdb.string_to_argv(argument))
        except UNREADABLE as error:
            complain("%s: it is not there, or not in this core file" % error)

    def refuse_words(self, words):
        if words:
            complain("usage: " + self.__doc__.partition(":")[0])


class TasksCommand(Command):
    """coir tasks: lists every task with its state, how much of its stack is in use, how long it waits, and for what."""

    def __init__(self):
        super().__init__("coir tasks")

    def answer(self, words):
        self.refuse_words(words)
        for run in find_runs():
            tasks = run.tasks()
            print("run 0x%x: %d tasks" % (run.loop, len(tasks)))
            for task in tasks:
                used, waited = task.stack_used(), task.wait_seconds()
                used = "?" if used is None else used
                waited = "" if waited is None else "%.3f s" % waited
                values = (task.address, task.shown, task.state_text(), used, waited, describe_wait(task))
                print("0x%x  %-20s %-8s %7s %10s  %s" % values)


class BacktraceCommand(Command):
    """coir bt TASK: the backtrace of a task, by its address or its name.
    coir bt all: of every task. coir bt merged: equal backtraces once, with how many tasks have them."""

    def __init__(self):
        super().__init__("coir bt")

    def answer(self, words):
        if len(words) != 1:
            complain("usage: coir bt TASK, coir bt all, coir bt merged")
        if words[0] == "merged":
            self.show_merged()
        elif words[0] == "all":
            self.show_all()
        else:
            self.show(find_task(words[0]), {})

    def show(self, task, known):
        wait = describe_wait(task)
        print("task %s %s%s" % (task.title(), task.state_text(), ": " + wait if wait else ""))
        self.show_lines(unwind(task, known))

    def show_lines(self, lines):
        print("\n".join("#%-3d %s" % (number, line) for number, line in enumerate(lines)) + "\n")

    def show_all(self):
        known = {}
        for run in find_runs():
            for task in run.tasks():
                self.show(task, known)

    def show_merged(self):
        groups, known = {}, {}
        for run in find_runs():
            for task in run.tasks():
                groups.setdefault(tuple(unwind(task, known)), []).append(task)
        for lines, tasks in sorted(groups.items(), key=lambda group: -len(group[1])):
            print("%d task%s, such as %s" % (len(tasks), "s" if len(tasks) > 1 else "", tasks[0].title()))
            self.show_lines(lines)


class ScopesCommand(Command):
    """coir scopes: the tree of scopes, with their tasks."""

    def __init__(self):
        super().__init__("coir scopes")

    def answer(self, words):
        self.refuse_words(words)
        for run in find_runs():
            children, tasks, shown = {}, {}, set()
            for scope in run.scopes():
                parent = run.memory.word(scope + run.facts["coir_scope.parent"])
                children.setdefault(parent, []).append(scope)
            for task in run.tasks():
                tasks.setdefault(task.home, []).append(task)
            for root in children.get(0, ()):
                self.show(run, root, children, tasks, shown)
            for scope in [scope for inner in children.values() for scope in inner if scope not in shown]:
                if scope not in shown:
                    print("not in the tree:")
                    self.show(run, scope, children, tasks, shown)
            for task in [task for home in tasks if home not in shown for task in tasks[home]]:
                print("in no scope: task %s %s" % (task.title(), task.state_text()))

    def show(self, run, root, children, tasks, shown):
        pending = [(root, 0)]
        while pending:
            scope, depth = pending.pop()
            if scope in shown:
                continue
            shown.add(scope)
            print("%s%s" % ("  " * depth, self.describe(run, scope)))
            for task in tasks.get(scope, ()):
                print("%stask %s %s" % ("  " * (depth + 1), task.title(), task.state_text()))
            pending.extend((inner, depth + 1) for inner in reversed(children.get(scope, ())))

    def describe(self, run, scope):
        def fact(member, size):
            return run.memory.number(scope + run.facts["coir_scope." + member], size)

        try:
            name = run.memory.text(fact("name", 8))
        except UNREADABLE:
            name = "(cannot be read)"
        text = 'scope 0x%x "%s", %d tasks' % (scope, name, fact("child_count", 4))
        for flag in ("CANCELLED", "EXPIRED", "DRAINING"):
            if fact("reached", 1) & run.facts["COIR_SCOPE_" + flag]:
                text += ", " + flag.lower()
        text += ", shield" if fact("shield", 1) else ""
        text += ", closing" if fact("closing", 1) else ""
        if fact("nearest", 8) != FOREVER:
            text += ", %.3f s left" % ((fact("nearest", 8) - run.now) / 1e9)
        return text


class FindCommand(Command):
    """coir find fd N: who uses that descriptor. coir find address A: whose stack or object that is."""

    def __init__(self):
        super().__init__("coir find")

    def answer(self, words):
        if len(words) < 2 or words[0] not in ("fd", "address"):
            complain("usage: coir find fd N, coir find address A")
        runs = find_runs()
        number = self.read_number(" ".join(words[1:]))
        find = self.find_fd if words[0] == "fd" else self.find_address
        found = [text for run in runs for text in find(run, number)]
        if not found and words[0] == "address":
            found = [text for run in runs for text in self.find_below(run, number)]
        print("\n".join(found or ["nothing of coir has it"]))

    def read_number(self, text):
        try:
            value = gdb.parse_and_eval(text)
            kind = value.type.strip_typedefs().code
            if kind == gdb.TYPE_CODE_FUNC:
                value = value.address
            elif kind == gdb.TYPE_CODE_FLT:
                complain("%s is no whole number" % text)
            return int(value) & ((1 << 64) - 1)
        except (*UNREADABLE, TypeError, ValueError) as error:
            complain("%s is no number: %s" % (text, error))

    def find_below(self, run, address):
        for task in run.tasks():
            if 0 < task.stack_low - address <= GUARD_MOST:
                yield "%d bytes below the stack of task %s: its guard, or an overflow" % (
                    task.stack_low - address, task.title())

    def find_fd(self, run, fd):
        for endpoint in run.endpoints():
            if run.memory.number(endpoint + run.facts["endpoint.fd"], 4) == fd:
                yield from self.describe_endpoint(run, endpoint)

    def describe_endpoint(self, run, endpoint):
        facts = run.facts
        lingers = run.memory.number(endpoint + facts["endpoint.flags"], 2) & facts["ENDPOINT_LINGERS"]
        fd = run.memory.number(endpoint + facts["endpoint.fd"], 4)
        yield "endpoint 0x%x, fd %d%s" % (endpoint, fd, ", lingers" if lingers else "")
        for side in ("in",) if lingers else ("in", "out"):
            waiter = run.memory.word(endpoint + facts["endpoint.%s.waiter" % side])
            if run.memory.number(endpoint + facts["endpoint.%s.state" % side], 1) != facts["OPERATION_IDLE"] and waiter:
                task = Task(run, waiter)
                yield "  task %s %s: %s" % (task.title(), task.state_text(), task.wait_text())

    def find_address(self, run, address):
        for task in run.tasks():
            if task.stack_low <= address < task.stack_top:
                yield "on the stack of task %s, %d bytes below its top" % (task.title(), task.stack_top - address)
            elif task.address <= address < task.address + run.facts["sizeof task"]:
                yield "task %s" % task.title()
        for scope in run.scopes():
            if scope <= address < scope + run.facts["sizeof coir_scope"]:
                yield "scope 0x%x" % scope
        for endpoint in run.endpoints():
            if endpoint <= address < endpoint + run.facts["sizeof endpoint"]:
                yield from self.describe_endpoint(run, endpoint)


for command in (CoirCommand, TasksCommand, BacktraceCommand, ScopesCommand, FindCommand):
    command()
gdb.unwinder.register_unwinder(None, unwinder, replace=True)
