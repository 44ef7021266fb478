#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `coir echo` as a service: takes the sockets that are handed to it, of streams
# and of datagrams, tells its supervisor how things are, and gives up its
# rights, with --user and without.
set -eu
. "$COIR_SOURCE/tests/system/helpers.sh"
keeper=
trap '[ -z "$keeper" ] || kill -KILL "$keeper" 2>/dev/null || :; clean_up' EXIT

said() {
    has_line "$scratch/said" "$1"
}

# echoes_by_udp SECONDS: an end is not to be seen, so socat waits for so long. Called by wait_for.
# shellcheck disable=SC2317
echoes_by_udp() {
    [ "$(printf hello | socat "-t$1" - "UDP:127.0.0.1:${udp##*:}")" = hello ]
}

# Called by wait_for.
# shellcheck disable=SC2317
is_alive() {
    [ "$(grep -c '^news WATCHDOG=1$' "$scratch/said")" -ge 3 ]
}

# refuses CODE TEXT COMMAND...: it must end with that code and say so.
refuses() {
    wanted=$1
    text=$2
    shift 2
    code=0
    timeout 30 "$@" >/dev/null 2>"$scratch/refusal" || code=$?
    [ "$code" -eq "$wanted" ] || complain "$*: exit code $code, wanted $wanted: $(cat "$scratch/refusal")"
    grep -qF -e "$text" "$scratch/refusal" || complain "expected '$text' in: $(cat "$scratch/refusal")"
}

for engine in $engines; do
    : >"$scratch/said"
    : >"$scratch/errors"
    WATCHDOG_USEC=300000 "$COIR_PROGRAMS/activate" tcp://127.0.0.1:0 udp://127.0.0.1:0 -- \
        "$COIR_COMMAND" echo --engine "$engine" >"$scratch/said" 2>"$scratch/errors" &
    keeper=$!
    wait_for 30 said '^news READY=1$' || die "$engine: never ready"
    # Ready is said once it is.
    [ "$(grep -c '^listening on ' "$scratch/errors")" -eq 2 ] || complain "$engine: ready before it listens"
    sed -n 's/^socket //p' "$scratch/said" >"$scratch/addresses"
    tcp=$(address 1)
    udp=$(address 2)
    [ "$(printf hello | socat -t30 - "TCP:127.0.0.1:${tcp##*:}")" = hello ] || complain "$engine: no echo by TCP"
    wait_for 30 echoes_by_udp 1 || complain "$engine: no echo by UDP"
    wait_for 30 is_alive || complain "$engine: no three signs of life"
    ! said '^news STOPPING=1$' || complain "$engine: stops too early"
    kill -TERM "$keeper"
    code=0
    wait "$keeper" || code=$?
    keeper=
    [ "$code" -eq 0 ] || die "$engine: the server ended with $code"
    said '^news STOPPING=1$' || complain "$engine: does not say that it stops"
done

# What is handed over and cannot be served, and a supervisor that cannot be told anything.
# shellcheck disable=SC2016 # for the shell that becomes the server
refuses 1 'descriptor 3' sh -c 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" echo 3</dev/null' "$COIR_COMMAND"
# shellcheck disable=SC2016
refuses 1 LISTEN_FDS sh -c 'LISTEN_PID=$$ LISTEN_FDS=x exec "$0" echo' "$COIR_COMMAND"
refuses 1 NOTIFY_SOCKET env NOTIFY_SOCKET=nowhere "$COIR_COMMAND" echo --listen tcp://127.0.0.1:0
refuses 2 no-such-user "$COIR_COMMAND" echo --user no-such-user --listen tcp://127.0.0.1:0
[ $status -eq 0 ] || exit $status

[ "$(id -u)" -eq 0 ] || skip 'giving up the rights of root takes root'
[ -r /proc/self/status ] || skip 'no /proc to see rights in'
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" # it may not trace itself any more

# has FIELD VALUE: the server's status says so.
has() {
    value=$(sed -n "s/^$1:[[:space:]]*//p" "/proc/$server/status" | tr '\t' ' ')
    [ "$value" = "$2" ] || complain "$what: $1 is $value, not $2"
}

has_no_rights() {
    for set in CapInh CapPrm CapEff CapAmb; do
        has $set 0000000000000000
    done
    has NoNewPrivs 1
    port=$(address 1)
    [ "$(printf hello | socat -t30 - "TCP:127.0.0.1:${port##*:}")" = hello ] || complain "$what: no echo"
    end_server
}

what='--user'
start_server --user 4242:4343 --listen tcp://127.0.0.1:0
has Uid '4242 4242 4242 4242'
has Gid '4343 4343 4343 4343'
has CapBnd 0000000000000000
has_no_rights

command -v setpriv >/dev/null || skip 'no setpriv to become a user with a right'
what='a user with a right'
command=$COIR_COMMAND
setpriv --reuid=4242 --regid=4343 --clear-groups "$command" --version >/dev/null 2>&1 ||
    skip 'others have no right to run this build'
cat >"$scratch/coir" <<END
#!/bin/sh
exec setpriv --reuid=4242 --regid=4343 --clear-groups --inh-caps=+net_bind_service --ambient-caps=+net_bind_service \
    "$command" "\$@"
END
chmod +x "$scratch/coir"
chmod 755 "$scratch"
COIR_COMMAND=$scratch/coir
start_server --listen tcp://127.0.0.1:0
has Uid '4242 4242 4242 4242'
has_no_rights
exit $status
