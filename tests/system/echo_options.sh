#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The command line of coir: what it prints where, and its exit codes.
set -eu
. "$COIR_SOURCE/tests/system/helpers.sh"
. "$COIR_SOURCE/tests/system/options.sh"
unset COIR_ENGINE

answers --help
answers echo --help
answers --version
grep -q '^coir [0-9]*\.[0-9]*\.[0-9]*$' "$scratch/out" || complain "version: $(cat "$scratch/out")"
answers echo --version
answers echo --quiet --help --nonsense

refuses 'no command'
refuses "'frobnicate'" frobnicate
refuses "'--nonsense'" --nonsense
refuses "'--nonsense'" echo --nonsense
refuses "'-x'" echo -x
refuses "'--quiet=yes'" echo --quiet=yes
refuses "'--listen'" echo --listen
refuses "'more'" echo more
refuses "'uring'" echo --engine uring
refuses "'localhost'" echo --listen localhost
refuses 'tcp://localhost:7' echo --listen tcp://localhost:7
refuses 'tcp://127.0.0.1:70000' echo --listen tcp://127.0.0.1:70000
refuses 'gopher://127.0.0.1:7' echo --listen gopher://127.0.0.1:7
says 'tcp://, udp://, unix:// or fd://'
refuses 'port is missing' echo --listen tcp://127.0.0.1
refuses 'port is no number' echo --listen tcp://127.0.0.1:http
refuses 'in brackets' echo --listen tcp://::1:7
refuses 'host names' echo --listen tcp://localhost:7
refuses '107 bytes' echo --listen "unix:///$(printf '%0107d' 7)"
many=$(for i in $(seq 65); do echo "--listen tcp://:$i"; done)
# shellcheck disable=SC2086
refuses 'more than 64 times' echo $many

# Every address that fails is named, and none stays open.
run 1 echo --listen "unix://$scratch/ours.sock" --listen fd://97 --listen "unix:///nowhere/x.sock"
says "'fd://97'"
says "'unix:///nowhere/x.sock'"
[ ! -e "$scratch/ours.sock" ] || complain 'a failed start leaves a socket file'

COIR_ENGINE=steam run 1 echo --listen tcp://127.0.0.1:0
says COIR_ENGINE=steam

if [ -w /dev/full ]; then
    code=0
    "$COIR_COMMAND" --help >/dev/full 2>"$scratch/err" || code=$?
    [ "$code" -eq 1 ] || complain "--help that nobody can take ends with $code"
    says 'standard output'
fi
exit $status
