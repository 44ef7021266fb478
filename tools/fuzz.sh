#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: tools/fuzz.sh [SECONDS [NAME...]]
#
# Runs each fuzzer of build/fuzz, or those named, for so long (60), from
# tests/fuzz/corpus/NAME and from what earlier runs have found to be worth
# trying, which is kept in build/fuzz/corpus/NAME. An input that fails is left in
# build/fuzz/NAME-crash-...: put it into tests/fuzz/corpus/NAME with the fix.
# Exit code: 1 if any failed.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
# shellcheck disable=SC2046 # names without spaces
[ $# -gt 0 ] || set -- $(find tests/fuzz -maxdepth 1 -name '*.c' -exec basename {} .c \; | sort)
status=0

for name; do
    found=build/fuzz/corpus/$name
    log=build/fuzz/$name.log
    mkdir -p "$found"
    code=0
    # A limit on memory would count what AddressSanitizer keeps back.
    build/fuzz/tests/fuzz/"$name" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=0 -max_len=4096 \
        -print_final_stats=1 -artifact_prefix=build/fuzz/"$name"- "$found" tests/fuzz/corpus/"$name" \
        >"$log" 2>&1 || code=$?
    if [ "$code" -eq 0 ]; then
        echo "fuzz: $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs," \
            "$(find "$found" -type f | wc -l) of them kept: nothing found"
    else
        echo "fuzz: $name: FAILED with $code; $log ends:"
        tail -n 40 "$log"
        status=1
    fi
done
exit "$status"
