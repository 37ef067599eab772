"""Frames that are nearly one: twins, whatever the order of their atoms, and neighbours in time."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce

NEAR_A = 0.005
"""Two frames are near-identical when their sorted short distances differ by less, root mean
square. Of 60 copies of an 80-atom crystal, scattered by 0.12 Å (as at 300 K), the nearest two
differ by 0.029; scattered by 0.02 Å, by 0.0065; by 0.005 Å, all are near-identical."""

SAME_A = 1e-4
"""Below this two frames are the same: files round positions to 1e-8 Å, others to 1e-5."""

NEIGHBOUR_A = 0.1
"""Nothing further apart is called near; see `neighbours_across`."""

NEIGHBOUR_SHARE = 0.25
"""Share of the median distance between frames of equal atoms; independent frames are further apart.
Frames of dynamics at 300 to 1500 K come so near within some 10 fs."""


_SHORTEST = 200  # distances per pair of species; the long ones add little
_CHUNKS = 8
_BATCH = 4096
_FRAMES_AT_ONCE = 512
_SLACK = 3.0  # of lengths along oblique axes against distances, for the first sieve


@dataclass(frozen=True, eq=False)
class Twins:
    """Pairs of like frames.

    Attributes
    ----------
    first, second : (n_pairs,) int, first < second
    apart_A : (n_pairs,) float64, root-mean-square difference of the fingerprints
    """

    first: np.ndarray
    second: np.ndarray
    apart_A: np.ndarray


def find_twins(frames: Sequence[Atoms]) -> Twins:
    """All pairs of frames of the same atoms whose fingerprints differ by less than `NEAR_A`.

    A fingerprint holds the shortest distances between the atoms of every pair of species, each to
    the nearest image, sorted, and six lengths of the cell: nothing of it
    changes under translation, rotation, wrapping or another order of the atoms. It does change with
    the choice of the cell: a supercell of a frame is not found.
    """
    groups: dict[tuple[bytes, bytes], list[int]] = defaultdict(list)
    for index, frame in enumerate(frames):
        groups[(np.sort(frame.numbers).tobytes(), frame.pbc.tobytes())].append(index)
    found = [_twins_of_group(frames, group) for group in groups.values() if len(group) > 1]
    if not found:
        return Twins(np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros(0))
    return Twins(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _twins_of_group(
    frames: Sequence[Atoms], group: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from scipy.spatial import cKDTree

    prints = np.stack([fingerprint(frames[index]) for index in group])
    # Chunk sums over the root of the chunk's length are an orthogonal projection: no two frames
    # come further apart by it, so the tree misses none.
    starts = np.unique(np.linspace(0, prints.shape[1], _CHUNKS + 1)[:-1].astype(int))
    lengths = np.diff([*starts, prints.shape[1]])
    coarse = np.add.reduceat(prints, starts, axis=1) / np.sqrt(lengths)
    first, second, apart = [], [], []
    for pairs in _batches(cKDTree(coarse).query_pairs(NEAR_A, output_type="ndarray")):
        distance_A = np.linalg.norm(prints[pairs[:, 0]] - prints[pairs[:, 1]], axis=1)
        near = distance_A < NEAR_A
        first.append(np.asarray(group)[pairs[near, 0]])
        second.append(np.asarray(group)[pairs[near, 1]])
        apart.append(distance_A[near])
    if not first:
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros(0)
    return np.concatenate(first), np.concatenate(second), np.concatenate(apart)


def _batches(pairs: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(pairs), _BATCH):
        yield pairs[start : start + _BATCH]


def fingerprint(atoms: Atoms) -> np.ndarray:
    """Sorted short distances and lengths of the cell; the norm of a difference is in Å, RMS.

    Returns
    -------
    (n,) float64; n depends on the numbers of atoms of every species only
    """
    periodic = bool(atoms.pbc.all() and atoms.cell.rank == 3)
    first, second = np.triu_indices(len(atoms), 1)
    if periodic:
        distances_A = _to_nearest_image(atoms, first, second)
    else:
        distances_A = np.linalg.norm(atoms.positions[second] - atoms.positions[first], axis=1)
    low = np.minimum(atoms.numbers[first], atoms.numbers[second])
    high = np.maximum(atoms.numbers[first], atoms.numbers[second])
    kinds = low * 128 + high
    parts = [np.sort(distances_A[kinds == kind])[:_SHORTEST] for kind in np.unique(kinds)]
    distances = np.concatenate([*parts, np.zeros(0)])
    return np.concatenate([distances / np.sqrt(max(1, len(distances))), _cell_lengths(atoms)])


def _to_nearest_image(atoms: Atoms, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Distances of pairs to the nearest image, Å.

    In a Minkowski-reduced cell the nearest image has fractional components of one sign or the other
    between -1 and 1: of eight images the nearest is taken. Rounding alone would take one of two
    images by chance where atoms are half a cell apart, as they are in crystals.
    """
    cell = minkowski_reduce(atoms.cell[:])[0]
    between = (atoms.positions[second] - atoms.positions[first]) @ np.linalg.inv(cell)
    between -= np.round(between)
    one, other = between @ cell, -np.sign(between)[:, :, None] * cell
    nearest = np.full(len(between), np.inf)
    for images in product((0, 1), repeat=3):
        vectors = one + sum(other[:, axis] for axis in range(3) if images[axis])
        np.minimum(nearest, np.einsum("ij,ij->i", vectors, vectors), out=nearest)
    return np.sqrt(nearest)


def neighbours_across(
    frames: Sequence[Atoms], splits: Sequence[str]
) -> list[tuple[int, int, float]]:
    """Pairs of frames of the same atoms, in the same order, of two splits, that are nearly one.

    Their distance is the root mean square over atoms of the displacement to the nearest image,
    with that of the cell's vectors added in squares. It is near below `NEIGHBOUR_A` and
    `NEIGHBOUR_SHARE` of the median between frames of one kind: frames rattled by 0.02 Å are not
    near to each other because of that.

    Returns
    -------
    first, second, distance in Å; the nearest first
    """
    groups: dict[bytes, list[int]] = defaultdict(list)
    for index, frame in enumerate(frames):
        if frame.pbc.all() and frame.cell.rank == 3:
            groups[frame.numbers.tobytes()].append(index)
    found = []
    for members in groups.values():
        if len({splits[index] for index in members}) > 1:
            found += _neighbours_of_group(frames, splits, members)
    return sorted(found, key=lambda pair: pair[2])


def _neighbours_of_group(
    frames: Sequence[Atoms], splits: Sequence[str], members: list[int]
) -> list[tuple[int, int, float]]:
    # Euclidean distances of these are, but for oblique axes, those of the frames.
    points = np.stack([_embedded(frames[index]) for index in members]).astype(np.float32)
    squares = np.einsum("ij,ij->i", points, points)
    order = np.array([splits[index] for index in members])
    spread = []
    candidates: list[tuple[int, int]] = []
    for start in range(0, len(members), _FRAMES_AT_ONCE):
        chunk = slice(start, start + _FRAMES_AT_ONCE)
        apart = squares[chunk, None] + squares[None, :] - 2 * points[chunk] @ points.T
        apart = np.sqrt(np.maximum(apart, 0.0))
        later = np.arange(len(members))[None, :] > np.arange(start, start + len(apart))[:, None]
        spread.append(np.median(apart[later]) if later.any() else np.nan)
        near = later & (apart < _SLACK * NEIGHBOUR_A) & (order[chunk, None] != order[None, :])
        candidates += [(start + int(i), int(j)) for i, j in zip(*np.nonzero(near), strict=True)]
    limit_A = min(NEIGHBOUR_A, NEIGHBOUR_SHARE * float(np.nanmedian(spread)))
    pairs = []
    for first, second in candidates:
        one, other = members[first], members[second]
        distance_A = _distance_A(frames[one], frames[other])
        if distance_A < limit_A:
            pairs.append((one, other, distance_A))
    return pairs


def _embedded(frame: Atoms) -> np.ndarray:
    """Fractional coordinates on circles as long as the cell's vectors, and these vectors, Å."""
    lengths = np.linalg.norm(frame.cell[:], axis=1)
    angles = 2 * np.pi * frame.get_scaled_positions()
    radius = lengths / (2 * np.pi) / np.sqrt(len(frame))
    return np.concatenate(
        [(radius * np.cos(angles)).ravel(), (radius * np.sin(angles)).ravel(), _cell_lengths(frame)]
    )


def _distance_A(one: Atoms, other: Atoms) -> float:
    moved = other.get_scaled_positions() - one.get_scaled_positions()
    moved -= np.round(moved)
    moved -= moved.mean(axis=0)
    path_A = moved @ (one.cell[:] + other.cell[:]) / 2
    cells_A = _cell_lengths(other) - _cell_lengths(one)
    return float(np.sqrt(np.mean(np.sum(path_A**2, axis=1)) + np.sum(cells_A**2)))


def _cell_lengths(atoms: Atoms) -> np.ndarray:
    """(6,) lengths, Å, that fix the cell up to its orientation, over the root of their number."""
    a, b, c = atoms.cell[:]
    found: np.ndarray = np.linalg.norm([a, b, c, a + b, b + c, c + a], axis=1) / np.sqrt(6)
    return found
