# SPDX-License-Identifier: MIT
#
# How the tests run programs of ours:
#   COIR_TEST_RUNNER    what stands before a program, if anything
#   COIR_TEST_PROGRAMS  where scripts find bin/coir and examples/
#   COIR_TEST_HELPERS   where they find the programs of tests/system/programs
#   COIR_SCRIPT_RUNNER  what stands before a script
#   COIR_TEST_WATCHED   sanitizer, valgrind or emulator, if there is one: all is slower and larger
#   COIR_TEST_SLOWNESS  how many times more time a test has
#   COIR_TEST_TOGETHER  ON: the cases of a program are one test
#
# Where something stands before programs, what scripts find are small scripts of
# the same names. Valgrinds report to files there: some scripts look at all that
# is said.

set(COIR_TEST_RUNNER ${CMAKE_CROSSCOMPILING_EMULATOR})
set(COIR_TEST_PROGRAMS ${CMAKE_BINARY_DIR})
set(COIR_TEST_HELPERS ${CMAKE_BINARY_DIR}/tests/programs)
set(COIR_SCRIPT_RUNNER)
set(COIR_TEST_WATCHED)
set(COIR_TEST_SLOWNESS 1)
set(COIR_TEST_TOGETHER OFF)

file(GLOB examples RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS
    ${CMAKE_SOURCE_DIR}/examples/*.c ${CMAKE_SOURCE_DIR}/examples/echo/*.c)
list(FILTER examples EXCLUDE REGEX "/listener\\.c$")
file(GLOB helpers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/system/programs/*.c)
list(TRANSFORM helpers REPLACE ".*/" "tests/programs/")
list(TRANSFORM examples REPLACE "\\.c$" "")
list(TRANSFORM helpers REPLACE "\\.c$" "")

# Has scripts find, in place of each program, a script that runs it by the words that a shell makes of `runner`.
function(coir_run_programs folder runner)
    set(COIR_TEST_PROGRAMS ${CMAKE_BINARY_DIR}/${folder} PARENT_SCOPE)
    foreach(program IN LISTS ARGN)
        file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/${folder}/${program} CONTENT "#!/bin/sh
exec ${runner} ${CMAKE_BINARY_DIR}/${program} \"$@\"
"
            FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
    endforeach()
endfunction()

if(COIR_SANITIZE)
    set(COIR_TEST_WATCHED sanitizer)
endif()
if(CMAKE_CROSSCOMPILING_EMULATOR)
    set(COIR_TEST_WATCHED emulator)
    set(COIR_TEST_SLOWNESS 3)
    string(REPLACE ";" " " words "${CMAKE_CROSSCOMPILING_EMULATOR}")
    coir_run_programs(emulated "${words}" bin/coir ${examples} ${helpers})
    set(COIR_TEST_HELPERS ${COIR_TEST_PROGRAMS}/tests/programs)
endif()
if(COIR_VALGRIND)
    find_program(VALGRIND_COMMAND valgrind REQUIRED)
    # Who gives up its rights could not remove what vgdb makes; one thread that spins must not keep others from running.
    set(COIR_TEST_RUNNER ${VALGRIND_COMMAND} --vgdb=no --fair-sched=yes
        --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite)
    set(COIR_SCRIPT_RUNNER sh ${CMAKE_SOURCE_DIR}/tests/run_watched.sh)
    set(COIR_TEST_WATCHED valgrind)
    set(COIR_TEST_SLOWNESS 5)
    # It takes 0.4 s to start, and most cases take a hundredth of that.
    set(COIR_TEST_TOGETHER ON)
    string(REPLACE ";" " " words "${COIR_TEST_RUNNER}")
    coir_run_programs(watched "${words} --log-file=\"\${COIR_WATCHED_LOGS:?}/%p\"" bin/coir ${examples})
endif()
