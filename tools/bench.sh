#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: tools/bench.sh [CLAIM...]
#
# Runs the programs of build/release/bench, one after another, with nothing
# beside them; without arguments every claim: what has no underscore in its name.
# All of them run; then it fails if one missed its target.
set -eu
cd "$(dirname "$0")/../build/release/bench"
if [ $# -eq 0 ]; then
    for program in *; do
        case $program in
        *_*) ;;
        *) [ -x "$program" ] && set -- "$@" "$program" ;;
        esac
    done
fi
status=0
for claim; do
    echo "== $claim"
    "./$claim" || status=1
done
exit "$status"
