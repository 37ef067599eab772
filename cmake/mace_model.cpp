// SPDX-License-Identifier: GPL-2.0-or-later
#include "mace_model.h"

#include "model_file.h"

#include <dlfcn.h>
#include <stdexcept>

namespace mlipsse {

namespace {

#ifdef MLIPSSE_TORCH_LINKED

MaceModel *load_torch_model(const std::string &path, const ModelOptions &options)
{
  return mlipsse_load_torch_model(path, options);
}

#else

// Found when this library is loaded: a deck may change the folder afterwards.
const std::filesystem::path OWN_FOLDER = [] {
  Dl_info own;
  std::error_code ignored;
  static const int here = 0;
  if (dladdr(&here, &own) == 0) return std::filesystem::path();
  const auto whole = std::filesystem::canonical(own.dli_fname, ignored);
  return whole.parent_path();
}();

// The library that holds what needs libtorch, beside this one.
MaceModel *load_torch_model(const std::string &path, const ModelOptions &options)
{
  const auto file = OWN_FOLDER / "macetorch.so";
  void *library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    throw std::runtime_error("The MACE model " + path + " needs macetorch.so beside macepair.so, and "
                             "it cannot be loaded (" + std::string(dlerror()) + "). Copy both, or "
                             "build them for the torch installed now: mlipsse potential build");
  typedef MaceModel *(*Loader)(const std::string &, const ModelOptions &);
  const auto load = reinterpret_cast<Loader>(dlsym(library, "mlipsse_load_torch_model"));
  if (load == nullptr)
    throw std::runtime_error(file.string() + " is of another version of pair_style mace. Build both "
                             "again: mlipsse potential build");
  return load(path, options);
}

#endif

}    // namespace

void Graph::clear()
{
  types.clear();
  atoms.clear();
  n_owned = 0;
  senders.clear();
  receivers.clear();
  sender_atoms.clear();
}

std::unique_ptr<MaceModel> load_model(const std::string &path, const ModelOptions &options)
{
  refuse_other_formats(path);
  if (ends_in(path, ".safetensors")) return load_native_model(path, options);
  if (ends_in(path, ".json")) return load_symmetrix_model(path, options);
  return std::unique_ptr<MaceModel>(load_torch_model(path, options));
}

}    // namespace mlipsse
