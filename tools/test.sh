#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: tools/test.sh PRESET...
#
# Builds each preset with its tests, then runs the tests of all of them as one
# run of ctest, so that there is one summary, and it is the last thing printed;
# build/tests/results.xml has the same. Arguments for ctest are taken from TEST_ARGUMENTS.
set -eu
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}
tests=$((4 * jobs)) # at once: most of the time they wait

for preset; do
    # For another machine cmocka is not installed.
    [ ! -f "cmake/$preset.cmake" ] || tools/cmocka.sh "$preset"
    CONFIGURE="${CONFIGURE:-} -DCOIR_TESTS=ON" tools/build.sh "$preset"
done

mkdir -p build/tests
for preset; do
    echo "subdirs(\"../$preset\")"
done >build/tests/CTestTestfile.cmake

# shellcheck disable=SC2086 # TEST_ARGUMENTS is a list of options
exec ctest --test-dir build/tests --output-on-failure --output-junit results.xml --parallel "$tests" ${TEST_ARGUMENTS:-}
