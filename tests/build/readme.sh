#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The C in README.md and docs/guide/ compiles as it stands there: a block with
# an #include is a whole file, another is given those that most would have. And
# the examples that README.md calls short are.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$COIR_SOURCE"
status=0

# split_blocks FILE: writes each block fenced as c to $scratch/NUMBER.c, with its lines' numbers.
split_blocks() {
    rm -f "$scratch"/*.c
    awk -v folder="$scratch" -v file="$1" '
        /^```c$/ { name = folder "/" NR ".c"; print "#line " NR + 1 " \"" file "\"" >name; next }
        /^```/ { name = "" }
        name != "" { print >name }
    ' "$1"
}

# Warnings are errors, but a fragment may define what it does not use.
compile() {
    grep -q '^#include' "$1" || set -- "$1" -include coir.h -include stdio.h -include string.h -include errno.h
    "$CC" -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function -Wno-unused-parameter -fsyntax-only -I include "$@"
}

count=0
for file in README.md docs/guide/*.md; do
    [ -f "$file" ] || continue
    split_blocks "$file"
    for block in "$scratch"/*.c; do
        [ -f "$block" ] || continue
        count=$((count + 1))
        compile "$block" || status=1
    done
done
[ "$count" -gt 0 ] || exit 77

# From the third on, each is under 80 lines.
for file in examples/0[3-9]-*.c; do
    if [ "$(wc -l <"$file")" -ge 80 ]; then
        echo "$file: 80 lines or more"
        status=1
    fi
done

# The check itself: what is wrong in a block is seen.
# shellcheck disable=SC2016 # a fence, no command
printf '```c\nint f(void) { return coir_no_such_call(); }\n```\n' >"$scratch/planted.md"
split_blocks "$scratch/planted.md"
if compile "$scratch/1.c" 2>/dev/null; then
    echo 'a call that does not exist went unseen'
    status=1
fi
exit $status
