#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The systemd units of dist/systemd: systemd takes them without a word, finds
# the service hardly exposed, and both are installed where it looks.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
exposure_most=15 # of 100
status=0

fail() {
    echo "FAILED: $*"
    status=1
}

folder=$(sed -n 's/^COIR_UNIT_FOLDER:[A-Z]*=//p' "$COIR_BUILD/CMakeCache.txt")
if [ -f "$COIR_COMMAND" ] && [ -n "$folder" ]; then
    cmake --install "$COIR_BUILD" --prefix "$scratch/prefix" >"$scratch/log"
    for unit in coir-echo.service coir-echo.socket; do
        cmp "$COIR_SOURCE/dist/systemd/$unit" "$scratch/prefix/$folder/$unit" || fail "not installed: $unit"
    done
fi

if ! command -v systemd-analyze >/dev/null; then
    echo 'skipped: no systemd-analyze here to judge the units'
    [ $status -ne 0 ] || exit 77
    exit $status
fi

# It looks for the command in folders of its own, where this build need not be.
sed "s|^ExecStart=coir |ExecStart=$COIR_COMMAND |" "$COIR_SOURCE/dist/systemd/coir-echo.service" \
    >"$scratch/coir-echo.service"
cp "$COIR_SOURCE/dist/systemd/coir-echo.socket" "$scratch"
grep -q "^ExecStart=$COIR_COMMAND echo" "$scratch/coir-echo.service" || fail 'the service runs something else'
# Of this folder's alone: other units of this machine are not ours to judge.
systemd-analyze --man=no verify "$scratch/coir-echo.service" "$scratch/coir-echo.socket" >"$scratch/log" 2>&1 || :
if grep -F coir "$scratch/log"; then
    fail 'systemd-analyze verify'
fi

case $(systemd-analyze --help) in
*--offline*)
    systemd-analyze --no-pager --offline=true --threshold=$exposure_most security "$scratch/coir-echo.service" \
        >"$scratch/log" 2>&1 || {
        grep -v '^[^ ]*✓' "$scratch/log"
        fail "more exposed than $exposure_most of 100"
    }
    tail -n 1 "$scratch/log"
    ;;
*) echo 'systemd-analyze is too old to judge the sandbox' ;;
esac
exit $status
