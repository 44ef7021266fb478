#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: tools/build.sh PRESET [TARGET]
#
# Configures build/PRESET unless that is done, and builds TARGET there, or
# everything. Prints what the compiler says, or nothing much. Options for
# CMake are taken from CONFIGURE.
set -eu
cd "$(dirname "$0")/.."
preset=$1
target=${2:-all}
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}
folder=build/$preset

if [ ! -f "$folder/CMakeCache.txt" ] && command -v ninja >/dev/null 2>&1; then
    CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
    export CMAKE_GENERATOR
fi

# Configuring again costs little, and is what notices a changed CONFIGURE.
mkdir -p "$folder"
# shellcheck disable=SC2086 # CONFIGURE is a list of options
if ! cmake --preset "$preset" ${CONFIGURE:-} >"$folder/configure.log" 2>&1; then
    cat "$folder/configure.log" >&2
    exit 1
fi
echo "building $folder"
cmake --build "$folder" --target "$target" --parallel "$jobs"
