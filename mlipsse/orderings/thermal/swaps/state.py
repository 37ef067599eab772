"""The arrays that the compiled Monte Carlo works on.

Every variable site keeps the energy that each of its species would have there (its local fields),
and every site its electrostatic potential, so a proposed swap costs a few look-ups and only an
accepted one touches its neighbours and the potentials.
"""

from typing import NamedTuple

import numpy as np


class Interactions(NamedTuple):
    """What never changes in a run; sites are variable sites, S the most species on any of them.

    Attributes
    ----------
    first : (n_sites + 1,) int64; the neighbours of site i are ``neighbours[first[i]:first[i+1]]``,
        ascending
    neighbours, tables : (n_entries,) int32, neighbour and its table
    energies : (n_tables, S, S) float64, eV, by species of site and of neighbour
    charges : (n_sites, S) float64, elementary charges
    ewald : (n_host_sites, n_host_sites, n_cells) float64, eV per elementary charge squared: the
        `matrix` of `Electrostatics` over epsilon; empty without one
    self_energy : (n_host_sites,) float64
    difference : (n_cells, n_cells) int32
    filled, allowed : (n_sites, S) bool, whether a species is an atom, and may sit on a site
    excluded_first, excluded : (n_sites + 1,) int64 and (n_excluded,) int32, like `first` and
        `neighbours`: sites that may not both be filled
    """

    first: np.ndarray
    neighbours: np.ndarray
    tables: np.ndarray
    energies: np.ndarray
    charges: np.ndarray
    ewald: np.ndarray
    self_energy: np.ndarray
    difference: np.ndarray
    filled: np.ndarray
    allowed: np.ndarray
    excluded_first: np.ndarray
    excluded: np.ndarray


class Arrangement(NamedTuple):
    """What a run changes.

    Attributes
    ----------
    labels : (n_sites,) int8
    fields : (n_sites, S) float64, eV, of site and pair energies
    potentials : (n_sites,) float64, of all charges, over epsilon, eV per elementary charge
    order : (n_movable,) int64, movable sites: sublattice after sublattice, in each species after
        species
    places : (n_sites,) int64, where every site is in `order`; -1 for one that cannot move
    """

    labels: np.ndarray
    fields: np.ndarray
    potentials: np.ndarray
    order: np.ndarray
    places: np.ndarray


class Segments(NamedTuple):
    """Ranges of places in `Arrangement.order`; numbers are conserved, so are these.

    Attributes
    ----------
    species_start, species_end : (n_movable,) int32, places of the species of every place
    pool_start, pool_end : (n_movable,) int32, places of the sublattice of every place
    """

    species_start: np.ndarray
    species_end: np.ndarray
    pool_start: np.ndarray
    pool_end: np.ndarray


class Vicinity(NamedTuple):
    """The nearest sites of every site, for local moves and the short-range order.

    Attributes
    ----------
    sublattice : (n_sites,) int32, numbered from 0 among the variable ones
    own_first, own : (n_sites + 1,) int64 and (n_own,) int64, like `Interactions.first` and
        `neighbours`: nearest sites of the same sublattice
    other_first, other : the same of the other sublattices
    """

    sublattice: np.ndarray
    own_first: np.ndarray
    own: np.ndarray
    other_first: np.ndarray
    other: np.ndarray
