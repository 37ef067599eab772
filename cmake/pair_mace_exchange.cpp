// SPDX-License-Identifier: GPL-2.0-or-later
// What the layers of a model exchange between ranks: features of atoms to their images, and the
// gradients by them back.
#include "pair_mace.h"

#include "comm.h"

#include <stdexcept>

using namespace LAMMPS_NS;

void PairMACE::forward(void *rows, int numbers, bool is_double)
{
  exchanged = {rows, numbers, is_double};
  comm->forward_comm(this);
}

void PairMACE::reverse(void *rows, int numbers, bool is_double)
{
  exchanged = {rows, numbers, is_double};
  comm->reverse_comm(this);
}

void PairMACE::agree(const std::string &trouble)
{
  const auto text = first_of_ranks(trouble);
  if (!text.empty()) throw std::runtime_error(text);
}

// Of an atom's row, which may be that of no node (of a hybrid's other atoms).
double PairMACE::number(int atom_index, int k) const
{
  const int64_t node = node_of_atom[atom_index];
  if (node < 0) return 0.0;
  const size_t at = node * exchanged.numbers + k;
  return exchanged.is_double ? static_cast<const double *>(exchanged.rows)[at]
                             : static_cast<const float *>(exchanged.rows)[at];
}

void PairMACE::set_number(int atom_index, int k, double value, bool add)
{
  const int64_t node = node_of_atom[atom_index];
  if (node < 0) return;
  const size_t at = node * exchanged.numbers + k;
  if (exchanged.is_double) {
    double &to = static_cast<double *>(exchanged.rows)[at];
    to = add ? to + value : value;
  } else {
    float &to = static_cast<float *>(exchanged.rows)[at];
    to = static_cast<float>(add ? to + value : value);
  }
}

int PairMACE::pack_forward_comm(int n, int *list_of_atoms, double *buffer, int, int *)
{
  int m = 0;
  for (int i = 0; i < n; ++i)
    for (int k = 0; k < exchanged.numbers; ++k) buffer[m++] = number(list_of_atoms[i], k);
  return m;
}

void PairMACE::unpack_forward_comm(int n, int first, double *buffer)
{
  int m = 0;
  for (int i = first; i < first + n; ++i)
    for (int k = 0; k < exchanged.numbers; ++k) set_number(i, k, buffer[m++], false);
}

int PairMACE::pack_reverse_comm(int n, int first, double *buffer)
{
  int m = 0;
  for (int i = first; i < first + n; ++i)
    for (int k = 0; k < exchanged.numbers; ++k) buffer[m++] = number(i, k);
  return m;
}

void PairMACE::unpack_reverse_comm(int n, int *list_of_atoms, double *buffer)
{
  int m = 0;
  for (int i = 0; i < n; ++i)
    for (int k = 0; k < exchanged.numbers; ++k) set_number(list_of_atoms[i], k, buffer[m++], true);
}
