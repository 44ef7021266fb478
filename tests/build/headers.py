#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# The public headers say what the contract says of all of them: coir.h has them
# all; names begin with coir_ or COIR_; the one typedef is coir_time; lengths of
# time end in _ns; handles are opaque; outputs come last and are named ret_...;
# what can fail returns int, or ssize_t where it counts bytes, and is must-use,
# except coir_scope_close(); what suspends is marked; each prototype has its
# comment, with its errors and what it returns. And the marks work: an ignored
# result is a diagnosis.

import os
import pathlib
import re
import subprocess
import sys

HANDLES = ("scope", "channel", "stream", "listener", "datagram_socket", "coroutine")
NEVER_FAIL = ("coir_scope_cancel", "coir_scope_set_limit", "coir_close", "coir_abort", "coir_release")
COUNT = ("coir_read", "coir_read_exact")

include = pathlib.Path(os.environ["COIR_SOURCE"]) / "include"
failures = []


def expect(condition, complaint):
    if not condition:
        failures.append(complaint)


def strip_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def split_parameters(text):
    """The parameters of a prototype, commas inside parentheses apart."""
    depth, parts = 0, [""]
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def check_parameters(name, text):
    outputs = []
    for parameter in split_parameters(text):
        is_output = re.search(r"\bret_\w+$", parameter) is not None
        if re.search(r"\*\s*\*\s*\w+$", parameter):
            expect(is_output, f"{name}: {parameter}: an output is named ret_...")
        outputs.append(is_output)
        time = re.match(r"coir_time\s+(\w+)$", parameter)
        expect(not time or time[1].endswith("_ns"), f"{name}: {parameter}: a length of time ends in _ns")
    expect(outputs == sorted(outputs), f"{name}: outputs come last")


def check_result(comment, marks, name):
    result = re.sub(r"COIR_\w+", "", marks).strip()
    fails = "COIR_MUST_USE" in marks or name == "coir_scope_close"
    expect(fails or "Errors:" not in comment, f"{name}: can fail, and is not must-use")
    if fails:
        expect("Errors:" in comment or name == "coir_scope_close", f"{name}: its comment says no errors")
        tells = "Returns:" in comment or "otherwise as coir_" in comment
        expect(tells, f"{name}: its comment does not say what it returns")
        expect(result == ("ssize_t" if name in COUNT else "int"), f"{name}: can fail, and returns {result}")
    if name in NEVER_FAIL:
        expect(result == "void", f"{name}: cannot fail, and returns {result}")


def check_prototype(comment, marks, name, parameters):
    expect(comment, f"{name}: no comment says what it does")
    check_result(comment, marks, name)
    if "Suspends:" in comment:
        expect("COIR_SUSPENDS" in marks, f"{name}: suspends, and is not marked so")
    check_parameters(name, parameters)


PROTOTYPE = re.compile(
    r"(?P<comment>/\*\*(?:(?!\*/).)*\*/)?\s*"
    r"COIR_EXPORT (?P<marks>[^;(]*?)(?P<name>\w+)\((?P<parameters>(?:[^;])*)\);",
    re.S,
)


def check_header(path):
    text = path.read_text()
    code = strip_comments(text)
    for match in PROTOTYPE.finditer(text):
        name = match["name"]
        expect(name.startswith("coir_"), f"{path.name}: {name} is no coir_ name")
        check_prototype(match["comment"] or "", match["marks"], name, " ".join(match["parameters"].split()))
    for macro in re.findall(r"^#define (\w+)", code, flags=re.M):
        expect(macro.startswith("COIR_"), f"{path.name}: {macro} is no COIR_ name")
    for kind, tag in re.findall(r"\b(struct|enum|union) (\w+)", code):
        expect(tag.startswith("coir_") or tag == "iovec", f"{path.name}: {kind} {tag} is no coir_ name")
    for handle in HANDLES:
        expect(not re.search(rf"\bstruct coir_{handle}\s*{{", code), f"{path.name}: struct coir_{handle} is not opaque")
    for options in re.findall(r"\bstruct coir_\w+_options {(.*?)}", code, flags=re.S):
        for field in re.findall(r"\bcoir_time (\w+);", options):
            expect(field.endswith("_ns"), f"{path.name}: {field} is a length of time and does not end in _ns")
    for typedef in re.findall(r"\btypedef\b[^;]*?(\w+);", code):
        expect(typedef == "coir_time", f"{path.name}: {typedef} is a typedef; coir_time is the only one")
    return len(PROTOTYPE.findall(text))


def compiles(statement):
    program = f"#include <coir.h>\nint caller(struct coir_scope *scope);\n" \
              f"int caller(struct coir_scope *scope)\n{{\n(void)scope;\n{statement}\nreturn 0;\n}}\n"
    command = [os.environ["CC"], "-std=c11", "-Wall", "-Werror", "-c", "-o", os.devnull, "-x", "c", f"-I{include}", "-"]
    return subprocess.run(command, input=program, text=True, capture_output=True, check=False).returncode == 0


headers = sorted((include / "coir").glob("*.h"))
prototypes = sum(check_header(header) for header in headers)
expect(prototypes > 40, f"only {prototypes} prototypes were found")
everything = (include / "coir.h").read_text()
for header in headers:
    expect(f"#include <coir/{header.name}>" in everything, f"coir.h does not include {header.name}")
    lines = len(header.read_text().splitlines())
    expect(lines < 300, f"{header.name}: {lines} lines are not read in one sitting")
expect(compiles("coir_scope_close(scope);"), "coir_scope_close() is must-use")
expect(compiles("if (coir_yield() < 0) return 1;"), "a call whose result is used does not compile")
expect(not compiles("coir_yield();"), "coir_yield() is not must-use")

for failure in failures:
    print(failure)
sys.exit(1 if failures else 0)
