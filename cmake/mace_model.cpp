// SPDX-License-Identifier: GPL-2.0-or-later
#include "mace_model.h"

#include "backend.h"
#include "torch_process.h"

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>

namespace mlipsse {

namespace {

torch::Tensor on_device(const std::vector<int64_t> &values, torch::Device device)
{
  const auto size = static_cast<int64_t>(values.size());
  return torch::from_blob(const_cast<int64_t *>(values.data()), {size}, torch::kInt64)
      .to(device, torch::kInt64, /*non_blocking=*/false, /*copy=*/true);
}

void fetch(const torch::Tensor &values, std::vector<double> &target)
{
  const auto here = values.to(torch::kCPU, torch::kFloat64).contiguous();
  target.assign(here.data_ptr<double>(), here.data_ptr<double>() + here.numel());
}

bool ends_in(const std::string &text, const std::string &ending)
{
  return text.size() >= ending.size() &&
      text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

void require_readable(const std::string &path)
{
  if (!std::filesystem::is_regular_file(path) || !std::ifstream(path))
    throw std::runtime_error("The MACE model " + path +
                             " cannot be read: no such file, or no permission");
}

void refuse_other_formats(const std::string &path)
{
  if (ends_in(path, ".mliap.pt"))
    throw std::runtime_error(
        "The MACE model " + path + " is for 'pair_style mliap unified " + path +
        " 0' of a LAMMPS with ML-IAP, Python and KOKKOS inside. 'pair_style mace' reads the .pt or "
        ".pt2 file of the same potential (mlipsse potential export)");
  if (ends_in(path, ".model"))
    throw std::runtime_error("The MACE model " + path +
                             " is a pickle for Python. Export it for LAMMPS (mlipsse potential "
                             "export) and name the .pt or .pt2 file that this makes");
}

// The part of a graph that the energies of the owned nodes depend on now.
struct Dependent {
  torch::Tensor nodes;    // of all nodes, owned ones first
  torch::Tensor edges;    // (2, m), numbered as in `nodes`
  torch::Tensor kept;     // of the given edges
};

// Ghosts were gathered for a whole neighbor-list build; most are out of reach at any one step. Only
// receivers fewer than `layers` edges away from an owned node need messages.
Dependent dependent_part(const torch::Tensor &owned, const torch::Tensor &edges, int layers)
{
  auto reached = owned.gt(0);
  torch::Tensor active;
  for (int layer = 0; layer < layers; ++layer) {
    active = reached.index_select(0, edges[1]);
    reached = reached.index_fill(0, edges[0].masked_select(active), true);
  }
  Dependent part;
  part.nodes = reached.nonzero().squeeze(1);
  part.kept = active.nonzero().squeeze(1);
  const auto number = reached.cumsum(0) - 1;
  part.edges = torch::stack({number.index_select(0, edges[0].index_select(0, part.kept)),
                             number.index_select(0, edges[1].index_select(0, part.kept))});
  return part;
}

}    // namespace

struct MaceModel::State {
  std::unique_ptr<Backend> backend;
  std::string file;
  std::string remark;
  double seconds_in_model = 0.0;
  int64_t n_owned = 0;

  torch::Tensor types, atoms, weights, candidates, sender_atoms, receiver_atoms;
};

void Graph::clear()
{
  types.clear();
  atoms.clear();
  n_owned = 0;
  senders.clear();
  receivers.clear();
  sender_atoms.clear();
}

MaceModel::MaceModel(const std::string &path, const ModelOptions &options)
    : state(std::make_unique<State>())
{
  const auto what = [](const std::string &file) {
    return "The MACE model " + file + " cannot be loaded";
  };
  const bool compiled = ends_in(path, ".pt2");
  refuse_other_formats(path);
  if (!compiled || !options.fallback) require_readable(path);
  Choice choice;
  guarded(what(path), [&] {
    prepare_process();
    const auto accelerator =
        options.device == Device::cpu ? Accelerator() : find_accelerator();
    try {
      choice = choose_device(options.device, accelerator, options.local_rank);
    } catch (const std::runtime_error &reason) {
      throw Explained(reason.what());
    }
  });
  state->file = path;
  state->remark = choice.remark;
  const HostThreads threads;
  if (!compiled) {
    guarded(what(path), [&] { state->backend = load_torchscript(path, choice.gpu); });
    return;
  }
  Facts read;    // of the compiled file, as far as it could be read
  try {
    require_readable(path);
    guarded(what(path), [&] { state->backend = load_aotinductor(path, choice.gpu, read); });
    state->remark = sentences(state->remark, state->backend->facts.remark);
    return;
  } catch (const std::runtime_error &reason) {
    if (!options.fallback) throw;
    state->remark = sentences(state->remark, path + " is not used: " + reason.what());
  }
  const auto portable = state->file = path.substr(0, path.size() - 1);
  try {
    require_readable(portable);
  } catch (const std::runtime_error &error) {
    throw std::runtime_error(sentences(state->remark, error.what()));
  }
  guarded(what(portable), [&] { state->backend = load_torchscript(portable, choice.gpu); });
  const auto &facts = state->backend->facts;
  const bool is_read = !read.elements.empty();
  if (is_read && (facts.elements != read.elements || facts.layers != read.layers ||
                  std::abs(facts.cutoff - read.cutoff) > 1e-6 * read.cutoff ||
                  (!facts.head.empty() && facts.head != read.head)))
    throw std::runtime_error("The MACE model " + portable + " cannot stand in for " + path +
                             ": it is of other elements, another cutoff, another number of layers "
                             "or another head. Export both from one model");
  state->remark = sentences(state->remark, portable + " is used instead");
}

MaceModel::~MaceModel() = default;

const std::vector<std::string> &MaceModel::elements() const
{
  return state->backend->facts.elements;
}
double MaceModel::cutoff() const { return state->backend->facts.cutoff; }
int MaceModel::layers() const { return state->backend->facts.layers; }
bool MaceModel::gives_atom_virials() const { return state->backend->facts.edge_form; }
const std::string &MaceModel::file() const { return state->file; }
const std::string &MaceModel::remark() const { return state->remark; }
double MaceModel::seconds_in_model() const { return state->seconds_in_model; }

std::string MaceModel::dtype() const
{
  return state->backend->facts.dtype == torch::kFloat64 ? "float64" : "float32";
}

std::string MaceModel::describe() const
{
  const auto &facts = state->backend->facts;
  return facts.format + ", " + dtype() + " on " + facts.device.str();
}

void MaceModel::set_graph(const Graph &graph)
{
  guarded("The MACE model cannot take the atoms", [&] {
    const auto &facts = state->backend->facts;
    state->types = on_device(graph.types, facts.device);
    state->atoms = on_device(graph.atoms, facts.device);
    const auto n_nodes = static_cast<int64_t>(graph.types.size());
    state->weights =
        torch::zeros({n_nodes}, torch::TensorOptions().dtype(facts.dtype).device(facts.device));
    state->weights.slice(0, 0, graph.n_owned).fill_(1.0);
    state->n_owned = graph.n_owned;
    state->candidates = torch::stack(
        {on_device(graph.senders, facts.device), on_device(graph.receivers, facts.device)});
    state->sender_atoms = on_device(graph.sender_atoms, facts.device);
    state->receiver_atoms = state->atoms.index_select(0, state->candidates[1]);
  });
}

void MaceModel::evaluate(const double *places, int64_t n_places, const Wanted &wanted,
                         Result &result)
{
  guarded("The MACE model failed", [&] {
    const HostThreads threads;
    const torch::NoGradGuard no_tape;
    const auto &facts = state->backend->facts;
    const auto all = torch::from_blob(const_cast<double *>(places), {n_places, 3}, torch::kFloat64)
                         .to(facts.device);
    auto vectors =
        all.index_select(0, state->receiver_atoms) - all.index_select(0, state->sender_atoms);
    const auto near =
        (vectors * vectors).sum(1).lt(facts.cutoff * facts.cutoff).nonzero().squeeze(1);
    vectors = vectors.index_select(0, near);

    BackendInput input;
    input.types = state->types;
    input.weights = state->weights;
    input.edges = state->candidates.index_select(1, near);
    auto atoms = state->atoms;
    const auto n_all_nodes = state->types.size(0);
    const bool has_ghosts = n_all_nodes > state->n_owned;
    Dependent part;
    if (has_ghosts) {
      part = dependent_part(state->weights, input.edges, facts.layers);
      vectors = vectors.index_select(0, part.kept);
      input.edges = part.edges;
      input.types = input.types.index_select(0, part.nodes);
      input.weights = input.weights.index_select(0, part.nodes);
      atoms = atoms.index_select(0, part.nodes);
    }
    input.vectors = vectors;
    input.positions = all.index_select(0, atoms);
    const auto begin = std::chrono::steady_clock::now();
    BackendOutput output;
    {
      const torch::AutoGradMode tape(true);
      output = state->backend->evaluate(input, wanted.virial);
    }
    if (facts.device.is_cuda()) torch::cuda::synchronize(facts.device.index());
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    state->seconds_in_model += spent.count();

    const auto n_nodes = input.types.size(0);
    TORCH_CHECK(output.energies.numel() == n_nodes, "energies of ", output.energies.numel(),
                " atoms came back for ", n_nodes);
    const auto of_all_nodes = [&](const torch::Tensor &values) {
      if (!has_ghosts) return values;
      auto sizes = values.sizes().vec();
      sizes[0] = n_all_nodes;
      return values.new_zeros(sizes).index_copy(0, part.nodes, values);
    };
    fetch(of_all_nodes(output.energies), result.energies);
    if (!facts.edge_form) {
      fetch(of_all_nodes(output.forces), result.forces);
      if (wanted.virial) {
        const auto w = output.virial.to(torch::kCPU, torch::kFloat64).contiguous();
        const auto *v = w.data_ptr<double>();
        result.virial = {v[0], v[4], v[8], v[1], v[2], v[5]};
      }
      return;
    }

    const auto gradient = output.gradient.to(torch::kFloat64);
    const auto by_edge = [](const torch::Tensor &ends, int64_t columns) {
      return ends.unsqueeze(1).expand({ends.size(0), columns});
    };
    auto forces = torch::zeros({n_nodes, 3}, gradient.options());
    forces.scatter_add_(0, by_edge(input.edges[0], 3), gradient);
    forces.scatter_add_(0, by_edge(input.edges[1], 3), -gradient);
    fetch(of_all_nodes(forces), result.forces);
    if (!wanted.virial && !wanted.atom_virials) return;

    const auto component = [&](int64_t a, int64_t b) {
      return -(vectors.select(1, a) * gradient.select(1, b));
    };
    const auto edge_virials = torch::stack({component(0, 0), component(1, 1), component(2, 2),
                                            component(0, 1), component(0, 2), component(1, 2)},
                                           1);
    if (wanted.virial) {
      const auto total = edge_virials.sum(0).to(torch::kCPU).contiguous();
      std::copy_n(total.data_ptr<double>(), 6, result.virial.begin());
    }
    if (wanted.atom_virials) {
      auto of_atoms = torch::zeros({n_nodes, 6}, gradient.options());
      of_atoms.scatter_add_(0, by_edge(input.edges[0], 6), 0.5 * edge_virials);
      of_atoms.scatter_add_(0, by_edge(input.edges[1], 6), 0.5 * edge_virials);
      fetch(of_all_nodes(of_atoms), result.atom_virials);
    }
  });
}

}    // namespace mlipsse
