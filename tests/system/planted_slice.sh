#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A write to a released slice, past the end of one, or to what a slice has left
# in its buffer, is named by whoever watches: AddressSanitizer, Valgrind, or in a
# debug build without either the next receive. A fair write is not.
set -eu
# shellcheck source=tests/system/helpers.sh
. "$(dirname "$0")/helpers.sh"

# expect_report WHERE TEXT COMMAND...: it fails, and says so.
expect_report() {
    where=$1 text=$2
    shift 2
    if "$@" "$COIR_PROGRAMS/slice_writer" "$where" >"$scratch/said" 2>&1; then
        complain "$*: nobody minds a write: $where"
    elif ! grep -q -e "$text" "$scratch/said"; then
        complain "$*: $where is called something else: $(cat "$scratch/said")"
    fi
}

expect_silence() {
    "$@" "$COIR_PROGRAMS/slice_writer" fairly >"$scratch/said" 2>&1 ||
        complain "$*: a fair write is refused: $(cat "$scratch/said")"
}

# Whether Valgrind can run the program at all: it wants to know the loader's functions by name, and takes over but a part
# of musl's allocator.
can_watch() {
    case $CC in
    *musl*) return 1 ;;
    esac
    ! valgrind --quiet "$COIR_PROGRAMS/slice_writer" fairly 2>&1 | grep -q 'Fatal error at startup'
}

expect_silence env
case $COIR_SANITIZE in
*address*)
    for where in released past rest; do
        expect_report "$where" use-after-poison env
    done
    exit "$status"
    ;;
esac
if [ "$COIR_DEBUG" = ON ]; then
    expect_report released 'a released slice was written to' env
    expect_report past 'a slice was written to past its end' env
fi
[ -z "$COIR_SANITIZE" ] || exit "$status" # Valgrind does not get on with ThreadSanitizer
if [ "$COIR_WATCHED" = emulator ]; then
    echo 'Valgrind would watch the emulator: left out'
elif command -v valgrind >/dev/null && ! can_watch; then
    echo 'Valgrind cannot run programs for this machine, or this C library: left out'
elif command -v valgrind >/dev/null; then
    expect_silence valgrind --quiet --error-exitcode=99
    expect_report released 'Invalid write of size 1' valgrind --quiet --error-exitcode=99
    if [ "$COIR_DEBUG" = ON ]; then
        expect_report past 'Invalid write of size 1' valgrind --quiet --error-exitcode=99
        expect_report rest 'Invalid write of size 1' valgrind --quiet --error-exitcode=99
    fi
fi
exit "$status"
