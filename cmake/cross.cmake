# SPDX-License-Identifier: MIT
#
# What the toolchain files of other machines have in common. They set
# CMAKE_SYSTEM_PROCESSOR, `triplet` (of Debian's cross compiler) and, unless
# this machine runs the programs itself, `emulator`. tools/cmocka.sh builds cmocka.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${triplet}-gcc)
set(CMAKE_FIND_ROOT_PATH ${CMAKE_CURRENT_LIST_DIR}/../build/cmocka/${CMAKE_SYSTEM_PROCESSOR} /usr/${triplet})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
if(emulator)
    set(CMAKE_CROSSCOMPILING_EMULATOR ${emulator} -L /usr/${triplet})
endif()
