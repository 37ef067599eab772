// SPDX-License-Identifier: GPL-2.0-or-later
// Names of model files: which can be read, and which are for another program.
#pragma once

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace mlipsse {

inline bool ends_in(const std::string &text, const std::string &ending)
{
  return text.size() >= ending.size() &&
      text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

inline void require_readable(const std::string &path)
{
  if (!std::filesystem::is_regular_file(path) || !std::ifstream(path))
    throw std::runtime_error("The MACE model " + path +
                             " cannot be read: no such file, or no permission");
}

inline void refuse_other_formats(const std::string &path)
{
  if (ends_in(path, ".mliap.pt"))
    throw std::runtime_error(
        "The MACE model " + path + " is for 'pair_style mliap unified " + path +
        " 0' of a LAMMPS with ML-IAP, Python and KOKKOS inside. 'pair_style mace' reads the .pt or "
        ".pt2 file of the same potential (mlipsse potential export)");
  if (ends_in(path, ".model"))
    throw std::runtime_error("The MACE model " + path +
                             " is a pickle for Python. Export it for LAMMPS (mlipsse potential "
                             "export) and name the .pt, .pt2 or .safetensors file that this makes");
}

}    // namespace mlipsse
