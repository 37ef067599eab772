"""Which frames are isolated atoms: what their energies are used for is no crystal's."""

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce

VACUUM_A = 7.0
"""A single atom with no image nearer than this stands alone. The widest crystal of one atom per
cell is caesium, 5.3 Å; boxes for isolated atoms start at 8 Å."""

CONFIG_TYPE = "config_type"
_NAMES = {"isolatedatom", "isolatedatoms", "isolated"}


def named_isolated(atoms: Atoms) -> bool:
    """Whether the frame's `config_type` calls it an isolated atom, in any spelling."""
    word = str(atoms.info.get(CONFIG_TYPE, "")).casefold()
    return "".join(c for c in word if c.isalpha()) in _NAMES


def nearest_image_A(atoms: Atoms) -> float:
    """Distance of an atom to its own nearest periodic image, Å; infinite without periodicity."""
    periodic = np.asarray(atoms.pbc) & (np.linalg.norm(atoms.cell[:], axis=1) > 0)
    if not periodic.any() or not np.isfinite(atoms.cell[:]).all():
        return np.inf
    if periodic.all() and atoms.cell.rank == 3:
        reduced = minkowski_reduce(atoms.cell[:])[0]
    else:
        reduced = atoms.cell[:][periodic]
    return float(np.linalg.norm(reduced, axis=1).min())


def is_isolated(atoms: Atoms) -> bool:
    """Whether a frame is an isolated atom: by its `config_type`, or by the vacuum around it.

    A single atom in a cell without vacuum is a crystal of one atom per cell, such as bcc lithium.
    """
    return len(atoms) == 1 and (named_isolated(atoms) or nearest_image_A(atoms) >= VACUUM_A)
