#!/bin/sh
# SPDX-License-Identifier: MIT
#
# 1,000 clients at once with random sizes, random half-closes and resets get
# every byte they are owed; the server survives them all and keeps nothing.
# COIR_TEST_SEED repeats a run. Time limit: 120 s. Runs alone.
set -eu
. "$COIR_SOURCE/tests/system/helpers.sh"
seed=${COIR_TEST_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}

open_sockets() {
    find "/proc/$server/fd" -lname 'socket:*' | wc -l
}

# Called by wait_for.
# shellcheck disable=SC2317
are_all_closed() {
    [ "$(open_sockets)" -eq "$1" ]
}

for engine in $engines; do
    start_server --engine "$engine" --listen tcp://127.0.0.1:0 --listen "unix://@coir-crowd-$$"
    sockets=$(open_sockets)
    for number in 1 2; do
        timeout 50 "$COIR_PROGRAMS/crowd" "$(address $number)" 1000 "$seed" || die "$engine, $(address $number): seed $seed"
    done
    wait_for 30 are_all_closed "$sockets" || die "$engine: $(open_sockets) sockets open, $sockets at first"
    end_server
    [ "$(counted accepted) $(counted shed) $(counted cancelled)" = '2000 0 0' ] || die "$engine: totals"
done
