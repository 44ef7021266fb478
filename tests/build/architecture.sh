#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What ARCHITECTURE.md names is there: its functions, its files, and in the ways
# of a read each function in the file beside it. And what is not is noticed.
set -eu
cd "$COIR_SOURCE"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0
tick=$(printf '\140')

# list_missing DOCUMENT: prints what it names and nobody has.
list_missing() {
    for name in $(tr "$tick" '\n' <"$1" | grep -x '[A-Za-z_0-9]*()' | sort -u); do
        grep -rq "[^A-Za-z_]${name%)}" src programs include tests/support || echo "$name"
    done
    # "    function   room/file.c   what it does there"
    grep -oE '^ +[a-z_]+ +[a-z]+(/[a-z_]+)+\.[chS]' "$1" | while read -r name file; do
        grep -qs "[^a-z_]${name}[^a-z_]" "src/$file" || echo "$name in $file"
    done
    files=$(grep -oE '[a-z]+(/[a-z_]+)+\.([chS]|sh|py)' "$1" | sort -u)
    for file in $files; do
        [ -e "$file" ] || [ -e "src/$file" ] || [ -e "programs/$file" ] || echo "$file"
    done
}

list_missing ARCHITECTURE.md >"$scratch/missing"
if [ -s "$scratch/missing" ]; then
    sed 's/^/ARCHITECTURE.md: there is no /' "$scratch/missing"
    status=1
fi

# The check itself.
cat >"$scratch/planted.md" <<END
Call ${tick}no_such_function()${tick} of src/task/nowhere.c and ${tick}task_park()${tick}.

    no_such_step        task/task.h          is not there
    task_park           task/task.h          is
END
list_missing "$scratch/planted.md" >"$scratch/missing"
if ! printf '%s\n' 'no_such_function()' 'no_such_step in task/task.h' src/task/nowhere.c |
    diff - "$scratch/missing"; then
    echo 'what is not there goes unseen'
    status=1
fi
exit $status
