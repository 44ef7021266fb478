# SPDX-License-Identifier: MIT
#
# What is written from the public headers alone: the coir command, the
# examples and the benches.
#
# Under bench/, a file with a main() is a program, the others are linked to
# each of them, with the parts of the command: bench/idle.c and bench/idle/main.c
# make `idle`, a claim that `make bench` runs; bench/echo/baseline.c makes
# `echo_baseline`, a helper.

if(NOT TARGET coir)
    return()
endif()
add_library(coir_program INTERFACE)
target_link_libraries(coir_program INTERFACE coir_flags coir)

# Results of `coir load` as JSON.
find_path(JANSSON_INCLUDE_DIR jansson.h)
find_library(JANSSON_LIBRARY jansson)
if(COIR_JSON AND JANSSON_INCLUDE_DIR AND JANSSON_LIBRARY)
    set(COIR_HAS_JSON TRUE)
elseif(COIR_JSON STREQUAL "AUTO" OR NOT COIR_JSON)
    message(STATUS "no jansson: coir load will have no JSON; tools/setup.sh installs it")
    set(COIR_HAS_JSON FALSE)
else()
    message(FATAL_ERROR "COIR_JSON needs jansson: tools/setup.sh installs it")
endif()

file(GLOB sources CONFIGURE_DEPENDS programs/*.c programs/*/*.c programs/*/*/*.c)
if(COIR_HAS_JSON)
    list(FILTER sources EXCLUDE REGEX "/result/json_absent\\.c$")
else()
    list(FILTER sources EXCLUDE REGEX "/result/json(_reader)?\\.c$")
endif()
if(sources)
    # For tests and fuzzers of its parts.
    set(parts ${sources})
    list(FILTER parts EXCLUDE REGEX "/programs/main\\.c$")
    add_library(program_parts STATIC ${parts})
    target_include_directories(program_parts PUBLIC ${CMAKE_SOURCE_DIR}/programs)
    target_link_libraries(program_parts PUBLIC coir_program m PRIVATE coir_counted)
    if(COIR_HAS_JSON)
        target_include_directories(program_parts SYSTEM PRIVATE ${JANSSON_INCLUDE_DIR})
        target_link_libraries(program_parts PRIVATE ${JANSSON_LIBRARY})
    endif()

    add_executable(coir-command programs/main.c)
    target_link_libraries(coir-command PRIVATE program_parts)
    set_target_properties(coir-command PROPERTIES
        OUTPUT_NAME coir
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin
        INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
endif()

function(coir_small_program kind name source)
    add_executable(${kind}-${name} ${source})
    target_link_libraries(${kind}-${name} PRIVATE coir_program ${ARGN})
    set_target_properties(${kind}-${name} PROPERTIES
        OUTPUT_NAME ${name}
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${kind})
    add_dependencies(${kind} ${kind}-${name})
endfunction()

add_custom_target(examples ALL)
file(GLOB sources CONFIGURE_DEPENDS examples/*.c)
foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME_WE)
    coir_small_program(examples ${name} ${source})
endforeach()

# The article's servers. Those in plain C see nothing of coir, and share how they listen.
file(GLOB sources CONFIGURE_DEPENDS examples/echo/*.c)
list(FILTER sources EXCLUDE REGEX "/listener\\.c$")
if(sources)
    add_library(echo_listener STATIC EXCLUDE_FROM_ALL examples/echo/listener.c)
    target_link_libraries(echo_listener PUBLIC coir_flags coir_no_probes)
endif()
foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME_WE)
    set(linked echo_listener)
    if(name STREQUAL "coir")
        set(linked coir_program)
    endif()
    add_executable(examples-echo-${name} ${source})
    target_link_libraries(examples-echo-${name} PRIVATE ${linked})
    set_target_properties(examples-echo-${name} PROPERTIES
        OUTPUT_NAME ${name}
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/examples/echo)
    add_dependencies(examples examples-echo-${name})
endforeach()

add_custom_target(bench)
if(TARGET coir-command)
    add_dependencies(bench coir-command) # one of the servers that are measured
endif()
set(shared)
set(mains)
file(GLOB sources CONFIGURE_DEPENDS bench/*.[cS] bench/*/*.[cS])
list(FILTER sources EXCLUDE REGEX "/bench/peers/") # those are cmake/Peers.cmake's
foreach(source IN LISTS sources)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    file(STRINGS ${source} main REGEX "^int main\\(" LIMIT_COUNT 1)
    if(main)
        list(APPEND mains ${source})
    else()
        list(APPEND shared ${source})
    endif()
endforeach()
if(shared)
    add_library(bench_shared OBJECT EXCLUDE_FROM_ALL ${shared})
    target_link_libraries(bench_shared PUBLIC program_parts m)
    foreach(source IN LISTS shared)
        get_filename_component(folder ${source} DIRECTORY)
        target_include_directories(bench_shared PUBLIC ${folder})
    endforeach()
endif()
foreach(source IN LISTS mains)
    file(RELATIVE_PATH name ${CMAKE_SOURCE_DIR}/bench ${source})
    string(REGEX REPLACE "\\.c$" "" name "${name}")
    string(REGEX REPLACE "^([^/]+)/(main|\\1)$" "\\1" name "${name}")
    string(REPLACE "/" "_" name "${name}")
    coir_small_program(bench ${name} ${source} $<TARGET_NAME_IF_EXISTS:bench_shared>)
    set_target_properties(bench-${name} PROPERTIES EXCLUDE_FROM_ALL TRUE)
endforeach()
