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
};

// Every function here may throw std::runtime_error, whose what() is one line for a person;
// nothing else leaves this file.
class MaceModel {
 public:
  MaceModel(const std::string &path, const ModelOptions &options);
  ~MaceModel();

  const std::vector<std::string> &elements() const;
  double cutoff() const;           // of one layer, Angstrom
  int layers() const;
  std::string dtype() const;       // float32 or float64
  std::string describe() const;    // format, number type and device
  bool gives_atom_virials() const;
  const std::string &file() const;      // that was loaded
  const std::string &remark() const;    // what the user should hear, or nothing

  void set_graph(const Graph &graph);
  // `places` holds n_places x 3 coordinates, those that Graph's `atoms` and `sender_atoms` index.
  void evaluate(const double *places, int64_t n_places, const Wanted &wanted, Result &result);

  double seconds_in_model() const;

 private:
  struct State;
  std::unique_ptr<State> state;
};

}    // namespace mlipsse
