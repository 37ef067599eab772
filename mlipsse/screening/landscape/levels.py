"""The lowest energies at which an ion that leaves its site reaches the places of a grid, compiled.

A level is a minimax: of all ways over the grid from the source, the one whose highest energy is
lowest. Points are numbered in C order.
"""

import heapq

import numpy as np
from numba import njit

from mlipsse.structures.windings import root

TILES = 2
"""Cells of the tile along every axis, the source in its centre."""

_MARGIN_A = 1e-4


def grid_steps(cell: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Steps to the neighbours of a grid point: those no longer than the diagonal would be at right
    angles.

    Parameters
    ----------
    cell : (3, 3), Å
    shape : points along the axes of the cell

    Returns
    -------
    (n, 3) int64
        of the 26 steps of -1, 0 and 1; all of them where the axes are at right angles.
    """
    steps = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    steps = steps[steps.any(axis=1)]
    vectors_A = cell / np.array(shape)[:, None]
    longest_A = np.sqrt((vectors_A**2).sum()) + _MARGIN_A
    lengths_A = np.linalg.norm(steps @ vectors_A, axis=1)
    return np.ascontiguousarray(steps[lengths_A <= longest_A], dtype=np.int64)


def level_map(
    energies_eV: np.ndarray, source: tuple[int, int, int], steps: np.ndarray, *, most_eV: float
) -> np.ndarray:
    """Levels above the source in a tile of 2x2x2 cells and one plane more, with it in the centre.

    Ways do not leave the tile: its six faces are the planes one lattice vector from the source.

    Parameters
    ----------
    energies_eV : (n1, n2, n3) of the cell, eV
    source : its point
    steps : of `grid_steps`
    most_eV : where the search ends, above the source

    Returns
    -------
    (2 n1 + 1, 2 n2 + 1, 2 n3 + 1) float32
        eV; infinite where no level up to `most_eV` leads.
    """
    rolled = np.roll(energies_eV, [-k for k in source], axis=(0, 1, 2))
    lowest_eV = float(rolled[0, 0, 0])
    relative = np.ascontiguousarray(rolled - lowest_eV, dtype=np.float32)
    return np.asarray(_flood(relative, steps, float(most_eV)))


@njit(cache=True, nogil=True)
def _flood(energies: np.ndarray, steps: np.ndarray, most: float) -> np.ndarray:
    """Priority flood (Barnes et al., Comput. Geosci. 62, 117 (2014),
    doi 10.1016/j.cageo.2013.04.024): points below the level of the one that reaches them need no
    place in the heap."""
    n1, n2, n3 = energies.shape
    m1, m2, m3 = 2 * n1 + 1, 2 * n2 + 1, 2 * n3 + 1
    levels = np.full((m1, m2, m3), np.inf, dtype=np.float32)
    start = (n1 * m2 + n2) * m3 + n3
    levels[n1, n2, n3] = 0.0
    heap = [(np.float32(0.0), start)]
    pool = [start]
    pool.pop()
    while len(heap) > 0 or len(pool) > 0:
        here = pool.pop() if len(pool) > 0 else heapq.heappop(heap)[1]
        i, j, k = here // (m2 * m3), here // m3 % m2, here % m3
        level = levels[i, j, k]
        for s in range(len(steps)):
            a, b, c = i + steps[s, 0], j + steps[s, 1], k + steps[s, 2]
            if a < 0 or b < 0 or c < 0 or a >= m1 or b >= m2 or c >= m3:
                continue
            if levels[a, b, c] < np.inf:
                continue
            # The source is the centre of the tile, where it lies at (n1, n2, n3).
            energy = energies[a % n1, b % n2, c % n3]
            if energy > most:
                continue
            other = (a * m2 + b) * m3 + c
            if energy <= level:
                levels[a, b, c] = level
                pool.append(other)
            else:
                levels[a, b, c] = energy
                heapq.heappush(heap, (energy, other))
    return levels


def percolation_levels(
    energies_eV: np.ndarray, source: tuple[int, int, int], steps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Levels above the source at which the points that it reaches wind around the crystal, exactly.

    Union-find on the periodic grid, points filled from the lowest on, with the image of every point
    relative to its cluster's root (Machta et al., Phys. Rev. E 54, 1332 (1996)). Ways may be of any
    length.

    Parameters
    ----------
    energies_eV : (n1, n2, n3) of the cell, eV; infinite where no way may lead
    source, steps : as in `level_map`

    Returns
    -------
    by_dimension : (3,) float64, eV
        the lowest levels at which closed ways through the source's cluster wind in one, two and
        three independent directions; infinite where they never do
    by_axis : (3,) float64, eV
        at which one winds along a, b and c
    """
    flat = np.ascontiguousarray(energies_eV, dtype=np.float64).ravel()
    order = np.argsort(flat, kind="stable")
    order = order[np.isfinite(flat[order])]
    n1, n2, n3 = energies_eV.shape
    start = int((source[0] * n2 + source[1]) * n3 + source[2])
    places = _fill(order, (n1, n2, n3), np.ascontiguousarray(steps), start)
    lowest_eV = flat[start]
    found = np.array([flat[order[p]] - lowest_eV if p >= 0 else np.inf for p in places])
    return np.maximum(found[:3], 0.0), np.maximum(found[3:], 0.0)


@njit(cache=True, nogil=True)
def _fill(
    order: np.ndarray, shape: tuple[int, int, int], steps: np.ndarray, start: int
) -> np.ndarray:
    """Places in `order` at which the cluster of `start` first winds in 1, 2, 3 directions, and
    along each axis; -1 for never."""
    n1, n2, n3 = shape
    size = n1 * n2 * n3
    found = np.full(6, -1, dtype=np.int64)
    parent = np.full(size, -1, dtype=np.int32)
    image = np.zeros((size, 3), dtype=np.int32)
    weight = np.ones(size, dtype=np.int32)
    number = np.full(size, -1, dtype=np.int32)  # of a root's windings; most clusters have none
    windings = np.zeros((64, 3, 3), dtype=np.int64)
    ranks = np.zeros(64, dtype=np.int64)
    along = np.zeros((64, 3), dtype=np.bool_)
    used = 0
    for place in range(len(order)):
        point = order[place]
        parent[point] = point
        i, j, k = point // (n2 * n3), point // n3 % n2, point % n3
        for s in range(len(steps)):
            a, b, c = i + steps[s, 0], j + steps[s, 1], k + steps[s, 2]
            wa = -1 if a < 0 else (1 if a >= n1 else 0)
            wb = -1 if b < 0 else (1 if b >= n2 else 0)
            wc = -1 if c < 0 else (1 if c >= n3 else 0)
            other = ((a - wa * n1) * n2 + b - wb * n2) * n3 + c - wc * n3
            if parent[other] < 0:
                continue
            mine, theirs = root(point, parent, image), root(other, parent, image)
            wa += image[point, 0] - image[other, 0]
            wb += image[point, 1] - image[other, 1]
            wc += image[point, 2] - image[other, 2]
            if mine == theirs:
                if wa == 0 and wb == 0 and wc == 0:
                    continue
                if number[mine] < 0:
                    if used == len(ranks):
                        windings, ranks, along = _more(windings, ranks, along)
                    number[mine] = used
                    used += 1
                _wind(windings, ranks, along, number[mine], wa, wb, wc)
                continue
            if weight[mine] < weight[theirs]:
                mine, theirs = theirs, mine
                wa, wb, wc = -wa, -wb, -wc
            parent[theirs] = mine
            weight[mine] += weight[theirs]
            image[theirs, 0], image[theirs, 1], image[theirs, 2] = wa, wb, wc
            if number[mine] < 0:
                number[mine] = number[theirs]
            elif number[theirs] >= 0:
                one, two = number[mine], number[theirs]
                for r in range(ranks[two]):
                    w = windings[two, r]
                    _wind(windings, ranks, along, one, w[0], w[1], w[2])
                for x in range(3):
                    along[one, x] = along[one, x] or along[two, x]
        if parent[start] < 0:
            continue
        own = number[root(start, parent, image)]
        if own < 0:
            continue
        for dimension in range(ranks[own]):
            if found[dimension] < 0:
                found[dimension] = place
        for x in range(3):
            if along[own, x] and found[3 + x] < 0:
                found[3 + x] = place
        if found.min() >= 0:
            break
    return found


@njit(cache=True, nogil=True)
def _wind(
    windings: np.ndarray, ranks: np.ndarray, along: np.ndarray, one: int, a: int, b: int, c: int
) -> None:
    """Add a winding to a cluster's: kept where it is independent of those that it has."""
    if a != 0:
        along[one, 0] = True
    if b != 0:
        along[one, 1] = True
    if c != 0:
        along[one, 2] = True
    rank = ranks[one]
    new = np.array([a, b, c], dtype=np.int64)
    if rank == 1 and not _cross(windings[one, 0], new).any():
        return
    if rank == 2 and (_cross(windings[one, 0], windings[one, 1]) * new).sum() == 0:
        return
    if rank < 3:
        windings[one, rank] = new
        ranks[one] = rank + 1


@njit(cache=True, nogil=True)
def _cross(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.array(
        [
            one[1] * other[2] - one[2] * other[1],
            one[2] * other[0] - one[0] * other[2],
            one[0] * other[1] - one[1] * other[0],
        ]
    )


@njit(cache=True, nogil=True)
def _more(
    windings: np.ndarray, ranks: np.ndarray, along: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Room for twice as many clusters that wind."""
    n = len(ranks)
    more = np.zeros((2 * n, 3, 3), dtype=np.int64)
    more[:n] = windings
    more_ranks = np.zeros(2 * n, dtype=np.int64)
    more_ranks[:n] = ranks
    more_along = np.zeros((2 * n, 3), dtype=np.bool_)
    more_along[:n] = along
    return more, more_ranks, more_along
