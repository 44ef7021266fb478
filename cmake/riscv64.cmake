# SPDX-License-Identifier: MIT
#
# Toolchain: 64-bit RISC-V from another machine, its programs run by user-mode emulation.

set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(triplet riscv64-linux-gnu)
set(emulator qemu-riscv64)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
