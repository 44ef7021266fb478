# SPDX-License-Identifier: MIT
#
# One object library per room, which sees only what it declares.
#
#   coir_room(FOLDER [DEPENDS room...] [VARIANT name OF name...])
#
# src/FOLDER becomes the target room-<FOLDER with dashes>. Its headers are
# reached only through an include root of its own, build/rooms/<room>/, in
# which a link stands at the folder's place: "task/park.h" resolves only where
# the target depends on task. A folder holding several bodies of one interface
# names them with OF; files that begin with another name than VARIANT's are
# left out. A room without sources still has its root.
#
# All rooms with sources are in the global property COIR_ROOMS.

function(coir_room folder)
    cmake_parse_arguments(room "" "VARIANT" "DEPENDS;OF" ${ARGN})
    string(REPLACE "/" "-" id "${folder}")
    set_property(GLOBAL APPEND PROPERTY COIR_ROOM_NAMES ${id})

    set(root ${CMAKE_BINARY_DIR}/rooms/${id})
    get_filename_component(parent "${root}/${folder}" DIRECTORY)
    file(MAKE_DIRECTORY ${parent})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${folder} ${root}/${folder} SYMBOLIC)

    # Passed on to those who depend on it, as its headers may include those of lower rooms.
    add_library(roots-${id} INTERFACE)
    target_compile_options(roots-${id} INTERFACE "SHELL:-iquote ${root}" -fmacro-prefix-map=${root}/=src/)
    foreach(lower IN LISTS room_DEPENDS)
        string(REPLACE "/" "-" lower "${lower}")
        target_link_libraries(roots-${id} INTERFACE roots-${lower})
        get_property(below GLOBAL PROPERTY COIR_ROOM_CLOSURE_${lower})
        list(APPEND closure ${below})
    endforeach()
    list(APPEND closure ${id})
    list(REMOVE_DUPLICATES closure)
    set_property(GLOBAL PROPERTY COIR_ROOM_CLOSURE_${id} ${closure})

    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.c ${CMAKE_SOURCE_DIR}/src/${folder}/*.S)
    foreach(variant IN LISTS room_OF)
        if(NOT variant STREQUAL room_VARIANT)
            list(FILTER sources EXCLUDE REGEX "/${variant}[^/]*$")
        endif()
    endforeach()
    if(NOT sources)
        return()
    endif()
    add_library(room-${id} OBJECT ${sources})
    target_link_libraries(room-${id} PRIVATE coir_flags coir_counted roots-${id})
    set_property(GLOBAL APPEND PROPERTY COIR_ROOMS ${id})
endfunction()

# Sets ret_objects to the objects of the named rooms and of all that they depend on.
function(coir_room_objects ret_objects)
    foreach(name IN LISTS ARGN)
        string(REPLACE "/" "-" name "${name}")
        get_property(closure GLOBAL PROPERTY COIR_ROOM_CLOSURE_${name})
        list(APPEND wanted ${closure})
    endforeach()
    list(REMOVE_DUPLICATES wanted)
    get_property(built GLOBAL PROPERTY COIR_ROOMS)
    foreach(name IN LISTS wanted)
        if(name IN_LIST built)
            list(APPEND objects $<TARGET_OBJECTS:room-${name}>)
        endif()
    endforeach()
    set(${ret_objects} "${objects}" PARENT_SCOPE)
endfunction()
