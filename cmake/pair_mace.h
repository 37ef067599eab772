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
class PairMACE : public Pair {
 public:
  explicit PairMACE(class LAMMPS *lmp);
  ~PairMACE() override;

  void settings(int narg, char **arg) override;
  void coeff(int narg, char **arg) override;
  void init_style() override;
  double init_one(int i, int j) override;
  void compute(int eflag, int vflag) override;
  double memory_usage() override;

 private:
  std::unique_ptr<mlipsse::MaceModel> model;
  mlipsse::ModelOptions options;
  std::string wanted_dtype;
  std::vector<int64_t> element_of_type;    // LAMMPS type, from 1, to the model's element
  mlipsse::Graph graph;
  mlipsse::Result result;
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
  void fill_graph();
  std::string unphysical() const;
  double nearest_neighbor(int64_t node) const;
  std::string first_of_ranks(const std::string &text) const;
  void raise_together(const std::string &trouble);
};

}    // namespace LAMMPS_NS

#endif
#endif
