"""Electrostatic energy of point charges as a quadratic form."""

import numpy as np
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.core import Lattice, Structure

ENERGY_TOLERANCE_EV = 1e-6
"""Energies this close are one level: symmetry-degenerate orderings differ by rounding."""


def ewald_matrix(cell: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Matrix M of the Ewald sum, E = q^T M q.

    Computed once per set of sites by pymatgen's EwaldSummation (Toukmaji and Board, Comput. Phys.
    Commun. 95, 73, 1996, doi 10.1016/0010-4655(96)00016-1) with a unit charge on every site; a
    vacancy is a charge of zero. Holds for neutral sets of charges only: the term of a charged
    cell's background is not in it.

    Parameters
    ----------
    cell : (3, 3) float64, rows are lattice vectors, Å
    positions : (n_sites, 3) float64, Cartesian, Å

    Returns
    -------
    np.ndarray
        (n_sites, n_sites) float64, symmetric, eV per elementary charge squared.
    """
    sites = Structure(Lattice(cell), ["H+"] * len(positions), positions, coords_are_cartesian=True)
    matrix = EwaldSummation(sites).total_energy_matrix
    return (matrix + matrix.T) / 2


def ewald_energies(matrix: np.ndarray, charges: np.ndarray) -> np.ndarray:
    """Energies, (n,) eV, of n sets of charges, (n, n_sites) elementary charges."""
    return np.einsum("ni,ni->n", charges @ matrix, charges)


def degenerate_levels(
    energies_eV: np.ndarray, *, tolerance_eV: float = ENERGY_TOLERANCE_EV
) -> np.ndarray:
    """Number the levels of energies from the lowest, those within rounding of each other as one.

    A new level begins where the sorted energies step by more than `tolerance_eV`, so that the
    order of symmetry-degenerate orderings does not hang on the last digits.
    """
    order = np.argsort(energies_eV, kind="stable")
    steps = np.diff(energies_eV[order], prepend=energies_eV[order[:1]]) > tolerance_eV
    levels = np.empty(len(order), dtype=int)
    levels[order] = np.cumsum(steps)
    return levels
