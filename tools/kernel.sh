#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Usage: tools/kernel.sh [-R REGEX] [RELEASE | PACKAGE.deb]...
#
# Runs tests of build/release on the kernels of Debian RELEASEs (bullseye: 5.10,
# bookworm: 6.1; default: both), each in an emulated machine, or on those of
# packages (linux-image-...-amd64). Fetches a kernel by apt-get from the mirror
# this system uses, into build/kernels; installs nothing. The machine has no
# disk: the tests, what they need of this system, and ctest are in its first
# memory, at the same paths as here. REGEX replaces the choice of tests.
#
# Prints what ctest says there. Exit codes: 0 all passed; 1 some failed, or the
# machine did not end well; 77 something is missing to do it here.
set -euo pipefail
cd "$(dirname "$0")/.."
source=$PWD
build=$source/build/release
work=$source/build/kernels
limit_s=1500
tests='unit/|contract/|command/|examples/|system/(contract_|example_|cancel|masks)'
tests+='|system/echo_(addresses|crowd|datagrams|drain|options|peers)'
# These have a server begin and end hundreds of times, or load it: minutes there, and time-outs that tell nothing.
omitted='contract_streams_drain_storm|torture/.*(every_call|memory_runs)'
jobs=2

give_up() {
    echo "kernel: $*" >&2
    exit 77
}

# Fetches the newest cloud kernel of release $1, which needs no module for what we do; prints the package.
fetch_kernel() {
    local apt=$work/apt-$1 site name
    mkdir -p "$apt"/{lists/partial,cache/archives/partial,parts}
    # shellcheck disable=SC2016 # apt-get's own variable
    site=$(apt-get indextargets --format '$(SITE)' 'Origin: Debian' | grep -v security | head -n 1)
    [ -n "$site" ] || give_up 'this system has no mirror of Debian'
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $1 main" >"$apt/sources.list"
    local options=(-qq -o "Dir::Etc::sourcelist=$apt/sources.list" -o "Dir::Etc::sourceparts=$apt/parts"
        -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update >&2
    name=$(apt-cache "${options[@]}" depends linux-image-cloud-amd64 | sed -n 's/.*Depends: //p')
    rm -f "$apt/$name"_*.deb
    (cd "$apt" && apt-get "${options[@]}" download "$name" >&2)
    find "$apt" -maxdepth 1 -name "${name}_*.deb"
}

# Unpacks the kernel of package $1; prints its path.
unpack_kernel() {
    local folder
    folder=$work/$(basename "$1" .deb)
    mkdir -p "$folder"
    dpkg-deb --fsys-tarfile "$1" | tar -C "$folder" -x --wildcards './boot/vmlinuz-*'
    echo "$folder"/boot/vmlinuz-*
}

# Prints the libraries that programs need.
libraries() {
    ldd "$@" 2>/dev/null | grep -o '/[^ :]*\.so[^ :]*' | sort -u || :
}

# Copies files to the same place below $root, with the libraries they need.
copy() {
    local file
    # shellcheck disable=SC2046 # paths without spaces
    for file in "$@" $(libraries "$@"); do
        [ -e "$root$file" ] || { mkdir -p "$root$(dirname "$file")" && cp -L "$file" "$root$file"; }
    done
}

# What scripts call, as far as it is here.
copy_tools() {
    local name path
    # busybox has something of every name, but not every option.
    for name in ctest sh bash dash env cat sed grep find awk mawk socat nc unshare setpriv ip ss ps timeout stat \
        mktemp date head tail tr cut sort uniq wc seq sleep touch rm mv cp ln ls mkdir mkfifo chmod chown tee id \
        readlink realpath dirname basename printf od dd xargs cmp diff getconf setsid chroot mount umount; do
        path=$(PATH=/usr/bin:/bin:/usr/sbin:/sbin command -v "$name") && [ -f "$path" ] && copy "$path"
    done
    copy /bin/busybox
}

copy_python() {
    local python=/usr/bin/python3 library
    [ -x $python ] || return 0
    copy $python
    library=$($python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
    mkdir -p "$root$library"
    tar -C "$library" --exclude=__pycache__ --exclude='config-*' --exclude=test --exclude=idlelib --exclude=lib2to3 \
        --exclude=ensurepip --exclude=pydoc_data --exclude=dist-packages -c . | tar -C "$root$library" -x
    copy "$library"/lib-dynload/*.so
}

# The build and what of the tree its tests look at, without what only a debugger reads.
copy_tests() {
    mkdir -p "$root$source"
    (cd / && find "${build#/}" \( -name CMakeFiles -o -name Testing -o -name '*.[oa]' -o -name rooms -o -name fuzz \) \
        -prune -o \( -type f -o -type l \) \( -name 'CTest*' -o -name 'libcoir.so*' -o -path '*/tests/*' -o \
        -path '*/bin/*' -o -path '*/examples/*' \) -print0 | tar --null -T - -c) | tar -C "$root" -x
    tar -C "$source" -c tests examples docs/man include src gdb | tar -C "$root$source" -x
    # shellcheck disable=SC2046 # paths of ours, without spaces
    copy $(find "$build/tests" "$build/bin" -type f -perm -u+x)
    find "$root$build" -type f -perm -u+x -exec strip -g {} + 2>/dev/null || :
    copy /usr/share/cmake-*/Modules/CMake.cmake # by which ctest knows its own place
}

# Makes $work/first.cpio, the machine's first memory.
pack() {
    root=$work/root
    rm -rf "$root"
    mkdir -p "$root"/{proc,sys,dev,tmp,root,etc,machine,usr/{bin,sbin,lib,lib64}}
    for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
    cp /etc/passwd /etc/group /etc/hosts /etc/nsswitch.conf "$root/etc/"
    copy_tools
    copy_python
    copy_tests
    cp tools/machine/init.sh "$root/init"
    cat >"$root/machine/tests" <<END
cd $build && ctest --parallel $jobs --output-on-failure -R '$tests' -E '$omitted'
END
    (cd "$root" && find . -print0 | cpio --null -o -H newc --quiet --owner 0:0 >"$work/first.cpio")
}

# Runs kernel $1. Without hardware for it an emulated timer may be late, which kernels need not be told.
run_machine() {
    local accelerator=tcg,thread=multi
    if grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ]; then
        accelerator=kvm
    fi
    timeout "$limit_s" qemu-system-x86_64 -accel "$accelerator" -cpu max -smp 2 -m 3G -nodefaults -no-reboot \
        -display none -serial stdio -kernel "$1" -initrd "$work/first.cpio" \
        -append 'console=ttyS0 quiet panic=-1 no_timer_check tsc=unstable rdinit=/init' </dev/null | sed -u 's/\r$//'
}

if [ "${1:-}" = -R ]; then
    tests=$2
    shift 2
fi
[ "$(uname -m)" = x86_64 ] || give_up 'only for x86-64'
for tool in apt-get dpkg-deb qemu-system-x86_64 busybox cpio; do
    command -v "$tool" >/dev/null || give_up "no $tool: tools/setup.sh machines installs what Debian has"
done
[ $# -gt 0 ] || set -- bullseye bookworm
tools/build.sh release >/dev/null
mkdir -p "$work"
pack
echo "kernel: $(du -m "$work/first.cpio" | cut -f1) MiB of tests and tools"

status=0
for what; do
    begin=$SECONDS
    case $what in
    *.deb) package=$what ;;
    *) package=$(fetch_kernel "$what") ;;
    esac
    log=$work/$(basename "$package" .deb).log
    run_machine "$(unpack_kernel "$package")" | tee "$log" || :
    grep -qx 'machine: exit code 0' "$log" || status=1
    result=$(grep 'tests passed' "$log" || echo 'no tests ran')
    echo "kernel: $(sed -n 's/^machine: //p' "$log" | head -n 1): $result, $((SECONDS - begin)) s"
done
exit "$status"
