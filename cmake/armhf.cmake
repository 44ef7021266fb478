# SPDX-License-Identifier: MIT
#
# Toolchain: 32-bit ARM with floating point from another machine, its programs run by user-mode emulation.

set(CMAKE_SYSTEM_PROCESSOR armhf)
set(triplet arm-linux-gnueabihf)
set(emulator qemu-arm)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
