# SPDX-License-Identifier: MIT
#
# Toolchain: IBM Z, which is big-endian, from another machine, its programs run by user-mode emulation.

set(CMAKE_SYSTEM_PROCESSOR s390x)
set(triplet s390x-linux-gnu)
set(emulator qemu-s390x)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
