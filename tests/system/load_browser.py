#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# A browser opens each page of results, light and dark, and has nothing to say
# about it; it does have something to say about a page with a script in it.
# Time limit: 180 s.
import os
import re
import shutil
import subprocess
import sys
import tempfile

PROGRAM = os.path.join(os.environ["COIR_PROGRAMS"], "load_results")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LIMIT_S = 100


def skip(reason):
    print("skipped: " + reason)
    sys.exit(77)


def expect(holds, what):
    if not holds:
        print("FAILED: " + what)
        sys.exit(1)


class Browser:
    def __init__(self, command, folder):
        self.command = [command, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                        "--hide-scrollbars", "--enable-logging=stderr", "--user-data-dir=" + os.path.join(folder, "user")]
        self.folder = folder

    def open(self, path, *options):
        """Renders a page; the messages of its console, and the picture's bytes."""
        picture = os.path.join(self.folder, "picture.png")
        said = subprocess.run([*self.command, "--window-size=1100,3000", "--screenshot=" + picture, *options,
                               "file://" + path], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, timeout=LIMIT_S,
                              check=False)
        expect(said.returncode == 0, "the browser failed: %s" % said.stderr.decode(errors="replace"))
        with open(picture, "rb") as file:
            pixels = file.read()
        os.remove(picture)
        return re.findall(r"^.*CONSOLE.*$", said.stderr.decode(errors="replace"), re.MULTILINE), pixels


def plant(page, path):
    """A page with a script: its own policy forbids that, and the console tells."""
    with open(page, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("<main>", "<main><script>document.title = 1;</script>", 1))


def check(browser, folder):
    pages = sorted(name for name in os.listdir(folder) if name.endswith(".html"))
    expect(len(pages) == 8, "there are %s" % pages)
    for name in pages:
        messages, light = browser.open(os.path.join(folder, name))
        expect(not messages, "%s: the console has %s" % (name, messages))
        expect(len(light) > 20000, "%s: a picture of %d bytes shows nothing" % (name, len(light)))
    messages, dark = browser.open(os.path.join(folder, name), "--blink-settings=preferredColorScheme=0")
    expect(not messages, "%s, dark: the console has %s" % (name, messages))
    expect(dark != light, "%s: dark is as light" % name)
    plant(os.path.join(folder, "plain.html"), os.path.join(folder, "planted.html"))
    messages, _ = browser.open(os.path.join(folder, "planted.html"))
    expect(messages, "a script was planted, and the console says nothing")


def main():
    command = next(filter(None, map(shutil.which, BROWSERS)), None)
    if command is None:
        skip("there is no browser; tools/setup.sh report installs one")
    if os.environ.get("COIR_WATCHED"):
        skip("what a browser says of the pages is the same in every build")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([PROGRAM, folder], check=True)
        check(Browser(command, folder), folder)


main()
