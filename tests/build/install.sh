#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What `make install` puts somewhere works from there: a program is built
# through pkg-config, through find_package(), and with the archive, and runs.
# Time limit: 120 s
set -eu
if [ -n "$COIR_SANITIZE" ]; then
    echo 'skipped: whoever links a sanitized library must be sanitized too'
    exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0

fail() {
    echo "$*"
    status=1
}

cmake --install "$COIR_BUILD" --prefix "$scratch/first" >"$scratch/log"
# Everything inside is relative, so that it may be moved.
mv "$scratch/first" "$scratch/prefix"
prefix=$scratch/prefix
pc=$(find "$prefix" -name coir.pc)
library=$(dirname "$(dirname "$pc")")

for file in "$prefix/include/coir.h" "$prefix/include/coir/run.h" "$library/libcoir.so" "$library/libcoir.so.0" \
    "$library/libcoir.a" "$library/cmake/coir/coirConfig.cmake"; do
    [ -f "$file" ] || fail "not installed: $file"
done
diff -r "$COIR_SOURCE/include" "$prefix/include" || fail 'other headers are installed'
if [ -f "$COIR_COMMAND" ]; then
    for page in "$COIR_SOURCE"/docs/man/*.1; do
        cmp "$page" "$prefix/share/man/man1/${page##*/}" || fail "not installed: ${page##*/}"
    done
fi
[ -L "$library/libcoir.so" ] || fail 'libcoir.so is no link'
objdump -p "$library/libcoir.so" | grep -q 'SONAME *libcoir\.so\.0$' || fail 'libcoir.so has another soname'
if [ -f "$COIR_COMMAND" ]; then
    "$prefix/bin/coir" --version || fail 'the installed coir command does not run'
fi

cat >"$scratch/main.c" <<'END'
#include <coir.h>
#include <string.h>

static int answer(void *arg)
{
    return *(int *)arg;
}

int main(void)
{
    int number = 42;

    return coir_run(answer, &number, NULL) == 42 && strcmp(coir_version(), COIR_VERSION) == 0 ? 0 : 1;
}
END

export PKG_CONFIG_PATH="$library/pkgconfig"
if command -v pkg-config >/dev/null; then
    pkg-config --cflags coir | grep -q -e '-fstack-clash-protection' || fail 'pkg-config: no -fstack-clash-protection'
    [ "$(pkg-config --modversion coir)" = "$(sed -n 's/.*COIR_VERSION "\(.*\)"/\1/p' "$prefix/include/coir/run.h")" ] ||
        fail 'coir.pc and COIR_VERSION are of different versions'
    # shellcheck disable=SC2046 # words are meant
    "$CC" -o "$scratch/shared" "$scratch/main.c" $(pkg-config --cflags --libs coir) || fail 'pkg-config: does not build'
    LD_LIBRARY_PATH=$library "$scratch/shared" || fail 'pkg-config: does not run'
fi

"$CC" -I"$prefix/include" -o "$scratch/archived" "$scratch/main.c" "$library/libcoir.a" -pthread ||
    fail 'libcoir.a: does not link'
"$scratch/archived" || fail 'libcoir.a: does not run'

mkdir "$scratch/package"
cat >"$scratch/package/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.16)
project(user LANGUAGES C)
find_package(coir 0.1 REQUIRED)
add_executable(shared ../main.c)
target_link_libraries(shared PRIVATE coir::coir)
add_executable(archived ../main.c)
target_link_libraries(archived PRIVATE coir::coir-static)
END
{
    cmake -S "$scratch/package" -B "$scratch/package/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$CC" &&
        cmake --build "$scratch/package/build"
} >"$scratch/log" 2>&1 || {
    cat "$scratch/log"
    fail 'find_package(): does not build'
}
for kind in shared archived; do
    "$scratch/package/build/$kind" || fail "find_package(): $kind does not run"
done
exit $status
