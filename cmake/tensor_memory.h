// SPDX-License-Identifier: GPL-2.0-or-later
// Where torch gets the memory of large tensors on the CPU from, and keeps it between steps.
#pragma once

namespace mlipsse {

// From now on torch keeps the pages of large tensors that are gone and uses them again. glibc gives
// them back to the kernel, which clears them at the next step: up to two thirds of a step's time.
// MLIPSSE_ALLOCATOR=default leaves it out, to measure (benchmarks/README.md has the figures).
void keep_tensor_memory();

}    // namespace mlipsse
