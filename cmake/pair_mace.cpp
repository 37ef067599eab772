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
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
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
  ghostneigh = 1;
  centroidstressflag = CENTROID_NOTAVAIL;
}

PairMACE::~PairMACE()
{
  if (model && n_steps > 0 && comm->me == 0 && std::getenv("MLIPSSE_PROFILE"))
    utils::logmesg(lmp, fmt::format("MACE profile: steps {}, model {:.6f} s, total {:.6f} s, "
                                    "slowest after the second {:.6f} s, memory {:.0f} bytes\n",
                                    n_steps, model->seconds_in_model(), seconds, slowest,
                                    model->bytes()));
  if (allocated) {
    memory->destroy(setflag);
    memory->destroy(cutsq);
    memory->destroy(cutghost);
  }
}

void PairMACE::allocate()
{
  const int n = atom->ntypes + 1;
  memory->create(setflag, n, n, "pair:setflag");
  memory->create(cutsq, n, n, "pair:cutsq");
  memory->create(cutghost, n, n, "pair:cutghost");
  for (int i = 0; i < n; ++i) std::fill_n(setflag[i], n, 0);
  allocated = 1;
}

// Of the first rank that has any.
std::string PairMACE::first_of_ranks(const std::string &text) const
{
  int first = text.empty() ? comm->nprocs : comm->me;
  MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, world);
  if (first == comm->nprocs) return "";
  int length = text.size();
  MPI_Bcast(&length, 1, MPI_INT, first, world);
  std::string found = text;
  found.resize(length);
  MPI_Bcast(found.data(), length, MPI_CHAR, first, world);
  return found;
}

// What went wrong on any rank ends the run on all of them, and is printed once.
void PairMACE::raise_together(const std::string &trouble)
{
  const auto text = first_of_ranks(trouble);
  if (!text.empty()) error->all(FLERR, text);
}

void PairMACE::settings(int narg, char **arg)
{
  options = {};
  wanted_dtype.clear();
  for (int k = 0; k < narg; ++k) {
    const std::string word = arg[k];
    const std::string value = k + 1 < narg ? arg[k + 1] : "";
    if (word == "no_domain_decomposition") {
      if (comm->nprocs > 1)
        error->all(FLERR, fmt::format("pair_style mace no_domain_decomposition runs on one MPI "
                                      "rank, and this run has {}. Leave the word out: the domain "
                                      "may be decomposed", comm->nprocs));
    } else if (word == "fallback") {
      options.fallback = true;
    } else if (word == "dtype" && (value == "float32" || value == "float64")) {
      wanted_dtype = value;
      ++k;
    } else if (word == "device" && (value == "cpu" || value == "cuda")) {
      options.device = value == "cuda" ? mlipsse::Device::gpu : mlipsse::Device::cpu;
      ++k;
    } else {
      error->all(FLERR, fmt::format("pair_style mace does not know '{}': it takes "
                                    "no_domain_decomposition, dtype float32|float64, "
                                    "device cpu|cuda and fallback", word));
    }
  }
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

  options.local_rank = rank_for_gpu();
  options.ranks = comm->nprocs;
  options.dtype = wanted_dtype;
  // LAMMPS' own errors are exceptions too: they are raised outside of the try block.
  std::string trouble;
  try {
    model = mlipsse::load_model(arg[2], options);
  } catch (const std::exception &e) {
    trouble = e.what();
  } catch (...) {
    trouble = fmt::format("The MACE model {} cannot be loaded", arg[2]);
  }
  raise_together(trouble);
  if (!wanted_dtype.empty() && wanted_dtype != model->dtype())
    error->all(FLERR, fmt::format("pair_style mace asks for {}, and {} holds {}. Export the model "
                                  "again with --dtype {}, or leave the dtype out", wanted_dtype,
                                  arg[2], model->dtype(), wanted_dtype));

  const auto &known = model->elements();
  element_of_type.assign(atom->ntypes + 1, -1);
  for (int type = 1; type <= atom->ntypes; ++type) {
    if (strcmp(arg[type + 2], "NULL") == 0 && force->pair_match("^hybrid", 0)) continue;
    const auto place = std::find(known.begin(), known.end(), arg[type + 2]);
    if (place == known.end())
      error->all(FLERR, fmt::format("Element {} of atom type {} is not in the MACE model {}, which "
                                    "knows: {}", arg[type + 2], type, arg[2], joined(known)));
    element_of_type[type] = place - known.begin();
  }

  if (!allocated) allocate();
  for (int i = 1; i <= atom->ntypes; ++i)
    for (int j = i; j <= atom->ntypes; ++j)
      setflag[i][j] = element_of_type[i] >= 0 && element_of_type[j] >= 0;

  masses_checked = false;
  const auto remark = first_of_ranks(model->remark());
  if (comm->me == 0) {
    if (!remark.empty()) error->warning(FLERR, remark);
    utils::logmesg(lmp, fmt::format("MACE model {}: {}, {} layers of {} A, elements {}\n",
                                    model->file(), model->describe(), model->layers(), model->cutoff(),
                                    joined(known)));
  }
}

void PairMACE::init_style()
{
  check_run();
  check_masses();
  built_at = -1;

  // On one rank every ghost is an image of an own atom. On several, what an atom's energy depends
  // on lies within one cutoff per layer, and ghosts need neighbors of their own.
  const bool alone = comm->nprocs == 1;
  if (exchanges()) {
    // Features reach the ghosts from their owners: one cutoff is enough.
    comm_forward = comm_reverse = model->exchanged_numbers();
    neighbor->add_request(this, NeighConst::REQ_FULL);
    return;
  }
  if (alone || !model || model->layers() < 2)
    neighbor->add_request(this, NeighConst::REQ_FULL);
  else
    neighbor->add_request(this, NeighConst::REQ_FULL | NeighConst::REQ_GHOST);
  if (!alone && model) {
    if (comm->mode != Comm::SINGLE)
      error->all(FLERR, "pair_style mace on several ranks needs 'comm_modify mode single'");
    // From neighbor to neighbor in a list that was made with a skin.
    const double reach = model->layers() * (model->cutoff() + neighbor->skin);
    comm->cutghostuser = std::max(comm->cutghostuser, reach);
  }
}

double PairMACE::init_one(int i, int j)
{
  if (setflag[i][j] == 0)
    error->all(FLERR, "pair_style mace has no model yet: give pair_coeff, also after read_restart");
  cutghost[i][j] = cutghost[j][i] = model->cutoff();
  return model->cutoff();
}

// Nodes are atoms, not images: images of an atom have the same surroundings and hence the same
// features. Own atoms are their own nodes. Of an atom of another rank the image reached first from
// our own atoms, going from neighbor to neighbor, is the node: its surroundings are complete within
// the ghosts. Only nodes that some own atom's energy depends on take part, and only those whose
// messages count, all but the outermost, get edges.
void PairMACE::fill_graph()
{
  const int nlocal = atom->nlocal;
  const int nall = nlocal + atom->nghost;
  const int layers = comm->nprocs == 1 ? 1 : model->layers();
  const tagint *tag = atom->tag;

  graph.clear();
  std::vector<int64_t> node_of(nall, -1);    // by the atom's first index
  const auto add_node = [&](int first, int image) {
    node_of[first] = graph.types.size();
    graph.types.push_back(element_of_type[atom->type[image]]);
    graph.atoms.push_back(image);
  };
  for (int ii = 0; ii < list->inum; ++ii) add_node(list->ilist[ii], list->ilist[ii]);
  graph.n_owned = graph.types.size();

  int64_t begin = 0;
  for (int layer = 0; layer < layers; ++layer) {
    const int64_t end = graph.types.size();
    for (int64_t node = begin; node < end; ++node) {
      const int i = graph.atoms[node];
      for (int jj = 0; jj < list->numneigh[i]; ++jj) {
        const int j = list->firstneigh[i][jj] & NEIGHMASK;
        const int first = j < nlocal ? j : atom->map(tag[j]);
        if (node_of[first] < 0) add_node(first, j);
        graph.senders.push_back(node_of[first]);
        graph.receivers.push_back(node);
        graph.sender_atoms.push_back(j);
      }
    }
    begin = end;
  }
}

bool PairMACE::exchanges() const
{
  return comm->nprocs > 1 && model && model->exchanged_numbers() > 0;
}

// A rank without atoms has nothing to compute, but may have features to pass on.
bool PairMACE::takes_part() const { return graph.n_owned > 0 || exchanges(); }

// Every ghost is a node of its own: the layers' features come from its owner.
void PairMACE::fill_graph_of_exchange()
{
  const int nlocal = atom->nlocal;
  const int nall = nlocal + atom->nghost;
  graph.clear();
  node_of_atom.assign(nall, -1);
  const auto add_node = [&](int index) {
    node_of_atom[index] = graph.types.size();
    graph.types.push_back(element_of_type[atom->type[index]]);
    graph.atoms.push_back(index);
  };
  for (int ii = 0; ii < list->inum; ++ii) add_node(list->ilist[ii]);
  graph.n_owned = graph.types.size();
  for (int ghost = nlocal; ghost < nall; ++ghost) add_node(ghost);
  for (int64_t node = 0; node < graph.n_owned; ++node) {
    const int i = graph.atoms[node];
    for (int jj = 0; jj < list->numneigh[i]; ++jj) {
      const int j = list->firstneigh[i][jj] & NEIGHMASK;
      graph.senders.push_back(node_of_atom[j]);
      graph.receivers.push_back(node);
      graph.sender_atoms.push_back(j);
    }
  }
}

double PairMACE::nearest_neighbor(int64_t node) const
{
  double **x = atom->x;
  double nearest_sq = std::numeric_limits<double>::infinity();
  for (size_t edge = 0; edge < graph.receivers.size(); ++edge) {
    if (graph.receivers[edge] != node) continue;
    double distance_sq = 0.0;
    for (int d = 0; d < 3; ++d) {
      const double difference = x[graph.atoms[node]][d] - x[graph.sender_atoms[edge]][d];
      distance_sq += difference * difference;
    }
    nearest_sq = std::min(nearest_sq, distance_sq);
  }
  return std::sqrt(nearest_sq);
}

std::string PairMACE::unphysical() const
{
  for (int64_t node = 0; node < graph.n_owned; ++node) {
    const double *f = &result.forces[3 * node];
    const double size = std::sqrt(f[0] * f[0] + f[1] * f[1] + f[2] * f[2]);
    if (size <= MAX_FORCE && std::isfinite(result.energies[node])) continue;
    return fmt::format("At step {} the MACE force on atom {} ({}) is {:.4g} eV/A and its energy "
                       "{:.4g} eV; forces end at {:g} eV/A. Its nearest neighbor is {:.3f} A away. "
                       "The structure has left what the model knows: check the starting structure "
                       "and the timestep, or train on such frames", update->ntimestep,
                       atom->tag[graph.atoms[node]], model->elements()[graph.types[node]], size,
                       result.energies[node], MAX_FORCE, nearest_neighbor(node));
  }
  return "";
}

void PairMACE::compute(int eflag, int vflag)
{
  const auto begin = std::chrono::steady_clock::now();
  ev_init(eflag, vflag);
  if (vflag_atom && !model->gives_atom_virials())
    error->all(FLERR, "This MACE model file has no per-atom virial: remove compute stress/atom and "
                      "its like (compute pressure works), or export the model with mlipsse "
                      "potential export");
  if (neighbor->exclude)
    error->all(FLERR, "pair_style mace needs all neighbors of an atom: remove neigh_modify exclude");
  const int nall = atom->nlocal + atom->nghost;
  std::string trouble;
  try {
    if (neighbor->ago == 0 || built_at != neighbor->lastcall || built_of != nall) {
      if (exchanges()) fill_graph_of_exchange();
      else fill_graph();
      if (takes_part()) model->set_graph(graph);
      built_at = neighbor->lastcall;
      built_of = nall;
    }
    if (takes_part()) {
      const mlipsse::Wanted wanted{vflag_global != 0, vflag_atom != 0};
      model->evaluate(nall > 0 ? atom->x[0] : nullptr, nall, wanted, result,
                      exchanges() ? this : nullptr);
      trouble = unphysical();
    }
  } catch (const std::exception &e) {
    trouble = fmt::format("At step {}: {}", update->ntimestep, e.what());
  } catch (...) {
    trouble = fmt::format("At step {}: the MACE model failed", update->ntimestep);
  }
  raise_together(trouble);

  if (takes_part()) {
    double **f = atom->f;
    for (size_t node = 0; node < graph.atoms.size(); ++node)
      for (int d = 0; d < 3; ++d) f[graph.atoms[node]][d] += result.forces[3 * node + d];
    for (int64_t node = 0; node < graph.n_owned; ++node) {
      if (eflag_global) eng_vdwl += result.energies[node];
      if (eflag_atom) eatom[graph.atoms[node]] += result.energies[node];
    }
    if (vflag_global)
      for (int k = 0; k < 6; ++k) virial[k] += result.virial[k];
    if (vflag_atom)
      for (size_t node = 0; node < graph.atoms.size(); ++node)
        for (int k = 0; k < 6; ++k)
          vatom[graph.atoms[node]][k] += result.atom_virials[6 * node + k];
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  seconds += spent.count();
  if (++n_steps > 2) slowest = std::max(slowest, spent.count());
}

double PairMACE::memory_usage()
{
  return Pair::memory_usage() +
      sizeof(int64_t) * (graph.types.capacity() + graph.atoms.capacity() +
                         graph.senders.capacity() + graph.receivers.capacity() +
                         graph.sender_atoms.capacity()) +
      sizeof(double) * (result.energies.capacity() + result.forces.capacity() +
                        result.atom_virials.capacity());
}
