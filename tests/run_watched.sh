#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: run_watched.sh SCRIPT...
#
# Runs a script whose programs run under Valgrind, and fails too if that says
# anything of them but which system calls it does not know.
set -u
COIR_WATCHED_LOGS=$(mktemp -d)
export COIR_WATCHED_LOGS
chmod 1777 "$COIR_WATCHED_LOGS" # a program may have given up its rights
trap 'rm -rf "$COIR_WATCHED_LOGS"' EXIT
"$@"
code=$?
if grep -hs '^==' "$COIR_WATCHED_LOGS"/*; then
    exit 1
fi
exit "$code"
