# SPDX-License-Identifier: MIT
#
# How the tests run programs of ours:
#   COIR_TEST_RUNNER    what stands before a program, if anything
#   COIR_TEST_PROGRAMS  where scripts find bin/coir and examples/
#   COIR_SCRIPT_RUNNER  what stands before a script
#   COIR_TEST_WATCHED   sanitizer or valgrind, if one watches: all is slower and larger
#   COIR_TEST_SLOWNESS  how many times more time a test has
#
# With COIR_VALGRIND, what scripts find are small scripts of the same names,
# whose Valgrinds report to files: some scripts look at all that is said.

set(COIR_TEST_RUNNER ${CMAKE_CROSSCOMPILING_EMULATOR})
set(COIR_TEST_PROGRAMS ${CMAKE_BINARY_DIR})
set(COIR_SCRIPT_RUNNER)
set(COIR_TEST_WATCHED)
set(COIR_TEST_SLOWNESS 1)
if(COIR_SANITIZE)
    set(COIR_TEST_WATCHED sanitizer)
endif()
if(NOT COIR_VALGRIND)
    return()
endif()

find_program(VALGRIND_COMMAND valgrind REQUIRED)
# Who gives up its rights could not remove what vgdb makes; one thread that spins must not keep others from running.
set(COIR_TEST_RUNNER ${VALGRIND_COMMAND} --vgdb=no --fair-sched=yes
    --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite)
set(COIR_TEST_PROGRAMS ${CMAKE_BINARY_DIR}/watched)
set(COIR_SCRIPT_RUNNER sh ${CMAKE_SOURCE_DIR}/tests/run_watched.sh)
set(COIR_TEST_WATCHED valgrind)
set(COIR_TEST_SLOWNESS 5)

string(REPLACE ";" " " words "${COIR_TEST_RUNNER}")
file(GLOB sources RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/examples/*.c)
list(TRANSFORM sources REPLACE "\\.c$" "")
foreach(program IN ITEMS bin/coir LISTS sources)
    file(GENERATE OUTPUT ${COIR_TEST_PROGRAMS}/${program} CONTENT "#!/bin/sh
exec ${words} --log-file=\"$COIR_WATCHED_LOGS/%p\" ${CMAKE_BINARY_DIR}/${program} \"$@\"
"
        FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endforeach()
