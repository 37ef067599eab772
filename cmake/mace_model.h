// SPDX-License-Identifier: GPL-2.0-or-later
// A MACE model as LAMMPS needs it: atoms and candidate edges in, energy, forces and virial out.
// Nothing of torch is visible here: its macros and those of LAMMPS do not go together.
#pragma once

#include "gpu_driver.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mlipsse {

// What one neighbor-list build gives: the nodes (atoms whose features matter on this rank, those
// that it owns first) and every directed edge that may come within the cutoff before the next build.
struct Graph {
  std::vector<int64_t> types;           // (n_nodes), index into MaceModel::elements()
  std::vector<int64_t> atoms;           // (n_nodes), where the node's place is found
  int64_t n_owned = 0;                  // nodes whose energy counts here
  std::vector<int64_t> senders;         // (n_edges), node
  std::vector<int64_t> receivers;       // (n_edges), node
  std::vector<int64_t> sender_atoms;    // (n_edges), where the sender's image is found

  void clear();
};

struct Wanted {
  bool virial = false;
  bool atom_virials = false;
};

// Everything is of the nodes; virials in LAMMPS' order xx yy zz xy xz yz, -dE/dstrain, eV.
struct Result {
  std::vector<double> energies;        // (n_nodes), eV; of ghosts: not to be counted
  std::vector<double> forces;          // (n_nodes, 3), eV/Angstrom
  std::vector<double> atom_virials;    // (n_nodes, 6), half of every edge's to each of its ends
  std::array<double, 6> virial{};
};

struct ModelOptions {
  bool fallback = false;           // NAME.pt where NAME.pt2 cannot be used here
  Device device = Device::any;
  int local_rank = 0;              // of this process among those on its machine
  int ranks = 1;                   // of this run
  std::string dtype;               // asked for; empty for what the file holds
};

// How a model whose layers exchange features between ranks reaches the others. Rows are of nodes.
class Exchange {
 public:
  // Of the owned nodes' rows to the ghosts that are their images; and sums the other way.
  virtual void forward(void *rows, int numbers, bool is_double) = 0;
  virtual void reverse(void *rows, int numbers, bool is_double) = 0;
  // std::runtime_error on every rank when `trouble` is not empty on any.
  virtual void agree(const std::string &trouble) = 0;

 protected:
  ~Exchange() = default;
};

// Every function here may throw std::runtime_error, whose what() is one line for a person;
// nothing else leaves the files of the models.
class MaceModel {
 public:
  virtual ~MaceModel() = default;

  virtual const std::vector<std::string> &elements() const = 0;
  virtual double cutoff() const = 0;           // of one layer, Angstrom
  virtual int layers() const = 0;
  virtual std::string dtype() const = 0;       // float32 or float64
  virtual std::string describe() const = 0;    // format, number type and device
  virtual bool gives_atom_virials() const = 0;
  virtual const std::string &file() const = 0;      // that was loaded
  virtual const std::string &remark() const = 0;    // what the user should hear, or nothing
  virtual double seconds_in_model() const = 0;

  // Bytes that it holds between steps, its weights aside; 0 where that is not known.
  virtual double bytes() const { return 0.0; }

  // Numbers of an atom that layers exchange between ranks; 0 of a model that needs all that its
  // own atoms depend on within its ghosts.
  virtual int exchanged_numbers() const { return 0; }

  virtual void set_graph(const Graph &graph) = 0;
  // `places` holds n_places x 3 coordinates, those that Graph's `atoms` and `sender_atoms` index.
  // `exchange` is null on one rank.
  virtual void evaluate(const double *places, int64_t n_places, const Wanted &wanted,
                        Result &result, Exchange *exchange) = 0;
};

// TorchScript and AOTInductor, by libtorch; in a library of its own where that is not linked
// (MLIPSSE_TORCH_LINKED), and found there by this name.
extern "C" MaceModel *mlipsse_load_torch_model(const std::string &path,
                                               const ModelOptions &options);

// Native code, by its own library.
std::unique_ptr<MaceModel> load_native_model(const std::string &path, const ModelOptions &options);

// What symmetrix-xl computes, in the Python that LAMMPS runs in.
std::unique_ptr<MaceModel> load_symmetrix_model(const std::string &path,
                                                const ModelOptions &options);

// By the name of the file.
std::unique_ptr<MaceModel> load_model(const std::string &path, const ModelOptions &options);

}    // namespace mlipsse
