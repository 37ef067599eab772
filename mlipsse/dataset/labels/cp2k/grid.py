"""CP2K's grids: how many, and how fine for the sharpest Gaussian."""

import math

_COARSEST_RY = 15.0
"""Cutoff of the coarsest grid, at most."""

_RY_PER_EXPONENT = {"PBE": 80.0, "SCAN": 110.0}
"""Cutoff over the largest exponent of a basis set (1/bohr²) below which CP2K's grid is too coarse.

Errors of forces by this ratio, in meV/Å by net forces. PBE: 190 at 51 (Na2O), 21 at 58
(Li3.5P0.5Ge0.5S2O2), 0.3 at 84 (Li3YBr6), 1 at 114 (NaCl). SCAN: 8 to 25 at 84, 4 at 125, 3 at 167
(halides), 5 at 117 (Li3.5P0.5Ge0.5S2O2)."""

_TOO_SHARP_FOR_SCAN = 20.0
"""No cutoff is known to be enough for SCAN with a larger exponent: in NaCl (24) net forces show 41
meV/Å at a ratio of 114, where PBE has 1."""


def grid_levels(cutoff_Ry: float) -> int:
    """Number of grids, each of a third of the cutoff of the one before, as in CP2K.

    Wide Gaussians go to the coarsest, which CP2K's four grids leave too fine at high cutoffs: with
    five at 1200 Ry, 20 atoms of Li3InCl6 take 0.7 of the time and forces differ by 2e-7 eV/Å.
    """
    return max(4, 1 + math.ceil(math.log(cutoff_Ry / _COARSEST_RY, 3)))


def cutoff_for_exponent_Ry(functional: str, exponent: float) -> float:
    """Least cutoff for a basis set whose largest exponent this is, in 1/bohr²; inf if none is
    known.

    The product of two such Gaussians is in reciprocal space exp(-G² / 8 exponent), and G² in Ry is
    the cutoff.
    """
    if functional == "SCAN" and exponent > _TOO_SHARP_FOR_SCAN:
        return math.inf
    return _RY_PER_EXPONENT[functional] * exponent
