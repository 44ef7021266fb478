#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: MIT
#
# Process 1 of the machine that tools/kernel.sh starts: readies it, runs
# /machine/tests, and turns it off. tools/kernel.sh reads the last line.
/bin/busybox --install -s
export PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LANG=C.UTF-8 CLICOLOR=0
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm /tmp
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
chmod 1777 /tmp /dev/shm
ln -s /proc/self/fd /dev/fd
ip link set lo up
ulimit -n 20000
echo "machine: Linux $(uname -r), $(uname -v)"
code=0
sh /machine/tests || code=$?
echo "machine: exit code $code"
poweroff -f
