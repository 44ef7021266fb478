#!/bin/sh
# SPDX-License-Identifier: MIT
#
# SIGTERM and SIGINT end `coir echo` without harm to anybody: sessions that
# talk talk on, idle ones see a clean end, arrivals are served or refused,
# never reset; then it exits with 0. A second signal cuts it short.
set -eu
. "$COIR_SOURCE/tests/system/helpers.sh"

# Called by wait_for.
# shellcheck disable=SC2317
has_gone() {
    ! kill -0 "$1" 2>/dev/null
}

# Whether the server has accepted one: a socket besides its listener's. Called by wait_for.
# shellcheck disable=SC2317
has_client() {
    [ "$(find "/proc/$server/fd" -lname 'socket:*' | wc -l)" -gt "$listening" ]
}

# Idle sessions, over TCP and a Unix socket.
drain_idle() {
    rm -f "$scratch"/holding.*
    start_server --engine "$engine" --listen tcp://127.0.0.1:0 --listen "unix://@coir-drain-$$"
    holders=
    for number in 1 2; do
        "$COIR_PROGRAMS/sessions" "$(address $number)" 200 >"$scratch/holding.$number" &
        holders="$holders $!"
    done
    for number in 1 2; do
        wait_for 30 has_line "$scratch/holding.$number" holding || die "$engine: no sessions"
    done
    kill "-$1" "$server"
    for holder in $holders; do
        wait "$holder" || die "$engine: SIG$1: an idle session"
    done
    wait_for_end 30
}

# Sessions that talk for a second more, and one arrival after the other.
drain_busy() {
    rm -f "$scratch"/talking "$scratch"/arriving.*
    start_server --engine "$engine" --listen tcp://127.0.0.1:0 --drain-quiet 2s # a slow machine is no quiet client
    "$COIR_PROGRAMS/talkers" "$(address 1)" 100 1500 2000 >"$scratch/talking" &
    talkers=$!
    arrivals=
    for number in 1 2 3; do
        "$COIR_PROGRAMS/arrivals" "$(address 1)" >"$scratch/arriving.$number" &
        arrivals="$arrivals $!"
    done
    wait_for 30 has_line "$scratch/talking" talking || die "$engine: nobody talks"
    for number in 1 2 3; do
        wait_for 30 has_line "$scratch/arriving.$number" arriving || die "$engine: nobody arrives"
    done
    sleep 0.3
    kill -TERM "$server"
    for arrival in $arrivals; do
        wait "$arrival" || die "$engine: an arrival was not served"
    done
    wait $talkers || die "$engine: a session that talked"
    wait_for_end 30
}

# A client that does not read what it is sent: the first signal waits, the second does not.
drain_twice() {
    start_server --engine "$engine" --listen tcp://127.0.0.1:0 --drain-quiet 100s
    listening=$(find "/proc/$server/fd" -lname 'socket:*' | wc -l)
    port=$(address 1)
    socat -u OPEN:/dev/zero "TCP:127.0.0.1:${port##*:}" 2>/dev/null &
    deaf=$!
    wait_for 30 has_client || die "$engine: no client"
    kill -TERM "$server"
    sleep 0.5
    [ ! -e "$scratch/code" ] || die "$engine: did not wait for a session"
    kill -TERM "$server"
    wait_for_end 30 3
    has_line "$scratch/errors" 'cut off 1 sessions' || die "$engine: nothing is said of the session that was cut off"
    wait_for 30 has_gone $deaf || die "$engine: the deaf client was not reset"
}

for engine in $engines; do
    drain_idle TERM
    drain_idle INT
    drain_busy
    drain_twice
done
