// SPDX-License-Identifier: GPL-2.0-or-later
#include "mace_model.h"

#include "model_file.h"

#include <stdexcept>

namespace mlipsse {

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
  return load_torch_model(path, options);
}

}    // namespace mlipsse
