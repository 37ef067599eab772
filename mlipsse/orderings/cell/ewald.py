"""Electrostatic energy of point charges as a quadratic form."""

import numpy as np
from pymatgen.core import Lattice, Structure

ENERGY_TOLERANCE_EV = 1e-6
"""Energies this close are one level: symmetry-degenerate orderings differ by rounding."""


def ewald_matrix(
    cell: np.ndarray, positions: np.ndarray, *, background: bool = False
) -> np.ndarray:
    """Matrix M of the Ewald sum, E = q^T M q.

    Computed once per set of sites by pymatgen's EwaldSummation (Toukmaji and Board, Comput. Phys.
    Commun. 95, 73, 1996, doi 10.1016/0010-4655(96)00016-1) with a unit charge on every site; a
    vacancy is a charge of zero. Without `background` it holds for neutral sets of charges only.

    Parameters
    ----------
    cell : (3, 3) float64, rows are lattice vectors, Å
    positions : (n_sites, 3) float64, Cartesian, Å
    background : add a neutralising background for every charge: -pi k / (2 V eta) in every
        element, with k = 14.3996 eV Å, V the cell's volume and eta the splitting parameter (the
        charged-cell term of pymatgen's EwaldSummation, element by element)

    Returns
    -------
    np.ndarray
        (n_sites, n_sites) float64, symmetric, eV per elementary charge squared.
    """
    from pymatgen.analysis.ewald import EwaldSummation

    sites = Structure(Lattice(cell), ["H+"] * len(positions), positions, coords_are_cartesian=True)
    ewald = EwaldSummation(sites)
    matrix = (ewald.total_energy_matrix + ewald.total_energy_matrix.T) / 2
    if background:
        matrix -= np.pi * EwaldSummation.CONV_FACT / (2 * sites.volume * ewald.eta)
    return matrix


def degenerate_levels(energies_eV: np.ndarray) -> np.ndarray:
    """Number the levels of energies, (n,), from the lowest; those within rounding are one.

    A new level begins where the sorted energies step by more than `ENERGY_TOLERANCE_EV`, so that
    the order of symmetry-degenerate orderings does not hang on the last digits.
    """
    order = np.argsort(energies_eV, kind="stable")
    steps = np.diff(energies_eV[order], prepend=energies_eV[order[:1]]) > ENERGY_TOLERANCE_EV
    levels = np.empty(len(order), dtype=int)
    levels[order] = np.cumsum(steps)
    return levels
