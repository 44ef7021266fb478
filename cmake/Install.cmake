# SPDX-License-Identifier: MIT
#
# What `make install` puts where: both libraries, the headers, what pkg-config
# and find_package() read, the coir command and the man pages. All of it can be
# moved as a whole: paths inside are relative to the file that names them.

if(NOT TARGET coir)
    return()
endif()
include(CMakePackageConfigHelpers)

add_custom_target(install-parts DEPENDS coir coir-static $<TARGET_NAME_IF_EXISTS:coir-command>)

install(TARGETS coir coir-static EXPORT coirTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
if(TARGET coir-command)
    install(TARGETS coir-command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/coir)
install(EXPORT coirTargets NAMESPACE coir:: DESTINATION ${package_folder})
file(WRITE ${CMAKE_BINARY_DIR}/coirConfig.cmake
    "include(CMakeFindDependencyMacro)\n"
    "find_dependency(Threads)\n"
    "include(\"\${CMAKE_CURRENT_LIST_DIR}/coirTargets.cmake\")\n")
write_basic_package_version_file(${CMAKE_BINARY_DIR}/coirConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/coirConfig.cmake ${CMAKE_BINARY_DIR}/coirConfigVersion.cmake
    DESTINATION ${package_folder})

file(RELATIVE_PATH up ${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" up "${up}")
configure_file(cmake/coir.pc.in ${CMAKE_BINARY_DIR}/coir.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/coir.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

foreach(section 1 3 5 7)
    file(GLOB pages CONFIGURE_DEPENDS docs/man/*.${section})
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

# Below the prefix, never lib64: systemd looks in /usr/lib and /usr/local/lib.
set(COIR_UNIT_FOLDER lib/systemd/system CACHE STRING "Where systemd units go; empty: they are not installed")
if(COIR_UNIT_FOLDER AND TARGET coir-command)
    install(FILES dist/systemd/coir-echo.service dist/systemd/coir-echo.socket DESTINATION ${COIR_UNIT_FOLDER})
endif()

# gdb looks for FILE-gdb.py beside each library FILE, and in its own auto-load folder, which it trusts from the start.
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    set(gdb_folder ${CMAKE_INSTALL_DATADIR}/gdb/auto-load${CMAKE_INSTALL_FULL_LIBDIR})
else()
    set(gdb_folder ${CMAKE_INSTALL_LIBDIR})
endif()
set(COIR_GDB_FOLDER ${gdb_folder} CACHE STRING "Where gdb's script goes; empty: it is not installed")
if(COIR_GDB_FOLDER)
    install(FILES gdb/coir-gdb.py DESTINATION ${COIR_GDB_FOLDER} RENAME libcoir.so.${PROJECT_VERSION}-gdb.py)
endif()
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/gdb/coir-gdb.py ${CMAKE_BINARY_DIR}/libcoir.so.${PROJECT_VERSION}-gdb.py SYMBOLIC)
