# SPDX-License-Identifier: MIT
#
# Toolchain: 32-bit x86 on a 64-bit one, which runs the programs itself, by the
# loader and the C library of the cross compiler.

set(CMAKE_SYSTEM_PROCESSOR i386)
set(triplet i686-linux-gnu)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,--dynamic-linker=/usr/${triplet}/lib/ld-linux.so.2 -Wl,-rpath,/usr/${triplet}/lib")
