# SPDX-License-Identifier: GPL-2.0-or-later
# What the plugin (CMakeLists.txt) and the package of a LAMMPS build (lammps_package.cmake) share:
# the sources, where torch lies, and how a target is linked with it.
set(PAIR_MACE_SOURCES pair_mace.cpp pair_mace_exchange.cpp pair_mace_checks.cpp mace_model.cpp
  native_model.cpp symmetrix_model.cpp gpu_driver.cpp reason.cpp)
set(TORCH_MODEL_SOURCES torch_model.cpp torchscript_backend.cpp aotinductor_backend.cpp
  tensor_memory.cpp torch_process.cpp reason.cpp scratch.cpp gpu_driver.cpp)
list(TRANSFORM PAIR_MACE_SOURCES PREPEND "${CMAKE_CURRENT_LIST_DIR}/")
list(TRANSFORM TORCH_MODEL_SOURCES PREPEND "${CMAKE_CURRENT_LIST_DIR}/")

set(TORCH_DIR "" CACHE PATH "Folder of the torch package, the one that holds lib/ and include/")

function(ask_python variable expression)
  if("${${variable}}" STREQUAL "")
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    execute_process(
      COMMAND ${Python3_EXECUTABLE} -c "${expression}"
      OUTPUT_VARIABLE answer ERROR_VARIABLE complaint RESULT_VARIABLE status
      OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT status EQUAL 0)
      message(FATAL_ERROR "error: ${variable} is not set and ${Python3_EXECUTABLE} cannot provide it. Name "
        "the Python that has mlipsse and torch, -D Python3_EXECUTABLE=DIR/.venv/bin/python, or give "
        "-D ${variable}=...\n${complaint}")
    endif()
    set(${variable} "${answer}" PARENT_SCOPE)
  endif()
endfunction()

# What this torch was built for, and the version of that: of a package in version.py, of a zip archive
# of libtorch in build-version.
function(find_gpu_toolkit)
  set(library "")
  set(version "")
  if(EXISTS "${TORCH_DIR}/lib/libtorch_hip.so")
    set(library ROCm)
    set(entry hip)
  elseif(EXISTS "${TORCH_DIR}/lib/libtorch_cuda.so")
    set(library CUDA)
    set(entry cuda)
  endif()
  if(library AND EXISTS "${TORCH_DIR}/version.py")
    file(STRINGS "${TORCH_DIR}/version.py" line REGEX "^${entry}[: ].*['\"]")
    string(REGEX MATCH "['\"]([0-9.]+)" found "${line}")
    set(version "${CMAKE_MATCH_1}")
  elseif(library STREQUAL "CUDA" AND EXISTS "${TORCH_DIR}/build-version")
    file(STRINGS "${TORCH_DIR}/build-version" line)
    if(line MATCHES "cu([0-9]+)([0-9])")
      set(version "${CMAKE_MATCH_1}.${CMAKE_MATCH_2}")
    endif()
  endif()
  set(MLIPSSE_GPU_LIBRARY "${library}" PARENT_SCOPE)
  if(version)
    set(MLIPSSE_GPU_TOOLKIT "${library} ${version}" PARENT_SCOPE)
  endif()
endfunction()

# By path: find_package(Torch) wants the CUDA toolkit as soon as torch was built for CUDA. The GPU
# libraries are named although nothing calls them: loading them is what registers their kernels.
function(link_torch target)
  set(api "${TORCH_DIR}/include/torch/csrc/api/include")
  if(NOT EXISTS "${api}/torch/torch.h")
    message(FATAL_ERROR "error: ${api}/torch/torch.h is missing: TORCH_DIR=${TORCH_DIR} is not the "
      "folder of a torch package")
  endif()
  target_include_directories(${target} SYSTEM PRIVATE "${TORCH_DIR}/include" "${api}")
  foreach(name torch torch_cpu c10 torch_cuda c10_cuda torch_hip c10_hip)
    if(EXISTS "${TORCH_DIR}/lib/lib${name}.so")
      target_link_libraries(${target} PRIVATE "${TORCH_DIR}/lib/lib${name}.so")
    endif()
  endforeach()
  find_gpu_toolkit()
  target_compile_definitions(${target} PRIVATE
    MLIPSSE_GPU_LIBRARY="${MLIPSSE_GPU_LIBRARY}" MLIPSSE_GPU_TOOLKIT="${MLIPSSE_GPU_TOOLKIT}")
  # DT_RPATH, which comes before LD_LIBRARY_PATH; a foreign libtorch there would otherwise be loaded.
  target_link_options(${target} PRIVATE -Wl,--no-as-needed -Wl,--disable-new-dtags)
endfunction()

string(CONCAT torch_folder "import importlib.util as u; "
  "print(u.find_spec('torch').submodule_search_locations[0])")
ask_python(TORCH_DIR "${torch_folder}")
