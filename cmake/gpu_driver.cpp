// SPDX-License-Identifier: GPL-2.0-or-later
#include "gpu_driver.h"

#include "reason.h"

#include <cstdlib>
#include <stdexcept>

#include <dlfcn.h>

namespace mlipsse {

namespace {

constexpr const char *CPU_ON_PURPOSE = "'pair_style mace device cpu' runs on the CPU on purpose";

// CUdevice_attribute of cuda.h: CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
constexpr int CAPABILITY_MAJOR = 75;
constexpr int CAPABILITY_MINOR = 76;

template <typename Function> Function find(void *library, const char *name)
{
  return reinterpret_cast<Function>(dlsym(library, name));
}

std::string nvidia_name(int index)
{
  void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);    // torch has loaded it already
  if (!driver) return "";
  const auto init = find<int (*)(unsigned)>(driver, "cuInit");
  const auto get = find<int (*)(int *, int)>(driver, "cuDeviceGet");
  const auto name_of = find<int (*)(char *, int, int)>(driver, "cuDeviceGetName");
  const auto attribute = find<int (*)(int *, int, int)>(driver, "cuDeviceGetAttribute");
  if (!init || !get || !name_of || !attribute) return "";
  int device = 0, major = 0, minor = 0;
  char name[256] = "";
  if (init(0) || get(&device, index) || name_of(name, sizeof name, device) ||
      attribute(&major, CAPABILITY_MAJOR, device) || attribute(&minor, CAPABILITY_MINOR, device))
    return "";
  return std::string(name) + " sm_" + std::to_string(major) + std::to_string(minor);
}

// Without its architecture, which is found only in a structure that differs from version to version.
std::string amd_name(int index)
{
  void *driver = dlopen("libamdhip64.so", RTLD_NOW | RTLD_LOCAL);
  if (!driver) return "";
  const auto name_of = find<int (*)(char *, int, int)>(driver, "hipDeviceGetName");
  char name[256] = "";
  return name_of && !name_of(name, sizeof name, index) ? name : "";
}

bool whole_number(const char *text, int &value)
{
  if (!text || !*text) return false;
  char *end = nullptr;
  const long number = std::strtol(text, &end, 10);
  if (*end || number < 0) return false;
  value = static_cast<int>(number);
  return true;
}

}    // namespace

Choice choose_device(Device wanted, const Accelerator &found, int rank)
{
  Choice choice;
  if (wanted == Device::cpu) return choice;
  if (found.count > 0) {
    choice.gpu = rank % found.count;
    return choice;
  }
  if (found.library.empty()) {
    if (wanted == Device::gpu)
      throw std::runtime_error(
          "'pair_style mace device cuda' asks for a GPU, and this pair style was built with a torch "
          "for CPUs alone. Install a torch for CUDA or ROCm and build again (mlipsse potential "
          "build --rebuild), or leave 'device cuda' out");
    return choice;
  }
  const auto trouble = found.trouble.empty() ? "the driver lists none" : found.trouble;
  if (wanted == Device::gpu)
    throw std::runtime_error(
        explained("'pair_style mace device cuda' asks for a GPU, and there is no usable one: " +
                      meaningful_line(trouble),
                  "Run on a node with a GPU, or leave 'device cuda' out"));
  choice.remark = "pair_style mace runs on the CPU: this torch was built for " + found.library +
      ", and there is no usable GPU (" + meaningful_line(trouble) + "). " + CPU_ON_PURPOSE;
  return choice;
}

int launched_rank(int rank)
{
  int number = 0;
  for (const char *name : {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "PALS_LOCAL_RANKID",
                           "MV2_COMM_WORLD_LOCAL_RANK"})
    if (whole_number(std::getenv(name), number)) return number;
  // A batch script has these variables too, and hands them to all that another launcher starts.
  if (whole_number(std::getenv("SLURM_PROCID"), number) && number == rank &&
      whole_number(std::getenv("SLURM_LOCALID"), number))
    return number;
  return rank;
}

std::string gpu_name(int index)
{
  const auto name = nvidia_name(index);
  return name.empty() ? amd_name(index) : name;
}

bool is_same_kind(const std::string &recorded, const std::string &here)
{
  if (recorded.empty() || here.empty()) return true;
  const auto architecture = [](const std::string &name) {
    const auto place = name.rfind(" sm_");
    return place == std::string::npos ? std::string() : name.substr(place + 1);
  };
  if (!architecture(recorded).empty() || !architecture(here).empty())
    return architecture(recorded) == architecture(here);
  return recorded.rfind(here, 0) == 0 || here.rfind(recorded, 0) == 0;
}

}    // namespace mlipsse
