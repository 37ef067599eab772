// SPDX-License-Identifier: GPL-2.0-or-later
#include "torch_process.h"

#include "tensor_memory.h"

#include <cstdlib>

#include <dlfcn.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/torch.h>

// What this torch was built for: "CUDA", "ROCm" or nothing (common.cmake).
#ifndef MLIPSSE_GPU_LIBRARY
#define MLIPSSE_GPU_LIBRARY ""
#endif

namespace mlipsse {

namespace {

// As LAMMPS does: one thread unless the environment sets it. torch would take every core.
int own_threads()
{
  const char *threads = std::getenv("OMP_NUM_THREADS");
  const int number = threads ? std::atoi(threads) : 1;
  return number > 0 ? number : 1;
}

bool in_python()
{
  const auto is_initialized =
      reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "Py_IsInitialized"));
  return is_initialized && is_initialized();
}

}    // namespace

HostThreads::HostThreads()
{
  if (!in_python() || at::get_num_threads() == own_threads()) return;
  before = at::get_num_threads();
  at::set_num_threads(own_threads());
}

HostThreads::~HostThreads()
{
  if (before > 0) at::set_num_threads(before);
}

void prepare_process()
{
  keep_tensor_memory();
  if (!in_python()) at::set_num_threads(own_threads());

  // The number of edges changes from step to step; TorchScript must not compile for each of them.
  torch::jit::FusionStrategy dynamic_shapes = {{torch::jit::FusionBehavior::DYNAMIC, 3}};
  torch::jit::setFusionStrategy(dynamic_shapes);
}

std::string words_of(const std::exception &error)
{
  const auto *of_torch = dynamic_cast<const c10::Error *>(&error);
  return of_torch ? of_torch->what_without_backtrace() : error.what();
}

Accelerator find_accelerator()
{
  Accelerator found;
  found.library = MLIPSSE_GPU_LIBRARY;
  if (found.library.empty()) return found;
  if (torch::cuda::is_available()) {
    found.count = static_cast<int>(torch::cuda::device_count());
    return found;
  }
  try {    // is_available() keeps the reason to itself
    torch::empty({1}, torch::Device(torch::kCUDA, 0));
  } catch (const std::exception &error) {
    found.trouble = words_of(error);
  }
  return found;
}

}    // namespace mlipsse
