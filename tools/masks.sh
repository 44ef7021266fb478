#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: tools/masks.sh [FEATURE...]
#
# Builds build/release and runs its tests once for each thing that a kernel may
# lack or a sandbox deny, as docs/kernels.md lists them, or for those named: ctest
# itself runs under tests/system/programs/mask.c, so all that it starts does.
# Left out are tests of the tree, long ones that are no better for it, and those
# that insist on what is gone. So are, unless named, epoll-denied, without which
# ctest does not work, and eventfd, without which coir does not: system/masks has
# both. Prints a line a feature; build/masks/FEATURE.log has the rest. Exit code: 1 if any test failed.
set -eu
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}
mask=build/release/tests/programs/mask
omitted='system/(masks|gdb_|perf_|echo_(leaving|shortage|many|storm|outputs|activation|bulk))'
status=0

CONFIGURE="${CONFIGURE:-} -DCOIR_TESTS=ON" tools/build.sh release >/dev/null
# shellcheck disable=SC2046 # names without spaces
[ $# -gt 0 ] || set -- $("$mask" --list | grep -vx -e epoll-denied -e eventfd)
mkdir -p build/masks

# Prints which tests insist on FEATURE, as a regular expression.
insists() {
    case $1 in
    # Who asks for an engine by its name gets no other one.
    epoll) echo '/epoll/|host_without_epoll|system/|unit/(runtime|net_|stack_million|kernel_wait)' ;;
    # They plan a fault for a call that comes first no more, or ask for ::1 themselves.
    ip6) echo 'ip6|written_out|system/echo_(peers|refusals)' ;;
    drain-filter) echo 'drain_storm|lets_no_connection_begin|echo_(drain|leaving)' ;;
    unsent-bytes) echo 'is_progress|slow_reader|kernel_socket|echo_limits' ;;
    signalfd) echo 'signal|torture/|system/(echo_|example_)' ;;
    *) echo 'no test' ;;
    esac
}

for feature; do
    begin=$(date +%s)
    code=0
    log=build/masks/$feature.log
    "$mask" "$feature" ctest --test-dir build/release --output-on-failure --parallel "$jobs" -LE 'build|fuzz|examples' \
        -E "$omitted|$(insists "$feature")" \
        >"$log" 2>&1 || code=$?
    [ "$code" -eq 0 ] || status=1
    result=$(sed -n 's/^[0-9]*% //p' "$log")
    echo "$feature: $result, $(grep -c ' - .*(Skipped)$' "$log" || :) skipped, $(($(date +%s) - begin)) s"
    grep ' - .*([^)]*)$' "$log" | grep -v '(Skipped)$' || :
done
exit "$status"
