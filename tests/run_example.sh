#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: run_example.sh EXPECTED COMMAND...
#
# Runs COMMAND, with EXPECTED's neighbour NAME.input as standard input if there
# is one, and passes if it exits with 0 and its standard output is EXPECTED's.
set -eu
expected=$1
shift
input=${expected%.expected}.input
[ -f "$input" ] || input=/dev/null
output=$(mktemp)
trap 'rm -f "$output"' EXIT
"$@" <"$input" >"$output"
diff -u "$expected" "$output"
