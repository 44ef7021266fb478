# SPDX-License-Identifier: MIT
"""How long the session logic of a server is, and how many states it names, between the marks in its source."""
import re

BEGIN, END = "session: begin", "session: end"


def strip_comments(text):
    """Of C, C++ and Go."""
    return re.sub(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/', lambda found: found[1] or " ", text, flags=re.DOTALL)


def find_marked(text):
    """What stands between the marks, which are comments of their own, one after another."""
    parts, rest = [], text
    while BEGIN in rest:
        before, _, after = rest.partition(BEGIN)
        part, mark, rest = after.partition(END)
        if not mark or END in before:
            raise ValueError("its marks do not fit together")
        # The rest of the line with the first mark, and the beginning of the one with the last, are comments.
        parts.append("\n".join(part.split("\n")[1:-1]))
    if not parts:
        raise ValueError('nothing is marked with "%s"' % BEGIN)
    return "\n".join(parts)


def count(path):
    """Lines with code on them, also if it is only a brace, and states: names that begin with STATE_."""
    with open(path, encoding="utf-8") as file:
        code = strip_comments(find_marked(file.read()))
    lines = [line for line in code.split("\n") if line.strip()]
    return len(lines), len(set(re.findall(r"\b(?:STATE_\w+|[sS]tate[A-Z]\w+)", code)))
