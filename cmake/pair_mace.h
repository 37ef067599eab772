// SPDX-License-Identifier: GPL-2.0-or-later
#ifdef PAIR_CLASS
// clang-format off
PairStyle(mace,PairMACE);
// clang-format on
#else
#ifndef LMP_PAIR_MACE_H
#define LMP_PAIR_MACE_H

#include "mace_model.h"
#include "pair.h"

#include <memory>
#include <string>
#include <vector>

namespace LAMMPS_NS {

// pair_style mace [no_domain_decomposition] [dtype float32|float64] [device cpu|cuda] [fallback]
// pair_coeff * * FILE element-of-type-1 element-of-type-2 ...
class PairMACE : public Pair, public mlipsse::Exchange {
 public:
  explicit PairMACE(class LAMMPS *lmp);
  ~PairMACE() override;

  void settings(int narg, char **arg) override;
  void coeff(int narg, char **arg) override;
  void init_style() override;
  double init_one(int i, int j) override;
  void compute(int eflag, int vflag) override;
  double memory_usage() override;

  int pack_forward_comm(int n, int *list_of_atoms, double *buffer, int, int *) override;
  void unpack_forward_comm(int n, int first, double *buffer) override;
  int pack_reverse_comm(int n, int first, double *buffer) override;
  void unpack_reverse_comm(int n, int *list_of_atoms, double *buffer) override;

  void forward(void *rows, int numbers, bool is_double) override;
  void reverse(void *rows, int numbers, bool is_double) override;
  void agree(const std::string &trouble) override;

 private:
  struct Exchanged {
    void *rows = nullptr;
    int numbers = 0;
    bool is_double = false;
  };

  std::unique_ptr<mlipsse::MaceModel> model;
  mlipsse::ModelOptions options;
  std::string wanted_dtype;
  std::vector<int64_t> element_of_type;    // LAMMPS type, from 1, to the model's element
  mlipsse::Graph graph;
  mlipsse::Result result;
  Exchanged exchanged;
  std::vector<int64_t> node_of_atom;       // by index, of own atoms and ghosts; -1 for none
  bool masses_checked = false;
  bigint built_at = -1;     // step of the neighbor list that `graph` was made of
  int built_of = -1;        // atoms and ghosts then
  bigint n_steps = 0;
  double seconds = 0.0;
  double slowest = 0.0;     // of the steps after the second, s

  void allocate();
  int rank_for_gpu() const;
  void check_run() const;
  void check_masses();
  bool exchanges() const;
  bool takes_part() const;
  void fill_graph();
  void fill_graph_of_exchange();
  double number(int atom_index, int k) const;
  void set_number(int atom_index, int k, double value, bool add);
  std::string unphysical() const;
  double nearest_neighbor(int64_t node) const;
  std::string first_of_ranks(const std::string &text) const;
  void raise_together(const std::string &trouble);
};

}    // namespace LAMMPS_NS

#endif
#endif
