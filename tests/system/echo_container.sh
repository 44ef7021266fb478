#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `coir echo` in what containers are made of: as process 1, where SIGTERM must
# still end it cleanly, and orphans are its children; and in a file system that holds nothing but the command
# and its libraries, is read-only, and has no /proc.
set -eu
. "$COIR_SOURCE/tests/system/helpers.sh"
keeper=
trap '[ -z "$keeper" ] || kill -KILL "$keeper" 2>/dev/null || :; clean_up' EXIT

command -v unshare >/dev/null || skip 'no unshare'
if [ "$(id -u)" -eq 0 ]; then
    own='unshare'
else
    own='unshare --map-root-user' # a user namespace gives the right to the others
fi
$own --pid --fork --kill-child --mount --mount-proc true 2>/dev/null || skip 'no right to make namespaces'

# The processes that `$1` has started.
children() {
    cat "/proc/$1/task/$1/children" 2>/dev/null || ps -o pid= --ppid "$1"
}

# serve_in COMMAND...: runs it, which must become `coir echo`, until that is
# ready. Leaves its address in $served, who waits for it in $keeper.
serve_in() {
    : >"$scratch/errors"
    "$@" 2>"$scratch/errors" &
    keeper=$!
    wait_for 30 is_ready_or_ended || die "not ready: $*"
    is_gone "$keeper" && die "has ended: $*"
    served=$(sed -n 's/^listening on tcp:\/\/127\.0\.0\.1:/TCP:127.0.0.1:/p' "$scratch/errors")
}

# The server is asked by SIGTERM, and has to end with exit code 0, which unshare hands on.
end_kept() {
    kill -TERM "$1"
    code=0
    wait_for 30 is_gone "$1" || {
        kill -KILL "$1"
        die "$2: SIGTERM does not end it"
    }
    wait "$keeper" || code=$?
    keeper=
    [ "$code" -eq 0 ] || die "$2: exit code $code"
}

# Called by wait_for.
# shellcheck disable=SC2317
is_ready_or_ended() {
    is_gone "$keeper" || grep -q '^engine: ' "$scratch/errors"
}

is_gone() {
    ! kill -0 "$1" 2>/dev/null
}

# An orphan, such as a health check may leave behind, gets process 1 for its parent.
for engine in $engines; do
    # shellcheck disable=SC2016,SC2086 # for the shell that unshare starts; words of a command
    serve_in $own --pid --fork --kill-child --mount --mount-proc sh -c '(sleep 600 &) && exec "$@"' sh \
        "$COIR_COMMAND" echo --engine "$engine" --listen tcp://127.0.0.1:0
    first=$(children "$keeper" | tr -d ' ')
    grep -q '^NSpid:.*[[:space:]]1$' "/proc/$first/status" || die "$engine: not process 1"
    [ "$(printf hello | socat -t30 - "$served")" = hello ] || complain "$engine: no echo from process 1"
    orphan=$(children "$first" | tr -d ' ')
    kill -KILL "$orphan"
    wait_for 30 is_gone "$orphan" || complain "$engine: an orphan stays as a zombie"
    end_kept "$first" "$engine, process 1"
done

# What is in the file system: the command, what it is linked to, nothing else.
root=$scratch/root
mkdir "$root"
build_root() {
    for file in "$COIR_COMMAND" $(ldd "$COIR_COMMAND" | grep -o '/[^ :]*'); do
        mkdir -p "$root/$(dirname "$file")"
        cp "$file" "$root/$file"
    done
}

if [ -n "$COIR_SANITIZE" ]; then
    echo 'a sanitizer needs /proc: the rest is left out'
    exit $status
fi
if ! ldd "$COIR_COMMAND" >/dev/null 2>&1; then
    echo 'ldd does not know what the command is linked to: the rest is left out'
    exit $status
fi
build_root
for engine in $engines; do
    # shellcheck disable=SC2016,SC2086 # for the shell that unshare starts
    serve_in $own --mount sh -euc '
        mount --bind "$1" "$1"
        mount -o remount,bind,ro "$1"
        root=$1
        shift
        exec chroot "$root" "$@"' sh "$root" "$COIR_COMMAND" echo --engine "$engine" --listen tcp://127.0.0.1:0
    [ "$(printf hello | socat -t30 - "$served")" = hello ] || complain "$engine: no echo from a read-only file system"
    # It sees what we think it sees.
    chrooted=$(readlink "/proc/$keeper/root")
    [ "$chrooted" = "$root" ] || complain "$engine: its root is $chrooted"
    [ ! -e "$root/proc" ] || complain 'it has a /proc'
    ! touch "/proc/$keeper/root/anything" 2>/dev/null || complain "$engine: its file system can be written"
    end_kept "$keeper" "$engine, read-only"
done
exit $status
