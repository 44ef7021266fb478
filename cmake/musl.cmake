# SPDX-License-Identifier: MIT
#
# Toolchain: this machine, with musl for a C library, by Debian's musl-gcc. That
# sees musl's headers alone, so that it is shown those of the kernel, and nothing
# beside them. tools/cmocka.sh builds cmocka.

set(CMAKE_C_COMPILER musl-gcc)
set(kernel_headers ${CMAKE_CURRENT_LIST_DIR}/../build/kernel-headers)
file(MAKE_DIRECTORY ${kernel_headers})
foreach(folder linux asm-generic)
    file(CREATE_LINK /usr/include/${folder} ${kernel_headers}/${folder} SYMBOLIC)
endforeach()
file(CREATE_LINK /usr/include/${CMAKE_HOST_SYSTEM_PROCESSOR}-linux-gnu/asm ${kernel_headers}/asm SYMBOLIC)
set(CMAKE_C_FLAGS_INIT "-isystem ${kernel_headers}")
set(CMAKE_FIND_ROOT_PATH ${CMAKE_CURRENT_LIST_DIR}/../build/cmocka/musl)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
