#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: tools/rules.sh [TREE]
#
# Checks what no compiler does, in TREE or the one this file is in: who may
# include whom, no extern in .c files, nothing left to do, file and function
# lengths, licence lines. Prints file:line: and what is wrong; exits with 1 if
# anything is.
set -eu
cd "${1:-$(dirname "$0")/..}"

code=$(find include src programs examples bench tests \( -name '*.[chS]' -o -name '*.cc' \) | sort)
other=$(find bench -name '*.go' | sort)
scripts=$(find tools tests bench .ci Makefile CMakeLists.txt cmake \
    \( -name '*.sh' -o -name '*.py' -o -name '*.cmake' -o -name CMakeLists.txt -o -name Makefile -o -path .ci/run \) \
    -type f 2>/dev/null | sort)
texts=$(find . \( -name .git -o -name build \) -prune -o -name '*.md' -type f -print | sort)

# "room lower lower ...", one room a line, as CMakeLists.txt declares them.
rooms=$(sed -n 's/^coir_room(\([^)]*\)).*/\1/p' CMakeLists.txt | sed -e 's/ DEPENDS / /' -e 's/ VARIANT .*//')

check_includes() {
    awk -v rooms="$rooms" '
        function complain(text) { print FILENAME ":" FNR ": " text; bad = 1 }
        function room_of(path,    room, best) {
            for (room in lower)
                if (index(path, room "/") == 1 && length(room) > length(best))
                    best = room
            return best
        }
        BEGIN {
            count = split(rooms, lines, "\n")
            for (i = 1; i <= count; i++) {
                split(lines[i], words, " ")
                lower[words[1]] = " " lines[i] " "
            }
        }
        FNR == 1 { here = index(FILENAME, "src/") == 1 ? room_of(substr(FILENAME, 5)) : "" }
        !/^[ \t]*#[ \t]*include[ \t]*["<]/ { next }
        {
            path = $0
            sub(/^[ \t]*#[ \t]*include[ \t]*["<]/, "", path)
            sub(/[">].*/, "", path)
            quoted = $0 ~ /include[ \t]*"/
            there = room_of(path)
        }
        path ~ /\.\./ { complain("includes through .. : \"" path "\""); next }
        FILENAME ~ /^src\// && quoted && there == "" { complain("\"" path "\" is in no room"); next }
        FILENAME ~ /^src\// && quoted && index(lower[here], " " there " ") == 0 {
            complain("room " here " does not declare that it depends on " there)
        }
        FILENAME ~ /^include\// && (quoted || path ~ /\// && path !~ /^(coir|sys|netinet)\//) {
            complain("a public header includes public headers and the system'\''s alone")
        }
        FILENAME ~ /^(programs|examples|bench)\// && there != "" && quoted {
            complain("only the public headers are for programs")
        }
        END { exit bad }
    ' "$@"
}

# Looks at code without comments and strings.
check_code() {
    awk '
        function complain(text) { print FILENAME ":" FNR ": " text; bad = 1 }
        FNR == 1 { in_comment = 0; start = 0 }
        {
            line = $0
            gsub(/\\./, "", line)
            gsub(/"[^"]*"/, "\"\"", line)
            if (in_comment && !sub(/^.*\*\//, "", line))
                next
            in_comment = 0
            gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", line)
            if (sub(/\/\*.*/, "", line))
                in_comment = 1
            sub(/\/\/.*/, "", line)
        }
        FILENAME ~ /\.cc?$/ && line ~ /(^|[^a-zA-Z0-9_])extern([^a-zA-Z0-9_]|$)/ {
            complain("extern in a .c file: declare it in the header of the room that has it")
        }
        line ~ /^[ \t]*#[ \t]*if[ \t]+0([^0-9a-zA-Z]|$)/ { complain("code that is never compiled") }
        FILENAME ~ /\.cc?$/ && line ~ /^\{/ { start = FNR }
        FILENAME ~ /\.cc?$/ && line ~ /^\}/ && start {
            if (FNR - start + 1 > 70)
                complain("a function of " FNR - start + 1 " lines; the limit is 70")
            start = 0
        }
        END { exit bad }
    ' "$@"
}

check_text() {
    awk '
        function complain(text) { print FILENAME ":" FNR ": " text; bad = 1 }
        /(^|[^A-Za-z])(TO[D]O|FIX[M]E|XX[X])([^A-Za-z]|$)/ { complain("something is left to do") }
        /[ \t]+$/ && FILENAME !~ /\.md$/ { complain("space at the end of the line") }
        FNR == 501 && FILENAME !~ /\.md$/ { complain("more than 500 lines") }
        END { exit bad }
    ' "$@"
}

check_licence() {
    for file; do
        if ! head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT'; then
            echo "$file:1: no SPDX line"
            return 1
        fi
    done
}

status=0
# shellcheck disable=SC2086 # lists of files without spaces
{
    check_includes $code || status=1
    check_code $code || status=1
    check_text $code $other $scripts $texts || status=1
    check_licence $code $other $scripts || status=1
}
exit $status
