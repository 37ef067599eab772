"""Forces that are exactly zero: by symmetry, by rounding, or because a constraint zeroed them."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from ase import Atoms

_SYMPREC_A = 1e-3
_BY_CHANCE = 0.01
_MIN_FRAMES = 4
_MOST_FRAMES = 50
"""Frames whose symmetry is looked at: a constraint shows in all."""


def constrained_atoms(frames: Sequence[Atoms], forces: Sequence[np.ndarray]) -> dict[int, int]:
    """Frames with components of forces that are zero for no reason of symmetry or rounding.

    Atoms without any force are looked for in every frame; single components that are zero in all
    of four or more frames of the same atoms (selective dynamics along an axis) besides.

    Parameters
    ----------
    forces : of every frame, (n_atoms, 3), eV/Å

    Returns
    -------
    place of the frame -> atoms of it
    """
    found: dict[int, int] = {}
    groups: dict[bytes, list[int]] = defaultdict(list)
    for place, frame in enumerate(frames):
        groups[frame.numbers.tobytes()].append(place)
    looked_at = 0
    for places in groups.values():
        always = np.all([forces[place] == 0 for place in places], axis=0)
        if len(places) < _MIN_FRAMES:
            always = np.zeros_like(always)
        for place in places:
            zero = (forces[place] == 0).all(axis=1, keepdims=True) | always
            if not zero.any() or looked_at == _MOST_FRAMES or _rounded(forces[place], zero):
                continue
            looked_at += 1
            unexplained = (zero & _free(frames[place])).any(axis=1)
            if unexplained.any():
                found[place] = int(unexplained.sum())
    return found


def _rounded(forces: np.ndarray, zero: np.ndarray) -> bool:
    """Whether forces are written so coarsely that zeros come by chance."""
    others = forces[~np.broadcast_to(zero, forces.shape)]
    share = float(np.mean(others == 0)) if len(others) else 0.0
    return share**3 * len(forces) > _BY_CHANCE


def _free(frame: Atoms) -> np.ndarray:
    """Components of the forces that the crystal's symmetry leaves free, (n_atoms, 3) bool.

    A force is the same after every operation that leaves its atom where it is: it is its own mean
    over the atom's site symmetry.
    """
    import spglib

    free = np.ones((len(frame), 3), dtype=bool)
    if not (frame.pbc.all() and frame.cell.rank == 3):
        return free
    cell = frame.cell[:]
    scaled = frame.get_scaled_positions()
    symmetry = spglib.get_symmetry((cell, scaled, frame.numbers), symprec=_SYMPREC_A)
    if symmetry is None:
        return free
    sums, counts = np.zeros((len(frame), 3, 3)), np.zeros(len(frame))
    for rotation, shift in zip(symmetry["rotations"], symmetry["translations"], strict=True):
        moved = scaled @ rotation.T + shift - scaled
        moved -= np.round(moved)
        fixed = np.linalg.norm(moved @ cell, axis=1) < 10 * _SYMPREC_A
        # Of column vectors: r' = h^T R h^-T r.
        sums[fixed] += cell.T @ rotation @ np.linalg.inv(cell.T)
        counts[fixed] += 1
    means = sums / np.maximum(counts, 1)[:, None, None]
    allowed: np.ndarray = np.abs(means).max(axis=2) > 1e-3
    return allowed
