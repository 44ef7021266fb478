# SPDX-License-Identifier: MIT
"""The machine: which cores the two sides get, how many descriptors, and a description for the report."""
import collections
import contextlib
import os
import platform
import re
import resource
import shutil
import subprocess

Cores = collections.namedtuple("Cores", "server load")


def read_text(path):
    """What a file of the kernel says; "" where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def find_siblings(core):
    """The cores that share their units with this one, itself among them."""
    text = read_text("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list" % core)
    cores = {core}
    for least, most in re.findall(r"(\d+)(?:-(\d+))?", text):
        cores.update(range(int(least), int(most or least) + 1))
    return cores


def choose_cores():
    """A core for the server and one for the load, if there are two: no siblings, where that can be had."""
    allowed = sorted(os.sched_getaffinity(0))
    others = [core for core in allowed if core not in find_siblings(allowed[0])] or allowed[1:] or allowed
    return Cores(allowed[0], others[0])


@contextlib.contextmanager
def pinned(core):
    """What is started meanwhile runs on this core alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def raise_descriptors():
    """As many descriptors as are allowed, for this process and those it starts; returns how many."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY:
        hard = 1 << 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def first_line(*words):
    """What a program says of its version; "" where there is no such program."""
    if not shutil.which(words[0]):
        return ""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.split("\n")[0].strip()


def describe_processor():
    text = read_text("/proc/cpuinfo")
    found = re.search(r"^(?:model name|Model|cpu model)\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def describe_cores(cores):
    if cores.server == cores.load:
        return "one, core %d, for the server and the load: they take turns" % cores.server
    shared = ", which share a core's units" if cores.load in find_siblings(cores.server) else ""
    return "%d; the server has core %d, the load core %d%s" % (os.cpu_count(), cores.server, cores.load, shared)


def describe(cores, descriptors):
    """Facts for the report, by their names."""
    hypervisor = " (a virtual machine)" if " hypervisor" in read_text("/proc/cpuinfo") else ""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": describe_processor() + hypervisor,
        "cores": describe_cores(cores),
        "memory": "%.0f GiB" % memory,
        "kernel": "Linux %s %s" % (re.match(r"[\d.]*\d", platform.release())[0], platform.machine()),
        "C library": " ".join(platform.libc_ver()) or "not known",
        "compiler": first_line("cc", "--version") or "not known",
        "descriptors": "%d per process (RLIMIT_NOFILE)" % descriptors,
    }
