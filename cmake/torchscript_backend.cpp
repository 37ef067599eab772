// SPDX-License-Identifier: GPL-2.0-or-later
// TorchScript files: ours, which give the gradient of every edge, and those that upstream's
// mace_create_lammps_model writes, which give forces on atoms.
#include "backend.h"
#include "elements.h"
#include "torch_process.h"

#include <torch/script.h>

namespace mlipsse {

namespace {

constexpr const char *EDGE_METHOD = "edge_energies";

// The first calls are where TorchScript profiles and compiles; they are made before the first step.
constexpr int WARM_UP_CALLS = 3;

torch::ScalarType number_type(const torch::jit::script::Module &module)
{
  c10::optional<torch::ScalarType> found;
  for (const auto &parameter : module.parameters()) {
    if (!parameter.is_floating_point()) continue;
    if (found && parameter.scalar_type() != *found)
      throw std::runtime_error("its weights mix number types");
    found = parameter.scalar_type();
  }
  if (!found) throw std::runtime_error("it has no weights");
  if (*found != torch::kFloat32 && *found != torch::kFloat64)
    throw std::runtime_error(std::string("its weights are ") + c10::toString(*found) +
                             ", and only float32 and float64 are supported");
  return *found;
}

class TorchScriptBackend : public Backend {
 public:
  TorchScriptBackend(const std::string &path, int gpu)
  {
    facts.device = gpu < 0 ? torch::Device(torch::kCPU) : torch::Device(torch::kCUDA, gpu);
    try {
      module = torch::jit::load(path, facts.device);
    } catch (const std::exception &error) {
      throw Explained("it cannot be read as TorchScript: " +
                      explained(words_of(error),
                                "It may be damaged: ask for a whole copy, or export the .model file "
                                "again (mlipsse potential export)"));
    }
    module.eval();
    for (const char *name : {"r_max", "atomic_numbers", "num_interactions"})
      if (!module.hasattr(name))
        throw std::runtime_error(std::string("it has no ") + name +
                                 ", so it is not a MACE model exported for LAMMPS");
    facts.dtype = number_type(module);
    facts.cutoff = module.attr("r_max").toTensor().to(torch::kFloat64).item<double>();
    facts.layers = module.attr("num_interactions").toTensor().to(torch::kInt64).item<int64_t>();
    const auto numbers =
        module.attr("atomic_numbers").toTensor().to(torch::kCPU, torch::kInt64).contiguous();
    for (int64_t k = 0; k < numbers.numel(); ++k)
      facts.elements.emplace_back(element_symbol(numbers.data_ptr<int64_t>()[k]));
    if (module.hasattr("head_name")) facts.head = module.attr("head_name").toStringRef();
    facts.edge_form = bool(module.find_method(EDGE_METHOD));
    facts.format = facts.edge_form ? "TorchScript" : "TorchScript of mace_create_lammps_model";
  }

  BackendOutput evaluate(const BackendInput &input, bool want_virial) override
  {
    for (; warm_ups < WARM_UP_CALLS; ++warm_ups) call(input, want_virial);
    return call(input, want_virial);
  }

 private:
  torch::jit::script::Module module;
  int warm_ups = 0;

  BackendOutput call(const BackendInput &input, bool want_virial)
  {
    return facts.edge_form ? by_edges(input) : by_atoms(input, want_virial);
  }

  BackendOutput by_edges(const BackendInput &input)
  {
    BackendOutput output;
    const auto answer = module
                            .run_method(EDGE_METHOD, input.types, input.edges,
                                        input.vectors.to(facts.dtype), input.weights)
                            .toTuple();
    output.energies = answer->elements()[0].toTensor().detach();
    output.gradient = answer->elements()[1].toTensor().detach();
    return output;
  }

  BackendOutput by_atoms(const BackendInput &input, bool want_virial)
  {
    const auto n_atoms = input.types.size(0);
    const auto options = torch::TensorOptions().dtype(facts.dtype).device(facts.device);
    const auto whole = options.dtype(torch::kInt64);
    const auto positions = input.positions.to(facts.dtype);

    // The model forms float(r_receiver) - float(r_sender) + shift: what rounding takes from the
    // positions is given back here, so that every edge vector is right to its own last bit.
    const auto rounded = positions.index_select(0, input.edges[1]) -
        positions.index_select(0, input.edges[0]);
    const auto shifts = (input.vectors - rounded.to(torch::kFloat64)).to(facts.dtype);

    c10::Dict<std::string, torch::Tensor> data;
    data.insert("positions", positions.clone());
    data.insert("node_attrs",
                torch::one_hot(input.types, facts.elements.size()).to(facts.dtype));
    data.insert("edge_index", input.edges);
    data.insert("shifts", shifts);
    // The model strains shifts as unit_shifts * cell: with a unit cell, shifts in Angstrom serve,
    // and no lattice has to be inverted.
    data.insert("unit_shifts", shifts);
    data.insert("cell", torch::eye(3, options));
    data.insert("batch", torch::zeros({n_atoms}, whole));
    data.insert("ptr", torch::tensor({int64_t{0}, n_atoms}, whole));
    const auto answer = module.forward({data, input.weights, want_virial}).toGenericDict();

    BackendOutput output;
    output.energies = answer.at("node_energy").toTensor().detach().to(torch::kFloat64);
    output.forces = answer.at("forces").toTensor().detach();
    if (want_virial) output.virial = answer.at("virials").toTensor().detach().reshape({3, 3});
    return output;
  }
};

}    // namespace

std::unique_ptr<Backend> load_torchscript(const std::string &path, int gpu)
{
  return std::make_unique<TorchScriptBackend>(path, gpu);
}

}    // namespace mlipsse
