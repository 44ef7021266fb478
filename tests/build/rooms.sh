#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The dependency rule holds because it is enforced: in a copy of the tree, an
# include that a room may not have stops the build or the lint, and one that it
# may have stops neither.
# Time limit: 240 s
set -eu
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cd "$COIR_SOURCE"
cp -R CMakeLists.txt CMakePresets.json cmake include src tools "$tree"
mkdir -p "$tree/programs" "$tree/examples" "$tree/bench" "$tree/tests"
cmake -S "$tree" -B "$tree/build" -DCOIR_TESTS=OFF -DCMAKE_C_COMPILER="$CC" >"$tree/log"
status=0

fail() {
    echo "$*"
    sed 's/^/    /' "$tree/log"
    status=1
}

# plant FOLDER INCLUDED: leaves a file in the room FOLDER that includes INCLUDED.
plant() {
    planted=$tree/src/$1/planted.c
    cat >"$planted" <<END
/* SPDX-License-Identifier: MIT */
#include $2
int planted_here(void);
int planted_here(void)
{
    return 0;
}
END
}

# Compiles the planted file alone, as the build would.
compile() {
    cmake "$tree/build" >"$tree/log" 2>&1
    command=$(sed -n 's/^  "command": "\(.*planted\.c\.o .*planted\.c\)",*$/\1/p' "$tree/build/compile_commands.json" |
        sed 's/\\"/"/g')
    [ -n "$command" ]
    (cd "$tree/build" && sh -c "${command%% -o *} -fsyntax-only $planted") >"$tree/log" 2>&1
}

accepted() {
    plant "$1" "$2"
    compile || fail "the build refuses $2 in $1"
    "$tree/tools/rules.sh" "$tree" >"$tree/log" || fail "the lint refuses $2 in $1"
    rm "$planted"
}

refused_by_build() {
    plant "$1" "$2"
    ! compile || fail "the build lets $2 into $1"
    grep -q 'No such file\|not found' "$tree/log" || fail "the build refuses $2 in $1 for another reason"
    rm "$planted"
}

refused_by_lint() {
    plant "$1" "$2"
    ! "$tree/tools/rules.sh" "$tree" >"$tree/log" || fail "the lint lets $2 into $1"
    grep -q "^src/$1/planted.c:2: " "$tree/log" || fail "the lint refuses $2 in $1 for another reason"
    rm "$planted"
}

accepted base '"base/list.h"'
accepted base '<coir/types.h>'
accepted task '"base/list.h"'
accepted stack '"kernel/kernel.h"'
accepted engine/epoll '"kernel/kernel.h"'

refused_by_build base '"task/task.h"'
refused_by_build base '<task/task.h>'
refused_by_build context '"kernel/kernel.h"'
refused_by_build task '"io/loop.h"'
refused_by_build engine/poll '"engine/epoll/planted.h"'

refused_by_lint base '"task/task.h"'
refused_by_lint base '"../task/task.h"'
refused_by_lint engine/poll '"../epoll/epoll.h"'
# It resolves, as task depends on stack and stack on kernel; it is not declared all the same.
refused_by_lint sync '"kernel/kernel.h"'
exit $status
