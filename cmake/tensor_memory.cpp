// SPDX-License-Identifier: GPL-2.0-or-later
#include "tensor_memory.h"

#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <unordered_map>

#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <sys/mman.h>

namespace mlipsse {

namespace {

constexpr size_t LARGE = size_t{1} << 20;    // bytes; below, the C library is as fast
constexpr uint64_t FORGOTTEN_AFTER = 4096;    // large tensors: some ten steps

// The number of edges differs from step to step by some per cent. Blocks of four sizes per power of
// two fit again all the same; what is never touched of a block costs no memory.
size_t block_size(size_t bytes)
{
  size_t step = LARGE / 4;
  while (step * 8 < bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

class TensorMemory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override
  {
    void *data = bytes < LARGE ? c10::alloc_cpu(bytes) : large(block_size(bytes));
    return {data, data, &TensorMemory::release, c10::Device(c10::kCPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &TensorMemory::release; }

  void copy_data(void *target, const void *source, size_t bytes) const override
  {
    default_copy_data(target, source, bytes);
  }

  // Never destroyed: tensors of other threads may outlive everything.
  static TensorMemory &instance()
  {
    static auto *memory = new TensorMemory;
    return *memory;
  }

 private:
  struct Idle {
    void *block;
    uint64_t since;
  };

  void *large(size_t size)
  {
    const std::lock_guard<std::mutex> lock(mutex);
    ++requests;
    if (void *block = idle_block(size)) return block;
    forget_blocks_idle_since(requests > FORGOTTEN_AFTER ? requests - FORGOTTEN_AFTER : 0);
    void *block = map_pages(size);
    if (!block) {
      forget_blocks_idle_since(requests);
      block = map_pages(size);
    }
    if (!block) throw std::bad_alloc();
    sizes[block] = size;
    return block;
  }

  // The smallest that holds `size` without much waste; of equal ones the last put down, still warm.
  void *idle_block(size_t size)
  {
    auto found = idle.lower_bound(size);
    if (found == idle.end() || found->first > size + size / 2) return nullptr;
    found = std::prev(idle.upper_bound(found->first));
    void *block = found->second.block;
    sizes[block] = found->first;
    idle.erase(found);
    return block;
  }

  static void release(void *data)
  {
    auto &self = instance();
    {
      const std::lock_guard<std::mutex> lock(self.mutex);
      const auto found = self.sizes.find(data);
      if (found != self.sizes.end()) {
        self.idle.insert({found->second, {data, self.requests}});
        self.sizes.erase(found);
        return;
      }
    }
    c10::free_cpu(data);
  }

  static void *map_pages(size_t size)
  {
    void *block =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block == MAP_FAILED ? nullptr : block;
  }

  void forget_blocks_idle_since(uint64_t moment)
  {
    for (auto entry = idle.begin(); entry != idle.end();) {
      if (entry->second.since <= moment) {
        munmap(entry->second.block, entry->first);
        entry = idle.erase(entry);
      } else
        ++entry;
    }
  }

  std::mutex mutex;
  uint64_t requests = 0;
  std::multimap<size_t, Idle> idle;                // by size
  std::unordered_map<void *, size_t> sizes;        // of large blocks in use
};

}    // namespace

void keep_tensor_memory()
{
  const char *choice = std::getenv("MLIPSSE_ALLOCATOR");
  if (choice && std::strcmp(choice, "default") == 0) return;
  c10::SetCPUAllocator(&TensorMemory::instance());
}

}    // namespace mlipsse
