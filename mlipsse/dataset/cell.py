"""Cells large enough to sample."""

import numpy as np
from ase import Atoms


def repeat_to(atoms: Atoms, *, min_atoms: int) -> Atoms:
    """`atoms` repeated along its shortest side, again and again, until they are `min_atoms`.

    `info` is kept; a cell that is large enough comes back as a copy.
    """
    factors = np.ones(3, dtype=int)
    lengths_A = atoms.cell.lengths()
    while len(atoms) * factors.prod() < min_atoms:
        # Rounded, so that sides equal by symmetry do not depend on their last digits.
        factors[int(np.argmin(np.round(lengths_A * factors, 6)))] += 1
    return atoms.repeat(tuple(int(n) for n in factors))
