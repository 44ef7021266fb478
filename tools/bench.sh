#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: tools/bench.sh [CLAIM...]
#
# Runs the programs of build/release/bench, one after another, with nothing
# beside them; without arguments every claim: what has no underscore in its name.
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
for claim; do
    echo "== $claim"
    "./$claim"
done
