#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: tools/setup.sh [run|test|lint|fuzz|tools|machines|coverage|report|compare]
#
# Installs what is missing to build and run coir, to test it too, to check its
# sources too, to fuzz it too, to run the tests under Valgrind and clang's sanitizers,
# to build it for other machines, to count what tests reach, to look at reports in a
# browser, or to build what it is compared with, with the system's package manager:
# apt, dnf, pacman or apk. Looks for the tools and headers themselves,
# so that nothing is installed where all is there, whoever put it there. Where it has
# no right to install, it prints the command that would and stops.
#
# Exit codes: 0 all is there now; 1 the package manager failed, or something
# is missing still; 2 misuse; 3 no right to install; 4 no package manager we know.
#
# SETUP_ROOT is looked in for headers instead of /, for the test of this file.
set -eu

# What each set needs, as: name, how to look for it, packages for apt dnf pacman apk. A manager that has none (-) is
# asked for nothing; tools/legs.py and tools/kernel.sh say what they lack.
list_needs() {
    cat <<'END'
run compiler tool:cc gcc gcc gcc gcc
run c-library header:stdio.h libc6-dev glibc-devel glibc musl-dev
run system-headers header:linux/errno.h linux-libc-dev kernel-headers linux-api-headers linux-headers
run binutils tool:objcopy binutils binutils binutils binutils
run cmake tool:cmake cmake cmake cmake cmake
run make tool:ninja,make ninja-build ninja-build ninja samurai
run socat tool:socat socat socat socat socat
run jansson header:jansson.h libjansson-dev jansson-devel jansson jansson-dev
test c++ tool:c++,g++,clang++ g++ gcc-c++ gcc g++
test cmocka header:cmocka.h libcmocka-dev libcmocka-devel cmocka cmocka-dev
test pkg-config tool:pkg-config,pkgconf pkg-config pkgconf-pkg-config pkgconf pkgconf
test gdb tool:gdb gdb gdb gdb gdb
test nc tool:nc netcat-openbsd nmap-ncat openbsd-netcat netcat-openbsd
test python tool:python3 python3 python3 python python3
test unshare tool:unshare util-linux util-linux util-linux util-linux-misc
lint clang-format tool:clang-format clang-format clang-tools-extra clang clang-extra-tools
lint clang-tidy tool:clang-tidy clang-tidy clang-tools-extra clang clang-extra-tools
lint clang tool:clang clang clang clang clang
lint shellcheck tool:shellcheck shellcheck ShellCheck shellcheck shellcheck
report browser tool:chromium,chromium-browser,google-chrome chromium chromium chromium chromium
coverage gcc tool:gcc gcc gcc gcc gcc
coverage gcovr tool:gcovr gcovr gcovr gcovr gcovr
fuzz clang tool:clang clang clang clang clang
fuzz libfuzzer runtime:fuzzer libclang-rt-dev compiler-rt compiler-rt compiler-rt
tools valgrind tool:valgrind valgrind valgrind valgrind valgrind
tools clang tool:clang clang clang clang clang
tools sanitizers runtime:tsan libclang-rt-dev compiler-rt compiler-rt compiler-rt
machines qemu tool:qemu-s390x qemu-user qemu-user qemu-user -
machines aarch64 tool:aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu - aarch64-linux-gnu-gcc -
machines aarch64-library file:usr/aarch64-linux-gnu/include/stdio.h libc6-dev-arm64-cross - - -
machines riscv64 tool:riscv64-linux-gnu-gcc gcc-riscv64-linux-gnu - riscv64-linux-gnu-gcc -
machines riscv64-library file:usr/riscv64-linux-gnu/include/stdio.h libc6-dev-riscv64-cross - - -
machines i386 tool:i686-linux-gnu-gcc gcc-i686-linux-gnu - - -
machines i386-library file:usr/i686-linux-gnu/include/stdio.h libc6-dev-i386-cross - - -
machines armhf tool:arm-linux-gnueabihf-gcc gcc-arm-linux-gnueabihf - - -
machines armhf-library file:usr/arm-linux-gnueabihf/include/stdio.h libc6-dev-armhf-cross - - -
machines s390x tool:s390x-linux-gnu-gcc gcc-s390x-linux-gnu - - -
machines s390x-library file:usr/s390x-linux-gnu/include/stdio.h libc6-dev-s390x-cross - - -
machines gdb tool:gdb-multiarch gdb-multiarch - - -
machines musl tool:musl-gcc musl-tools musl-gcc musl -
machines qemu-system tool:qemu-system-x86_64 qemu-system-x86 - - -
machines busybox tool:busybox busybox-static - - -
machines cpio tool:cpio cpio - - -
compare python tool:python3 python3 python3 python python3
compare pkg-config tool:pkg-config,pkgconf pkg-config pkgconf-pkg-config pkgconf pkgconf
compare c++ tool:c++,g++,clang++ g++ gcc-c++ gcc g++
compare libuv header:uv.h libuv1-dev libuv-devel libuv libuv-dev
compare libevent header:event2/event.h libevent-dev libevent-devel libevent libevent-dev
compare boost header:boost/asio/awaitable.hpp libboost-dev boost-devel boost boost-dev
compare state-threads header:st.h libst-dev - - -
compare go tool:go golang-go golang go go
END
}

# True if need `$1`, such as tool:ninja,make, header:cmocka.h or clang's runtime:fuzzer, is met.
is_there() {
    case $1 in
    tool:*)
        for tool in $(echo "${1#tool:}" | tr , ' '); do
            command -v "$tool" >/dev/null 2>&1 && return 0
        done
        ;;
    header:*)
        for folder in usr/include usr/local/include "usr/include/$(uname -m)-linux-gnu"; do
            [ -e "${SETUP_ROOT:-}/$folder/${1#header:}" ] && return 0
        done
        ;;
    file:*) [ -e "${SETUP_ROOT:-}/${1#file:}" ] && return 0 ;;
    runtime:*)
        for file in "${SETUP_ROOT:-}"/usr/lib*/llvm*/lib/clang/*/lib/*/libclang_rt."${1#runtime:}"* \
            "${SETUP_ROOT:-}"/usr/lib*/clang/*/lib/*/libclang_rt."${1#runtime:}"*; do
            [ -e "$file" ] && return 0
        done
        ;;
    esac
    return 1
}

find_manager() {
    for manager in apt-get dnf pacman apk; do
        if command -v "$manager" >/dev/null 2>&1; then
            echo "$manager"
            return
        fi
    done
    echo none
}

# Prints the packages of manager `$1` that the sets `$2` lack.
list_missing() {
    list_needs | while read -r set name how apt dnf pacman apk; do
        case " $2 " in
        *" $set "*) ;;
        *) continue ;;
        esac
        is_there "$how" && continue
        case $1 in
        apt-get) echo "$apt" ;;
        dnf) echo "$dnf" ;;
        pacman) echo "$pacman" ;;
        apk) echo "$apk" ;;
        none) echo "$name" ;;
        esac
    done | grep -vx -e - | sort -u | tr '\n' ' ' | sed 's/ $//'
}

# Prints the command of manager `$1` that installs.
show_install() {
    case $1 in
    apt-get) echo 'apt-get install -y --no-install-recommends' ;;
    dnf) echo 'dnf install -y' ;;
    pacman) echo 'pacman -S --needed --noconfirm' ;;
    apk) echo 'apk add' ;;
    esac
}

# Prints the command that fetches the lists of packages.
show_refresh() {
    case $1 in
    apt-get) echo 'apt-get update' ;;
    pacman) echo 'pacman -Sy' ;;
    apk) echo 'apk update' ;;
    dnf) ;;
    esac
}

case ${1:-run} in
run) sets='run' ;;
test) sets='run test' ;;
lint) sets='run lint' ;;
fuzz) sets='run fuzz' ;;
tools) sets='run test tools' ;;
machines) sets='run test machines' ;;
coverage) sets='run test coverage' ;;
report) sets='run test report' ;;
compare) sets='run compare' ;;
*)
    echo 'usage: tools/setup.sh [run|test|lint|fuzz|tools|machines|coverage|report|compare]' >&2
    exit 2
    ;;
esac

manager=$(find_manager)
missing=$(list_missing "$manager" "$sets")
if [ -z "$missing" ]; then
    exit 0
fi
if [ "$manager" = none ]; then
    echo "set-up: missing: $missing; none of apt-get, dnf, pacman, apk is here to install it: please do" >&2
    exit 4
fi

install="$(show_install "$manager") $missing"
refresh=$(show_refresh "$manager")
if [ "$(id -u)" -eq 0 ]; then
    privilege=''
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    privilege='sudo -n '
else
    echo 'set-up: something is missing that I have no right to install. Please run, as root:' >&2
    echo "    ${refresh:+$refresh && }$install" >&2
    exit 3
fi

# Says what it runs, and runs it.
run_privileged() {
    echo "set-up: $privilege$*"
    # The manager's own words go where diagnostics go.
    if [ -n "$privilege" ]; then
        sudo -n env DEBIAN_FRONTEND=noninteractive "$@" >&2
    else
        DEBIAN_FRONTEND=noninteractive "$@" >&2
    fi
}

echo "set-up: installing what is missing: $missing"
# The package lists of a fresh image are empty, those of an old one name files long gone.
# shellcheck disable=SC2086 # words of a command
if ! run_privileged $install && ! { [ -n "$refresh" ] && run_privileged $refresh && run_privileged $install; }; then
    echo 'set-up: that failed; the words above say why' >&2
    exit 1
fi

missing=$(list_missing "$manager" "$sets")
if [ -n "$missing" ]; then
    echo "set-up: installed, and yet not found: $missing" >&2
    exit 1
fi
