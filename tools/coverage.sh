#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: tools/coverage.sh
#
# Builds build/coverage, which counts, runs the tests there on both engines, and
# tells by room how many lines and branches they reached: as a table, which also
# goes into docs/coverage.md, and as build/coverage/index.html with a page for
# each file. Fails if a test fails, and where tools/coverage.py does.
# TESTS is a regular expression of the labels to run, ARGUMENTS is for ctest.
set -eu
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}
tests=$((4 * jobs)) # at once: most of the time they wait
build=build/coverage
started=$(date +%s)
status=0

CONFIGURE="${CONFIGURE:-} -DCOIR_TESTS=ON" tools/build.sh coverage

# Tests of fewer rights must be able to add to the counts, or to say in a file that they cannot.
find "$build" -name '*.gcda' -delete
GCOV_ERROR_FILE=$PWD/$build/uncounted.log
export GCOV_ERROR_FILE
: >"$GCOV_ERROR_FILE"
"$build/bin/coir" --version >/dev/null
find "$build" -name '*.gcda' -exec chmod a+rw {} +
chmod a+rw "$GCOV_ERROR_FILE"

# The other tests look at headers, sources and libraries, and execute nothing that is counted.
# shellcheck disable=SC2086 # ARGUMENTS is a list of options
ctest --test-dir "$build" --output-on-failure --parallel "$tests" --quiet --output-log "$PWD/$build/tests.log" \
    --label-regex "${TESTS:-unit|contract|command|system|examples|fuzz}" ${ARGUMENTS:-} || status=1
sed -n '/tests passed/p; /The following tests FAILED/,$p' "$build/tests.log"

# count NAME OPTION...: what gcovr makes of the counts, as build/coverage/NAME.json.
count() {
    name=$1
    shift
    gcovr --root . --filter 'src/' --filter 'programs/' -j "$jobs" --json "$build/$name.json" "$@" "$build"
}
count all
# An assertion's other branch ends the program: each stands on a line of its own.
count outside_assertions --exclude-branches-by-pattern '.*\bASSERT' \
    --html-details "$build/index.html" --html-title 'coir: what its tests reach'

python3 tools/coverage.py "$build" "$(($(date +%s) - started))" || status=1
exit "$status"
