# SPDX-License-Identifier: MIT
#
# Run after a test program was built: asks it for its cases and writes them to
# LIST as tests for ctest. A program that names no case, or one twice, fails the build.

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
foreach(engine IN LISTS engines)
    set(prefix ${PREFIX})
    set(environment ${ENVIRONMENT})
    if(NOT engine STREQUAL "auto")
        set(prefix ${PREFIX}/${engine})
        string(APPEND environment ";COIR_ENGINE=${engine}")
    endif()
    foreach(case IN LISTS cases)
        string(APPEND text "add_test(\"${prefix}/${case}\" \"${command}\" \"${case}\")\n"
            "set_tests_properties(\"${prefix}/${case}\" PROPERTIES"
            " LABELS ${LABEL} ${PROPERTIES} ENVIRONMENT \"${environment}\")\n")
    endforeach()
endforeach()
file(WRITE ${LIST} "${text}")
