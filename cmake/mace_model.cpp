// SPDX-License-Identifier: GPL-2.0-or-later
#include "mace_model.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <malloc.h>
#include <torch/script.h>
#include <torch/torch.h>

namespace mlipsse {

namespace {

const char *const SYMBOLS[] = {
    "H",  "He", "Li", "Be", "B",  "C",  "N",  "O",  "F",  "Ne", "Na", "Mg", "Al", "Si", "P",
    "S",  "Cl", "Ar", "K",  "Ca", "Sc", "Ti", "V",  "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn",
    "Ga", "Ge", "As", "Se", "Br", "Kr", "Rb", "Sr", "Y",  "Zr", "Nb", "Mo", "Tc", "Ru", "Rh",
    "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I",  "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd",
    "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W",  "Re",
    "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Th",
    "Pa", "U",  "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr", "Rf", "Db",
    "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og"};

// The one line of a torch message that says what went wrong: TorchScript puts it last, after
// «RuntimeError:», all others put it first.
std::string one_line(const std::string &message)
{
  static const std::string marker = "RuntimeError: ";
  auto begin = message.rfind(marker);
  begin = begin == std::string::npos ? message.find_first_not_of(" \n") : begin + marker.size();
  if (begin == std::string::npos) return "no reason given";
  auto end = message.find('\n', begin);
  return message.substr(begin, end == std::string::npos ? end : end - begin);
}

// Run `work`; whatever torch throws leaves as a std::runtime_error of one line.
template <typename Work> auto guarded(const std::string &what, Work &&work)
{
  try {
    return work();
  } catch (const c10::Error &e) {
    throw std::runtime_error(what + ": " + one_line(e.what_without_backtrace()));
  } catch (const std::bad_alloc &) {
    throw std::runtime_error(what + ": out of memory");
  } catch (const std::exception &e) {
    throw std::runtime_error(what + ": " + one_line(e.what()));
  } catch (...) {
    throw std::runtime_error(what + ": unknown reason");
  }
}

// Settings of this process that make steps of equal size cost the same.
void prepare_process()
{
  // glibc returns every large tensor to the kernel and faults it in again at the next step.
  // Measured, one core, float32, a 32x0e model: 27 ms per step became 20 for 80 atoms; two to three
  // times faster for 1280 atoms of a 128x0e+128x1o model.
  constexpr int half_gib = 1 << 29;
  mallopt(M_MMAP_THRESHOLD, half_gib);
  mallopt(M_TRIM_THRESHOLD, half_gib);
  mallopt(M_TOP_PAD, 1 << 26);

  // As LAMMPS does: one thread unless the environment says otherwise. torch would take every core.
  const char *threads = std::getenv("OMP_NUM_THREADS");
  const int n_threads = threads ? std::atoi(threads) : 1;
  at::set_num_threads(n_threads > 0 ? n_threads : 1);

  // The number of edges changes from step to step; TorchScript must not compile for each of them.
  // Measured on a CPU, 80 atoms: 1 s of compilation within the first 10 steps, then 19.8 ms per step
  // (torch's default strategy: 19.7); without profiling 21.8 ms from the first step on.
  torch::jit::FusionStrategy dynamic_shapes = {{torch::jit::FusionBehavior::DYNAMIC, 3}};
  torch::jit::setFusionStrategy(dynamic_shapes);
}

template <typename Scalar> torch::Tensor tensor_of(const double *values, int64_t rows, int64_t columns)
{
  auto tensor = torch::empty({rows, columns}, c10::CppTypeToScalarType<Scalar>::value);
  auto *target = tensor.template data_ptr<Scalar>();
  for (int64_t k = 0; k < rows * columns; ++k) target[k] = static_cast<Scalar>(values[k]);
  return tensor;
}

// Shifts for a model that forms float(r_receiver) - float(r_sender) + shift in its own precision:
// what rounding takes from the positions is given back here, so that every edge vector is right to
// the last bit of its own length.
template <typename Scalar> torch::Tensor compensated_shifts(const Graph &graph)
{
  const auto n_edges = static_cast<int64_t>(graph.senders.size());
  auto tensor = torch::empty({n_edges, 3}, c10::CppTypeToScalarType<Scalar>::value);
  auto *target = tensor.template data_ptr<Scalar>();
  for (int64_t e = 0; e < n_edges; ++e) {
    const double *from = &graph.positions[3 * graph.senders[e]];
    const double *to = &graph.positions[3 * graph.receivers[e]];
    for (int d = 0; d < 3; ++d) {
      const double wanted = to[d] - from[d] + graph.shifts[3 * e + d];
      const Scalar rounded = static_cast<Scalar>(to[d]) - static_cast<Scalar>(from[d]);
      target[3 * e + d] = static_cast<Scalar>(wanted - static_cast<double>(rounded));
    }
  }
  return tensor;
}

}    // namespace

struct MaceModel::Loaded {
  torch::jit::script::Module module;
  std::vector<std::string> elements;
  double cutoff = 0.0;
  torch::ScalarType dtype = torch::kFloat64;
  torch::Device device = torch::kCPU;
};

void Graph::clear()
{
  elements.clear();
  positions.clear();
  senders.clear();
  receivers.clear();
  shifts.clear();
}

MaceModel::MaceModel(const std::string &path) : loaded(std::make_unique<Loaded>())
{
  if (!std::filesystem::is_regular_file(path) || !std::ifstream(path))
    throw std::runtime_error("The MACE model " + path +
                             " cannot be read: no such file, or no permission");
  const std::string what = "The MACE model " + path + " cannot be loaded";

  guarded(what, [&] {
    prepare_process();
    loaded->device = torch::cuda::is_available() ? torch::kCUDA : torch::kCPU;
  });
  try {
    loaded->module = torch::jit::load(path, loaded->device);
  } catch (const std::exception &) {
    throw std::runtime_error(what +
                             ": it is not a whole TorchScript file. Export the .model file first "
                             "(mlipsse export, or mace_create_lammps_model)");
  }
  guarded(what, [&] {
    auto &module = loaded->module;
    module.eval();
    for (const char *name : {"r_max", "atomic_numbers", "num_interactions"})
      if (!module.hasattr(name))
        throw std::runtime_error(std::string("it has no ") + name +
                                 ", so it is not a MACE model exported for LAMMPS");

    bool first = true;
    for (const auto &parameter : module.parameters()) {
      if (!parameter.is_floating_point()) continue;
      if (first) loaded->dtype = parameter.scalar_type();
      first = false;
      if (parameter.scalar_type() != loaded->dtype)
        throw std::runtime_error("its weights mix number types");
    }
    if (loaded->dtype != torch::kFloat32 && loaded->dtype != torch::kFloat64)
      throw std::runtime_error(std::string("its weights are ") + c10::toString(loaded->dtype) +
                               ", and only float32 and float64 are supported");

    loaded->cutoff = module.attr("r_max").toTensor().to(torch::kFloat64).item<double>();
    auto numbers =
        module.attr("atomic_numbers").toTensor().to(torch::kCPU, torch::kInt64).contiguous();
    const auto *number = numbers.data_ptr<int64_t>();
    for (int64_t k = 0; k < numbers.numel(); ++k) {
      if (number[k] < 1 || number[k] > static_cast<int64_t>(std::size(SYMBOLS)))
        throw std::runtime_error("it names atomic number " + std::to_string(number[k]));
      loaded->elements.emplace_back(SYMBOLS[number[k] - 1]);
    }
  });
}

MaceModel::~MaceModel() = default;

const std::vector<std::string> &MaceModel::elements() const { return loaded->elements; }
double MaceModel::cutoff() const { return loaded->cutoff; }
std::string MaceModel::device() const { return loaded->device.is_cuda() ? "cuda" : "cpu"; }
std::string MaceModel::dtype() const
{
  return loaded->dtype == torch::kFloat64 ? "float64" : "float32";
}

void MaceModel::evaluate(const Graph &graph, bool want_virial, Result &result)
{
  guarded("The MACE model failed", [&] {
    const auto n_atoms = static_cast<int64_t>(graph.elements.size());
    const auto n_edges = static_cast<int64_t>(graph.senders.size());
    const auto n_elements = static_cast<int64_t>(loaded->elements.size());
    const bool wide = loaded->dtype == torch::kFloat64;
    const auto device = loaded->device;

    auto positions = wide ? tensor_of<double>(graph.positions.data(), n_atoms, 3)
                          : tensor_of<float>(graph.positions.data(), n_atoms, 3);
    auto shifts = wide ? tensor_of<double>(graph.shifts.data(), n_edges, 3)
                       : compensated_shifts<float>(graph);
    auto edge_index = torch::empty({2, n_edges}, torch::kInt64);
    std::copy_n(graph.senders.data(), n_edges, edge_index.data_ptr<int64_t>());
    std::copy_n(graph.receivers.data(), n_edges, edge_index.data_ptr<int64_t>() + n_edges);
    auto elements =
        torch::from_blob(const_cast<int64_t *>(graph.elements.data()), {n_atoms}, torch::kInt64);
    auto node_attrs = torch::one_hot(elements, n_elements).to(loaded->dtype);
    auto ptr = torch::empty({2}, torch::kInt64);
    ptr.data_ptr<int64_t>()[0] = 0;
    ptr.data_ptr<int64_t>()[1] = n_atoms;
    const auto options = torch::TensorOptions().dtype(loaded->dtype).device(device);
    shifts = shifts.to(device);

    c10::Dict<std::string, torch::Tensor> data;
    data.insert("positions", positions.to(device));
    data.insert("node_attrs", node_attrs.to(device));
    data.insert("edge_index", edge_index.to(device));
    data.insert("shifts", shifts);
    // The model strains shifts as unit_shifts * cell: with a unit cell, shifts in Angstrom serve,
    // and no lattice has to be inverted.
    data.insert("unit_shifts", shifts);
    data.insert("cell", torch::eye(3, options));
    data.insert("batch", torch::zeros({n_atoms}, options.dtype(torch::kInt64)));
    data.insert("ptr", ptr.to(device));
    const auto local = torch::ones({n_atoms}, options);

    auto output = loaded->module.forward({data, local, want_virial}).toGenericDict();
    const auto tensor = [&output](const char *key) {
      return output.at(key).toTensor().detach().to(torch::kCPU, torch::kFloat64).contiguous();
    };
    result.energy = tensor("total_energy_local").item<double>();
    const auto atom_energies = tensor("node_energy");
    const auto forces = tensor("forces");
    TORCH_CHECK(atom_energies.numel() == n_atoms && forces.numel() == 3 * n_atoms,
                "energies or forces came back in another shape than the atoms went in");
    const auto *e = atom_energies.data_ptr<double>();
    const auto *f = forces.data_ptr<double>();
    result.atom_energies.assign(e, e + n_atoms);
    result.forces.assign(f, f + 3 * n_atoms);
    if (want_virial) {
      const auto virials = tensor("virials");
      TORCH_CHECK(virials.numel() == 9, "the virial is not a 3x3 tensor");
      const auto *w = virials.data_ptr<double>();
      result.virial = {w[0], w[4], w[8], w[1], w[2], w[5]};
    }
  });
}

}    // namespace mlipsse
