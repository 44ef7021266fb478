# SPDX-License-Identifier: MIT
"""A run of `coir load`, and what it has told, for the scripts beside this file."""
import json
import os
import re
import subprocess
import tempfile

from echo_server import COMMAND, expect

BRIEFLY = ("--duration", "150ms", "--warmup", "20ms")
LONGER = ((), ("--duration", "1s"), ("--duration", "10s"))
HAS_JSON = subprocess.run([COMMAND, "load", "--merge", "/nonexistent"], stderr=subprocess.PIPE, text=True,
                          check=False).stderr.find("jansson") < 0


class Run:
    """Goes on until `finish()`, which gives what it has told."""

    def __init__(self, *words, preexec=None):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "result.json")
        json_words = ["--json", self.path] if HAS_JSON else []
        self.process = subprocess.Popen([COMMAND, "load", *map(str, words), *json_words], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, preexec_fn=preexec)

    def finish(self, limit=60):
        try:
            said = self.process.communicate(timeout=limit)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            expect(False, "it does not end within %d s: %s" % (limit, self.process.communicate()[0]))
        outcome = Outcome(self.process.returncode, said, self.path)
        self.folder.cleanup()
        return outcome


class Outcome:
    def __init__(self, code, said, path):
        self.code = code
        self.said = said
        self.errors = {name: int(count.replace(",", ""))
                       for name, count in re.findall(r"^    ([a-z_]+) +([\d,]+): ", said, re.M)}
        messages = re.search(r"^  messages +([\d,]+)", said, re.M)
        self.messages = int(messages.group(1).replace(",", "")) if messages else 0
        self.result = {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.result = json.load(file)


    def percentile(self, name):
        """In microseconds."""
        number, unit = re.search(r"%s ([\d.]+) (us|ms|s)\b" % re.escape(name), self.said).groups()
        return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


def load(*words, preexec=None):
    return Run(*words, preexec=preexec).finish()


def right(outcome, least=1):
    expect(outcome.code == 0 and not outcome.errors, "exit code %d: %s" % (outcome.code, outcome.said))
    expect(outcome.messages >= least, outcome.said)


def right_briefly(*words):
    """A short run is right; or a longer one, on a machine that had no time for a message, or for all that were due."""
    for longer in LONGER:
        outcome = load(*words, *BRIEFLY, *longer)
        late = outcome.code == 0 and outcome.messages == 0 or outcome.code == 1 and "NOT SENT" in outcome.said
        if outcome.errors or not late:
            break
    right(outcome)


def failed(outcome, code, **errors):
    expect(outcome.code == code and outcome.errors == errors,
           "exit code %d, not %d with %s: %s" % (outcome.code, code, errors, outcome.said))
