# SPDX-License-Identifier: MIT
#
# libcoir.so and libcoir.a: all rooms, with nothing but coir_ names to be seen
# from outside. Hidden symbols do that in the shared library. In an archive
# they would still clash with the program's own, so that the objects are first
# linked into one and its hidden symbols made local.

get_property(rooms GLOBAL PROPERTY COIR_ROOMS)
get_property(room_names GLOBAL PROPERTY COIR_ROOM_NAMES)
set(room_objects)
foreach(room IN LISTS rooms)
    list(APPEND room_objects $<TARGET_OBJECTS:room-${room}>)
endforeach()
if(NOT rooms)
    message(STATUS "no room has sources yet: no library")
    return()
endif()

function(coir_describe_library target)
    target_include_directories(${target} INTERFACE
        $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_compile_options(${target} INTERFACE
        $<$<OR:$<COMPILE_LANG_AND_ID:C,GNU>,$<COMPILE_LANG_AND_ID:CXX,GNU>>:-fstack-clash-protection>)
    target_link_libraries(${target} INTERFACE Threads::Threads)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME coir LINKER_LANGUAGE C)
endfunction()

add_library(coir SHARED ${room_objects})
target_link_libraries(coir PRIVATE Threads::Threads)
coir_describe_library(coir)
set_target_properties(coir PROPERTIES
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR})
if(TARGET room-runtime AND NOT COIR_SANITIZE)
    target_link_options(coir PRIVATE -Wl,--no-undefined)
endif()
add_library(coir::coir ALIAS coir)

set(joined ${CMAKE_BINARY_DIR}/coir-joined.o)
add_custom_command(
    OUTPUT ${joined}
    COMMAND ${CMAKE_LINKER} -r -o ${joined} ${room_objects}
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${joined}
    DEPENDS ${room_objects}
    COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Joining all rooms into one object")
set_source_files_properties(${joined} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
add_library(coir-static STATIC ${joined})
# With make, a file that another target builds is there only once that target is.
foreach(room IN LISTS rooms)
    add_dependencies(coir-static room-${room})
endforeach()
coir_describe_library(coir-static)
add_library(coir::coir-static ALIAS coir-static)

# For tests that look inside: every room's objects and headers.
add_library(coir_rooms STATIC ${room_objects})
set_target_properties(coir_rooms PROPERTIES LINKER_LANGUAGE C EXCLUDE_FROM_ALL TRUE)
target_link_libraries(coir_rooms PUBLIC coir_flags)
foreach(room IN LISTS room_names)
    target_link_libraries(coir_rooms INTERFACE roots-${room})
endforeach()
