# SPDX-License-Identifier: MIT
#
# What coir is compared with: the echo servers of bench/peers, each on a library
# that somebody would take in its place. The target `peers` builds those whose
# library is here, then writes the list of all, build/PRESET/peers/list.txt, a
# line each with tabs between: NAME, PROGRAM, VERSION of the library; or NAME and
# "missing: " with the Debian package that has it. Nothing else builds them.

if(NOT EXISTS ${CMAKE_SOURCE_DIR}/bench/peers)
    return()
endif()
set(COIR_PEERS_FOLDER ${CMAKE_BINARY_DIR}/peers)
set(lines)
set(programs)

# coir_peer(NAME VERSION): adds a line for a program that is built.
function(coir_peer name version)
    set(lines ${lines} "${name}\t${COIR_PEERS_FOLDER}/${name}\t${version}\n" PARENT_SCOPE)
endfunction()

# coir_c_peer(NAME PACKAGE PKG_CONFIG_NAME HEADER LIBRARY)
function(coir_c_peer name package module header library)
    find_path(COIR_PEER_${name}_HEADERS ${header})
    find_library(COIR_PEER_${name}_LIBRARY ${library})
    if(NOT COIR_PEER_${name}_HEADERS OR NOT COIR_PEER_${name}_LIBRARY)
        set(lines ${lines} "${name}\tmissing: ${package}\n" PARENT_SCOPE)
        return()
    endif()
    add_executable(peer-${name} EXCLUDE_FROM_ALL bench/peers/${name}.c)
    target_include_directories(peer-${name} SYSTEM PRIVATE ${COIR_PEER_${name}_HEADERS})
    target_link_libraries(peer-${name} PRIVATE coir_flags coir_no_probes ${COIR_PEER_${name}_LIBRARY})
    set_target_properties(peer-${name} PROPERTIES OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${COIR_PEERS_FOLDER})
    execute_process(COMMAND pkg-config --modversion ${module}
        OUTPUT_VARIABLE version ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    coir_peer(${name} "${version}")
    set(lines ${lines} PARENT_SCOPE)
    set(programs ${programs} peer-${name} PARENT_SCOPE)
endfunction()

# By a command, and not as a target: the project's language is C.
function(coir_asio_peer)
    find_path(COIR_PEER_asio_HEADERS boost/asio/awaitable.hpp)
    find_program(COIR_CXX NAMES c++ g++ clang++)
    if(NOT COIR_PEER_asio_HEADERS OR NOT COIR_CXX)
        set(lines ${lines} "asio\tmissing: libboost-dev g++\n" PARENT_SCOPE)
        return()
    endif()
    file(WRITE ${CMAKE_BINARY_DIR}/generated/coroutine.cc "#include <coroutine>\nstd::coroutine_handle<> handle;\n")
    execute_process(COMMAND ${COIR_CXX} -std=c++20 -fsyntax-only ${CMAKE_BINARY_DIR}/generated/coroutine.cc
        RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
    if(NOT result EQUAL 0)
        set(lines ${lines} "asio\tmissing: a compiler with the coroutines of C++20\n" PARENT_SCOPE)
        return()
    endif()
    file(STRINGS ${COIR_PEER_asio_HEADERS}/boost/version.hpp version REGEX "define BOOST_LIB_VERSION")
    string(REGEX REPLACE ".*\"(.*)\".*" "\\1" version "${version}")
    string(REPLACE "_" "." version "${version}")
    add_custom_command(OUTPUT ${COIR_PEERS_FOLDER}/asio
        COMMAND ${CMAKE_COMMAND} -E make_directory ${COIR_PEERS_FOLDER}
        COMMAND ${COIR_CXX} -std=c++20 -O2 -g -Wall -Wextra -idirafter ${COIR_PEER_asio_HEADERS}
            ${CMAKE_SOURCE_DIR}/bench/peers/asio.cc -pthread -o ${COIR_PEERS_FOLDER}/asio
        DEPENDS ${CMAKE_SOURCE_DIR}/bench/peers/asio.cc VERBATIM)
    coir_peer(asio "${version}")
    set(lines ${lines} PARENT_SCOPE)
    set(programs ${programs} ${COIR_PEERS_FOLDER}/asio PARENT_SCOPE)
endfunction()

# From the standard library alone: nothing is fetched.
function(coir_go_peer)
    find_program(COIR_GO go)
    if(NOT COIR_GO)
        set(lines ${lines} "go\tmissing: golang-go\n" PARENT_SCOPE)
        return()
    endif()
    execute_process(COMMAND ${COIR_GO} env GOVERSION OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE)
    string(REPLACE "go" "" version "${version}")
    add_custom_command(OUTPUT ${COIR_PEERS_FOLDER}/go
        COMMAND ${CMAKE_COMMAND} -E env GOCACHE=${CMAKE_BINARY_DIR}/go GOTOOLCHAIN=local GOPROXY=off
            ${COIR_GO} build -o ${COIR_PEERS_FOLDER}/go ${CMAKE_SOURCE_DIR}/bench/peers/go.go
        DEPENDS ${CMAKE_SOURCE_DIR}/bench/peers/go.go VERBATIM)
    coir_peer(go "${version}")
    set(lines ${lines} PARENT_SCOPE)
    set(programs ${programs} ${COIR_PEERS_FOLDER}/go PARENT_SCOPE)
endfunction()

if(COIR_SANITIZE OR CMAKE_CROSSCOMPILING)
    # They are there to be measured, and their libraries are this machine's.
    foreach(name libuv libevent asio state_threads go)
        list(APPEND lines "${name}\tmissing: a build for this machine, without sanitizers\n")
    endforeach()
else()
    coir_c_peer(libuv libuv1-dev libuv uv.h uv)
    coir_c_peer(libevent libevent-dev libevent event2/event.h event_core)
    coir_asio_peer()
    coir_c_peer(state_threads libst-dev st st.h st)
    coir_go_peer()
endif()

list(JOIN lines "" text)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/peers.txt CONTENT "${text}" @ONLY)
# The list is there only when they are.
add_custom_target(peers
    COMMAND ${CMAKE_COMMAND} -E make_directory ${COIR_PEERS_FOLDER}
    COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_BINARY_DIR}/generated/peers.txt ${COIR_PEERS_FOLDER}/list.txt
    DEPENDS ${programs})
