"""The lowest energies at which an ion gets around the crystal, and the way it takes, exactly.

Points are numbered in C order.
"""

import numpy as np
from numba import njit

from mlipsse.structures.periodic_grid import cheapest_loop, from_lowest, neighbour
from mlipsse.structures.windings import root

_THERMAL_EV = 0.05
"""kT of the resistance along a way."""


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
    source : its point, of the ion's own
    steps : of `grid_steps`

    Returns
    -------
    by_dimension : (3,) float64, eV
        the lowest levels at which closed ways through the source's cluster wind in one, two and
        three independent directions; infinite where they never do
    by_axis : (3,) float64, eV
        at which one winds along a, b and c
    """
    points = _winding_points(energies_eV, source, steps)
    lowest_eV = float(energies_eV[source])
    found = np.array(
        [energies_eV.flat[point] - lowest_eV if point >= 0 else np.inf for point in points]
    )
    return np.maximum(found[:3], 0.0), np.maximum(found[3:], 0.0)


def percolating_way(
    energies_eV: np.ndarray, source: tuple[int, int, int], steps: np.ndarray, cell: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """The way around the crystal that opens at the level of percolation in one dimension.

    Of all ways over the highest point, the one of least resistance: the integral of exp(E/kT) at a
    kT of 0.05 eV over the length, which follows the floors of valleys.

    Parameters
    ----------
    energies_eV, source, steps : as in `percolation_levels`
    cell : (3, 3), Å

    Returns
    -------
    path : (m, 3) float64, fractional, unwrapped, from its lowest point to an image of it
    energies : (m,) float64, eV, along the path, above the source
        None where no way winds.
    """
    shape = (energies_eV.shape[0], energies_eV.shape[1], energies_eV.shape[2])
    top = int(_winding_points(energies_eV, source, steps)[0])
    if top < 0:
        return None
    flat = np.ascontiguousarray(energies_eV, dtype=np.float64).ravel()
    top_eV = max(float(flat[top]), float(energies_eV[source]))
    costs = np.full(flat.size, np.inf)
    open_ = flat <= top_eV
    costs[open_] = np.exp((flat[open_] - top_eV) / _THERMAL_EV)
    lengths_A = np.linalg.norm((steps / np.array(shape)) @ cell, axis=1)
    anywhere = np.ones(3, dtype=bool)
    way = cheapest_loop(top, costs, lengths_A, anywhere, shape, steps)
    points, images, _ = from_lowest(way, flat, anywhere)
    places = np.stack(np.unravel_index(points, shape), axis=1) / shape
    return places + images, flat[points] - float(energies_eV[source])


def _winding_points(
    energies_eV: np.ndarray, source: tuple[int, int, int], steps: np.ndarray
) -> np.ndarray:
    """(6,) numbers of the points at whose energies ways wind: in 1, 2, 3 dimensions, along a, b, c.

    -1 where they never do.
    """
    flat = np.ascontiguousarray(energies_eV, dtype=np.float64).ravel()
    order = np.argsort(flat, kind="stable")
    order = order[np.isfinite(flat[order])]
    n1, n2, n3 = energies_eV.shape
    start = int((source[0] * n2 + source[1]) * n3 + source[2])
    places = _fill(order, (n1, n2, n3), np.ascontiguousarray(steps), start)
    return np.where(places >= 0, order[places], -1)


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
        for s in range(len(steps)):
            other, wa, wb, wc = neighbour(point, steps[s], shape)
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
