#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `coir echo` and programs that have never heard of coir: nc, socat, curl;
# over IPv4, IPv6, and Unix sockets with a path and without.
# shellcheck disable=SC2086 # $finish may be nothing
set -eu
. "$COIR_SOURCE/tests/system/helpers.sh"

# expect WHO COMMAND...: the command must give back what it is given.
head -c 300000 /dev/urandom >"$scratch/sent"
expect() {
    who=$1
    shift
    "$@" <"$scratch/sent" >"$scratch/back" 2>"$scratch/complaint" || :
    cmp -s "$scratch/sent" "$scratch/back" || complain "$engine: $who: $(cat "$scratch/complaint")"
}

has_ip6() {
    [ -e /proc/net/if_inet6 ] && grep -q '^0\{31\}1 ' /proc/net/if_inet6
}

# OpenBSD's nc must be told to finish when its input ends; others do.
finish=
if nc -h 2>&1 | grep -q '^[[:space:]]*-N'; then
    finish=-N
fi

for engine in $engines; do
    path=$scratch/echo.sock
    start_server --engine "$engine" --listen tcp://:0 --listen tcp://127.0.0.1:0 \
        --listen "unix://$path" --listen "unix://@coir-$$"
    every=$(address 1)
    every=${every##*:}
    ip4=$(address 2)
    ip4=${ip4##*:}

    expect 'nc, IPv4' nc $finish 127.0.0.1 "$every"
    expect 'nc, one address' nc $finish 127.0.0.1 "$ip4"
    expect 'socat, IPv4' socat -t30 - "TCP4:127.0.0.1:$every"
    if has_ip6; then
        expect 'nc, IPv6' nc $finish ::1 "$every"
        expect 'socat, IPv6' socat -t30 - "TCP6:[::1]:$every"
    fi
    expect 'nc, Unix path' nc $finish -U "$path"
    expect 'socat, Unix path' socat -t30 - "UNIX-CONNECT:$path"
    expect 'socat, abstract' socat -t30 - "ABSTRACT-CONNECT:coir-$$"
    if command -v curl >/dev/null; then
        # It ends when told to, having no other idea of when an echo is complete: a slow machine may try for longer.
        for limit in 1 10; do
            answer=$(echo 'a line' | curl -s -m $limit "telnet://127.0.0.1:$every" || :)
            [ -z "$answer" ] || break
        done
        [ "$answer" = 'a line' ] || complain "$engine: curl got '$answer'"
    fi
    [ -z "$(nc $finish 127.0.0.1 "$every" </dev/null)" ] || complain "$engine: an answer to nothing"

    # The line that make run prints, and the issue's promise for it.
    [ "$(printf hello | socat -t30 - "TCP:localhost:$every")" = hello ] || complain "$engine: hello"

    end_server
    [ ! -e "$path" ] || complain "$engine: the Unix socket's file is still there"
    if [ "$(counted accepted)" -eq 0 ] || [ "$(counted bytes)" -eq 0 ] ||
        [ "$(counted finished)" -ne "$(counted accepted)" ]; then
        complain "$engine: totals: $(tail -n 2 "$scratch/errors")"
    fi
done
exit $status
