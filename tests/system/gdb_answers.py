# SPDX-License-Identifier: MIT
"""What gdb answers to each of several commands, for the scripts beside this file."""
import re
import sys

# Before the commands, each of which is run by tell(): an error would end a script.
TELL = """python
def tell(command):
    print("\\n== " + " ".join(command.split()[:3]))
    try:
        gdb.execute(command)
    except gdb.error as refusal:
        print(refusal)
end
"""


def skip(reason):
    print("skipped: " + reason)
    sys.exit(77)


def expect(holds, what, output=""):
    if not holds:
        print("FAILED: %s\n%s" % (what, output))
        sys.exit(1)


def split_answers(everything, commands):
    """The first words of each command, and what was said to it."""
    parts = re.split(r"^== (.*)\n", everything, flags=re.MULTILINE)
    expect(len(parts) == 1 + 2 * len(commands), "gdb did not get to the end", everything)
    return parts[1::2], parts[2::2]
