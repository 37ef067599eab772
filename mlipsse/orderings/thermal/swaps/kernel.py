"""The inner loop of the Monte Carlo, compiled; importing this imports numba.

Every variable site keeps the energy that each of its species would have there (its local fields),
and every site its electrostatic potential, so a proposed swap costs a few look-ups and only an
accepted one touches its neighbours and the potentials.
"""

from typing import NamedTuple

import numpy as np
from numba import njit


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
    order : (n_movable,) int32, movable sites: sublattice after sublattice, in each species after
        species
    """

    labels: np.ndarray
    fields: np.ndarray
    potentials: np.ndarray
    order: np.ndarray


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


@njit
def swap_energy(on: Interactions, now: Arrangement, i: int, j: int) -> float:
    """Energy change, eV, of exchanging the species of two sites of one sublattice."""
    a, b = now.labels[i], now.labels[j]
    change = now.fields[i, b] - now.fields[i, a] + now.fields[j, a] - now.fields[j, b]
    low, high = on.first[i], on.first[i + 1]
    while low < high:
        middle = (low + high) // 2
        if on.neighbours[middle] < j:
            low = middle + 1
        else:
            high = middle
    while low < on.first[i + 1] and on.neighbours[low] == j:
        pair = on.energies[on.tables[low]]
        change += pair[b, a] + pair[a, b] - pair[a, a] - pair[b, b]
        low += 1
    moved = on.charges[i, b] - on.charges[i, a]
    if moved != 0.0 and on.ewald.size > 0:
        n_cells = len(on.difference)
        s, t = i // n_cells, j // n_cells
        mutual = on.ewald[s, t, on.difference[i % n_cells, j % n_cells]]
        change += moved * (now.potentials[i] - now.potentials[j])
        change += moved**2 * (on.self_energy[s] + on.self_energy[t] - 2 * mutual)
    return change


@njit
def swap(on: Interactions, now: Arrangement, i: int, j: int) -> None:
    """Exchange the species of two sites and bring fields and potentials up to date."""
    a, b = now.labels[i], now.labels[j]
    moved = on.charges[i, b] - on.charges[i, a]
    for site, old, new in ((i, a, b), (j, b, a)):
        for k in range(on.first[site], on.first[site + 1]):
            neighbour, pair = on.neighbours[k], on.energies[on.tables[k]]
            for s in range(pair.shape[1]):
                now.fields[neighbour, s] += pair[new, s] - pair[old, s]
    if moved != 0.0 and on.ewald.size > 0:
        n_cells = len(on.difference)
        near_i, near_j = on.difference[i % n_cells], on.difference[j % n_cells]
        for t in range(on.ewald.shape[1]):
            row_i, row_j = on.ewald[i // n_cells, t], on.ewald[j // n_cells, t]
            for c in range(n_cells):
                push = row_i[near_i[c]] - row_j[near_j[c]]
                now.potentials[t * n_cells + c] += 2.0 * moved * push
    now.labels[i], now.labels[j] = b, a


@njit
def is_excluded(on: Interactions, now: Arrangement, i: int, j: int) -> bool:
    """Whether a swap would fill a site beside a filled one that excludes it."""
    a, b = now.labels[i], now.labels[j]
    for site, other, old, new in ((i, j, a, b), (j, i, b, a)):
        if on.filled[site, new] and not on.filled[site, old]:
            for k in range(on.excluded_first[site], on.excluded_first[site + 1]):
                partner = on.excluded[k]
                if partner != other and on.filled[partner, now.labels[partner]]:
                    return True
    return False


@njit
def run_sweeps(  # type: ignore[no-untyped-def]
    rng, on: Interactions, now: Arrangement, segments: Segments, betas: np.ndarray
) -> tuple[np.ndarray, int]:
    """One sweep per inverse temperature: as many proposals as there are movable sites.

    A proposal takes a movable site at random and exchanges it with a random one of another
    species on its sublattice. As numbers are conserved, a pair is proposed as often before the
    exchange as after it, and Metropolis' rule gives detailed balance (Metropolis et al., J. Chem.
    Phys. 21, 1087, 1953, doi 10.1063/1.1699114).

    Parameters
    ----------
    rng : numpy's Generator
    betas : (n_sweeps,) float64, 1/eV

    Returns
    -------
    tuple
        energy after every sweep from the start's, (n_sweeps,) float64, eV, and the number of
        accepted swaps.
    """
    changes = np.empty(len(betas))
    total, accepted, n = 0.0, 0, len(now.order)
    for sweep in range(len(betas)):
        for _ in range(n):
            p = min(int(rng.random() * n), n - 1)
            start, end = segments.species_start[p], segments.species_end[p]
            low = segments.pool_start[p]
            others = segments.pool_end[p] - low - (end - start)
            q = low + min(int(rng.random() * others), others - 1)
            if q >= start:
                q += end - start
            i, j = now.order[p], now.order[q]
            a, b = now.labels[i], now.labels[j]
            if not (on.allowed[i, b] and on.allowed[j, a]):
                continue
            if on.excluded.size > 0 and is_excluded(on, now, i, j):
                continue
            change = swap_energy(on, now, i, j)
            if change > 0.0 and rng.random() >= np.exp(-betas[sweep] * change):
                continue
            swap(on, now, i, j)
            now.order[p], now.order[q] = j, i
            total += change
            accepted += 1
        changes[sweep] = total
    return changes, accepted
