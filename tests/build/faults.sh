#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every test and every function that docs/faults.md names is there.
set -eu
cd "$COIR_SOURCE"
status=0
tick=$(printf '\140')

# named PATTERN: what stands between backticks there and is like the pattern.
named() {
    tr "$tick" '\n' <docs/faults.md | grep -x "$1" | sort -u
}

# missing TEXT: complains.
missing() {
    echo "docs/faults.md: there is no $1"
    status=1
}

# FOLDER/FILE or FOLDER/FILE/CASE.
tests=$(named '\(unit\|contract\|system\|command\)/[a-z_0-9/]*')
for name in $tests; do
    file=tests/$(echo "$name" | cut -d / -f 1,2)
    case=$(echo "$name" | cut -d / -f 3)
    if ! grep -qsE "[(, ]${case}[,()]" "$file.c" "$file.py" && { [ -n "$case" ] || ! [ -f "$file.sh" ]; }; then
        missing "$name"
    fi
done
functions=$(named '[a-z_0-9]*()')
for name in $functions; do
    grep -rq "[^a-z_]${name%)}" src programs include || missing "$name"
done
exit $status
