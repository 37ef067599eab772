"""One ordering: labels on the sites of a supercell, and the atoms they stand for."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from mlipsse import keys
from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.counting.burnside import Route
from mlipsse.orderings.host.model import VACANCY


@dataclass(frozen=True, eq=False)
class Ordering:
    """One symmetry-distinct ordering.

    Attributes
    ----------
    name : e.g. `Li3InCl6-1x1x1-o003`; the number is the rank by Ewald energy in its list
    composition : formula as the user wrote it
    supercell : the sites
    labels : (n_sites,) int8, per site the index of its species among its sublattice's
    pattern : rank of the charge pattern by Ewald energy, from 0; orderings that share it differ
        only in which of equally charged species sits where. None where patterns are not listed
    degeneracy : arrangements in the supercell that symmetry makes equal to this one
    ewald_energy_eV : of the supercell, formal charges
    route : how the list was made, see `OrderingCount.route`; `search` for those searched for
    found : how this one was found: `exact`, all are listed; `Ewald`, by its Ewald energy;
        `Ewald, random`, its charge pattern by its Ewald energy, its decoration drawn at random;
        `search round 3` or `random round 3`, by `mlipsse.orderings.search`
    coverage : orderings in the list over distinct orderings there are; None where these are
        beyond counting
    """

    name: str
    composition: str
    supercell: Supercell
    labels: np.ndarray
    pattern: int | None
    degeneracy: int
    ewald_energy_eV: float
    route: Route | Literal["search"]
    found: str
    coverage: float | None

    @cached_property
    def atoms(self) -> Atoms:
        """Sorted by species, then site; `info` holds keys.COMPOSITION and keys.ORDERING."""
        atoms = decorated_atoms(self.supercell, self.labels)
        atoms.info = {keys.COMPOSITION: self.composition, keys.ORDERING: self.name}
        return atoms

    @property
    def mobile_code(self) -> str:
        """Labels of the mobile ion's sublattice, see `site_code`."""
        return "m" + site_code(self.supercell, self.labels, [0])

    @property
    def decoration_code(self) -> str:
        """Labels of the other sublattices where there is a choice, see `site_code`."""
        return "d" + site_code(self.supercell, self.labels, framework(self.supercell))


def framework(supercell: Supercell) -> list[int]:
    """Sublattices other than the mobile ion's where there is a choice."""
    sublattices = supercell.host.sublattices
    return [n for n, s in enumerate(sublattices) if n and len(s.species) > 1]


def site_code(supercell: Supercell, labels: np.ndarray, sublattices: list[int]) -> str:
    """Labels as a number in hexadecimal: one digit per site to the base of the most species.

    The first site is the lowest digit; `site_labels` reads it back.

    Parameters
    ----------
    labels : (n_sites,) int
    """
    sites, base = _digits(supercell, sublattices)
    number = 0
    for label in labels[sites][::-1].tolist():
        number = number * base + label
    return f"{number:x}"


def site_labels(supercell: Supercell, code: str, sublattices: list[int]) -> np.ndarray:
    """Labels (n,) int8 of the sites of sublattices, in turn, from their code (without letter)."""
    sites, base = _digits(supercell, sublattices)
    labels, number = np.zeros(len(sites), dtype=np.int8), int(code, 16)
    for place in range(len(sites)):
        number, labels[place] = divmod(number, base)
    return labels


def _digits(supercell: Supercell, sublattices: list[int]) -> tuple[np.ndarray, int]:
    parts = [supercell.sites[n] for n in sublattices]
    kinds = [len(supercell.host.sublattices[n].species) for n in sublattices]
    return np.concatenate([np.empty(0, dtype=int), *parts]), max([2, *kinds])


def site_charges(supercell: Supercell, labels: np.ndarray) -> np.ndarray:
    """Formal charges (..., n_sites) float64 of labels (..., n_sites), species of sublattices."""
    charges = np.empty(labels.shape)
    for sublattice, sites in zip(supercell.host.sublattices, supercell.sites, strict=True):
        table = np.array([supercell.host.charges[name] for name in sublattice.species], dtype=float)
        charges[..., sites] = table[labels[..., sites]]
    return charges


def decorated_atoms(supercell: Supercell, labels: np.ndarray) -> Atoms:
    """Atoms of labels (n_sites,): vacancies left out, sorted by species, then site."""
    names = supercell.host.species
    place = {name: number for number, name in enumerate((*names, VACANCY))}
    kinds = np.empty(supercell.n_sites, dtype=int)
    for sublattice, sites in zip(supercell.host.sublattices, supercell.sites, strict=True):
        kinds[sites] = np.array([place[name] for name in sublattice.species])[labels[sites]]
    order = np.argsort(kinds, kind="stable")[: int((kinds < len(names)).sum())]
    numbers = np.array([atomic_numbers[name] for name in names])
    return Atoms(
        numbers=numbers[kinds[order]],
        positions=supercell.positions[order],
        cell=supercell.cell,
        pbc=True,
    )


def ordering_name(composition: str, supercell: str, rank: int, total: int) -> str:
    """A name that is safe as a file name and as a string in an ASE database."""
    width = max(3, len(str(total - 1)))
    return f"{_safe(composition)}-{supercell}-o{rank:0{width}d}"


def searched_name(composition: str, supercell: str, number: int) -> str:
    """The name of an ordering that was searched for, by its number in the search, from 1."""
    return f"{_safe(composition)}-{supercell}-s{number:03d}"


def _safe(composition: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]", "_", composition)
