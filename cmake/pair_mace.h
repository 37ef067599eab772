// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "mace_model.h"
#include "pair.h"

#include <memory>
#include <vector>

namespace LAMMPS_NS {

// pair_style mace [no_domain_decomposition]
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
  std::vector<int64_t> element_of_type;    // LAMMPS type, from 1, to the model's element
  mlipsse::Graph graph;
  mlipsse::Result result;

  void allocate();
  void fill_graph();
  void refuse_unphysical();
};

}    // namespace LAMMPS_NS
