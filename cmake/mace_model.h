// SPDX-License-Identifier: GPL-2.0-or-later
// A MACE model as LAMMPS needs it: atoms and edges in, energy, forces and virial out.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mlipsse {

// Atoms of one cell and the directed edges between them, Angstrom. An edge from `sender` to
// `receiver` points along positions[receiver] - positions[sender] + shift.
struct Graph {
  std::vector<int64_t> elements;     // (n_atoms), index into MaceModel::elements()
  std::vector<double> positions;     // (n_atoms, 3)
  std::vector<int64_t> senders;      // (n_edges)
  std::vector<int64_t> receivers;    // (n_edges)
  std::vector<double> shifts;        // (n_edges, 3)

  void clear();
};

struct Result {
  double energy = 0.0;                  // eV
  std::vector<double> atom_energies;    // (n_atoms), eV
  std::vector<double> forces;           // (n_atoms, 3), eV/Angstrom
  std::array<double, 6> virial{};       // -dE/dstrain in LAMMPS' order xx yy zz xy xz yz, eV
};

// Every function here may throw std::runtime_error, whose what() is one line for a person;
// nothing else leaves this file.
class MaceModel {
 public:
  explicit MaceModel(const std::string &path);
  ~MaceModel();

  const std::vector<std::string> &elements() const;
  double cutoff() const;         // Angstrom
  std::string dtype() const;     // float32 or float64
  std::string device() const;    // cpu or cuda

  void evaluate(const Graph &graph, bool want_virial, Result &result);

 private:
  struct Loaded;
  std::unique_ptr<Loaded> loaded;
};

}    // namespace mlipsse
