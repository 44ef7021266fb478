#!/bin/sh
# SPDX-License-Identifier: MIT
#
# 18,000 sessions in one `coir echo`, on one thread, each having echoed a
# message; on SIGTERM every client sees its end, and the exit code is 0 within
# 5 s of the last client's close. The clients are processes of their own, as
# descriptors are counted by process. Time limit: 120 s. Runs alone.
set -eu
. "$COIR_SOURCE/tests/system/helpers.sh"
unset COIR_ENGINE
count=18000
clients=2
if [ "$COIR_SANITIZE" = thread ]; then
    count=4000
    "$CC" --version | grep -q clang || count=1000 # at two megabytes, and a millisecond, each
    echo "ThreadSanitizer takes each session for a thread, of which gcc's has room for 8,128: $count here"
fi
if [ "$COIR_WATCHED" = emulator ]; then
    count=4000
    echo "the emulator takes its time: $count here"
fi
[ "$COIR_WATCHED" != valgrind ] || skip 'Valgrind looks through a list of all stacks at each switch'

limit=$(sed -n 's/^Max open files *[0-9a-z]* *\([0-9a-z]*\) .*/\1/p' /proc/self/limits)
[ "$limit" = unlimited ] || [ "$limit" -ge $((count + 100)) ] || skip "only $limit descriptors a process"

# shellcheck disable=SC3045 # dash and busybox have -S
ulimit -S -n 256 # the server has to raise it; so have the clients
start_server --engine epoll --listen tcp://127.0.0.1:0
holders=
for number in $(seq $clients); do
    "$COIR_PROGRAMS/sessions" "$(address 1)" $((count / clients)) >"$scratch/holding.$number" &
    holders="$holders $!"
done
for number in $(seq $clients); do
    wait_for 90 has_line "$scratch/holding.$number" holding || die "client $number does not hold its sessions"
done

open=$(find "/proc/$server/fd" -lname 'socket:*' | wc -l)
[ "$open" -gt $count ] || die "the server holds $open sockets"
grep -qx 'Threads:[[:space:]]*1' "/proc/$server/status" || [ -n "$COIR_WATCHED" ] ||
    die "not one thread: $(grep Threads: "/proc/$server/status")"
# A page of stack and the objects of a stream: nothing may reach deeper into the stack.
memory=$(sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$server/status")
echo "$((memory * 1024 / count)) bytes a session"
[ -n "$COIR_WATCHED" ] || [ $((memory * 1024 / count)) -le 5120 ] || die 'more than a page of stack'

kill -TERM "$server"
for holder in $holders; do
    wait "$holder" || die 'a client has not seen its end'
done
wait_for_end 5
[ "$(counted accepted) $(counted finished)" = "$count $count" ] || die 'totals'
