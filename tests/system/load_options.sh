#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The command line of coir load: what it refuses, and in which words.
set -eu
. "$COIR_SOURCE/tests/system/helpers.sh"
. "$COIR_SOURCE/tests/system/options.sh"
unset COIR_ENGINE
here=tcp://127.0.0.1:7

answers load --help
answers load --version
answers load --quiet --help --nonsense

refuses 'no address given' load
refuses "'--nonsense'" load --nonsense
refuses "'--quiet=yes'" load --quiet=yes
refuses "'--size'" load $here --size
refuses 'one address too many' load $here tcp://127.0.0.1:8
refuses 'tcp://127.0.0.1:70000' load tcp://127.0.0.1:70000
refuses 'tcp://127.0.0.1:0' load tcp://127.0.0.1:0
refuses 'tcp://localhost:7' load tcp://localhost:7
refuses 'gopher://127.0.0.1:7' load gopher://127.0.0.1:7
refuses "--connections '0'" load $here --connections 0
refuses "at most 1000000" load $here --connections 1000001
refuses "at most 65536" load $here --depth 1000000000000
refuses "--connections 'many'" load $here --connections many
refuses "--size '0'" load $here --size 0
refuses 'more than 1G' load $here --size 2G
refuses "--duration '10'" load $here --duration 10
refuses 'longer than a day' load $here --duration 25h
refuses "--patience '0s'" load $here --patience 0s
refuses 'zero is too short' load $here --duration 0
refuses 'it names no file' load $here --report ''
refuses "--rate '0'" load $here --rate 0
refuses "--engine 'uring'" load $here --engine uring
refuses "--sources 'home'" load $here --sources home
refuses 'exclude each other' load $here --churn --idle
refuses 'leave --depth out' load $here --rate 10 --depth 2
refuses 'neither --rate nor --depth' load $here --idle --rate 10
refuses 'no source addresses' load unix://@x --sources 127.0.0.1
refuses 'datagrams have none' load udp://127.0.0.1:7 --churn
refuses '65507 bytes' load udp://127.0.0.1:7 --size 64K

refuses 'same family' load $here --sources fd00::1
refuses "'zzz'" load $here -- zzz
refuses "cannot both go to 'x'" load $here --json x --report x
refuses "cannot both go to 'x'" load $here --json x --report ./x
run 1 load $here --sources 192.0.2.7
says 'not an address of this host'
COIR_ENGINE=steam run 1 load $here
says COIR_ENGINE=steam

if "$COIR_COMMAND" load --merge /nonexistent 2>&1 | grep -q jansson; then
    refuses jansson load --compare a b --report c
    refuses jansson load $here --json file
else
    refuses 'wants files' load --merge
    refuses 'two files' load --compare one --report page
    refuses 'add --report' load --compare one two
    refuses 'goes with a run' load --merge one --size 5
    refuses 'goes with a run' load --merge one --engine poll
    refuses 'exclude each other' load --merge one --compare
    refuses 'named twice' load --merge one two one
    refuses "'one' goes behind" load one --merge two
    run 1 load --merge "$scratch/nothing.json"
    says nothing.json
fi
exit $status
