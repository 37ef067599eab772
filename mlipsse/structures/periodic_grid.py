"""Connectivity of voxels on a periodic grid, and ways around the crystal, compiled.

Voxels are numbered in C order. Each stands for itself and all its periodic images; an image is
three whole numbers, the cell that it lies in.
"""

import heapq

import numpy as np
from numba import njit

from mlipsse.structures.windings import root

STEPS = np.array(
    [
        (i, j, k)
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        for k in (-1, 0, 1)
        if (i, j, k) != (0, 0, 0)
    ],
    dtype=np.int64,
)
"""(26, 3), to a voxel's neighbours; of these and of any chosen ones step s and the one as far from
the end are opposite."""


@njit(cache=True, nogil=True, inline="always")
def neighbour(
    voxel: int, step: np.ndarray, shape: tuple[int, int, int]
) -> tuple[int, int, int, int]:
    """Number of the neighbour and the image that it lies in, seen from a voxel in image 0."""
    n1, n2, n3 = shape
    i, j, k = voxel // (n2 * n3) + step[0], voxel // n3 % n2 + step[1], voxel % n3 + step[2]
    a = -1 if i < 0 else (1 if i >= n1 else 0)
    b = -1 if j < 0 else (1 if j >= n2 else 0)
    c = -1 if k < 0 else (1 if k >= n3 else 0)
    return ((i - a * n1) * n2 + j - b * n2) * n3 + k - c * n3, a, b, c


@njit(cache=True, nogil=True)
def percolation_thresholds(
    order: np.ndarray, shape: tuple[int, int, int], steps: np.ndarray
) -> np.ndarray:
    """When voxels are filled one by one, which of them first makes the crystal percolate.

    A cluster percolates along an axis once it holds a closed way whose winding, the whole number of
    cells between its ends when it is unrolled, is not 0 in that component. Newman and Ziff's
    union-find (Phys. Rev. E 64, 016706 (2001), doi 10.1103/PhysRevE.64.016706), with the image of
    each voxel relative to its cluster's root (Machta et al., Phys. Rev. E 54, 1332 (1996)).

    Parameters
    ----------
    order : (m,) int64, numbers of the voxels in the order of filling, none twice
    shape : of the grid
    steps : `STEPS`

    Returns
    -------
    (3,) int64
        place in `order` of the first voxel with which there is a way along each axis; -1 for none.
    """
    found = np.full(3, -1, dtype=np.int64)
    size = shape[0] * shape[1] * shape[2]
    parent = np.full(size, -1, dtype=np.int32)
    image = np.zeros((size, 3), dtype=np.int32)
    weight = np.ones(size, dtype=np.int32)
    for place in range(len(order)):
        voxel = order[place]
        parent[voxel] = voxel
        for s in range(len(steps)):
            other, a, b, c = neighbour(voxel, steps[s], shape)
            if parent[other] < 0:
                continue
            mine, theirs = root(voxel, parent, image), root(other, parent, image)
            # the image of the other's root, seen from mine
            a += image[voxel, 0] - image[other, 0]
            b += image[voxel, 1] - image[other, 1]
            c += image[voxel, 2] - image[other, 2]
            if mine == theirs:
                if a != 0 and found[0] < 0:
                    found[0] = place
                if b != 0 and found[1] < 0:
                    found[1] = place
                if c != 0 and found[2] < 0:
                    found[2] = place
            elif weight[mine] >= weight[theirs]:
                parent[theirs] = mine
                weight[mine] += weight[theirs]
                image[theirs, 0], image[theirs, 1], image[theirs, 2] = a, b, c
            else:
                parent[mine] = theirs
                weight[theirs] += weight[mine]
                image[mine, 0], image[mine, 1], image[mine, 2] = -a, -b, -c
        if found.min() >= 0:
            break
    return found


@njit(cache=True, nogil=True)
def cheapest_loop(
    source: int,
    costs: np.ndarray,
    lengths: np.ndarray,
    along: np.ndarray,
    shape: tuple[int, int, int],
    steps: np.ndarray,
) -> np.ndarray:
    """The cheapest closed way through a voxel that winds around the crystal.

    A step costs its length times the mean of its voxels' costs. Dijkstra's tree from the source
    meets itself around the crystal: the cheapest winding way is two of its branches and a step
    between their tips, because «does not wind» has the three-path property (Thomassen, J. Comb.
    Theory B 48, 155 (1990), doi 10.1016/0095-8956(90)90115-G), and neither branch is longer than
    half of it.

    Parameters
    ----------
    source : number of a voxel
    costs : (n,) float64, of each voxel; infinite where no way may lead
    lengths : float64, of each step
    along : (3,) bool, components of which at least one must wind
    shape, steps : as in `percolation_thresholds`

    Returns
    -------
    (m, 4) int64
        voxel and its image along the way; the first and the last are the source, the first in
        image 0. Empty when there is none.
    """
    size = len(costs)
    far = np.full(size, np.inf)
    arrived = np.full(size, -1, dtype=np.int8)  # by which step
    image = np.zeros((size, 3), dtype=np.int32)
    settled = np.zeros(size, dtype=np.bool_)
    best, tip, over = np.inf, -1, -1
    far[source] = 0.0
    heap = [(0.0, source)]
    while len(heap) > 0:
        reached, voxel = heapq.heappop(heap)
        if 2 * reached > best:
            break
        if settled[voxel]:
            continue
        settled[voxel] = True
        for s in range(len(steps)):
            other, a, b, c = neighbour(voxel, steps[s], shape)
            if not np.isfinite(costs[other]):
                continue
            step = 0.5 * lengths[s] * (costs[voxel] + costs[other])
            a += image[voxel, 0]
            b += image[voxel, 1]
            c += image[voxel, 2]
            if settled[other]:
                winds = (
                    (along[0] and a != image[other, 0])
                    or (along[1] and b != image[other, 1])
                    or (along[2] and c != image[other, 2])
                )
                if winds and reached + step + far[other] < best:
                    best, tip, over = reached + step + far[other], voxel, s
            elif reached + step < far[other]:
                far[other] = reached + step
                arrived[other] = s
                image[other, 0], image[other, 1], image[other, 2] = a, b, c
                heapq.heappush(heap, (far[other], other))
    if tip < 0:
        return np.empty((0, 4), dtype=np.int64)
    other, a, b, c = neighbour(tip, steps[over], shape)
    out, back = _branch(tip, arrived, shape, steps), _branch(other, arrived, shape, steps)
    way = np.empty((len(out) + len(back), 4), dtype=np.int64)
    for m in range(len(out)):
        voxel = out[len(out) - 1 - m]
        way[m, 0] = voxel
        for x in range(3):
            way[m, 1 + x] = image[voxel, x]
    shift = (
        image[tip, 0] + a - image[other, 0],
        image[tip, 1] + b - image[other, 1],
        image[tip, 2] + c - image[other, 2],
    )
    for m in range(len(back)):
        voxel = back[m]
        way[len(out) + m, 0] = voxel
        for x in range(3):
            way[len(out) + m, 1 + x] = image[voxel, x] + shift[x]
    return way


@njit(cache=True, nogil=True)
def _branch(
    voxel: int, arrived: np.ndarray, shape: tuple[int, int, int], steps: np.ndarray
) -> np.ndarray:
    """Voxels from one to the source of Dijkstra's tree."""
    count, at = 1, voxel
    while arrived[at] >= 0:
        at = neighbour(at, steps[len(steps) - 1 - arrived[at]], shape)[0]
        count += 1
    branch = np.empty(count, dtype=np.int64)
    for m in range(count):
        branch[m] = voxel
        if arrived[voxel] >= 0:
            voxel = neighbour(voxel, steps[len(steps) - 1 - arrived[voxel]], shape)[0]
    return branch


def from_lowest(
    way: np.ndarray, energies: np.ndarray, along: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A closed way turned to start at its lowest voxel and to lead onward.

    Parameters
    ----------
    way : of `cheapest_loop`
    energies : of all voxels
    along : (3,) bool, components of which the first that winds shall do so forward

    Returns
    -------
    voxels : (m,) int, the first and the last are the lowest
    images : (m, 3) int, of each, the first in image 0
    winding : (3,) int
    """
    winding = way[-1, 1:] - way[0, 1:]
    if winding[along][np.flatnonzero(winding[along])[0]] < 0:
        way, winding = way[::-1], -winding
    lowest = int(np.argmin(energies[way[:-1, 0]]))
    voxels = np.concatenate([way[lowest:-1, 0], way[: lowest + 1, 0]])
    images = np.concatenate([way[lowest:-1, 1:], way[: lowest + 1, 1:] + winding])
    return voxels, images - images[0], winding
