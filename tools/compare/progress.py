# SPDX-License-Identifier: MIT
"""What is being done, and how long it will take: on a terminal one line that changes, elsewhere a line at times."""
import sys
import time

APART_S = 10  # lines elsewhere


def show_time(seconds):
    minutes = int(seconds + 59) // 60
    if seconds < 100:
        return "%d s" % max(1, round(seconds))
    return "%d min" % minutes if minutes < 100 else "%d h %d min" % divmod(minutes, 60)


class Progress:
    """Weights are guesses in seconds; how wrong they are is seen as it goes."""

    def __init__(self, weight, file=None, clock=time.monotonic):
        self.file = file or sys.stderr
        self.clock = clock
        self.weight = weight
        self.done = 0.0
        self.began = clock()
        self.said = None  # when, and nothing on a terminal

    def left(self):
        """The seconds that are left, as far as can be told."""
        spent = self.clock() - self.began
        # A guess counts like its first twenty seconds: then what is seen outweighs it.
        pace = (spent + 20) / (self.done + 20)
        return max(0.0, self.weight - self.done) * pace

    def tell(self, text):
        line = "%3d %%  %s; %s left" % (100 * self.done / self.weight, text, show_time(self.left()))
        if self.file.isatty():
            self.file.write("\r\033[K" + line[:119])
        elif self.said is None or self.clock() - self.said >= APART_S:
            self.said = self.clock()
            self.file.write(line + "\n")
        self.file.flush()

    def add(self, weight):
        self.done += weight

    def note(self, text):
        """A line that stays."""
        if self.file.isatty():
            self.file.write("\r\033[K")
        self.file.write(text + "\n")
        self.file.flush()

    def end(self):
        if self.file.isatty():
            self.file.write("\r\033[K")
            self.file.flush()
