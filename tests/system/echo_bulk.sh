#!/bin/sh
# SPDX-License-Identifier: MIT
#
# 1 GiB through one session comes back identical, and the server's memory stays
# where it was: the most it ever had is hardly more than before.
# Time limit: 120 s. Runs alone.
set -eu
. "$COIR_SOURCE/tests/system/helpers.sh"
allowed_kib=1024
[ -z "$COIR_SANITIZE" ] || allowed_kib=16384 # for what the sanitizer remembers of the memory

# memory FIELD: in KiB.
memory() {
    sed -n "s/^$1:[[:space:]]*\([0-9]*\) kB/\1/p" "/proc/$server/status"
}

for engine in $engines; do
    start_server --engine "$engine" --listen tcp://127.0.0.1:0
    "$COIR_PROGRAMS/bulk" "$(address 1)" 1048576 # so that code and buffers are there
    before=$(memory VmHWM)
    "$COIR_PROGRAMS/bulk" "$(address 1)" 1073741824 || die "$engine: not identical"
    after=$(memory VmHWM)
    echo "$engine: $before KiB before, at most $after KiB"
    [ $((after - before)) -le $allowed_kib ] || die "$engine: memory grew from $before to $after KiB"
    end_server
    [ "$(counted accepted) $(counted finished) $(counted bytes)" = '2 2 1074790400' ] || die "$engine: totals"
done
