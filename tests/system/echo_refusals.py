#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# What is wrong with an invocation, `coir echo` says in one line that names it,
# and ends with the documented exit code: 2 where the command line is wrong, 1
# where the machine says no. A case that takes a right which is not there is
# skipped, and says so.
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from echo_server import COMMAND, Skipped, expect, run_cases

MISUSED = 2
FAILED = 1
HERE = ("--listen", "tcp://127.0.0.1:0")


def run(words, before=None, environment=None, fds=()):
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=20,
        preexec_fn=before,
        env={**os.environ, **(environment or {})},
        pass_fds=[one.fileno() for one in fds],
    )
    expect(done.stdout == "", "it prints: " + done.stdout)
    return done.returncode, done.stderr


def refuses(code, options, *texts, lines=1, command=(COMMAND, "echo"), **how):
    """Expects that exit code, and a complaint of so many lines that holds the texts."""
    got, said = run([*command, *options], **how)
    what = "%s: exit code %d: %s" % (" ".join(options), got, said)
    expect(got == code, what)
    expect(said.startswith("coir echo: ") and said.endswith("\n"), what)
    expect(said.count("\n") == lines, "not %d lines: %s" % (lines, what))
    for text in texts:
        expect(text in said, "no '%s': %s" % (text, what))


def become_nobody(user=65534):
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def as_nobody(command):
    """How to run it as nobody, if that is possible here."""
    if os.geteuid() == 0:
        try:
            run([command, "--nonsense"], before=become_nobody)
        except PermissionError:
            raise Skipped("nobody may run " + command) from None
        return {"before": become_nobody}
    return {}


def an_address_that_cannot_be_read():
    refuses(MISUSED, ("--listen", "localhost:7"), "'localhost:7'", "begins with tcp://")
    refuses(MISUSED, ("--listen", ""), "''", "--help")
    refuses(MISUSED, ("--listen", "tcp://256.0.0.1:7"), "no IPv4 address")
    refuses(MISUSED, ("--listen", "udp://:70000"), "from 0 to 65535")
    refuses(MISUSED, ("--listen", "tcp://example.org:7"), "'tcp://example.org:7'")
    refuses(MISUSED, ("--listen", "unixgram://echo"), "unix")
    refuses(MISUSED, ("--listen", "unix://" + "/long" * 50), "107 bytes")
    refuses(MISUSED, ("--listen", "unixgram://" + "/long" * 50), "107 bytes")
    refuses(MISUSED, ("--listen", "unixgram://" + "/long" * 500), "107 bytes")


def a_number_that_is_none():
    refuses(MISUSED, ("--max-sessions", "many"), "--max-sessions 'many'", "digit")
    refuses(MISUSED, ("--max-sessions", "0"), "'0'", "at least 1")
    refuses(MISUSED, ("--max-sessions=-1",), "'-1'", "negative")
    refuses(MISUSED, ("--max-per-source", "1e3"), "--max-per-source '1e3'", "follows")
    refuses(MISUSED, ("--max-sessions", "9" * 30), "too large")


def a_time_or_a_size_that_is_none():
    refuses(MISUSED, ("--idle-timeout", "0s"), "--idle-timeout '0s'", "'off' is no limit")
    refuses(MISUSED, ("--drain-quiet", "0ms"), "--drain-quiet '0ms'", "too short")
    refuses(MISUSED, ("--drain-quiet", "off"), "cannot be off")
    refuses(MISUSED, ("--stall-timeout", "60"), "needs a unit")
    refuses(MISUSED, ("--stats=0s",), "--stats '0s'", "too short")
    refuses(MISUSED, ("--stats", "5s"), "'5s' is no option", "--stats=5s")
    refuses(MISUSED, ("--memory", "10KB"), "--memory '10KB'", "K, M, G and T")
    refuses(MISUSED, ("--memory", "64K"), "at least 1M")


def an_option_that_is_none():
    refuses(MISUSED, ("--max-session", "5", "--nonsense"), "'--nonsense'", "--help")
    refuses(MISUSED, ("--quiet=yes",), "'--quiet=yes'", "takes no value")
    refuses(MISUSED, ("--log",), "'--log'", "wants a value")
    refuses(MISUSED, ("tcp://:7007",), "'tcp://:7007'", "--listen")
    refuses(MISUSED, ("--engine", "steam"), "'steam'", "epoll and poll")


def a_user_that_is_none():
    refuses(MISUSED, ("--user", "no-such-user"), "there is no user 'no-such-user'")
    refuses(MISUSED, ("--user", "nobody:no-such-group"), "there is no group 'no-such-group'")
    refuses(MISUSED, ("--user", "root"), "superuser")
    refuses(MISUSED, ("--user", "12345"), "name its group")


def a_user_that_may_not_be_changed_to():
    refuses(FAILED, (*HERE, "--user", "1:1"), "cannot give up rights", "it takes root", **as_nobody(COMMAND))


def an_address_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = "tcp://127.0.0.1:%d" % other.getsockname()[1]
        refuses(FAILED, ("--listen", taken), "'%s': somebody already listens" % taken, "ss -lntup")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        refuses(FAILED, ("--listen", "udp://127.0.0.1:%d" % other.getsockname()[1]), "somebody already listens")


def an_address_that_is_given_twice():
    with socket.create_server(("127.0.0.1", 0)) as other:
        free = "tcp://127.0.0.1:%d" % other.getsockname()[1]
    refuses(FAILED, ("--listen", free, "--listen", free), "'%s': somebody already listens" % free)
    name = "unix://@coir-twice-%d" % os.getpid()
    refuses(FAILED, ("--listen", name, "--listen", name), "'%s': somebody already listens" % name)


def an_address_of_another_host():
    refuses(FAILED, ("--listen", "tcp://192.0.2.1:7007"), "not an address of this host", "ip address")


def a_port_that_takes_a_right():
    how = as_nobody(COMMAND)
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        if int(file.read()) < 8:
            raise Skipped("port 7 takes no right here")
    if os.geteuid() != 0:
        with open("/proc/self/status", encoding="ascii") as file:
            if "CapEff:\t0000000000000000\n" not in file.read():
                raise Skipped("we may have the right")
    ways = ("--user nobody", "setcap", "AmbientCapabilities", "ip_unprivileged_port_start=7", ".socket unit")
    refuses(FAILED, ("--listen", "tcp://127.0.0.1:7"), "Permission denied: ports below 1024", *ways, lines=8, **how)
    refuses(FAILED, (), "'tcp://:7': Permission", "'udp://:7': Permission", *ways, lines=9, **how)


def a_directory_that_is_missing():
    refuses(FAILED, ("--listen", "unix:///nowhere/echo.sock"), "'unix:///nowhere/echo.sock'", "make the directory first")
    refuses(FAILED, ("--listen", "unixgram:///nowhere/echo.sock"), "make the directory first")
    refuses(FAILED, (*HERE, "--log", "/nowhere/echo.log"), "'/nowhere/echo.log'", "No such file")
    refuses(FAILED, (*HERE, "--log", "/"), "'/'", "directory")


def a_directory_that_may_not_be_written_to():
    how = as_nobody(COMMAND)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        refuses(FAILED, ("--listen", "unix://%s/x" % folder), "Permission denied", "has to be writable", **how)
        refuses(FAILED, (*HERE, "--log", folder + "/echo.log"), "Permission denied", **how)


def a_file_in_the_way():
    with tempfile.NamedTemporaryFile() as file:
        refuses(FAILED, ("--listen", "unix://" + file.name), "a file and no socket", "left alone")
        expect(os.path.exists(file.name), "it is gone")
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as other:
        other.bind(folder + "/live")
        other.listen()
        refuses(FAILED, ("--listen", "unix://%s/live" % folder), "somebody already listens", "ss -lxp")


def a_descriptor_that_is_none():
    refuses(MISUSED, ("--listen", "fd://three"), "'fd://three'", "number")
    refuses(FAILED, ("--listen", "fd://97"), "'fd://97'", "not open")
    refuses(FAILED, ("--listen", "fd://0"), "'fd://0'", "no socket")


def a_descriptor_that_cannot_be_served():
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as caller:
        pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for one, text in (
            (caller, "it is a connection and no listener"),
            (socket.socket(), "it is a stream socket that does not listen"),
            (pair[0], "it is a socket neither of streams nor of datagrams"),
            (socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM), "it is a socket neither of IP nor of Unix"),
        ):
            with one:
                refuses(FAILED, ("--listen", "fd://%d" % one.fileno()), "'fd://%d': %s" % (one.fileno(), text), fds=[one])


def sockets_of_a_supervisor_that_cannot_be_taken():
    command = ("sh", "-c", 'export LISTEN_PID=$$; exec "$@"', "sh", COMMAND, "echo")
    for variables, text in (
        ({"LISTEN_FDS": "many"}, "LISTEN_FDS is no number of descriptors"),
        ({"LISTEN_FDS": "65"}, "more than 64"),
        ({"LISTEN_FDS": "1", "LISTEN_FDNAMES": "a:b"}, "LISTEN_FDNAMES has not as many names"),
    ):
        refuses(FAILED, (), text, command=command, environment=variables)


def no_ipv6():
    tools = [shutil.which(name) for name in ("unshare", "sh", "ip")]
    script = (
        "ip link set lo up && echo 1 | tee /proc/sys/net/ipv6/conf/*/disable_ipv6 >/dev/null || exit 77\n"
        'exec "$@"'
    )
    if not all(tools) or not os.path.exists("/proc/sys/net/ipv6"):
        raise Skipped("no unshare, or no ip, or no IPv6 at all")
    own = ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c", script, "sh"]
    code, _ = run([*own, "true"])
    if code != 0:
        raise Skipped("no right to make a network namespace")
    for scheme in ("tcp", "udp"):
        code, said = run([*own, COMMAND, "echo", "--listen", scheme + "://[::1]:7007"])
        expect(code == FAILED and said.count("\n") == 1, "%d: %s" % (code, said))
        expect("'%s://[::1]:7007'" % scheme in said and "disable_ipv6" in said, said)


def more_sessions_than_there_can_be():
    if os.environ.get("COIR_WATCHED") == "valgrind":
        raise Skipped("Valgrind keeps some descriptors for itself")
    refuses(FAILED, (*HERE, "--max-sessions", "4000000000"), "4000000000 sessions need", "hard limit", "ulimit -Hn")
    few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
    refuses(FAILED, HERE, "1 sessions need 35 descriptors", "the hard limit is 20", before=few)


def an_environment_that_is_wrong():
    refuses(FAILED, HERE, "COIR_ENGINE=steam", environment={"COIR_ENGINE": "steam"})
    refuses(FAILED, HERE, "NOTIFY_SOCKET", environment={"NOTIFY_SOCKET": "nowhere"})
    wrong = {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "soon"}
    refuses(FAILED, HERE, "WATCHDOG_USEC", environment=wrong)


def what_is_refused_leaves_nothing_behind():
    with tempfile.TemporaryDirectory() as folder:
        options = ("--listen", "unix://%s/ours" % folder, "--listen", "unix:///nowhere/x", "--log", folder + "/log")
        refuses(FAILED, options, "'unix:///nowhere/x'")
        expect(os.listdir(folder) == [], "left behind: %s" % os.listdir(folder))


run_cases(globals(), __file__)
