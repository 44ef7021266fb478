#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Addresses of `coir echo`: what it prints when ready, ports in use, sockets
# that were handed over, stale socket files, the right to port 7.
set -eu
. "$COIR_SOURCE/tests/system/helpers.sh"

# fails ARGUMENT...: `coir echo` must fail at its start; $scratch/err is why.
fails() {
    code=0
    timeout 30 "$@" >/dev/null 2>"$scratch/err" || code=$?
    [ "$code" -eq 1 ] || complain "$*: exit code $code: $(cat "$scratch/err")"
}

says() {
    grep -qF -e "$1" "$scratch/err" || complain "expected '$1' in: $(cat "$scratch/err")"
}

# Ready: a line per listener in their order, then the engine; with --quiet those lines alone.
start_server --listen tcp://127.0.0.1:0 --listen "unix://$scratch/a.sock"
expected="$(address 1 | grep -x 'tcp://127\.0\.0\.1:[1-9][0-9]*') unix://$scratch/a.sock"
[ "$(tr '\n' ' ' <"$scratch/addresses")" = "$expected " ] || complain "addresses: $(cat "$scratch/addresses")"
sed -n 3p "$scratch/errors" | grep -q '^engine: [a-z]* (.*)$' || complain "engine: $(cat "$scratch/errors")"

# In use: by TCP, by a Unix path whose server lives.
fails "$COIR_COMMAND" echo --listen "$(address 1)"
says "'$(address 1)'"
says 'choose another'
fails "$COIR_COMMAND" echo --listen "unix://$scratch/a.sock"
says 'already listens'

# A server that is killed leaves its file behind; the next one takes over.
kill -KILL "$server"
wait_for 30 test -e "$scratch/code" || die 'still alive'
server=
[ -e "$scratch/a.sock" ] || die 'no stale file'
start_server --listen "unix://$scratch/a.sock"
[ "$(printf again | socat -t30 - "UNIX-CONNECT:$scratch/a.sock")" = again ] || complain 'stale socket file'
end_server

"$COIR_COMMAND" echo --quiet --listen tcp://127.0.0.1:0 2>"$scratch/err" &
quiet=$!
wait_for 30 has_line "$scratch/err" '^listening on ' || die 'a quiet server is not ready'
kill -INT "$quiet"
wait "$quiet" || complain "SIGINT: exit code $?"
[ "$(grep -c . "$scratch/err")" -eq 1 ] || complain "--quiet: $(cat "$scratch/err")"

# Handed over, as by a systemd .socket unit.
if command -v python3 >/dev/null; then
    python3 - "$COIR_COMMAND" 2>"$scratch/err" <<'END' || complain "fd://3: $(cat "$scratch/err")"
import os, signal, socket, subprocess, sys
listener = socket.create_server(("127.0.0.1", 0))
os.dup2(listener.fileno(), 3)
server = subprocess.Popen([sys.argv[1], "echo", "--listen", "fd://3"], pass_fds=[3], stderr=subprocess.PIPE)
with socket.create_connection(listener.getsockname()) as client:
    client.sendall(b"handed over")
    assert client.recv(64) == b"handed over"
server.send_signal(signal.SIGTERM)
assert server.wait(30) == 0
END
fi

# Port 7 without the right to it.
[ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start 2>/dev/null || echo 0)" -gt 7 ] ||
    { [ $status -eq 0 ] && skip 'everybody may use port 7 here'; }
if [ "$(id -u)" -eq 0 ]; then
    command -v setpriv >/dev/null || { [ $status -eq 0 ] && skip 'no setpriv to give up rights with'; }
    fails setpriv --inh-caps=-net_bind_service --bounding-set=-net_bind_service "$COIR_COMMAND" echo
else
    fails "$COIR_COMMAND" echo
fi
for way in "'tcp://:7'" 'below 1024' tcp://:7007 cap_net_bind_service AmbientCapabilities= \
    ip_unprivileged_port_start 'socket activation' '--user nobody'; do
    says "$way"
done
exit $status
