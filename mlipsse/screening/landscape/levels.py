"""The lowest energies at which an ion that leaves its site reaches the places of a grid, compiled.

A level is a minimax: of all ways over the grid from the source, the one whose highest energy is
lowest. Points are numbered in C order.
"""

import heapq

import numpy as np
from numba import njit

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
