"""Which anions surround which cation, and which sites the mobile ion takes, in an ordering."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase.neighborlist import primitive_neighbor_list

from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.cell.symmetry import wyckoff_positions
from mlipsse.orderings.host.model import VACANCY

SHELL = 1.25
"""Anions nearer than this times the distance of the nearest one are in a cation's first shell."""

_REACH_A = 6.0
"""No anion is farther from a cation of a crystal."""


@dataclass(frozen=True, eq=False)
class Coordination:
    """First shells of the framework's cations, and sites of the mobile ion, of a supercell.

    Sites are those of the host, not relaxed. A cation is a species of positive charge on another
    sublattice than the mobile ion's.

    Attributes
    ----------
    supercell : the sites
    """

    supercell: Supercell

    def shells(self, labels: np.ndarray) -> Counter[tuple[str, str]]:
        """Number of cations by (species, anions around it), e.g. (In, Br3Cl3).

        Parameters
        ----------
        labels : (n_sites,) int8
        """
        species = self._species(labels)
        found: Counter[tuple[str, str]] = Counter()
        for cation, anions in self._neighbours:
            if self._charge(species[cation]) > 0:
                around = Counter(species[site] for site in anions)
                found[species[cation], _formula(around)] += 1
        return found

    def warren_cowley(self, labels: np.ndarray) -> dict[tuple[str, str], float]:
        """Warren-Cowley parameters by (cation, anion): 1 - P(anion | cation) / x(anion).

        0 for cations that are surrounded at random, negative for anions that they prefer
        (Cowley, Phys. Rev. 77, 669, 1950, doi 10.1103/PhysRev.77.669). x is the share of an anion
        among all neighbours of cations. Only where there are several anions in the shells.

        Parameters
        ----------
        labels : (n_sites,) int8
        """
        species = self._species(labels)
        pairs: Counter[tuple[str, str]] = Counter()
        for centre, around in self._neighbours:
            if self._charge(species[centre]) > 0:
                pairs.update((species[centre], species[site]) for site in around)
        cations: Counter[str] = Counter()
        kinds: Counter[str] = Counter()
        for (cation, anion), number in pairs.items():
            cations[cation] += number
            kinds[anion] += number
        if len(kinds) < 2:
            return {}
        total = sum(kinds.values())
        return {
            (one, other): 1 - pairs[one, other] / cations[one] / (kinds[other] / total)
            for one in sorted(cations)
            for other in sorted(kinds)
        }

    def occupancies(self, labels: np.ndarray) -> dict[str, float]:
        """Share of the mobile ion's sites that are filled, by Wyckoff position, e.g. `4g`.

        Parameters
        ----------
        labels : (n_sites,) int8
        """
        host = self.supercell.host
        names = wyckoff_positions(host)
        filled: dict[str, list[bool]] = {}
        mobile = host.sublattices[0]
        for site in mobile.sites:
            for place in self.supercell.everywhere([site]):
                taken = mobile.species[labels[place]] != VACANCY
                filled.setdefault(names[site], []).append(taken)
        return {name: float(np.mean(some)) for name, some in sorted(filled.items())}

    @cached_property
    def _owner(self) -> np.ndarray:
        return self.supercell.owners[0]

    def _species(self, labels: np.ndarray) -> list[str]:
        sublattices = self.supercell.host.sublattices
        return [
            sublattices[owner].species[label]
            for owner, label in zip(self._owner, labels, strict=True)
        ]

    def _charge(self, species: str) -> float:
        return 0.0 if species == VACANCY else float(self.supercell.host.charges[species])

    @cached_property
    def _neighbours(self) -> list[tuple[int, np.ndarray]]:
        """Sites that may hold a cation of the framework, with the anion sites around each.

        An anion site that is a cation's neighbour in several images is listed as often.
        """
        host, supercell = self.supercell.host, self.supercell
        signs = np.zeros(supercell.n_sites)
        for number, (sublattice, sites) in enumerate(
            zip(host.sublattices, supercell.sites, strict=True)
        ):
            charges = [self._charge(name) for name in sublattice.species]
            if number and max(charges) > 0:
                signs[sites] = 1
            elif min(charges) < 0:
                signs[sites] = -1
        i, j, d = primitive_neighbor_list(
            "ijd", (True, True, True), supercell.cell, supercell.positions, _REACH_A
        )
        kept = (signs[i] > 0) & (signs[j] < 0)
        i, j, d = i[kept], j[kept], d[kept]
        found = []
        for cation in np.flatnonzero(signs > 0):
            own = i == cation
            if own.any():
                found.append((int(cation), j[own][d[own] <= SHELL * d[own].min()]))
        return found


def _formula(counts: Counter[str]) -> str:
    return "".join(f"{name}{number}" for name, number in sorted(counts.items()))
