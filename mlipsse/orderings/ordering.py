"""One ordering: labels on the sites of a supercell, and the atoms they stand for."""

import re
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from mlipsse.orderings.counting import Route
from mlipsse.orderings.host import VACANCY
from mlipsse.orderings.supercell import Supercell


@dataclass(frozen=True, eq=False)
class Ordering:
    """One symmetry-distinct ordering.

    Attributes
    ----------
    name : e.g. `Li3InCl6-1x1x1-o003`; the number is the rank by Ewald energy in its list
    atoms : sorted by species, then site; `info` holds keys.COMPOSITION and keys.ORDERING
    composition : formula as the user wrote it
    supercell : e.g. `1x1x2`
    mobile_pattern : rank of the mobile-ion pattern by Ewald energy, from 0; orderings that share
        it differ in their framework alone
    degeneracy : arrangements in the supercell that symmetry makes equal to this one
    ewald_energy_eV : of the supercell, formal charges
    route : `exact` when the list holds every distinct ordering, else `sample`
    pattern_route : `exact` when all mobile-ion patterns were ranked, else `sample`
    coverage : orderings in the list over distinct orderings there are
    """

    name: str
    atoms: Atoms
    composition: str
    supercell: str
    mobile_pattern: int
    degeneracy: int
    ewald_energy_eV: float
    route: Route
    pattern_route: Route
    coverage: float


def site_charges(supercell: Supercell, labels: np.ndarray) -> np.ndarray:
    """Formal charges, float64, for labels (..., n_sites) that index each sublattice's species."""
    charges = np.empty(labels.shape)
    for sublattice, sites in zip(supercell.host.sublattices, supercell.sites, strict=True):
        table = np.array([supercell.host.charges[name] for name in sublattice.species], dtype=float)
        charges[..., sites] = table[labels[..., sites]]
    return charges


def decorated_atoms(supercell: Supercell, labels: np.ndarray) -> Atoms:
    """Atoms of labels (n_sites,): vacancies left out, sorted by species, then site."""
    symbols = np.empty(supercell.n_sites, dtype=object)
    for sublattice, sites in zip(supercell.host.sublattices, supercell.sites, strict=True):
        symbols[sites] = np.array(sublattice.species, dtype=object)[labels[sites]]
    order = [site for site in np.argsort(symbols, kind="stable") if symbols[site] != VACANCY]
    return Atoms(
        symbols=list(symbols[order]),
        positions=supercell.positions[order],
        cell=supercell.cell,
        pbc=True,
    )


def ordering_name(composition: str, supercell: str, rank: int, total: int) -> str:
    """A name that is safe as a file name and as a string in an ASE database."""
    width = max(3, len(str(total - 1)))
    return f"{re.sub(r'[^A-Za-z0-9.]', '_', composition)}-{supercell}-o{rank:0{width}d}"
