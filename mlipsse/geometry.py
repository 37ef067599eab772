"""Kernels on atomic positions that several stages need."""

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from mlipsse.errors import MlipsseError


def close_pairs(atoms: Atoms, cutoff_A: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of atoms, and of an atom with its periodic image, nearer than a distance.

    Any cell is right, also a strongly skewed one, and one smaller than the cutoff.

    Parameters
    ----------
    atoms : structure, periodic where its `pbc` says so
    cutoff_A : Å

    Returns
    -------
    first, second : (n_pairs,) int, indices with first <= second; a pair that meets through
        several images is listed once for each
    distance : (n_pairs,) float64, Å, ascending
    """
    first, second, distance, shift = neighbor_list("ijdS", atoms, float(cutoff_A))
    # An atom meets its own image in both directions; one of the two is the pair.
    leading = np.argmax(shift != 0, axis=1)
    positive = np.take_along_axis(shift, leading[:, None], axis=1)[:, 0] > 0
    kept = (first < second) | ((first == second) & positive)
    order = np.argsort(distance[kept], kind="stable")
    return first[kept][order], second[kept][order], distance[kept][order]


def minimum_distance(atoms: Atoms) -> float:
    """Shortest distance between two atoms, or an atom and its periodic image, in Å.

    Infinite for a single atom without periodicity.

    Raises
    ------
    MlipsseError
        when there are no atoms, or a position or the cell is not finite.
    """
    if not len(atoms):
        raise MlipsseError("A structure without atoms has no distances.")
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise MlipsseError("A position or the cell is not finite (NaN or infinite).")
    if len(atoms) == 1 and not atoms.pbc.any():
        return float("inf")
    # Each doubling of the cutoff costs eight times as much: start at a bond's length.
    cutoff = 3.0
    while True:
        distances = neighbor_list("d", atoms, cutoff)
        if len(distances):
            return float(distances.min())
        cutoff *= 2
