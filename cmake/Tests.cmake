# SPDX-License-Identifier: MIT
#
#   coir_test(NAME SOURCES source... [LABEL name] [ROOMS room... | PUBLIC | ALONE] [FAULTS] [ENGINES engine...])
#
# Builds the test program NAME, linked to tests/support and to
#   ROOMS    the objects of these rooms and of those below them;
#   PUBLIC   libcoir.so alone, with the public headers;
#   ALONE    nothing else;
#   neither  all rooms.
# and registers each of its cases as a test of its own: after building,
# `program --list` prints the cases, one a line, and `program CASE` runs one;
# where COIR_TEST_TOGETHER, `program` runs them all as one test.
#   FAULTS   every function of kernel/kernel.h and base/alloc.h goes through
#            the __wrap_ functions of tests/support/faults.c.
#   ENGINES  every case once per engine, with COIR_ENGINE set; auto, which is
#            also the default, means that it is not.
#
#   coir_script_tests(LABEL folder [ENGINES engine...])
#
# Registers every file of tests/FOLDER that begins with #! as a test, for ENGINES likewise.
#
# A line "Time limit: 300 s" in a test's file comment replaces the limit of
# 60 s, "Runs alone." keeps other tests from running beside it, and "Rooms: io
# engine/epoll" names what a unit test links instead of its own room.

find_path(CMOCKA_INCLUDE_DIR cmocka.h)
find_library(CMOCKA_LIBRARY cmocka)
if(NOT CMOCKA_INCLUDE_DIR OR NOT CMOCKA_LIBRARY)
    if(COIR_TESTS STREQUAL "AUTO" OR CMAKE_CROSSCOMPILING)
        message(STATUS "no cmocka: the tests written with it are left out")
    else()
        message(FATAL_ERROR "the tests need cmocka: tools/setup.sh test installs it")
    endif()
    set(COIR_HAS_CMOCKA FALSE)
else()
    set(COIR_HAS_CMOCKA TRUE)
endif()

include(${CMAKE_SOURCE_DIR}/cmake/Runner.cmake)

# The linker options that put a fault body before every function of these headers,
# and the names for tests/support/faults.c.
set(COIR_WRAP_OPTIONS)
set(fault_names)
foreach(header kernel/kernel.h base/alloc.h)
    set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${header})
    string(APPEND fault_names "FAULT_HEADER(\"${CMAKE_SOURCE_DIR}/src/${header}\")\n")
    file(STRINGS ${CMAKE_SOURCE_DIR}/src/${header} lines REGEX "^[a-z].*(kernel|alloc)_[a-z_]+\\(")
    foreach(line IN LISTS lines)
        string(REGEX REPLACE ".*[ *]((kernel|alloc)_[a-z_]+)\\(.*" "\\1" name "${line}")
        list(APPEND COIR_WRAP_OPTIONS "-Wl,--wrap=${name}")
        string(APPEND fault_names "FAULT_NAME(${name})\n")
    endforeach()
endforeach()
file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/generated/support/fault_names.inc CONTENT "${fault_names}")

file(GLOB support CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/support/*.c)
list(FILTER support EXCLUDE REGEX "/faults[^/]*\\.c$")
file(GLOB faults CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/support/faults*.c)

add_library(test_flags INTERFACE)
target_link_libraries(test_flags INTERFACE coir_flags m)
target_include_directories(test_flags INTERFACE ${CMAKE_SOURCE_DIR}/tests ${CMAKE_BINARY_DIR}/generated)
if(COIR_HAS_CMOCKA)
    target_include_directories(test_flags SYSTEM INTERFACE ${CMOCKA_INCLUDE_DIR})
    target_link_libraries(test_flags INTERFACE ${CMOCKA_LIBRARY})
endif()

# musl-gcc hands over an unwinder that asks glibc.
include(CheckSymbolExists)
check_symbol_exists(_Unwind_Backtrace unwind.h COIR_HAS_UNWINDER)
if(COIR_HAS_UNWINDER)
    target_compile_definitions(test_flags INTERFACE TEST_UNWINDER)
endif()

if(support AND COIR_HAS_CMOCKA)
    add_library(test_support STATIC EXCLUDE_FROM_ALL ${support})
    target_link_libraries(test_support PUBLIC test_flags)
endif()
if(faults)
    add_library(test_faults OBJECT EXCLUDE_FROM_ALL ${faults})
    target_link_libraries(test_faults PRIVATE test_flags roots-kernel roots-base)
endif()

# A sanitizer looks for all it can, and the first thing it finds ends the program.
set(COIR_SANITIZER_ENVIRONMENT)
if(COIR_SANITIZE MATCHES "address")
    list(APPEND COIR_SANITIZER_ENVIRONMENT ASAN_OPTIONS=detect_stack_use_after_return=1:detect_leaks=1
        UBSAN_OPTIONS=print_stacktrace=1)
elseif(COIR_SANITIZE MATCHES "thread")
    list(APPEND COIR_SANITIZER_ENVIRONMENT TSAN_OPTIONS=halt_on_error=1)
endif()

# What the file comment of `source` says about how to run it, as properties
# but for ENVIRONMENT, and as entries of that.
function(coir_test_properties source ret_properties ret_environment)
    file(STRINGS ${source} limit REGEX "Time limit: [0-9]+ s" LIMIT_COUNT 1)
    file(STRINGS ${source} alone REGEX "Runs alone\\." LIMIT_COUNT 1)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    set(seconds 60)
    if(limit)
        string(REGEX REPLACE ".*Time limit: ([0-9]+) s.*" "\\1" seconds "${limit}")
    endif()
    # A case stops itself, with a core, before ctest does.
    math(EXPR factor "(${seconds} + 59) / 60 * ${COIR_TEST_SLOWNESS}")
    math(EXPR seconds "${factor} * 60 + 10")
    # Those that may take longest begin first.
    set(properties SKIP_RETURN_CODE 77 TIMEOUT ${seconds} COST ${seconds})
    if(alone)
        list(APPEND properties RUN_SERIAL TRUE)
    endif()
    set(${ret_properties} "${properties}" PARENT_SCOPE)
    set(${ret_environment} COIR_TEST_TIMEOUT=${factor} COIR_WATCHED=${COIR_TEST_WATCHED}
        ${COIR_SANITIZER_ENVIRONMENT} PARENT_SCOPE)
endfunction()

function(coir_script_tests label)
    cmake_parse_arguments(script "" "" "ENGINES" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${label}/*.sh ${CMAKE_CURRENT_SOURCE_DIR}/${label}/*.py)
    foreach(source IN LISTS sources)
        file(STRINGS ${source} first LIMIT_COUNT 1)
        if(NOT first MATCHES "^#!.*(sh|bash|python3)$")
            continue()
        endif()
        set(interpreter ${CMAKE_MATCH_1})
        get_filename_component(name ${source} NAME_WE)
        coir_test_properties(${source} properties environment)
        foreach(engine IN LISTS script_ENGINES)
            set(test ${COIR_TEST_PREFIX}${label}/${name})
            set(chosen)
            if(NOT engine STREQUAL "auto")
                string(APPEND test /${engine})
                set(chosen COIR_ENGINE=${engine})
            endif()
            add_test(NAME ${test} COMMAND ${COIR_SCRIPT_RUNNER} ${interpreter} ${source})
            set_tests_properties(${test} PROPERTIES ${properties} LABELS ${label}
                ENVIRONMENT "${environment};${chosen};${COIR_SCRIPT_ENVIRONMENT}")
        endforeach()
    endforeach()
endfunction()

function(coir_test name)
    cmake_parse_arguments(test "PUBLIC;ALONE;FAULTS" "LABEL" "SOURCES;ROOMS;ENGINES" ${ARGN})
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
    elseif(NOT test_ALONE)
        target_link_libraries(${target} PRIVATE coir_rooms)
    endif()

    list(GET test_SOURCES 0 source)
    coir_test_properties(${source} properties environment)
    set(list ${CMAKE_CURRENT_BINARY_DIR}/${target}.cmake)
    set(engines ${test_ENGINES})
    if(NOT engines)
        set(engines auto)
    endif()
    string(REPLACE ";" " " properties "${properties}")
    string(REPLACE ";" " " engines "${engines}")
    add_custom_command(TARGET ${target} POST_BUILD
        COMMAND ${CMAKE_COMMAND}
            "-DPROGRAM=$<TARGET_FILE:${target}>" "-DLIST=${list}" "-DEMULATOR=${CMAKE_CROSSCOMPILING_EMULATOR}"
            "-DRUNNER=${COIR_TEST_RUNNER}" "-DTOGETHER=${COIR_TEST_TOGETHER}"
            "-DPREFIX=${COIR_TEST_PREFIX}${test_LABEL}/${name}" "-DLABEL=${test_LABEL}"
            "-DPROPERTIES=${properties}" "-DENVIRONMENT=${environment}" "-DENGINES=${engines}"
            -P ${CMAKE_SOURCE_DIR}/cmake/ListCases.cmake
        VERBATIM)
    file(WRITE ${list}.include
        "if(EXISTS \"${list}\")\n  include(\"${list}\")\nelse()\n"
        "  add_test(\"${COIR_TEST_PREFIX}${test_LABEL}/${name}/not-built\" \"${name}-not-built\")\nendif()\n")
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${list}.include)
endfunction()
