"""Which frames are the same structure, within a tolerance, whatever the order of their atoms."""

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

_SHORTEST = 200  # distances per pair of species; the long ones add little
_CHUNKS = 8
_BATCH = 4096


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
    a, b, c = atoms.cell[:]
    lengths = np.linalg.norm([a, b, c, a + b, b + c, c + a], axis=1)
    return np.concatenate([distances / np.sqrt(max(1, len(distances))), lengths / np.sqrt(6)])


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
