# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# For scripts that drive `coir echo`; source it first. Makes $scratch, which
# goes away in the end, together with whatever start_server() has left running.
# $engines are those to try: both, unless the environment has chosen.
scratch=$(mktemp -d)
# shellcheck disable=SC2034 # for those who source this
engines=${COIR_ENGINE:-epoll poll}
server=
status=0

# Called by the trap.
# shellcheck disable=SC2317
clean_up() {
    if [ -n "$server" ] && kill -KILL "$server" 2>/dev/null; then
        wait_for 5 test -e "$scratch/code" || : # who waits for the server writes there
    fi
    rm -rf "$scratch"
}
trap clean_up EXIT

# complain WHAT: the test has failed, and goes on.
complain() {
    echo "FAILED: $*" >&2
    # shellcheck disable=SC2034 # likewise
    status=1
}

# die WHAT: the test has failed, and cannot go on. Shows what the server said.
die() {
    echo "FAILED: $*" >&2
    [ ! -s "$scratch/errors" ] || sed 's/^/server: /' "$scratch/errors" >&2
    exit 1
}

skip() {
    echo "skipped: $*"
    exit 77
}

# wait_for SECONDS COMMAND...: until it succeeds; fails if it does not.
wait_for() {
    end=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -le "$end" ] || return 1
        sleep 0.02
    done
}

has_line() {
    grep -qs "$2" "$1"
}

# put FILE TEXT: the file is there with all of its text, or not at all.
put() {
    echo "$2" >"$1.new"
    mv "$1.new" "$1"
}

# start_server ARGUMENT...: runs `coir echo` until it is ready. Leaves its
# process id in $server, its addresses, one a line, in $scratch/addresses.
start_server() {
    rm -f "$scratch/code" "$scratch/pid"
    : >"$scratch/errors"
    (
        "$COIR_COMMAND" echo "$@" 2>"$scratch/errors" &
        put "$scratch/pid" $!
        code=0
        wait $! 2>/dev/null || code=$?
        put "$scratch/code" "$code"
    ) &
    wait_for 10 test -e "$scratch/pid" || die "no server was started"
    server=$(cat "$scratch/pid")
    wait_for 30 is_ready_or_gone || die "the server is not ready after 30 s"
    [ ! -e "$scratch/code" ] || die "the server ended with $(cat "$scratch/code")"
    sed -n 's/^listening on //p' "$scratch/errors" >"$scratch/addresses"
}

# Called by wait_for.
# shellcheck disable=SC2317
is_ready_or_gone() {
    [ -e "$scratch/code" ] || grep -q '^engine: ' "$scratch/errors"
}

# address NUMBER: that of the NUMBER-th listener.
address() {
    sed -n "$1p" "$scratch/addresses"
}

# wait_for_end SECONDS [CODE]: expects the server to end by then, with exit code 0 or that one, and its counters to add
# up.
wait_for_end() {
    wait_for "$1" test -e "$scratch/code" || die "the server has not ended after $1 s"
    server=
    [ "$(cat "$scratch/code")" -eq "${2:-0}" ] || die "the server ended with $(cat "$scratch/code")"
    sum=$(($(counted finished) + $(counted reset) + $(counted 'timed out') + $(counted shed) + $(counted cancelled)))
    [ "$(counted accepted)" -eq "$sum" ] || die "$sum sessions have ended"
}

# counted WHAT: how many, by the server's last words: accepted, finished, reset, timed out, shed, cancelled (sessions),
# bytes, messages, refused, lost.
counted() {
    case $1 in
    accepted) sed -n 's/^accepted \([0-9]*\) sessions: .*/\1/p' "$scratch/errors" ;;
    *) sed -n "/^accepted \|^echoed /s/.* \([0-9]*\) $1\>.*/\1/p" "$scratch/errors" ;;
    esac
}

# end_server: by SIGTERM; nobody is connected.
end_server() {
    kill -TERM "$server"
    wait_for_end 30
}
