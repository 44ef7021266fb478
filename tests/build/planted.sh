#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A user's program (planted.c) with a libcoir.so built without sanitizers, by
# each compiler there is: plain, with AddressSanitizer, with ThreadSanitizer.
# What is correct is clean on both engines, and each planted mistake is named by
# the tool, or by the assertion, that is there for it. Time limit: 180 s
set -eu
if [ -n "$COIR_SANITIZE" ]; then
    echo 'skipped: a sanitized library needs a program sanitized alike'
    exit 77
fi
case $CC in
*musl*)
    echo 'skipped: it is by compilers for another C library'
    exit 77
    ;;
esac
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0
ASAN_OPTIONS=detect_stack_use_after_return=1:detect_leaks=1
TSAN_OPTIONS=halt_on_error=1
export ASAN_OPTIONS TSAN_OPTIONS
# shellcheck disable=SC3045 # dash and busybox have -c
ulimit -c 0

fail() {
    echo "$compiler, $build: $*"
    sed 's/^/    /' "$scratch/log"
    status=1
}

# compile BUILD OPTION...: the program, as $scratch/program.
compile() {
    build=$1
    shift
    "$compiler" -std=gnu11 -g -O1 -fno-omit-frame-pointer "$@" -I"$COIR_SOURCE/include" \
        "$COIR_SOURCE/tests/build/planted.c" -L"$COIR_BUILD" -Wl,-rpath,"$COIR_BUILD" -lcoir -pthread \
        -o "$scratch/program" >"$scratch/log" 2>&1 || fail 'the program does not build'
}

# clean: the correct part ends well and says nothing.
clean() {
    for engine in epoll poll; do
        COIR_ENGINE=$engine "$scratch/program" work >"$scratch/log" 2>&1 || fail "what is correct fails on $engine"
        # Of ucontext, where there is no assembly, AddressSanitizer says this whatever the program does.
        grep -v 'fully support makecontext/swapcontext functions' "$scratch/log" >"$scratch/said" || true
        [ ! -s "$scratch/said" ] || fail "what is correct is warned of on $engine"
    done
}

# named PART TEXT...: the part dies, and each text, a pattern, is in what is said of it.
named() {
    part=$1
    shift
    if "$scratch/program" "$part" >"$scratch/log" 2>&1; then
        fail "$part goes unnoticed"
    fi
    for text; do
        grep -q "$text" "$scratch/log" || fail "$part is not named as '$text'"
    done
}

for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || continue
    compile plain
    clean
    named closed_stream 'coir: misuse: stream_is_live(stream), at .* in begin_write, task "culprit"'
    named foreign_stream 'coir: misuse: stream_is_live(stream), at .* in begin_write, task "culprit"'
    named large_frame 'coir: stack overflow: task "culprit" needs more than its stack of 16 KiB'
    named leaked_task 'coir: deadlock: ' 'task "culprit" waits: '
    named open_scope 'coir: misuse: task->scope == task->home.*task "culprit"'

    compile address -fsanitize=address
    clean
    named return_local stack-use-after-return return_local
    named finished_stack 'ERROR: AddressSanitizer' '#0.*finished_stack'
    named leaked_memory 'LeakSanitizer: detected memory leaks' keep_memory
    ASAN_OPTIONS=detect_stack_use_after_return=0 named finished_stack 'ERROR: AddressSanitizer' '#0.*finished_stack'

    compile thread -fsanitize=thread
    clean
    named race 'ThreadSanitizer: data race' "'culprit'" count
done
exit $status
