#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The servers of examples/echo/ in plain C build with nothing but the C library,
# and in each the logic of a session lies between two marks, and the states that
# it has by name begin with STATE_: what docs and reports count is there.
set -eu
cd "$COIR_SOURCE/examples/echo"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0

# Prints the session logic of a source, without comments and empty lines.
print_session() {
    awk '
        /^\/\* session: end \*\/$/ { inside = 0; marks++ }
        inside { gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, ""); if (open && !sub(/^.*\*\//, "")) next; open = sub(/\/\*.*/, "") }
        inside && /[^ ]/ { print }
        /^\/\* session: begin \*\/$/ { inside = 1; marks++ }
        END { exit marks != 2 }
    ' "$1"
}

# expect_session NAME STATES
expect_session() {
    if ! print_session "$1.c" >"$scratch/session"; then
        echo "$1.c: not one session: begin and one session: end"
        status=1
    fi
    states=$(grep -c '^ *STATE_[A-Z]*\( = [A-Z]*\)\{0,1\},' "$scratch/session" || true)
    lines=$(wc -l <"$scratch/session")
    echo "$1: $lines lines of session logic, $states states"
    if [ "$states" -ne "$2" ] || [ "$lines" -lt 10 ] || ! grep -q 'recv(\|coir_receive(' "$scratch/session"; then
        echo "$1.c: that is not what it has"
        status=1
    fi
}

expect_session blocking 0
expect_session threads 0
expect_session select 2
expect_session poll 2
expect_session epoll 2
expect_session coir 0

for name in blocking threads select poll epoll; do
    if ! "$CC" -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror "$name.c" listener.c -pthread -o "$scratch/$name"; then
        echo "$name.c does not build alone"
        status=1
    fi
done
exit $status
