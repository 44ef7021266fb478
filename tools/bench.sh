#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: tools/bench.sh [CLAIM...]
#
# Runs the programs of build/release/bench and the scripts of bench/, one after
# another, with nothing beside them; without arguments every claim: what has no
# underscore in its name. All of them run; then it fails if one missed its target.
set -eu
cd "$(dirname "$0")/../build/release/bench"
scripts=../../../bench
if [ $# -eq 0 ]; then
    for program in * "$scripts"/*.py; do
        case ${program##*/} in
        *_*) ;;
        *) [ -x "$program" ] && set -- "$@" "$(basename "$program" .py)" ;;
        esac
    done
fi
status=0
for claim; do
    echo "== $claim"
    if [ -x "$scripts/$claim.py" ]; then
        "$scripts/$claim.py" || status=1
    else
        "./$claim" || status=1
    fi
done
exit "$status"
