"""Kernels on structures that several stages need."""

import math

import numpy as np
from ase import Atoms

from mlipsse.errors import MlipsseError


def supercell(atoms: Atoms, *, min_atoms: int = 0, min_width_A: float = 0.0) -> Atoms:
    """`atoms` repeated along its own axes (see `supercell_factors`), tags and info kept."""
    return atoms.repeat(supercell_factors(atoms, min_atoms=min_atoms, min_width_A=min_width_A))


def supercell_factors(
    atoms: Atoms, *, min_atoms: int = 0, min_width_A: float = 0.0
) -> tuple[int, int, int]:
    """Repetitions along a, b, c that reach both sizes and make the most compact cell.

    Of all repetitions with at most a third more atoms than the smallest sufficient one, that
    whose least width is largest for its volume is taken; ties go to fewer atoms, then to repetition
    along a before b before c.

    Parameters
    ----------
    atoms : periodic in three directions
    min_atoms : least number of atoms
    min_width_A : least distance between opposite faces, Å

    Raises
    ------
    MlipsseError
        for an empty structure or one without a cell.
    """
    if len(atoms) == 0 or abs(atoms.cell.volume) < 1e-6:
        raise MlipsseError(
            "A supercell requires a structure with atoms and a cell of non-zero volume."
        )
    widths = widths_A(atoms)
    least = [max(1, math.ceil(min_width_A / width - 1e-9)) for width in widths]
    copies = max(math.prod(least), math.ceil(min_atoms / len(atoms)))
    enough = [
        factors
        for factors in _factors_up_to(_affordable(copies), least=least)
        if math.prod(factors) * len(atoms) >= min_atoms
    ]
    fewest = min(math.prod(factors) for factors in enough)

    def preference(factors: tuple[int, int, int]) -> tuple[float, int, tuple[int, ...]]:
        width_A = min(n * width for n, width in zip(factors, widths, strict=True))
        compactness = width_A / math.prod(factors) ** (1 / 3)
        return (-round(compactness, 6), math.prod(factors), tuple(-n for n in factors))

    return min(
        (factors for factors in enough if math.prod(factors) <= _affordable(fewest)), key=preference
    )


def widths_A(atoms: Atoms) -> list[float]:
    """Distances between opposite faces, Å: reciprocals of the reciprocal vectors' lengths."""
    return [float(1 / np.linalg.norm(vector)) for vector in np.asarray(atoms.cell.reciprocal())]


def _factors_up_to(limit: int, *, least: list[int]) -> list[tuple[int, int, int]]:
    a, b, c = least
    return [
        (i, j, k)
        for i in range(a, limit // (b * c) + 1)
        for j in range(b, limit // (i * c) + 1)
        for k in range(c, limit // (i * j) + 1)
    ]


def _affordable(copies: int) -> int:
    """Most copies worth taking for a more compact cell: a third more, e.g. four for three."""
    return copies * 4 // 3
