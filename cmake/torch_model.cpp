// SPDX-License-Identifier: GPL-2.0-or-later
#include "mace_model.h"

#include "backend.h"
#include "model_file.h"
#include "torch_process.h"

#include <chrono>
#include <cmath>

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

namespace {

class TorchModel : public MaceModel {
 public:
  TorchModel(const std::string &path, const ModelOptions &options);

  const std::vector<std::string> &elements() const override { return backend->facts.elements; }
  double cutoff() const override { return backend->facts.cutoff; }
  int layers() const override { return backend->facts.layers; }
  bool gives_atom_virials() const override { return backend->facts.edge_form; }
  const std::string &file() const override { return loaded; }
  const std::string &remark() const override { return words; }
  double seconds_in_model() const override { return seconds; }
  std::string dtype() const override
  {
    return backend->facts.dtype == torch::kFloat64 ? "float64" : "float32";
  }
  std::string describe() const override
  {
    return backend->facts.format + ", " + dtype() + " on " + backend->facts.device.str();
  }
  void set_graph(const Graph &graph) override;
  void evaluate(const double *places, int64_t n_places, const Wanted &wanted, Result &result,
                Exchange *exchange) override;

 private:
  std::unique_ptr<Backend> backend;
  std::string loaded, words;
  double seconds = 0.0;
  int64_t n_owned = 0;
  torch::Tensor types, atoms, weights, candidates, sender_atoms, receiver_atoms;
};

TorchModel::TorchModel(const std::string &path, const ModelOptions &options)
{
  const auto what = [](const std::string &file) {
    return "The MACE model " + file + " cannot be loaded";
  };
  const bool compiled = ends_in(path, ".pt2");
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
  loaded = path;
  words = choice.remark;
  const HostThreads threads;
  if (!compiled) {
    guarded(what(path), [&] { backend = load_torchscript(path, choice.gpu); });
    return;
  }
  Facts read;    // of the compiled file, as far as it could be read
  try {
    require_readable(path);
    guarded(what(path), [&] { backend = load_aotinductor(path, choice.gpu, read); });
    words = sentences(words, backend->facts.remark);
    return;
  } catch (const std::runtime_error &reason) {
    if (!options.fallback) throw;
    const std::string why = reason.what();    // which ends with the advice to fall back
    words = sentences(words, path + " is not used: " +
                                 why.substr(0, why.find(". Or let LAMMPS take ")));
  }
  const auto portable = loaded = path.substr(0, path.size() - 1);
  try {
    require_readable(portable);
  } catch (const std::runtime_error &error) {
    throw std::runtime_error(sentences(words, error.what()));
  }
  guarded(what(portable), [&] { backend = load_torchscript(portable, choice.gpu); });
  const auto &facts = backend->facts;
  const bool is_read = !read.elements.empty();
  if (is_read && (facts.elements != read.elements || facts.layers != read.layers ||
                  std::abs(facts.cutoff - read.cutoff) > 1e-6 * read.cutoff ||
                  (!facts.head.empty() && facts.head != read.head)))
    throw std::runtime_error("The MACE model " + portable + " cannot stand in for " + path +
                             ": it is of other elements, another cutoff, another number of layers "
                             "or another head. Export both from one model");
  words = sentences(words, portable + " is used instead");
}

void TorchModel::set_graph(const Graph &graph)
{
  guarded("The MACE model cannot take the atoms", [&] {
    const auto &facts = backend->facts;
    types = on_device(graph.types, facts.device);
    atoms = on_device(graph.atoms, facts.device);
    const auto n_nodes = static_cast<int64_t>(graph.types.size());
    weights =
        torch::zeros({n_nodes}, torch::TensorOptions().dtype(facts.dtype).device(facts.device));
    weights.slice(0, 0, graph.n_owned).fill_(1.0);
    n_owned = graph.n_owned;
    candidates = torch::stack(
        {on_device(graph.senders, facts.device), on_device(graph.receivers, facts.device)});
    sender_atoms = on_device(graph.sender_atoms, facts.device);
    receiver_atoms = atoms.index_select(0, candidates[1]);
  });
}

void TorchModel::evaluate(const double *places, int64_t n_places, const Wanted &wanted,
                          Result &result, Exchange *)
{
  guarded("The MACE model failed", [&] {
    const HostThreads threads;
    const torch::NoGradGuard no_tape;
    const auto &facts = backend->facts;
    const auto all = torch::from_blob(const_cast<double *>(places), {n_places, 3}, torch::kFloat64)
                         .to(facts.device);
    auto vectors = all.index_select(0, receiver_atoms) - all.index_select(0, sender_atoms);
    const auto near =
        (vectors * vectors).sum(1).lt(facts.cutoff * facts.cutoff).nonzero().squeeze(1);
    vectors = vectors.index_select(0, near);

    BackendInput input;
    input.types = types;
    input.weights = weights;
    input.edges = candidates.index_select(1, near);
    auto here = atoms;
    const auto n_all_nodes = types.size(0);
    const bool has_ghosts = n_all_nodes > n_owned;
    Dependent part;
    if (has_ghosts) {
      part = dependent_part(weights, input.edges, facts.layers);
      vectors = vectors.index_select(0, part.kept);
      input.edges = part.edges;
      input.types = input.types.index_select(0, part.nodes);
      input.weights = input.weights.index_select(0, part.nodes);
      here = atoms.index_select(0, part.nodes);
    }
    input.vectors = vectors;
    input.positions = all.index_select(0, here);
    const auto begin = std::chrono::steady_clock::now();
    BackendOutput output;
    {
      const torch::AutoGradMode tape(true);
      output = backend->evaluate(input, wanted.virial);
    }
    if (facts.device.is_cuda()) torch::cuda::synchronize(facts.device.index());
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    seconds += spent.count();

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

}    // namespace

extern "C" MaceModel *mlipsse_load_torch_model(const std::string &path,
                                               const ModelOptions &options)
{
  return new TorchModel(path, options);
}

}    // namespace mlipsse
