# SPDX-License-Identifier: MIT
"""Pages of docs/ that hold figures between two marks, for the scripts that measure them."""
import datetime
import os

END = "<!-- end of figures -->"


def publish(page, mark, table, seconds):
    """Puts the table, measured today in so many seconds, between the line `mark` and the END that follows it."""
    with open(page, encoding="utf-8") as file:
        before, _, rest = file.read().partition(mark)
    _, _, after = rest.partition(END)
    when = "Of %s, on %d cores; it took %d s.\n" % (datetime.date.today().isoformat(), os.cpu_count(), seconds)
    with open(page, "w", encoding="utf-8") as file:
        file.write("\n".join([before + mark, "", when, table, "", END + after]))
