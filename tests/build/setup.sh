#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/setup.sh in a made-up machine: a PATH that holds a few real tools and
# the fakes of one package manager, which writes down how it was called and
# "installs" what it is asked for.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0

# make_machine MANAGER USER_ID TOOL...: a machine with these tools, headers by their name.
make_machine() {
    rm -rf "${scratch:?}/bin" "$scratch/root" "$scratch/calls"
    mkdir -p "$scratch/bin" "$scratch/root/usr/include/linux" "$scratch/root/usr/lib/clang/17/lib/linux" \
        "$scratch/root/usr/include/event2" "$scratch/root/usr/include/boost/asio"
    for machine in aarch64-linux-gnu arm-linux-gnueabihf i686-linux-gnu riscv64-linux-gnu s390x-linux-gnu; do
        mkdir -p "$scratch/root/usr/$machine/include"
    done
    : >"$scratch/calls"
    for tool in sh sed sort tr grep cat env uname touch chmod; do
        ln -s "$(command -v $tool)" "$scratch/bin/$tool"
    done
    make_fake true :
    make_fake id "echo $2"
    [ "$1" = none ] || make_fake "$1" "$(print_manager "$1")"
    shift 2
    for tool; do
        case $tool in
        *.h) touch "$scratch/root/usr/include/$tool" ;;
        *) make_fake "$tool" true ;;
        esac
    done
}

make_fake() {
    printf '#!/bin/sh\n%s\n' "$2" >"$scratch/bin/$1"
    chmod +x "$scratch/bin/$1"
}

# The body of a fake manager: it logs, and provides the tool or header of each package.
print_manager() {
    cat <<END
echo "$1 \$*" >>"$scratch/calls"
[ ! -e "$scratch/broken" ] || exit 1
for package; do
    case \$package in
    gcc) tools='cc c++' headers= ;;
    g++ | gcc-c++) tools=c++ headers= ;;
    libc6-dev | glibc-devel | glibc | musl-dev) tools= headers=stdio.h ;;
    linux-libc-dev | kernel-headers | linux-api-headers | linux-headers) tools= headers=linux/errno.h ;;
    binutils) tools=objcopy headers= ;;
    ninja-build | ninja | samurai) tools=ninja headers= ;;
    libjansson-dev | jansson-devel | jansson | jansson-dev) tools= headers=jansson.h ;;
    libcmocka-dev | libcmocka-devel | cmocka | cmocka-dev) tools= headers=cmocka.h ;;
    pkgconf-pkg-config | pkgconf) tools=pkg-config headers= ;;
    netcat-openbsd | nmap-ncat | openbsd-netcat) tools=nc headers= ;;
    python) tools=python3 headers= ;;
    util-linux | util-linux-misc) tools=unshare headers= ;;
    libclang-rt-dev | compiler-rt)
        tools=
        headers='../lib/clang/17/lib/linux/libclang_rt.fuzzer.a ../lib/clang/17/lib/linux/libclang_rt.tsan.a'
        ;;
    qemu-user) tools=qemu-s390x headers= ;;
    libc6-dev-arm64-cross) tools= headers=../aarch64-linux-gnu/include/stdio.h ;;
    libc6-dev-armhf-cross) tools= headers=../arm-linux-gnueabihf/include/stdio.h ;;
    libc6-dev-i386-cross) tools= headers=../i686-linux-gnu/include/stdio.h ;;
    libc6-dev-riscv64-cross) tools= headers=../riscv64-linux-gnu/include/stdio.h ;;
    libc6-dev-s390x-cross) tools= headers=../s390x-linux-gnu/include/stdio.h ;;
    gcc-*-linux-gnu*) tools=\${package#gcc-}-gcc headers= ;;
    musl-tools | musl) tools=musl-gcc headers= ;;
    qemu-system-x86) tools=qemu-system-x86_64 headers= ;;
    busybox-static) tools=busybox headers= ;;
    libuv1-dev | libuv-devel | libuv | libuv-dev) tools= headers=uv.h ;;
    libevent-dev | libevent-devel | libevent) tools= headers=event2/event.h ;;
    libboost-dev | boost-devel | boost | boost-dev) tools= headers=boost/asio/awaitable.hpp ;;
    libst-dev) tools= headers=st.h ;;
    golang-go | golang) tools=go headers= ;;
    clang-tools-extra | clang-extra-tools) tools='clang-format clang-tidy' headers= ;;
    clang) tools='clang clang-format clang-tidy' headers= ;;
    ShellCheck) tools=shellcheck headers= ;;
    -* | install | add | update) tools= headers= ;;
    *) tools=\$package headers= ;;
    esac
    for tool in \$tools; do
        printf '#!/bin/sh\n' >"$scratch/bin/\$tool"
        chmod +x "$scratch/bin/\$tool"
    done
    for header in \$headers; do
        touch "$scratch/root/usr/include/\$header"
    done
done
END
}

# Runs the set-up there; leaves what it wrote in out, and its exit code in code.
run_setup() {
    code=0
    PATH=$scratch/bin SETUP_ROOT=$scratch/root "$scratch/bin/sh" "$COIR_SOURCE/tools/setup.sh" "$@" \
        >"$scratch/out" 2>&1 || code=$?
}

expect() {
    what=$1
    shift
    if ! "$@" >/dev/null; then
        echo "$what: not so: $*"
        sed 's/^/    out: /' "$scratch/out"
        sed 's/^/    call: /' "$scratch/calls"
        status=1
    fi
}

everything='cc objcopy cmake make socat stdio.h linux/errno.h jansson.h'

# All is there: nothing is said, nothing is called.
# shellcheck disable=SC2086 # a list
make_machine apt-get 1000 $everything
run_setup run
expect 'all there' [ "$code" -eq 0 ]
expect 'all there' [ ! -s "$scratch/out" ]
expect 'all there' [ ! -s "$scratch/calls" ]

# A bare machine, each manager, each set: everything is asked for in one call, and found after it.
for manager in apt-get dnf pacman apk; do
    case $manager in
    apt-get) install='apt-get install -y --no-install-recommends' cmocka=libcmocka-dev ;;
    dnf) install='dnf install -y' cmocka=libcmocka-devel ;;
    pacman) install='pacman -S --needed --noconfirm' cmocka=cmocka ;;
    apk) install='apk add' cmocka=cmocka-dev ;;
    esac
    for set in run test lint fuzz tools machines report compare; do
        make_machine "$manager" 0
        run_setup "$set"
        expect "$manager $set" [ "$code" -eq 0 ]
        expect "$manager $set" grep -q "^$install .*cmake" "$scratch/calls"
        expect "$manager $set" [ "$(wc -l <"$scratch/calls")" -eq 1 ]
        expect "$manager $set" grep -q "^set-up: installing what is missing: .*socat" "$scratch/out"
        run_setup "$set"
        expect "$manager $set again" [ "$(wc -l <"$scratch/calls")" -eq 1 ]
    done

    # Only one thing is missing: only that is installed.
    # shellcheck disable=SC2086
    make_machine "$manager" 0 $everything c++ gdb pkg-config nc python3 unshare
    run_setup test
    expect "$manager, one thing" grep -qx -e "$install $cmocka" "$scratch/calls"

    # No right: it calls nothing, prints the command, and stops.
    # shellcheck disable=SC2086
    make_machine "$manager" 1000 $everything c++ gdb pkg-config nc python3 unshare
    run_setup test
    expect "$manager, no right" [ "$code" -eq 3 ]
    expect "$manager, no right" [ ! -s "$scratch/calls" ]
    expect "$manager, no right" grep -q "^    .*$install $cmocka\$" "$scratch/out"

    # sudo without a password is a right; one that asks is none.
    # shellcheck disable=SC2086
    make_machine "$manager" 1000 $everything c++ gdb pkg-config nc python3 unshare
    # shellcheck disable=SC2016 # for the fake to expand
    make_fake sudo '[ "$1" = -n ] || exit 1; shift; exec "$@"'
    run_setup test
    expect "$manager, sudo" [ "$code" -eq 0 ]
    expect "$manager, sudo" grep -qx -e "$install $cmocka" "$scratch/calls"
    # shellcheck disable=SC2086
    make_machine "$manager" 1000 $everything c++ gdb pkg-config nc python3 unshare
    make_fake sudo 'exit 1'
    run_setup test
    expect "$manager, sudo with password" [ "$code" -eq 3 ]

    # The manager fails: its lists are fetched once, then it is over.
    make_machine "$manager" 0
    touch "$scratch/broken"
    run_setup run
    rm "$scratch/broken"
    expect "$manager, broken" [ "$code" -eq 1 ]
done

make_machine none 0
run_setup run
expect 'no manager' [ "$code" -eq 4 ]
expect 'no manager' grep -q 'missing: .*cmake' "$scratch/out"

make_machine apt-get 0
run_setup everything
expect 'misuse' [ "$code" -eq 2 ]
exit $status
