// SPDX-License-Identifier: GPL-2.0-or-later
// Which GPU to take, and what kind it is. Nothing of torch or of a GPU toolkit is needed: the driver's
// own library is asked.
#pragma once

#include <string>

namespace mlipsse {

enum class Device { any, cpu, gpu };    // `any`: a GPU where there is one

// What torch finds on this machine.
struct Accelerator {
  std::string library;    // "CUDA" or "ROCm"; empty when torch was built for CPUs alone
  int count = 0;          // usable GPUs
  std::string trouble;    // why there are none, in the library's words
};

struct Choice {
  int gpu = -1;           // its index; negative for the CPU
  std::string remark;     // what the user should hear, or nothing
};

// The GPU of the process that is number `rank` of those that share a machine.
// std::runtime_error when a GPU is wanted and there is none.
Choice choose_device(Device wanted, const Accelerator &found, int rank);

// Number of this process among those on its machine, as far as it can be known without asking the
// others (the partitions of a LAMMPS run need not come here at the same time): what MPI's launcher
// states, else `rank`, its number in the whole run.
int launched_rank(int rank);

// Name and architecture of a GPU as `mlipsse potential export` records them, e.g. "NVIDIA H200
// sm_90"; empty where no driver answers.
std::string gpu_name(int index);

// Whether code for the GPU `recorded` runs on `here`; both as gpu_name gives them. Unknown ones do.
bool is_same_kind(const std::string &recorded, const std::string &here);

}    // namespace mlipsse
