# SPDX-License-Identifier: GPL-2.0-or-later
#
# pair_style mace inside a LAMMPS of your own, as a package of its build; nothing in LAMMPS' source
# tree is changed. CMake (3.19 or newer) reads this file when it comes to LAMMPS' project():
#
#   cmake -S lammps/cmake -B build -D PKG_MLIPSSE=on \
#     -D CMAKE_PROJECT_lammps_INCLUDE=/path/to/mlipsse/cmake/lammps_package.cmake \
#     -D Python3_EXECUTABLE=/path/to/.venv/bin/python   # or -D TORCH_DIR=.../site-packages/torch
#   cmake --build build
#
# together with any other -D option, such as PKG_KOKKOS or BUILD_MPI. MPI is the one LAMMPS finds.
option(PKG_MLIPSSE "Build pair_style mace of mlipsse" ON)
if(NOT PKG_MLIPSSE)
  return()
endif()
if(CMAKE_VERSION VERSION_LESS 3.19)
  message(FATAL_ERROR "PKG_MLIPSSE needs CMake 3.19 or newer; this is ${CMAKE_VERSION}")
endif()
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
set(MLIPSSE_DIR ${CMAKE_CURRENT_LIST_DIR})

# LAMMPS collects the headers of its styles in this property.
set_property(GLOBAL APPEND PROPERTY PAIR "${MLIPSSE_DIR}/pair_mace.h")

function(add_pair_mace)
  # An object library: torch needs a newer C++ than LAMMPS may be built with.
  set(sources ${PAIR_MACE_SOURCES} ${TORCH_MODEL_SOURCES})
  list(REMOVE_DUPLICATES sources)
  add_library(mlipsse_pair_mace OBJECT ${sources})
  target_compile_definitions(mlipsse_pair_mace PRIVATE MLIPSSE_TORCH_LINKED)
  set_target_properties(mlipsse_pair_mace PROPERTIES
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  foreach(property INCLUDE_DIRECTORIES COMPILE_DEFINITIONS)
    set_property(TARGET mlipsse_pair_mace APPEND PROPERTY
      ${property} $<TARGET_PROPERTY:lammps,${property}>)
  endforeach()
  get_target_property(libraries lammps LINK_LIBRARIES)    # MPI's and Kokkos' headers
  target_link_libraries(mlipsse_pair_mace PRIVATE ${libraries})
  link_torch(mlipsse_pair_mace)
  target_sources(lammps PRIVATE $<TARGET_OBJECTS:mlipsse_pair_mace>)
  target_include_directories(lammps PRIVATE "${MLIPSSE_DIR}")
  link_torch(lammps)
endfunction()
cmake_language(DEFER CALL add_pair_mace)
