// SPDX-License-Identifier: GPL-2.0-or-later
// What PairMACE asks of the run before its first step: nothing here is computed wrongly in silence.
#include "pair_mace.h"

#include "elements.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "modify.h"
#include "neighbor.h"
#include "universe.h"

#include <cmath>

using namespace LAMMPS_NS;

static constexpr double MASS_TOLERANCE = 0.01;    // of an element's weight

// The number of this rank among those that share its machine. The partitions of a universe come here
// when they like, or never: they are not asked.
int PairMACE::rank_for_gpu() const
{
  if (universe->nworlds > 1) {
    int rank = 0;
    MPI_Comm_rank(universe->uorig, &rank);
    return mlipsse::launched_rank(rank);
  }
  int rank = 0;
#ifndef MPI_STUBS    // of a LAMMPS without MPI
  MPI_Comm machine;
  MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, comm->me, MPI_INFO_NULL, &machine);
  MPI_Comm_rank(machine, &rank);
  MPI_Comm_free(&machine);
#endif
  return rank;
}

void PairMACE::check_run() const
{
  if (!atom->tag_enable || atom->map_style == Atom::MAP_NONE)
    error->all(FLERR, "pair_style mace needs to find atoms by their id: add "
                      "'atom_modify map yes' before the atoms are created or read");
  if (!force->newton_pair)
    error->all(FLERR, "pair_style mace needs 'newton on': forces on ghosts belong to their owners");
  for (int k = 1; k < 4; ++k)
    if (atom->nbonds > 0 && force->special_lj[k] == 0.0 && force->special_coul[k] == 0.0)
      error->all(FLERR, "pair_style mace needs all neighbors of an atom, and special_bonds leaves "
                        "bonded ones out: set 'special_bonds lj/coul 1 1 1'");
  for (const std::string style : {"gcmc", "widom", "charge/regulation"})
    if (!modify->get_fix_by_style("^" + style).empty())
      error->all(FLERR, fmt::format(
          "fix {} does not work with pair_style mace: it hides trial atoms from the neighbor list, "
          "and their own energies would stay in the total. Insert and remove atoms between runs and "
          "compare the energies; fix atom/swap, which exchanges atoms, works", style));
  if (!modify->get_compute_by_style("^heat/flux").empty())
    error->all(FLERR, "compute heat/flux does not work with pair_style mace: with compute "
                      "stress/atom it gives a wrong flux for every many-body potential, and compute "
                      "centroid/stress/atom knows no MACE. For thermal conductivity use fix ehex, "
                      "fix heat or fix thermal/conductivity");
}

// Elements in another order than the types give a run that looks fine and is of another crystal.
void PairMACE::check_masses()
{
  if (masses_checked || !atom->mass || !model) return;
  masses_checked = true;
  const auto &known = model->elements();
  std::string odd, fitting;
  bool all_fit = true;
  for (int type = 1; type <= atom->ntypes; ++type) {
    if (element_of_type[type] < 0 || !atom->mass_setflag[type]) continue;
    const double mass = atom->mass[type];
    const auto fits = [&](const std::string &symbol) {
      const double expected = mlipsse::element_mass(symbol);
      return std::abs(mass - expected) <= MASS_TOLERANCE * expected;
    };
    const auto &named = known[element_of_type[type]];
    std::string like = fits(named) ? named : "";
    for (const auto &symbol : known)
      if (like.empty() && fits(symbol)) like = symbol;
    if (like != named)
      odd += fmt::format("{}type {} is {} ({:.4g}) and has the mass {:.4g}", odd.empty() ? "" : ", ",
                         type, named, mlipsse::element_mass(named), mass);
    all_fit = all_fit && !like.empty();
    fitting += (fitting.empty() ? "" : " ") + like;
  }
  if (odd.empty() || comm->me != 0) return;
  error->warning(FLERR, fmt::format(
      "The masses are not those of the elements in pair_coeff: {}. {}", odd, all_fit ?
      fmt::format("They fit the order {}: name the elements in the order of the types", fitting) :
      "Name the elements in the order of the types, or correct the masses; isotopes may differ"));
}
