// SPDX-License-Identifier: GPL-2.0-or-later
// A MACE that symmetrix-xl computes. Its wheel has no interface for C++: the Python that LAMMPS runs
// in (mlipsse lmp) gives the functions that reach it (mlipsse/potential/lammps/symmetrix.py).
#include "mace_model.h"

#include "elements.h"
#include "model_file.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <cmath>
#include <limits>

namespace mlipsse {

namespace {

constexpr int TEXT = 2000;
constexpr int MOST_ELEMENTS = 120;

// Beyond the cutoff, Angstrom: how far edges are selected, so that the evaluator's graph serves many
// steps. That of its own ASE calculator.
constexpr double MARGIN = 0.5;

struct SymmetrixFacts {
  double cutoff;    // of one layer, Angstrom
  int layers;
  int n_elements;
  int atomic_numbers[MOST_ELEMENTS];
  char description[200];    // version, backend and device
};

// What Python gives. Every function leaves the reason of a failure in its last but one argument.
struct SymmetrixFunctions {
  // The number of the model, 0 on failure.
  int (*open)(const char *path, int is_double, int device, SymmetrixFacts *facts, char *reason,
              int size);
  // Edges come receiver after receiver, `counts` of them each. 1 on failure, as below.
  int (*set_graph)(int model, int n_nodes, int n_edges, const int *types, const int *counts,
                   const int *senders, char *reason, int size);
  // `vectors` run from receivers to senders, none longer than the cutoff. `virial` (9) is dE/dstrain,
  // `pulls` (n_edges, 3) are -dE/d(vector); both may be null.
  int (*evaluate)(int model, const double *vectors, const double *distances, double *energies,
                  double *forces, double *virial, double *pulls, char *reason, int size);
  void (*close)(int model);
};

const SymmetrixFunctions *functions = nullptr;

class SymmetrixModel : public MaceModel {
 public:
  SymmetrixModel(const std::string &path, const ModelOptions &options);
  ~SymmetrixModel() override { functions->close(model); }

  const std::vector<std::string> &elements() const override { return symbols; }
  double cutoff() const override { return facts.cutoff; }
  int layers() const override { return facts.layers; }
  bool gives_atom_virials() const override { return true; }
  const std::string &file() const override { return path; }
  const std::string &remark() const override { return nothing; }
  double seconds_in_model() const override { return seconds; }
  std::string dtype() const override { return is_double ? "float64" : "float32"; }
  std::string describe() const override
  {
    return std::string(facts.description) + ", " + dtype();
  }
  void set_graph(const Graph &graph) override;
  void evaluate(const double *places, int64_t n_places, const Wanted &wanted, Result &result,
                Exchange *exchange) override;

 private:
  void check(int status) const
  {
    if (status != 0) throw std::runtime_error(text);
  }
  bool is_selection_good(const double *places, int64_t n_places) const;
  void select(const double *places, int64_t n_places);
  void measure(const double *places);

  std::string path, nothing;
  bool is_double;
  SymmetrixFacts facts{};
  std::vector<std::string> symbols;
  int model = 0;
  double seconds = 0.0;
  mutable char text[TEXT] = "";

  Graph graph;
  std::vector<int> types, counts;             // (n_nodes); selected edges of every node
  std::vector<int> senders;                   // (selected), node
  std::vector<int> sender_places;             // (selected)
  std::vector<double> selected_at;            // the places then; empty without a selection
  std::vector<double> vectors, distances, pulls;
};

SymmetrixModel::SymmetrixModel(const std::string &file, const ModelOptions &options)
    : path(file), is_double(options.dtype == "float64")
{
  const auto device = options.device == Device::cpu ? 1 : options.device == Device::gpu ? 2 : 0;
  model = functions->open(path.c_str(), is_double, device, &facts, text, TEXT);
  if (model == 0) throw std::runtime_error("The MACE model " + path + " cannot be used: " + text);
  for (int k = 0; k < facts.n_elements; ++k)
    symbols.push_back(element_symbol(facts.atomic_numbers[k]));
}

void SymmetrixModel::set_graph(const Graph &given)
{
  graph = given;
  types.assign(graph.types.begin(), graph.types.end());
  selected_at.clear();
}

// No edge that is not selected can have come within the cutoff.
bool SymmetrixModel::is_selection_good(const double *places, int64_t n_places) const
{
  if (selected_at.size() != size_t(3 * n_places)) return false;
  for (int64_t place = 0; place < 3 * n_places; place += 3) {
    double moved_sq = 0.0;
    for (int k = 0; k < 3; ++k) {
      const double moved = places[place + k] - selected_at[place + k];
      moved_sq += moved * moved;
    }
    if (!(moved_sq < 0.25 * MARGIN * MARGIN)) return false;
  }
  return true;
}

void SymmetrixModel::select(const double *places, int64_t n_places)
{
  const double reach = facts.cutoff + MARGIN;
  const size_t n_candidates = graph.senders.size();
  counts.assign(types.size(), 0);
  senders.resize(n_candidates);
  sender_places.resize(n_candidates);
  size_t n = 0;
  for (size_t edge = 0; edge < n_candidates; ++edge) {
    const double *from = places + 3 * graph.atoms[graph.receivers[edge]];
    const double *to = places + 3 * graph.sender_atoms[edge];
    const double dx = to[0] - from[0], dy = to[1] - from[1], dz = to[2] - from[2];
    // What is not a number stays, for measure() to find. No branch: as good as random, it is slow.
    const bool stays = !(dx * dx + dy * dy + dz * dz >= reach * reach);
    senders[n] = static_cast<int>(graph.senders[edge]);
    sender_places[n] = static_cast<int>(graph.sender_atoms[edge]);
    counts[graph.receivers[edge]] += stays;
    n += stays;
  }
  senders.resize(n);
  sender_places.resize(n);
  if (senders.size() > INT_MAX / 3)
    throw std::runtime_error("symmetrix-xl takes at most " + std::to_string(INT_MAX / 3) +
                             " edges here, and there are " + std::to_string(senders.size()) +
                             ". Make the system smaller");
  vectors.resize(3 * senders.size());
  distances.resize(senders.size());
  check(functions->set_graph(model, types.size(), senders.size(), types.data(), counts.data(),
                             senders.data(), text, TEXT));
  selected_at.assign(places, places + 3 * n_places);
}

// The vectors and lengths of the selected edges. The radial functions are 0 from the cutoff on; the
// evaluator takes no longer edges.
void SymmetrixModel::measure(const double *places)
{
  const double cutoff = facts.cutoff;
  double *vector = vectors.data();
  size_t edge = 0;
  bool good = true;
  for (size_t node = 0; node < types.size(); ++node) {
    const double *from = places + 3 * graph.atoms[node];
    const double x = from[0], y = from[1], z = from[2];
    for (int count = 0; count < counts[node]; ++count, ++edge, vector += 3) {
      const double *to = places + 3 * size_t(sender_places[edge]);
      const double dx = to[0] - x, dy = to[1] - y, dz = to[2] - z;
      const double distance = std::sqrt(dx * dx + dy * dy + dz * dz);
      good &= distance > 0.0 && distance < std::numeric_limits<double>::infinity();
      const double scale = distance > cutoff ? cutoff / distance : 1.0;
      vector[0] = scale * dx;
      vector[1] = scale * dy;
      vector[2] = scale * dz;
      distances[edge] = std::min(distance, cutoff);
    }
  }
  if (!good)
    throw std::runtime_error("Two atoms lie on top of each other, or the place of an atom is not a "
                             "number");
}

void SymmetrixModel::evaluate(const double *places, int64_t n_places, const Wanted &wanted,
                              Result &result, Exchange *)
{
  if (!is_selection_good(places, n_places)) select(places, n_places);
  measure(places);
  const size_t n_nodes = types.size();
  result.energies.resize(n_nodes);
  result.forces.resize(3 * n_nodes);
  double strain[9];
  if (wanted.atom_virials) pulls.resize(vectors.size());
  const auto begin = std::chrono::steady_clock::now();
  check(functions->evaluate(model, vectors.data(), distances.data(), result.energies.data(),
                            result.forces.data(), wanted.virial ? strain : nullptr,
                            wanted.atom_virials ? pulls.data() : nullptr, text, TEXT));
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  seconds += spent.count();

  static constexpr int A[6] = {0, 1, 2, 0, 0, 1}, B[6] = {0, 1, 2, 1, 2, 2};
  if (wanted.virial)
    for (int k = 0; k < 6; ++k) result.virial[k] = -strain[3 * A[k] + B[k]];
  if (!wanted.atom_virials) return;
  result.atom_virials.assign(6 * n_nodes, 0.0);
  size_t edge = 0;
  for (size_t node = 0; node < n_nodes; ++node)
    for (int count = 0; count < counts[node]; ++count, ++edge)
      for (int k = 0; k < 6; ++k) {
        const double half = 0.5 * vectors[3 * edge + A[k]] * pulls[3 * edge + B[k]];
        result.atom_virials[6 * node + k] += half;
        result.atom_virials[6 * size_t(senders[edge]) + k] += half;
      }
}

}    // namespace

// Called from Python; `given` lives as long as the process.
extern "C" void mlipsse_set_symmetrix(const SymmetrixFunctions *given) { functions = given; }

std::unique_ptr<MaceModel> load_symmetrix_model(const std::string &path, const ModelOptions &options)
{
  require_readable(path);
  if (functions == nullptr)
    throw std::runtime_error("The MACE model " + path + " is for symmetrix-xl, which computes in "
                             "Python. Start LAMMPS with 'mlipsse lmp' in place of 'lmp', or name the "
                             ".pt, .pt2 or .safetensors file of the potential");
  if (options.ranks > 1)
    throw std::runtime_error("The MACE model " + path + " is for symmetrix-xl, whose Python interface "
                             "computes on one MPI rank, and this run has " +
                             std::to_string(options.ranks) + ". Start one rank, with threads "
                             "(OMP_NUM_THREADS) or a GPU, or name another file of the potential");
  return std::make_unique<SymmetrixModel>(path, options);
}

}    // namespace mlipsse
