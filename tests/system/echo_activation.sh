#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `coir echo` on sockets that somebody else opened and keeps, as systemd does
# for a .socket unit: restarts under load, each of which has to wait for
# sessions that talk, lose no connection.
set -eu
. "$COIR_SOURCE/tests/system/helpers.sh"
keeper=
trap '[ -z "$keeper" ] || kill -KILL "$keeper" 2>/dev/null || :; clean_up' EXIT

# activate ARGUMENT...: runs the supervisor; leaves its process id in $keeper, what it says in $scratch/said.
activate() {
    : >"$scratch/said"
    : >"$scratch/errors"
    "$COIR_PROGRAMS/activate" "$@" >"$scratch/said" 2>"$scratch/errors" &
    keeper=$!
    wait_for 30 is_serving 1 || die "nobody serves after 30 s"
}

# is_serving NUMBER: the NUMBER-th server since activate() is ready. Called by wait_for.
# shellcheck disable=SC2317
is_serving() {
    [ "$(grep -c '^engine: ' "$scratch/errors")" -ge "$1" ]
}

# The last server it started must end by SIGTERM with exit code 0.
deactivate() {
    kill -TERM "$keeper"
    code=0
    wait "$keeper" || code=$?
    keeper=
    [ "$code" -eq 0 ] || die "$engine: the server ended with $code"
}

restart_under_load() {
    rm -f "$scratch"/visiting.* "$scratch/talking"
    activate tcp://127.0.0.1:0 "unix://@coir-activation-$$" -- \
        "$COIR_COMMAND" echo --engine "$engine" --listen fd://3 --listen fd://4 --drain-quiet 2s
    sed -n 's/^socket //p' "$scratch/said" >"$scratch/addresses"
    visitors=
    for number in 1 1 2; do
        name=$scratch/visiting.$(echo "$visitors" | wc -w)
        "$COIR_PROGRAMS/visits" "$(address $number)" >"$name" 2>>"$scratch/errors" &
        visitors="$visitors $!"
        wait_for 30 has_line "$name" visiting || die "$engine: nobody is served"
    done
    "$COIR_PROGRAMS/talkers" "$(address 1)" 50 600 50 >"$scratch/talking" 2>>"$scratch/errors" &
    talkers=$!
    wait_for 30 has_line "$scratch/talking" talking || die "$engine: nobody talks"
    for number in 2 3 4; do
        kill -HUP "$keeper"
        wait_for 30 is_serving "$number" || die "$engine: no server after restart $((number - 1))"
        sleep 0.2
    done
    # shellcheck disable=SC2086 # several
    kill -TERM $visitors || die "$engine: a connection was lost"
    for visitor in $visitors; do
        wait "$visitor" || die "$engine: a connection was lost"
    done
    wait $talkers || die "$engine: a session was cut"
    deactivate
    [ "$(grep -c '^ended 0$' "$scratch/said")" -eq 4 ] || die "$engine: $(cat "$scratch/said")"
}

for engine in $engines; do
    restart_under_load
done

# The original, if it is here, opens the socket and becomes the server when a client comes.
if command -v systemd-socket-activate >/dev/null; then
    : >"$scratch/errors"
    systemd-socket-activate -E "COIR_WATCHED_LOGS=${COIR_WATCHED_LOGS:-}" -l "$scratch/s.sock" "$COIR_COMMAND" echo --listen fd://3 2>"$scratch/errors" &
    keeper=$!
    # The file is there before anybody listens; it says so after that.
    wait_for 30 grep -q '^Listening on' "$scratch/errors" || die 'systemd-socket-activate opens nothing'
    [ "$(printf hello | socat -t30 - "UNIX-CONNECT:$scratch/s.sock")" = hello ] || die 'systemd-socket-activate: no echo'
    engine=any
    deactivate
fi
exit $status
