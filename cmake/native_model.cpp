// SPDX-License-Identifier: GPL-2.0-or-later
// A MACE whose C++ was written for it (mlipsse potential export --format native): the weights name the
// model, a library beside them computes.
#include "mace_model.h"

#include "elements.h"
#include "model_file.h"

#include <chrono>
#include <cstdlib>
#include <dlfcn.h>
#include <sys/utsname.h>

namespace mlipsse {

namespace {

constexpr int INTERFACE = 1;
constexpr int TEXT = 400;

#if defined(__x86_64__)
std::vector<std::string> targets()
{
  std::vector<std::string> found;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    found.push_back("x86-64-v4");
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))
    found.push_back("x86-64-v3");
  return found;
}
#else
std::vector<std::string> targets()
{
  utsname name;
  return uname(&name) == 0 ? std::vector<std::string>{name.machine} : std::vector<std::string>{};
}
#endif

class NativeModel : public MaceModel {
 public:
  explicit NativeModel(const std::string &path);
  ~NativeModel() override;

  const std::vector<std::string> &elements() const override { return symbols; }
  double cutoff() const override { return reach; }
  int layers() const override { return n_layers; }
  bool gives_atom_virials() const override { return true; }
  const std::string &file() const override { return weights; }
  const std::string &remark() const override { return words; }
  double seconds_in_model() const override { return seconds; }
  std::string dtype() const override { return is_double ? "float64" : "float32"; }
  std::string describe() const override
  {
    return "native code for " + target + ", " + dtype() + " on cpu, " + std::to_string(threads) +
        (threads == 1 ? " thread" : " threads");
  }
  int exchanged_numbers() const override;
  double bytes() const override;
  void set_graph(const Graph &graph) override;
  void evaluate(const double *places, int64_t n_places, const Wanted &wanted, Result &result,
                Exchange *exchange) override;

 private:
  template <typename Function> Function function(const char *name) const
  {
    void *found = dlsym(library, (std::string("mlipsse_native_") + name).c_str());
    if (found == nullptr)
      throw std::runtime_error("The library of the MACE model " + weights + " has no function " +
                               name + ". Compile it again: mlipsse potential compile");
    return reinterpret_cast<Function>(found);
  }
  void begin(int64_t n_nodes);
  void add_up(const Wanted &wanted, int64_t n_nodes, Result &result) const;

  std::string weights, words, target;
  std::vector<std::string> symbols;
  double reach = 0.0, seconds = 0.0;
  int n_layers = 0, threads = 1;
  bool is_double = false;
  void *library = nullptr, *model = nullptr;
  char text[TEXT] = "";

  Graph graph;                                // edges in the order of their receivers
  std::vector<int64_t> candidate_first;       // (n_owned + 1), of every receiver's candidates
  std::vector<int> species;                   // (n_nodes)
  std::vector<int64_t> first;                 // (n_owned + 1), of the edges within the cutoff
  std::vector<int> senders;
  std::vector<double> vectors, energies, gradient;
};

NativeModel::NativeModel(const std::string &path) : weights(path)
{
  const auto base = path.substr(0, path.size() - std::string(".safetensors").size());
  const auto folder = std::filesystem::path(path).parent_path().string();
  const std::string remedy =
      ". Compile it here: mlipsse potential compile " + (folder.empty() ? std::string(".") : folder);
  require_readable(path);
  std::string why = "no library for this processor lies beside it";
  for (const auto &name : targets()) {
    const auto file = base + "." + name + ".so";
    if (!std::filesystem::is_regular_file(file)) continue;
    library = dlopen(std::filesystem::absolute(file).c_str(), RTLD_NOW | RTLD_LOCAL);
    target = name;
    if (library != nullptr) break;
    why = dlerror();
  }
  if (library == nullptr)
    throw std::runtime_error("The MACE model " + path + " cannot be loaded: " + why + remedy);
  if (function<int (*)()>("interface")() != INTERFACE)
    throw std::runtime_error("The MACE model " + path + " cannot be loaded: its library is for "
                             "another version of this pair style" + remedy);
  n_layers = function<int (*)()>("layers")();
  reach = function<double (*)()>("cutoff")();
  is_double = function<int (*)()>("real_bytes")() == 8;
  const int n_elements = function<int (*)()>("elements")();
  for (int k = 0; k < n_elements; ++k)
    symbols.push_back(element_symbol(function<int (*)(int)>("atomic_number")(k)));
  // As LAMMPS: one thread unless OMP_NUM_THREADS asks for more.
  const char *asked = std::getenv("OMP_NUM_THREADS");
  threads = asked == nullptr ? 1 : std::max(1, std::atoi(asked));
  threads = function<int (*)(int)>("set_threads")(threads);
  model = function<void *(*)(const char *, char *, int)>("open")(path.c_str(), text, TEXT);
  if (model == nullptr) throw std::runtime_error(text);
}

NativeModel::~NativeModel()
{
  // The library stays: its threads may still run.
  if (model != nullptr) function<void (*)(void *)>("close")(model);
}

int NativeModel::exchanged_numbers() const
{
  const auto size = function<int (*)(void *, int)>("feature_size");
  int most = 1;    // of a single layer, which exchanges nothing
  for (int layer = 1; layer < n_layers; ++layer) most = std::max(most, size(model, layer));
  return most;
}

double NativeModel::bytes() const
{
  const auto held = [](const auto &...vectors) {
    return (0.0 + ... + double(vectors.capacity() * sizeof(vectors[0])));
  };
  return function<double (*)(void *)>("bytes")(model) +
      held(graph.types, graph.atoms, graph.senders, graph.receivers, graph.sender_atoms) +
      held(candidate_first, species, first, senders, vectors, energies, gradient);
}

void NativeModel::set_graph(const Graph &given)
{
  graph = given;
  species.assign(graph.types.begin(), graph.types.end());
  for (auto &one : species) one = std::max(one, 0);    // of a hybrid's other atoms: without edges
  candidate_first.assign(graph.n_owned + 1, 0);
  // Edges come receiver after receiver.
  for (const auto receiver : graph.receivers) ++candidate_first[receiver + 1];
  for (int64_t node = 0; node < graph.n_owned; ++node)
    candidate_first[node + 1] += candidate_first[node];
  // The most that comes within the cutoff before the next list: steps allocate nothing.
  senders.reserve(graph.senders.size());
  vectors.reserve(3 * graph.senders.size());
  gradient.reserve(3 * graph.senders.size());
}

void NativeModel::evaluate(const double *places, int64_t, const Wanted &wanted, Result &result,
                           Exchange *exchange)
{
  const auto clock = std::chrono::steady_clock::now();
  const int64_t n_owned = graph.n_owned, n_nodes = graph.types.size();
  first.assign(n_owned + 1, 0);
  senders.clear();
  vectors.clear();
  for (int64_t node = 0; node < n_owned; ++node) {
    const double *here = places + 3 * graph.atoms[node];
    for (int64_t k = candidate_first[node]; k < candidate_first[node + 1]; ++k) {
      const double *there = places + 3 * graph.sender_atoms[k];
      const double d[3] = {here[0] - there[0], here[1] - there[1], here[2] - there[2]};
      if (d[0] * d[0] + d[1] * d[1] + d[2] * d[2] >= reach * reach) continue;
      senders.push_back(static_cast<int>(graph.senders[k]));
      vectors.insert(vectors.end(), d, d + 3);
    }
    first[node + 1] = senders.size();
  }
  typedef int (*Begin)(void *, int, int, const int *, const int64_t *, const int *, const double *,
                       char *, int);
  typedef int (*Step)(void *, int, char *, int);
  typedef void *(*Rows)(void *, int);
  std::string trouble;
  const auto check = [&](int status) {
    if (status != 0 && trouble.empty()) trouble = text;
  };
  check(function<Begin>("begin")(model, n_owned, n_nodes, species.data(), first.data(),
                                 senders.data(), vectors.data(), text, TEXT));
  const auto settle = [&] {
    if (exchange != nullptr) exchange->agree(trouble);
    else if (!trouble.empty()) throw std::runtime_error(trouble);
  };
  settle();
  const auto size = function<int (*)(void *, int)>("feature_size");
  for (int layer = 0; layer < n_layers; ++layer) {
    check(function<Step>("forward")(model, layer, text, TEXT));
    if (exchange != nullptr && layer + 1 < n_layers) {
      settle();
      exchange->forward(function<Rows>("features")(model, layer + 1), size(model, layer + 1),
                        is_double);
    }
  }
  settle();
  for (int layer = n_layers - 1; layer >= 0; --layer) {
    check(function<Step>("backward")(model, layer, text, TEXT));
    if (exchange != nullptr && layer > 0) {
      settle();
      exchange->reverse(function<Rows>("gradients")(model, layer), size(model, layer), is_double);
    }
  }
  settle();
  energies.resize(n_owned);
  gradient.resize(vectors.size());
  typedef int (*Finish)(void *, double *, double *, char *, int);
  check(function<Finish>("finish")(model, energies.data(), gradient.data(), text, TEXT));
  add_up(wanted, n_nodes, result);
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - clock;
  seconds += spent.count();
}

void NativeModel::add_up(const Wanted &wanted, int64_t n_nodes, Result &result) const
{
  result.energies.assign(n_nodes, 0.0);
  std::copy(energies.begin(), energies.end(), result.energies.begin());
  result.forces.assign(3 * n_nodes, 0.0);
  result.virial.fill(0.0);
  if (wanted.atom_virials) result.atom_virials.assign(6 * n_nodes, 0.0);
  static constexpr int A[6] = {0, 1, 2, 0, 0, 1}, B[6] = {0, 1, 2, 1, 2, 2};
  for (int64_t node = 0; node < graph.n_owned; ++node)
    for (int64_t e = first[node]; e < first[node + 1]; ++e) {
      const double *g = &gradient[3 * e], *d = &vectors[3 * e];
      for (int k = 0; k < 3; ++k) {
        result.forces[3 * node + k] -= g[k];
        result.forces[3 * int64_t(senders[e]) + k] += g[k];
      }
      if (wanted.virial)
        for (int k = 0; k < 6; ++k) result.virial[k] -= d[A[k]] * g[B[k]];
      if (wanted.atom_virials)
        for (int k = 0; k < 6; ++k) {
          const double half = -0.5 * d[A[k]] * g[B[k]];
          result.atom_virials[6 * node + k] += half;
          result.atom_virials[6 * int64_t(senders[e]) + k] += half;
        }
    }
}

}    // namespace

std::unique_ptr<MaceModel> load_native_model(const std::string &path, const ModelOptions &options)
{
  if (options.device == Device::gpu)
    throw std::runtime_error("The MACE model " + path + " is native code for a CPU. Name the .pt or "
                             ".pt2 file of the potential for a GPU, or leave out 'device cuda'");
  return std::make_unique<NativeModel>(path);
}

}    // namespace mlipsse
