"""The inner loop of the Monte Carlo, compiled; importing this imports numba."""

import numpy as np
from numba import njit

from mlipsse.orderings.thermal.swaps.moves import (
    coupling_energy,
    exchange,
    is_crowded,
    is_excluded,
    swap_energy,
)
from mlipsse.orderings.thermal.swaps.state import Arrangement, Interactions, Segments, Vicinity

ANYWHERE, NEAR, CLUSTER = 0, 1, 2
"""Kinds of moves, and their places in the counts of `run_sweeps`."""


@njit
def draw(rng, n: int) -> int:  # type: ignore[no-untyped-def]
    """A whole number from 0 to n - 1."""
    return min(int(rng.random() * n), n - 1)


@njit
def like_neighbours(near: Vicinity, now: Arrangement, counts: np.ndarray) -> None:
    """Count, per sublattice, the nearest sites that hold the same species, into `counts`."""
    counts[:] = 0.0
    for i in range(len(now.labels)):
        for k in range(near.own_first[i], near.own_first[i + 1]):
            if now.labels[near.own[k]] == now.labels[i]:
                counts[near.sublattice[i]] += 1.0


@njit
def partner(  # type: ignore[no-untyped-def]
    rng, near: Vicinity, now: Arrangement, segments: Segments, p: int, kind: int
) -> int:
    """The other site of a swap; -1 for none: a near one, or any of another species."""
    if kind == NEAR:
        i = now.order[p]
        n = near.own_first[i + 1] - near.own_first[i]
        return near.own[near.own_first[i] + draw(rng, n)] if n > 0 else -1
    start, end = segments.species_start[p], segments.species_end[p]
    low = segments.pool_start[p]
    q = low + draw(rng, segments.pool_end[p] - low - (end - start))
    return now.order[q if q < start else q + end - start]


@njit
def is_swap(on: Interactions, now: Arrangement, i: int, j: int) -> bool:
    """Whether exchanging two sites of one sublattice changes anything and is allowed."""
    a, b = now.labels[i], now.labels[j]
    movable = now.places[i] >= 0 and now.places[j] >= 0
    return movable and a != b and on.allowed[i, b] and on.allowed[j, a]


@njit
def near_pair(  # type: ignore[no-untyped-def]
    rng, near: Vicinity, i: int, j: int
) -> tuple[int, int]:
    """A site near i and one near j, both of one other sublattice; -1, -1 for none."""
    n_i = near.other_first[i + 1] - near.other_first[i]
    n_j = near.other_first[j + 1] - near.other_first[j]
    if n_i == 0 or n_j == 0:
        return -1, -1
    k = near.other[near.other_first[i] + draw(rng, n_i)]
    m = near.other[near.other_first[j] + draw(rng, n_j)]
    return (k, m) if near.sublattice[k] == near.sublattice[m] else (-1, -1)


@njit
def try_cluster(  # type: ignore[no-untyped-def]
    rng, on: Interactions, near: Vicinity, now: Arrangement, i: int, j: int, beta: float
) -> tuple[bool, float]:
    """Exchange two sites together with one near each; whether it was accepted, and its energy."""
    k, m = near_pair(rng, near, i, j)
    if k < 0 or not is_swap(on, now, k, m):
        return False, 0.0
    change = swap_energy(on, now, i, j) + swap_energy(on, now, k, m)
    change += coupling_energy(on, now, i, j, k, m)
    if change > 0.0 and rng.random() >= np.exp(-beta * change):
        return False, 0.0
    exchange(on, now, i, j)
    exchange(on, now, k, m)
    if on.excluded.size > 0:
        crowded = is_crowded(on, now, i) or is_crowded(on, now, j)
        if crowded or is_crowded(on, now, k) or is_crowded(on, now, m):
            exchange(on, now, k, m)
            exchange(on, now, i, j)
            return False, 0.0
    return True, change


@njit(nogil=True)
def run_sweeps(  # type: ignore[no-untyped-def]
    rng,
    on: Interactions,
    near: Vicinity,
    now: Arrangement,
    segments: Segments,
    betas: np.ndarray,
    shares: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One sweep per inverse temperature: as many proposals as there are movable sites.

    A proposal takes a movable site at random and exchanges it with another one of its sublattice:
    any of another species; or one of the nearest; or any, together with a pair of another
    sublattice, one site near each of the two, so that, as an example, ions follow the dopant that
    binds them. Which sites are proposed depends on the numbers of every species alone, which are
    conserved, so a move is proposed as often as its reverse, and Metropolis' rule gives detailed
    balance (Metropolis et al., J. Chem. Phys. 21, 1087, 1953, doi 10.1063/1.1699114).

    Parameters
    ----------
    rng : numpy's Generator
    betas : (n_sweeps,) float64, 1/eV
    shares : (3,) float64, of the proposals, by kind of move

    Returns
    -------
    tuple
        (n_sweeps, 1 + n_sublattices) float64, after every sweep the energy from the start's, eV,
        and the pairs of nearest sites with the same species per sublattice; and (3,) int64,
        accepted and proposed moves by kind.
    """
    n_sublattices = near.sublattice.max() + 1
    trace = np.empty((len(betas), 1 + n_sublattices))
    accepted, proposed = np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)
    total, n = 0.0, len(now.order)
    for sweep in range(len(betas)):
        beta = betas[sweep]
        for _ in range(n):
            chosen = rng.random()
            kind = ANYWHERE
            if chosen >= shares[ANYWHERE]:
                kind = NEAR if chosen < shares[ANYWHERE] + shares[NEAR] else CLUSTER
            p = draw(rng, n)
            proposed[kind] += 1
            i, j = now.order[p], partner(rng, near, now, segments, p, kind)
            if j < 0 or not is_swap(on, now, i, j):
                continue
            if kind == CLUSTER:
                done, change = try_cluster(rng, on, near, now, i, j, beta)
                if done:
                    total += change
                    accepted[kind] += 1
                continue
            if on.excluded.size > 0 and is_excluded(on, now, i, j):
                continue
            change = swap_energy(on, now, i, j)
            if change > 0.0 and rng.random() >= np.exp(-beta * change):
                continue
            exchange(on, now, i, j)
            total += change
            accepted[kind] += 1
        trace[sweep, 0] = total
        like_neighbours(near, now, trace[sweep, 1:])
    return trace, accepted, proposed
