// SPDX-License-Identifier: GPL-2.0-or-later
#include "pair_mace.h"

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

using namespace LAMMPS_NS;

// A melt at several thousand kelvin stays two orders of magnitude below this (eV/Angstrom).
static constexpr double MAX_FORCE = 1.0e3;

static std::string joined(const std::vector<std::string> &words)
{
  std::string text;
  for (const auto &word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

PairMACE::PairMACE(LAMMPS *lmp) : Pair(lmp)
{
  single_enable = 0;
  restartinfo = 0;
  one_coeff = 1;
  manybody_flag = 1;
  no_virial_fdotr_compute = 1;
  centroidstressflag = CENTROID_NOTAVAIL;
}

PairMACE::~PairMACE()
{
  if (allocated) {
    memory->destroy(setflag);
    memory->destroy(cutsq);
  }
}

void PairMACE::allocate()
{
  const int n = atom->ntypes + 1;
  memory->create(setflag, n, n, "pair:setflag");
  memory->create(cutsq, n, n, "pair:cutsq");
  for (int i = 0; i < n; ++i) std::fill_n(setflag[i], n, 0);
  allocated = 1;
}

void PairMACE::settings(int narg, char **arg)
{
  if (narg > 1 || (narg == 1 && strcmp(arg[0], "no_domain_decomposition") != 0))
    error->all(FLERR, "pair_style mace takes at most one word, no_domain_decomposition");
  if (comm->nprocs > 1)
    error->all(FLERR, fmt::format("pair_style mace runs on one MPI rank, and this run has {}. "
                                  "Start LAMMPS without mpirun, and set OMP_NUM_THREADS to use "
                                  "more cores", comm->nprocs));
  if (strcmp(update->unit_style, "metal") != 0)
    error->all(FLERR, fmt::format("pair_style mace needs units metal (eV, Angstrom, ps), and this "
                                  "run has units {}", update->unit_style));
}

void PairMACE::coeff(int narg, char **arg)
{
  // LAMMPS has seen to it that the first two words are stars (one_coeff).
  if (narg < 4)
    error->all(FLERR, "pair_coeff of pair_style mace reads: pair_coeff * * FILE element-of-type-1 "
                      "element-of-type-2 ...");
  if (narg - 3 != atom->ntypes)
    error->all(FLERR, fmt::format("pair_coeff names {} elements, and the system has {} atom types: "
                                  "name one element per type, in the order of the types",
                                  narg - 3, atom->ntypes));

  // LAMMPS' own errors are exceptions too: they are raised outside of the try block.
  std::string trouble;
  try {
    model = std::make_unique<mlipsse::MaceModel>(arg[2]);
  } catch (const std::exception &e) {
    trouble = e.what();
  }
  if (!trouble.empty()) error->all(FLERR, trouble);

  const auto &known = model->elements();
  element_of_type.assign(atom->ntypes + 1, -1);
  for (int type = 1; type <= atom->ntypes; ++type) {
    const auto place = std::find(known.begin(), known.end(), arg[type + 2]);
    if (place == known.end())
      error->all(FLERR, fmt::format("Element {} of atom type {} is not in the MACE model {}, which "
                                    "knows: {}", arg[type + 2], type, arg[2], joined(known)));
    element_of_type[type] = place - known.begin();
  }

  if (!allocated) allocate();
  for (int i = 1; i <= atom->ntypes; ++i)
    for (int j = i; j <= atom->ntypes; ++j) setflag[i][j] = 1;

  utils::logmesg(lmp, fmt::format("MACE model {}: {} on {}, cutoff {} A, elements {}\n", arg[2],
                                  model->dtype(), model->device(), model->cutoff(),
                                  joined(known)));
}

void PairMACE::init_style()
{
  if (!atom->tag_enable || atom->map_style == Atom::MAP_NONE)
    error->all(FLERR, "pair_style mace needs to find atoms by their id: add "
                      "'atom_modify map yes' before the atoms are created or read");
  for (int k = 1; k < 4; ++k)
    if (atom->nbonds > 0 && force->special_lj[k] == 0.0 && force->special_coul[k] == 0.0)
      error->all(FLERR, "pair_style mace needs all neighbors of an atom, and special_bonds leaves "
                        "bonded ones out: set 'special_bonds lj/coul 1 1 1'");
  neighbor->add_request(this, NeighConst::REQ_FULL);
}

double PairMACE::init_one(int i, int j)
{
  if (setflag[i][j] == 0)
    error->all(FLERR, "pair_style mace has no model yet: give pair_coeff, also after read_restart");
  return model->cutoff();
}

void PairMACE::fill_graph()
{
  double **x = atom->x;
  const int nlocal = atom->nlocal;
  const double *origin = domain->boxlo;
  const double cutoff_sq = model->cutoff() * model->cutoff();

  graph.clear();
  for (int i = 0; i < nlocal; ++i) {
    graph.elements.push_back(element_of_type[atom->type[i]]);
    for (int d = 0; d < 3; ++d) graph.positions.push_back(x[i][d] - origin[d]);
  }

  // A ghost is an image of one of our own atoms: its edge ends at that atom, and the shift is what
  // lies between the two, whatever the shape or the size of the cell.
  for (int ii = 0; ii < list->inum; ++ii) {
    const int i = list->ilist[ii];
    for (int jj = 0; jj < list->numneigh[i]; ++jj) {
      const int j = list->firstneigh[i][jj] & NEIGHMASK;
      const double dx = x[j][0] - x[i][0];
      const double dy = x[j][1] - x[i][1];
      const double dz = x[j][2] - x[i][2];
      if (dx * dx + dy * dy + dz * dz >= cutoff_sq) continue;
      const int owner = j < nlocal ? j : atom->map(atom->tag[j]);
      graph.senders.push_back(i);
      graph.receivers.push_back(owner);
      for (int d = 0; d < 3; ++d)
        graph.shifts.push_back(j == owner ? 0.0 : x[j][d] - x[owner][d]);
    }
  }
}

void PairMACE::refuse_unphysical()
{
  const int nlocal = atom->nlocal;
  for (int i = 0; i < nlocal; ++i) {
    const double *f = &result.forces[3 * i];
    const double size = std::sqrt(f[0] * f[0] + f[1] * f[1] + f[2] * f[2]);
    if (!(size <= MAX_FORCE) || !std::isfinite(result.atom_energies[i])) {
      const auto &element = model->elements()[graph.elements[i]];
      error->one(FLERR, fmt::format("At step {} the MACE force on atom {} ({}) is {:.4g} eV/A and "
                                    "its energy {:.4g} eV; forces end at {:g} eV/A. The structure "
                                    "has left what the model knows: check the starting structure "
                                    "and the timestep, or train on such frames",
                                    update->ntimestep, atom->tag[i], element, size,
                                    result.atom_energies[i], MAX_FORCE));
    }
  }
}

void PairMACE::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  if (vflag_atom || cvflag_atom)
    error->all(FLERR, "pair_style mace has no per-atom virial: remove compute stress/atom, "
                      "heat/flux and their like (compute pressure works)");
  if (neighbor->exclude)
    error->all(FLERR, "pair_style mace needs all neighbors of an atom: remove neigh_modify exclude");
  if (atom->nlocal == 0) return;

  std::string trouble;
  try {
    fill_graph();
    model->evaluate(graph, vflag_global, result);
  } catch (const std::exception &e) {
    trouble = e.what();
  }
  if (!trouble.empty())
    error->one(FLERR, fmt::format("At step {}: {}", update->ntimestep, trouble));
  refuse_unphysical();

  for (int i = 0; i < atom->nlocal; ++i)
    for (int d = 0; d < 3; ++d) atom->f[i][d] += result.forces[3 * i + d];
  if (eflag_global) eng_vdwl += result.energy;
  if (eflag_atom)
    for (int i = 0; i < atom->nlocal; ++i) eatom[i] += result.atom_energies[i];
  if (vflag_global)
    for (int k = 0; k < 6; ++k) virial[k] += result.virial[k];
}

double PairMACE::memory_usage()
{
  return Pair::memory_usage() +
      sizeof(double) * (graph.positions.capacity() + graph.shifts.capacity()) +
      sizeof(int64_t) * (graph.senders.capacity() + graph.receivers.capacity());
}
