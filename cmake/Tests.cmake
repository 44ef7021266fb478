# SPDX-License-Identifier: MIT
#
#   coir_test(NAME SOURCES source... [LABEL name] [ROOMS room... | PUBLIC] [FAULTS] [ENGINES engine...])
#
# Builds the test program NAME, linked to tests/support and to
#   ROOMS    the objects of these rooms and of those below them;
#   PUBLIC   libcoir.so alone, with the public headers;
#   neither  all rooms.
# and registers each of its cases as a test of its own: after building,
# `program --list` prints the cases, one a line, and `program CASE` runs one.
#   FAULTS   every function of kernel/kernel.h and base/alloc.h goes through
#            the __wrap_ functions of tests/support/faults.c.
#   ENGINES  every case once per engine, with COIR_ENGINE set.
#
# A line "Time limit: 300 s" in a test's file comment replaces the limit of
# 60 s, and "Runs alone." keeps other tests from running beside it.

find_path(CMOCKA_INCLUDE_DIR cmocka.h)
find_library(CMOCKA_LIBRARY cmocka)
if(NOT CMOCKA_INCLUDE_DIR OR NOT CMOCKA_LIBRARY)
    if(COIR_TESTS STREQUAL "AUTO")
        message(STATUS "no cmocka: the tests written with it are left out")
    else()
        message(FATAL_ERROR "the tests need cmocka: tools/setup.sh test installs it")
    endif()
    set(COIR_HAS_CMOCKA FALSE)
else()
    set(COIR_HAS_CMOCKA TRUE)
endif()

# The linker options that put a fault body before every function of these headers.
set(COIR_WRAP_OPTIONS)
foreach(header kernel/kernel.h base/alloc.h)
    set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${header})
    file(STRINGS ${CMAKE_SOURCE_DIR}/src/${header} lines REGEX "^[a-z].*(kernel|alloc)_[a-z_]+\\(")
    foreach(line IN LISTS lines)
        string(REGEX REPLACE ".*[ *]((kernel|alloc)_[a-z_]+)\\(.*" "\\1" name "${line}")
        list(APPEND COIR_WRAP_OPTIONS "-Wl,--wrap=${name}")
    endforeach()
endforeach()

file(GLOB support CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/support/*.c)
list(FILTER support EXCLUDE REGEX "/faults[^/]*\\.c$")
file(GLOB faults CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/support/faults*.c)

add_library(test_flags INTERFACE)
target_link_libraries(test_flags INTERFACE coir_flags)
target_include_directories(test_flags INTERFACE ${CMAKE_SOURCE_DIR}/tests)
if(COIR_HAS_CMOCKA)
    target_include_directories(test_flags SYSTEM INTERFACE ${CMOCKA_INCLUDE_DIR})
    target_link_libraries(test_flags INTERFACE ${CMOCKA_LIBRARY})
endif()

if(support AND COIR_HAS_CMOCKA)
    add_library(test_support STATIC EXCLUDE_FROM_ALL ${support})
    target_link_libraries(test_support PUBLIC test_flags)
endif()
if(faults)
    add_library(test_faults OBJECT EXCLUDE_FROM_ALL ${faults})
    target_link_libraries(test_faults PRIVATE test_flags roots-kernel roots-base)
endif()

# What the file comment of `source` says about how to run it, as test properties.
function(coir_test_properties source ret_properties)
    file(STRINGS ${source} limit REGEX "Time limit: [0-9]+ s" LIMIT_COUNT 1)
    file(STRINGS ${source} alone REGEX "Runs alone\\." LIMIT_COUNT 1)
    set(properties TIMEOUT 60)
    if(limit)
        string(REGEX REPLACE ".*Time limit: ([0-9]+) s.*" "\\1" limit "${limit}")
        set(properties TIMEOUT ${limit})
    endif()
    if(alone)
        list(APPEND properties RUN_SERIAL TRUE)
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    set(${ret_properties} "${properties}" PARENT_SCOPE)
endfunction()

function(coir_test name)
    cmake_parse_arguments(test "PUBLIC;FAULTS" "LABEL" "SOURCES;ROOMS;ENGINES" ${ARGN})
    if(NOT TARGET test_support)
        return()
    endif()
    set(target test-${test_LABEL}-${name})
    add_executable(${target} ${test_SOURCES})
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME ${name}
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/${test_LABEL})
    if(test_FAULTS AND TARGET test_faults)
        target_sources(${target} PRIVATE $<TARGET_OBJECTS:test_faults>)
        target_link_options(${target} PRIVATE ${COIR_WRAP_OPTIONS})
        set(always base kernel)
    endif()
    target_link_libraries(${target} PRIVATE test_support)
    if(test_PUBLIC)
        target_link_libraries(${target} PRIVATE coir)
    elseif(test_ROOMS)
        coir_room_objects(objects ${test_ROOMS} ${always})
        target_sources(${target} PRIVATE ${objects})
        foreach(room IN LISTS test_ROOMS always)
            string(REPLACE "/" "-" room "${room}")
            target_link_libraries(${target} PRIVATE roots-${room})
        endforeach()
    else()
        target_link_libraries(${target} PRIVATE coir_rooms)
    endif()

    list(GET test_SOURCES 0 source)
    coir_test_properties(${source} properties)
    set(list ${CMAKE_CURRENT_BINARY_DIR}/${target}.cmake)
    set(engines ${test_ENGINES})
    if(NOT engines)
        set(engines none)
    endif()
    string(REPLACE ";" " " properties "${properties}")
    string(REPLACE ";" " " engines "${engines}")
    add_custom_command(TARGET ${target} POST_BUILD
        COMMAND ${CMAKE_COMMAND}
            "-DPROGRAM=$<TARGET_FILE:${target}>" "-DLIST=${list}" "-DEMULATOR=${CMAKE_CROSSCOMPILING_EMULATOR}"
            "-DPREFIX=${COIR_TEST_PREFIX}${test_LABEL}/${name}" "-DLABEL=${test_LABEL}"
            "-DPROPERTIES=${properties}" "-DENGINES=${engines}"
            -P ${CMAKE_SOURCE_DIR}/cmake/ListCases.cmake
        VERBATIM)
    file(WRITE ${list}.include
        "if(EXISTS \"${list}\")\n  include(\"${list}\")\nelse()\n"
        "  add_test(\"${COIR_TEST_PREFIX}${test_LABEL}/${name}/not-built\" \"${name}-not-built\")\nendif()\n")
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${list}.include)
endfunction()
