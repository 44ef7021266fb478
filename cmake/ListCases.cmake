# SPDX-License-Identifier: MIT
#
# Run after a test program was built: asks it for its cases and writes them to
# LIST as tests for ctest, or, if TOGETHER, as one test per engine. A program that
# names no case, or one twice, fails the build.

execute_process(COMMAND ${EMULATOR} ${PROGRAM} --list OUTPUT_VARIABLE cases RESULT_VARIABLE result)
string(REGEX MATCHALL "[^\n]+" cases "${cases}")
set(unique ${cases})
list(REMOVE_DUPLICATES unique)
if(NOT result EQUAL 0 OR NOT cases OR NOT cases STREQUAL unique)
    file(REMOVE ${LIST} ${PROGRAM})
    message(FATAL_ERROR "${PROGRAM} --list: ${result}: expected every case once, got: ${cases}")
endif()

string(REPLACE " " ";" engines "${ENGINES}")
set(command ${RUNNER} ${PROGRAM})
string(REPLACE ";" "\" \"" command "${command}")
set(text "")
# A case that takes too long stops itself, so that a program has as much as all of them.
string(REGEX MATCH "TIMEOUT ([0-9]+)" timeout "${PROPERTIES}")
list(LENGTH cases count)
math(EXPR seconds "${CMAKE_MATCH_1} * ${count}")

foreach(engine IN LISTS engines)
    set(prefix ${PREFIX})
    set(environment ${ENVIRONMENT})
    if(NOT engine STREQUAL "auto")
        set(prefix ${PREFIX}/${engine})
        string(APPEND environment ";COIR_ENGINE=${engine}")
    endif()
    if(TOGETHER)
        string(APPEND text "add_test(\"${prefix}\" \"${command}\")\n"
            "set_tests_properties(\"${prefix}\" PROPERTIES"
            " LABELS ${LABEL} ${PROPERTIES} TIMEOUT ${seconds} ENVIRONMENT \"${environment}\")\n")
        continue()
    endif()
    foreach(case IN LISTS cases)
        string(APPEND text "add_test(\"${prefix}/${case}\" \"${command}\" \"${case}\")\n"
            "set_tests_properties(\"${prefix}/${case}\" PROPERTIES"
            " LABELS ${LABEL} ${PROPERTIES} ENVIRONMENT \"${environment}\")\n")
    endforeach()
endforeach()
file(WRITE ${LIST} "${text}")
