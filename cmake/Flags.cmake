# SPDX-License-Identifier: MIT
#
# What every object of coir is compiled with: coir_flags for all our code,
# coir_public for code that sees the public headers alone.

include(CheckCCompilerFlag)
find_package(Threads REQUIRED)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)

# No NDEBUG anywhere: assertions are ours, and stay on.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g")

add_library(coir_public INTERFACE)
target_include_directories(coir_public INTERFACE ${CMAKE_SOURCE_DIR}/include)
target_link_libraries(coir_public INTERFACE Threads::Threads)

add_library(coir_flags INTERFACE)
target_link_libraries(coir_flags INTERFACE coir_public)
target_compile_definitions(coir_flags INTERFACE _GNU_SOURCE)
if(CMAKE_SIZEOF_VOID_P EQUAL 4)
    # For dates after 2038 and files above 2 GiB a 32-bit C library must be asked.
    target_compile_definitions(coir_flags INTERFACE _FILE_OFFSET_BITS=64 _TIME_BITS=64)
endif()
target_compile_options(coir_flags INTERFACE
    $<$<COMPILE_LANGUAGE:C>:-Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes>
    # An assertion may be a sentence: ASSERT(!"this cannot be").
    $<$<COMPILE_LANG_AND_ID:C,Clang>:-Wno-string-conversion>
    -fno-omit-frame-pointer
    # Not every machine's compiler does without being asked: for unwinders to get through our frames.
    -fasynchronous-unwind-tables
    # One jump less in each system call.
    -fno-plt
    # Valgrind before 3.20 gives up where it meets clang's DWARF 5.
    $<$<COMPILE_LANG_AND_ID:C,Clang>:-gdwarf-4>
    # So that __FILE__ reads src/task/park.c wherever the tree lies.
    -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)

# A large local array must touch its pages in turn, or it could step over a guard.
add_library(coir_no_probes INTERFACE)
check_c_compiler_flag("-Werror -fstack-clash-protection" COIR_HAS_STACK_CLASH_PROTECTION)
if(COIR_HAS_STACK_CLASH_PROTECTION)
    target_compile_options(coir_flags INTERFACE -fstack-clash-protection)
    # For what has no stacks of coir's: a thread would touch all of a large buffer on its stack. To be linked behind.
    target_compile_options(coir_no_probes INTERFACE -fno-stack-clash-protection)
endif()
if(COIR_WERROR)
    target_compile_options(coir_flags INTERFACE -Werror)
endif()
if(COIR_DEBUG)
    target_compile_definitions(coir_flags INTERFACE COIR_DEBUG=1)
endif()
if(COIR_SWITCH_FPU)
    target_compile_definitions(coir_flags INTERFACE COIR_SWITCH_FPU=1)
endif()
if(COIR_SANITIZE)
    target_compile_options(coir_flags INTERFACE -fsanitize=${COIR_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${COIR_SANITIZE})
endif()

# What rooms and programs are compiled with besides, so that their figures are told, and not those of tests.
add_library(coir_counted INTERFACE)
if(COIR_COVERAGE)
    # Counts of threads must not be lost. -O0: a branch is one where the source has one.
    target_compile_options(coir_counted INTERFACE --coverage -fprofile-update=atomic -fprofile-abs-path -O0)
    add_link_options(--coverage)
endif()

set(COIR_CONTEXT_VARIANTS x86_64 aarch64 riscv64 ucontext)
string(REGEX REPLACE "^(amd64|AMD64)$" "x86_64" COIR_CONTEXT_VARIANT "${CMAKE_SYSTEM_PROCESSOR}")
string(REGEX REPLACE "^(arm64)$" "aarch64" COIR_CONTEXT_VARIANT "${COIR_CONTEXT_VARIANT}")
if(COIR_CONTEXT STREQUAL "ucontext" OR NOT COIR_CONTEXT_VARIANT IN_LIST COIR_CONTEXT_VARIANTS)
    set(COIR_CONTEXT_VARIANT ucontext)
endif()
# For debuggers to know what a suspended context looks like.
set_source_files_properties(src/runtime/debug.c PROPERTIES COMPILE_DEFINITIONS COIR_CONTEXT_NAME="${COIR_CONTEXT_VARIANT}")
