#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# The gdb commands where something is wrong: a task that has overstepped its
# stack, one that was stopped in an inlined function, backtraces that are long,
# names that a terminal would obey, words that make no sense, other languages,
# and no process. gdb's own frame stays selected; Python's errors are never
# shown. Time limit: 120 s.
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gdb_answers import TELL, expect, skip, split_answers

BUILD = os.environ["COIR_BUILD"]
PROGRAM = os.path.join(BUILD, "tests", "programs", "wrecks")
DEPTH = 300


def ask(mode, *commands):
    """What gdb says to each command, where the program has got its signal."""
    script = TELL + "".join("python tell(%r)\n" % command for command in commands)
    with tempfile.NamedTemporaryFile("w", suffix=".gdb") as file:
        file.write(script)
        file.flush()
        words = ["gdb", "-nx", "-q", "-batch", "-iex", "set auto-load safe-path /", "-iex",
                 "set debuginfod enabled off", "-ex", "run", "-x", file.name, "--args", PROGRAM, mode]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=60, check=False, env=dict(os.environ, LD_LIBRARY_PATH=BUILD))
    everything = done.stdout
    expect("Python Exception" not in everything and "Traceback" not in everything, "a Python error", everything)
    return split_answers(everything, commands)[1], everything


def an_overflow_is_its_tasks():
    (crash, address, stack), everything = ask(
        "overflow", "coir bt crash", "coir find address $_siginfo._sifields._sigfault.si_addr", "coir find address $sp")
    expect(crash.count(" in recurse (") > 100 and 'task 0x' in crash, "bt crash", everything)
    expect('below the stack of task 0x' in address and '"crash"' in address, "the address that faulted", everything)
    expect('"crash"' in stack, "the stack pointer", everything)


def an_inlined_function_is_nobody_elses():
    (sleeper, merged, crash), everything = ask("inlined", "coir bt sleeper", "coir bt merged", "coir bt crash")
    expect("crash_inlined" not in sleeper and "coir_sleep" in sleeper, "bt sleeper", everything)
    expect(merged.count("crash_inlined") == 1, "bt merged", everything)
    expect("crash_inlined" in crash and "run_task" in crash, "bt crash", everything)


def long_ones_are_whole():
    [deep], everything = ask("inlined", "coir bt deep")
    expect(deep.count(" in recurse (") == DEPTH + 1 and "begin_context" in deep, "bt deep", everything)


def the_frame_stays_selected():
    (_, _, all_of_them, frame, _, merged), everything = ask(
        "inlined", "up", "coir bt sleeper", "coir bt all", "frame", "coir tasks", "frame")
    expect(all_of_them.count("task 0x") == 5, "bt all", everything)
    expect(re.match(r"#[12] ", frame) and re.match(r"#[12] ", merged), "frame", everything)


def words_that_make_no_sense_are_refused():
    commands = ["coir find fd abc", "coir find fd 1.5", "coir find fd 99999999999999999999999",
                "coir find address *0", "coir tasks now", "coir scopes now", "coir bt", "coir bt nobody"]
    commands_after = ["set language ada", "coir tasks", "show language", "kill", "coir tasks"]
    said, everything = ask("inlined", *commands, *commands_after)
    for command, answer in zip(commands, said):
        expect(answer.startswith("coir: "), command, everything)
    expect("sleeper" in said[-4] and "ada" in said[-3], "another language", everything)
    expect("there is no process" in said[-1], "no process", everything)


def names_do_nothing_to_a_terminal():
    (tasks, scopes, odd), everything = ask("inlined", "coir tasks", "coir scopes", "coir bt all")
    for text in (tasks, scopes, odd):
        expect("\033" not in text and '\\x1b[31m\\"odd\\"' in text, "a name", everything)


def main():
    if not shutil.which("gdb") or subprocess.run(["gdb", "-batch", "-ex", "python 1"], capture_output=True).returncode:
        skip("there is no gdb with Python")
    if os.environ.get("COIR_WATCHED"):
        skip("gdb_tasks looks at what is emulated; a sanitizer or Valgrind ends the program in its own way")
    if os.environ["COIR_CONTEXT"] == "ucontext":
        skip("stacks of ucontext cannot be unwound")
    with open(PROGRAM, "rb") as file:
        if file.read(6)[4:] != b"\x02\x01":
            skip("the script reads 64-bit little-endian programs")
    for case in (an_overflow_is_its_tasks, an_inlined_function_is_nobody_elses, long_ones_are_whole,
                 the_frame_stays_selected, words_that_make_no_sense_are_refused, names_do_nothing_to_a_terminal):
        case()


main()
