#!/bin/sh
# SPDX-License-Identifier: MIT
#
# libcoir.so exports what the public headers declare, all of it and nothing
# else; libcoir.a has the same global symbols; and a planted one is noticed.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0

# The names that the public headers export, sorted. In a declaration, the first
# name before a parenthesis is what it declares; others may be in its parameters.
list_declared() {
    printf '#include <coir.h>\n' | "$CC" -E -P -I "$COIR_SOURCE/include" -x c - | tr '\n' ' ' | sed 's/[;{}]/&\n/g' |
        grep 'visibility *( *"default" *)' | grep -o 'coir_[a-z0-9_]* *(.*' | sed 's/ *(.*//' | sort -u
}

# The names that `$@` defines for others, sorted; a sanitizer's own and those of musl's first object are no concern of
# ours.
list_defined() {
    nm -g --defined-only --format=posix "$@" | awk 'NF > 1 { print $1 }' |
        grep -v -e '^__odr_asan' -e '^__asan_' -e '^DW\.ref\.' -e '^_init$' -e '^_fini$' | sort -u
}

list_declared >"$scratch/declared"
test -s "$scratch/declared"

compare() {
    if ! diff "$scratch/declared" "$2" >"$scratch/difference"; then
        echo "$1 does not define exactly what the headers declare ('<' only declared, '>' only defined):"
        grep '^[<>]' "$scratch/difference"
        status=1
    fi
}

list_defined -D "$COIR_BUILD/libcoir.so" >"$scratch/shared"
compare libcoir.so "$scratch/shared"
list_defined "$COIR_BUILD/libcoir.a" >"$scratch/static"
compare libcoir.a "$scratch/static"

# The check itself: a symbol without our prefix must be seen.
echo 'void planted(void); void planted(void) {}' >"$scratch/planted.c"
"$CC" -c -o "$scratch/planted.o" "$scratch/planted.c"
list_defined "$scratch/planted.o" | grep -q '^planted$' || {
    echo 'a planted global symbol went unseen'
    status=1
}
exit $status
