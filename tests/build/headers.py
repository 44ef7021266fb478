#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# The public headers say what the contract says of all of them: coir.h has them
# all; names begin with coir_ or COIR_; the one typedef is coir_time; outputs
# come last and are named ret_...; what can fail is must-use, except
# coir_scope_close(); what suspends is marked; each prototype has its comment.
# And the marks work: an ignored result is a diagnosis.

import os
import pathlib
import re
import subprocess
import sys

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
    expect(outputs == sorted(outputs), f"{name}: outputs come last")


def check_prototype(comment, marks, name, parameters):
    expect(comment, f"{name}: no comment says what it does")
    if "Errors:" in comment:
        expect("COIR_MUST_USE" in marks or name == "coir_scope_close", f"{name}: can fail, and is not must-use")
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
