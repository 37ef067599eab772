// Stands before libtorch (LD_PRELOAD) as if a node had two GPUs: states the device that a model is to
// be loaded on, and ends there.
#include <c10/core/Device.h>

#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>

namespace torch::cuda {

bool is_available() { return true; }
c10::DeviceIndex device_count() { return 2; }

}    // namespace torch::cuda

namespace torch::jit {

// Returned in memory, as torch's is: that shifts the arguments.
struct Module {
  ~Module() {}
};

Module load(const std::string &, std::optional<c10::Device> device, bool)
{
  std::fprintf(stderr, "loaded on cuda:%d\n", static_cast<int>(device->index()));
  throw std::runtime_error("no such GPU");
}

}    // namespace torch::jit
