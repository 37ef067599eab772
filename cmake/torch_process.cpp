// SPDX-License-Identifier: GPL-2.0-or-later
#include "torch_process.h"

#include "tensor_memory.h"

#include <cstdlib>

#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/torch.h>

namespace mlipsse {

void prepare_process()
{
  keep_tensor_memory();

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
