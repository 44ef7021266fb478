#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: tools/machines.sh [PRESET...]
#
# Builds coir for other machines and C libraries, or for those of PRESET, and
# runs their tests; prints a line for each: tests run, failed and skipped, and
# seconds. One whose compiler or emulator is not here is left out, which is said.
# Arguments for ctest are taken from TEST_ARGUMENTS.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- aarch64 riscv64 i386 armhf s390x musl
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}
status=0

# The programs that preset `$1` needs.
list_tools() {
    case $1 in
    aarch64 | riscv64 | s390x) echo "$1-linux-gnu-gcc qemu-$1" ;;
    armhf) echo 'arm-linux-gnueabihf-gcc qemu-arm' ;;
    i386) echo 'i686-linux-gnu-gcc' ;;
    musl) echo 'musl-gcc' ;;
    esac
}

# True if all the tools of `$1` are here; else prints which is not.
has_tools() {
    for tool in $(list_tools "$1"); do
        if ! command -v "$tool" >/dev/null 2>&1; then
            echo "$1: left out: there is no $tool; tools/setup.sh machines installs it where it is packaged"
            return 1
        fi
    done
}

# count_lines PATTERN FILE
count_lines() {
    grep -c "$1" "$2" || :
}

for preset; do
    has_tools "$preset" || continue
    begin=$(date +%s)
    tools/cmocka.sh "$preset"
    CONFIGURE="${CONFIGURE:-} -DCOIR_TESTS=ON" tools/build.sh "$preset" >"build/$preset-build.log"
    built=$(date +%s)
    log=build/$preset-tests.log
    # shellcheck disable=SC2086 # TEST_ARGUMENTS is a list of options
    ctest --test-dir "build/$preset" --output-on-failure --parallel "$jobs" ${TEST_ARGUMENTS:-} >"$log" 2>&1 || status=1
    end=$(date +%s)
    echo "$preset: $(count_lines '   Passed ' "$log") passed," \
        "$(count_lines '\*\*\*\(Failed\|Timeout\|Exception\|Not Run\)' "$log") failed," \
        "$(count_lines '\*\*\*Skipped' "$log") skipped;" \
        "built in $((built - begin)) s, tested in $((end - built)) s; $log"
done
exit $status
