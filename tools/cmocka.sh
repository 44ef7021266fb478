#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: tools/cmocka.sh PRESET
#
# Builds cmocka, which the tests need, for the machine of PRESET, into
# build/cmocka/PRESET, unless it is there. Its source is Debian's, fetched by apt
# with settings of its own: the system's stay as they are, and nothing is
# installed. Elsewhere, name a folder that holds cmocka's source: CMOCKA_SOURCE.
set -eu
cd "$(dirname "$0")/.."
preset=$1
tree=$PWD
folder=$tree/build/cmocka
[ ! -f "$folder/$preset/lib/libcmocka.a" ] || exit 0

# apt with lists and archives below build/, and with this machine's Debian's sources alone.
run_apt() {
    apt-get -q=2 -o Dir::Etc::SourceList="$folder/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$folder/apt/lists" -o Dir::Cache="$folder/apt/cache" \
        -o APT::Sandbox::User="$(id -un)" "$@"
}

fetch_source() {
    rm -rf "$folder/apt" "$folder/source.new"
    mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/source.new"
    # From wherever this machine's own packages come.
    release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    # shellcheck disable=SC2016 # for apt to expand
    apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        grep " $release main\$" | sort -u >"$folder/apt/sources.list"
    run_apt update
    (cd "$folder/apt" && run_apt --download-only source cmocka)
    tar -xf "$folder"/apt/cmocka_*.orig.tar.?z --strip-components=1 -C "$folder/source.new"
    mv "$folder/source.new" "$folder/source"
}

if [ -n "${CMOCKA_SOURCE:-}" ]; then
    source=$CMOCKA_SOURCE
else
    source=$folder/source
    mkdir -p "$folder"
    [ -d "$source" ] || fetch_source
fi

mkdir -p "$folder/build-$preset"
if ! {
    cmake -S "$source" -B "$folder/build-$preset" -DCMAKE_TOOLCHAIN_FILE="$tree/cmake/$preset.cmake" \
        -DCMAKE_BUILD_TYPE=RelWithDebInfo -DWITH_STATIC_LIB=ON -DWITH_EXAMPLES=OFF \
        -DCMAKE_INSTALL_PREFIX="$folder/$preset" -DCMAKE_INSTALL_LIBDIR=lib &&
        cmake --build "$folder/build-$preset" &&
        cmake --install "$folder/build-$preset"
} >"$folder/build-$preset/log" 2>&1; then
    cat "$folder/build-$preset/log" >&2
    exit 1
fi
# The shared one would have to be found by the emulated programs.
rm "$folder/$preset/lib/"libcmocka.so*
mv "$folder/$preset/lib/libcmocka-static.a" "$folder/$preset/lib/libcmocka.a"
