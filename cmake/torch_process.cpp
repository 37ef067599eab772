// SPDX-License-Identifier: GPL-2.0-or-later
#include "torch_process.h"

#include <cstdlib>
#include <cstring>

#include <malloc.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/torch.h>

namespace mlipsse {

static void tune_allocator()
{
  // glibc returns every large tensor to the kernel and faults it in again at the next step.
  // benchmarks/README.md has what this gives; MLIPSSE_ALLOCATOR=default leaves it out, to measure.
  const char *choice = std::getenv("MLIPSSE_ALLOCATOR");
  if (choice && std::strcmp(choice, "default") == 0) return;
  constexpr int half_gib = 1 << 29;
  constexpr int older_limit = 1 << 25;    // glibc before 2.35 refuses a higher threshold
  if (!mallopt(M_MMAP_THRESHOLD, half_gib)) mallopt(M_MMAP_THRESHOLD, older_limit);
  mallopt(M_TRIM_THRESHOLD, half_gib);
  mallopt(M_TOP_PAD, 1 << 26);
}

void prepare_process()
{
  tune_allocator();

  // As LAMMPS does: one thread unless the environment says otherwise. torch would take every core.
  const char *threads = std::getenv("OMP_NUM_THREADS");
  const int n_threads = threads ? std::atoi(threads) : 1;
  at::set_num_threads(n_threads > 0 ? n_threads : 1);

  // The number of edges changes from step to step; TorchScript must not compile for each of them.
  torch::jit::FusionStrategy dynamic_shapes = {{torch::jit::FusionBehavior::DYNAMIC, 3}};
  torch::jit::setFusionStrategy(dynamic_shapes);
}

// TorchScript puts it last, after «RuntimeError:», all others put it first.
std::string one_line(const std::string &message)
{
  static const std::string marker = "RuntimeError: ";
  auto begin = message.rfind(marker);
  begin = begin == std::string::npos ? message.find_first_not_of(" \n") : begin + marker.size();
  if (begin == std::string::npos) return "no reason given";
  auto end = message.find('\n', begin);
  return message.substr(begin, end == std::string::npos ? end : end - begin);
}

}    // namespace mlipsse
