#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Only kernel/ makes system calls, only base/ allocates, and time and chance
# come from nowhere else: what each room takes from outside the library is
# what tests/build/allowed_imports.txt lists.
set -eu
if [ -n "$COIR_SANITIZE" ]; then
    echo 'skipped: a sanitizer calls what it likes'
    exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

list_objects() {
    find "$COIR_BUILD"/CMakeFiles -path "*/room-$1.dir/*.o"
}

list_objects '*' | xargs nm -g --defined-only --format=posix | awk 'NF > 1 { print $1 }' | sort -u >"$scratch/own"
test -s "$scratch/own"

# Prints "room name" for what is taken from outside.
for folder in "$COIR_BUILD"/CMakeFiles/room-*.dir; do
    room=${folder##*/room-}
    room=${room%.dir}
    list_objects "$room" | xargs nm -u --format=posix | awk 'NF == 2 { print $1 }' | sort -u |
        comm -23 - "$scratch/own" | sed "s/^/$room /"
done >"$scratch/found"
test -s "$scratch/found"

awk '
    /^#/ || NF < 2 { next }
    FNR == NR { for (i = 2; i <= NF; i++) allowed[++count] = "^" $1 " " $i "$"; next }
    {
        for (i = 1; i <= count; i++)
            if ($0 ~ allowed[i])
                next
        print "room " $1 " takes " $2 " from outside"
        bad = 1
    }
    END { exit bad }
' "$COIR_SOURCE/tests/build/allowed_imports.txt" "$scratch/found"
