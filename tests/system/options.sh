# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# For scripts that try the command line of coir; source it after helpers.sh.
# shellcheck disable=SC2154 # scratch is of helpers.sh

# run CODE ARGUMENT...: runs coir, which must end with that code at once.
run() {
    wanted=$1
    shift
    code=0
    timeout 30 "$COIR_COMMAND" "$@" >"$scratch/out" 2>"$scratch/err" || code=$?
    [ "$code" -eq "$wanted" ] || complain "coir $*: exit code $code, wanted $wanted: $(cat "$scratch/err")"
}

# says TEXT: the last complaint holds it.
says() {
    grep -qF -e "$1" "$scratch/err" || complain "expected '$1' in: $(cat "$scratch/err")"
}

# answers COMMAND...: it prints something on standard output, nothing else, and fits a screen.
answers() {
    run 0 "$@"
    [ -s "$scratch/out" ] || complain "coir $*: no output"
    [ ! -s "$scratch/err" ] || complain "coir $*: complains: $(cat "$scratch/err")"
    [ "$(wc -l <"$scratch/out")" -le 23 ] || complain "coir $*: more than 24 lines with the prompt"
    awk 'length > 80 { exit 1 }' "$scratch/out" || complain "coir $*: lines of more than 80 columns"
}

# refuses TEXT ARGUMENT...: one line on standard error that holds TEXT; exit code 2.
refuses() {
    text=$1
    shift
    run 2 "$@"
    says "$text"
    [ ! -s "$scratch/out" ] || complain "coir $*: prints on standard output"
    [ "$(wc -l <"$scratch/err")" -eq 1 ] || complain "coir $*: more than one line"
}
