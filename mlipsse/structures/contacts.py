"""Atoms closer than atoms can be, and bonds that a framework must keep."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

CLOSEST_CONTACT = 0.6
"""A pair closer than this fraction of the sum of its covalent radii is unphysical.

Covalent radii: Cordero et al., Dalton Trans. 2832 (2008), doi 10.1039/b801115j, as in ASE. For
Li-Li this is 1.54 Å, for Li-O 1.16 Å, for Li-Cl 1.38 Å; in solids at 1000 K such pairs stay above
2.0, 1.6 and 2.0 Å. The published failure is a Li-Li pair at 0.7 Å (Deng et al., 2025,
doi 10.1039/d5ta05321h).
"""

_BONDED = 1.25
_BROKEN = 1.5


def unphysical_contact(atoms: Atoms, *, closest: float = CLOSEST_CONTACT) -> str | None:
    """The closest pair below `closest` x the sum of covalent radii, in words, or None."""
    from ase.neighborlist import neighbor_list

    reach_A = closest * covalent_radii[atoms.numbers]
    first, second, distance_A = neighbor_list("ijd", atoms, reach_A)
    return _worst(atoms, first, second, distance_A, reach_A[first] + reach_A[second])


def contact_below(atoms: Atoms, limits_A: Mapping[tuple[str, str], float]) -> str | None:
    """A pair of species that is closer than its limit in Å, in words; None when there is none."""
    if not limits_A:
        return None
    from ase.neighborlist import neighbor_list

    first, second, distance_A = neighbor_list("ijd", atoms, dict(limits_A))
    of = {frozenset(pair): limit_A for pair, limit_A in limits_A.items()}
    symbols = atoms.get_chemical_symbols()
    limit_A = [of[frozenset((symbols[i], symbols[j]))] for i, j in zip(first, second, strict=True)]
    return _worst(atoms, first, second, distance_A, np.array(limit_A))


def _worst(
    atoms: Atoms,
    first: np.ndarray,
    second: np.ndarray,
    distance_A: np.ndarray,
    limit_A: np.ndarray,
) -> str | None:
    if len(distance_A) == 0:
        return None
    worst = int(np.argmin(distance_A))
    i, j = int(first[worst]), int(second[worst])
    symbols = atoms.get_chemical_symbols()
    return (
        f"{symbols[i]} (atom {i}) and {symbols[j]} (atom {j}) are {distance_A[worst]:.2f} Å apart, "
        f"closer than {limit_A[worst]:.2f} Å"
    )


def still_atoms(atoms: Atoms, mobile: str | Collection[str]) -> np.ndarray:
    """(n_atoms,) bool, atoms of other elements than the `mobile` ones."""
    names = [mobile] if isinstance(mobile, str) else list(mobile)
    return np.isin(atoms.get_chemical_symbols(), names, invert=True)


@dataclass(frozen=True)
class FrameworkBonds:
    """Bonds between unlike atoms that do not move through the crystal.

    Attributes
    ----------
    first, second : (n_bonds,) int, atoms
    shifts : (n_bonds, 3) int, lattice translations of `second`
    """

    first: np.ndarray
    second: np.ndarray
    shifts: np.ndarray

    @classmethod
    def of(cls, atoms: Atoms, *, mobile: str | Collection[str]) -> "FrameworkBonds":
        """Pairs of unlike species, none `mobile`, within 1.25 x the sum of covalent radii."""
        from ase.neighborlist import neighbor_list

        reach_A = _BONDED * covalent_radii[atoms.numbers]
        first, second, shifts = neighbor_list("ijS", atoms, reach_A)
        still = still_atoms(atoms, mobile)
        bonded = still[first] & still[second] & (first < second)
        bonded &= atoms.numbers[first] != atoms.numbers[second]
        return cls(first[bonded], second[bonded], shifts[bonded])

    def broken(self, atoms: Atoms) -> str | None:
        """The longest bond above 1.5 x the sum of covalent radii in `atoms`, or None.

        `atoms` are the same atoms after a relaxation, not wrapped back into the cell.
        """
        positions = atoms.positions
        vectors = positions[self.second] - positions[self.first] + self.shifts @ atoms.cell[:]
        lengths_A = np.linalg.norm(vectors, axis=1)
        radii_A = covalent_radii[atoms.numbers]
        limits_A = _BROKEN * (radii_A[self.first] + radii_A[self.second])
        if not (lengths_A > limits_A).any():
            return None
        worst = int(np.argmax(lengths_A / limits_A))
        i, j = int(self.first[worst]), int(self.second[worst])
        symbols = atoms.get_chemical_symbols()
        return (
            f"the bond of {symbols[i]} (atom {i}) and {symbols[j]} (atom {j}) grew to "
            f"{lengths_A[worst]:.2f} Å, above {limits_A[worst]:.2f} Å"
        )
