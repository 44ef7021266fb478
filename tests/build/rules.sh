#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/rules.sh finds each thing it is for, on the right line, and is content
# with a tree that has none of them.
set -eu
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/src/base" "$tree/src/net" "$tree/include/coir" "$tree/programs" "$tree/examples" "$tree/bench" \
    "$tree/tests" "$tree/tools" "$tree/cmake"
licence='SPDX-License-Identifier: MIT'
printf '# %s\ncoir_room(base)\ncoir_room(net DEPENDS base)\n' "$licence" >"$tree/CMakeLists.txt"
printf '# %s\n' "$licence" >"$tree/Makefile"
status=0

run_rules() {
    "$COIR_SOURCE/tools/rules.sh" "$tree" >"$tree/out" 2>&1
}

# content FILE: the text on standard input is right.
content() {
    { echo "/* $licence */"; cat; } >"$tree/$1"
    if ! run_rules; then
        echo "wrongly refused in $1:"
        cat "$tree/out"
        status=1
    fi
    rm "$tree/$1"
}

# complains FILE LINE TEXT: of the text on standard input, whose first line is line 2.
complains() {
    { echo "/* $licence */"; cat; } >"$tree/$1"
    if run_rules || ! grep -q "^$1:$2: .*$3" "$tree/out"; then
        echo "expected $1:$2: ...$3..., got:"
        cat "$tree/out"
        status=1
    fi
    rm "$tree/$1"
}

# Prints a function with a body of `$1` lines, braces included.
print_function() {
    echo 'int long_one(void)'
    echo '{'
    seq "$(($1 - 2))" | sed 's/.*/    step(&);/'
    echo '}'
}

echo '#include "base/list.h"' | content src/net/a.c
echo '#include <coir/types.h>' | content src/net/a.c
echo '#include <sys/socket.h>' | content include/coir/a.h
printf '/* an extern in a comment,\n * extern again */\nconst char *a = "extern";\n' | content src/net/a.c
echo 'extern int a;' | content src/net/a.h
print_function 70 | content src/net/a.c
seq 499 | sed 's/.*/int number_&;/' | content src/net/a.c

echo '#include "../net/net.h"' | complains src/base/a.c 2 'through ..'
echo '#include "net/net.h"' | complains src/base/a.c 2 'does not declare'
echo '#include "a.h"' | complains src/base/a.c 2 'in no room'
echo '#include "base/list.h"' | complains include/coir/a.h 2 'public header'
echo '#include "base/list.h"' | complains programs/a.c 2 'public headers'
echo '#include "base/list.h"' | complains examples/a.c 2 'public headers'
echo 'extern int a;' | complains src/base/a.c 2 'extern'
echo 'extern int a;' | complains bench/a.cc 2 'extern'
printf '/* of\n * two lines */ extern int a;\n' | complains src/base/a.c 3 'extern'
printf '\n#if 0\n#endif\n' | complains src/base/a.c 3 'never compiled'
print_function 71 | complains src/base/a.c 73 '71 lines'
seq 500 | sed 's/.*/int number_&;/' | complains src/base/a.c 501 '500 lines'
printf '/* TO%s: more */\n' DO | complains src/base/a.c 2 'left to do'
printf 'int a; \n' | complains src/base/a.c 2 'space at the end'

printf 'int a;\n' >"$tree/src/base/a.c"
if run_rules || ! grep -q '^src/base/a.c:1: no SPDX' "$tree/out"; then
    echo 'a file without licence went unseen'
    status=1
fi
rm "$tree/src/base/a.c"
printf 'package main\n' >"$tree/bench/a.go"
if run_rules || ! grep -q '^bench/a.go:1: no SPDX' "$tree/out"; then
    echo 'a file in another language went unseen'
    status=1
fi
exit $status
