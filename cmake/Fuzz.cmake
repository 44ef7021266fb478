# SPDX-License-Identifier: MIT
#
# tests/fuzz/NAME.c has the entry that libFuzzer calls, and tests/fuzz/corpus/NAME
# the inputs to begin with. It is linked to all rooms if its comment says
# "Rooms:", else to the parts of the coir command.
#
# Where COIR_SANITIZE names fuzzer-no-link, as the preset fuzz does, the target
# `fuzz` builds fuzzers. Elsewhere each is linked to tests/fuzz/replay/ and is a
# test that takes a second.

string(FIND "${COIR_SANITIZE}" "fuzzer-no-link" at)
if(at GREATER -1)
    set(is_fuzzer TRUE)
    add_custom_target(fuzz)
else()
    set(is_fuzzer FALSE)
    add_library(fuzz_replay OBJECT fuzz/replay/replay.c ${CMAKE_SOURCE_DIR}/tests/support/random.c)
    target_link_libraries(fuzz_replay PUBLIC coir_flags)
    target_include_directories(fuzz_replay PUBLIC ${CMAKE_SOURCE_DIR}/tests)
endif()

file(GLOB sources CONFIGURE_DEPENDS fuzz/*.c)
foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME_WE)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    file(STRINGS ${source} rooms REGEX "Rooms:" LIMIT_COUNT 1)
    set(target fuzz-${name})
    add_executable(${target} ${source})
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME ${name}
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/fuzz)
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    # So that a refused command line prints nothing.
    target_link_options(${target} PRIVATE -Wl,--wrap=command_complain)
    if(rooms)
        target_link_libraries(${target} PRIVATE coir_rooms)
    else()
        target_link_libraries(${target} PRIVATE program_parts)
    endif()
    if(is_fuzzer)
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
        set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL TRUE)
        add_dependencies(fuzz ${target})
    else()
        target_link_libraries(${target} PRIVATE fuzz_replay)
        set(test ${COIR_TEST_PREFIX}fuzz/${name})
        add_test(NAME ${test} COMMAND ${COIR_TEST_RUNNER} $<TARGET_FILE:${target}> ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
        set_tests_properties(${test} PROPERTIES LABELS fuzz TIMEOUT 70
            ENVIRONMENT "${COIR_SANITIZER_ENVIRONMENT}")
    endif()
endforeach()
