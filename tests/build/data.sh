#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Process-wide data that can be written is what tests/build/allowed_data.txt
# lists, and nothing else: schedulers of one process share nothing.
set -eu
if [ -n "$COIR_SANITIZE" ]; then
    echo 'skipped: a sanitizer adds data of its own'
    exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Prints "room name" for every object in a writable section of the objects of a
# room. Constants that need relocation are read-only once the program runs.
list_data() {
    for object in "$COIR_BUILD"/CMakeFiles/room-*.dir/src/*/*.o "$COIR_BUILD"/CMakeFiles/room-*.dir/src/*/*/*.o; do
        [ -f "$object" ] || continue
        room=${object#"$COIR_BUILD"/CMakeFiles/room-}
        objdump -t "$object" | awk -v room="${room%%.dir/*}" '
            NF >= 5 && (/ O / || / \.t(data|bss)/ && !/ d /) && / (\.data|\.bss|\.tdata|\.tbss|\*COM\*|coir_debug)/ && !/\.data\.rel\.ro/ {
                sub(/\.[0-9]+$/, "", $NF); print room, $NF
            }'
    done | sort -u
}

list_data >"$scratch/found"
grep -v -e '^#' -e '^$' "$COIR_SOURCE/tests/build/allowed_data.txt" | awk '{ print $1, $2 }' | sort -u >"$scratch/allowed"
if ! diff "$scratch/allowed" "$scratch/found" >"$scratch/difference"; then
    echo "'>' is not allowed by tests/build/allowed_data.txt, '<' is allowed and does not exist:"
    grep '^[<>]' "$scratch/difference"
    exit 1
fi
