"""Whether the framework of a crystal has left its sites, i.e. melted or flowed."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from mlipsse.structures.contacts import FrameworkBonds

MOLTEN = 0.25
"""Lindemann ratio above which a framework is taken for molten.

Root mean square displacement over the distance of nearest neighbours (Lindemann, Phys. Z. 11, 609
(1910)). Crystals melt at 0.14 (Lennard-Jones, many pressures: Luo, Strachan, Swift, J. Chem. Phys.
120, 11640 (2004), doi 10.1063/1.1755655) and a little above it without a surface to begin at; the
rest is for what a relaxed start gives up on warming without melting. A melt passes any bound, in
time: Li3InCl6 (40 atoms, a small MACE) stays below 0.11 in the first picosecond even at 1600 K.
"""

_SEARCH_A = 20.0


@dataclass(frozen=True, eq=False)
class Framework:
    """Sites of a framework at rest.

    Rotating polyanions are not a melt: atoms bonded to a less electronegative one of another
    species (the oxygens of PO4, the sulphurs of PS4, the chlorines of InCl6) do not count, their
    centres do. Drift of the whole framework, which a Langevin thermostat causes, is taken off.

    Attributes
    ----------
    centres : (n_centres,) int, atoms that are tested
    still : (n_atoms,) float64, masses of the framework's atoms, 0 of mobile ones
    home_A : (n_atoms, 3) float64, positions at rest
    apart_A : mean distance of a centre to the nearest other one
    """

    centres: np.ndarray
    still: np.ndarray
    home_A: np.ndarray
    apart_A: float

    @classmethod
    def of(cls, atoms: Atoms, *, mobile: str) -> "Framework | None":
        """The framework of a crystal at rest: all but the `mobile` species; None without centres.

        Bonds are those of `FrameworkBonds`, electronegativities Pauling's.
        """
        still = np.where(atoms.symbols == mobile, 0.0, atoms.get_masses())
        centres = np.flatnonzero((still > 0) & ~_ligands(atoms, mobile=mobile))
        apart_A = _nearest_A(atoms[centres]) if len(centres) else None
        if apart_A is None:
            return None
        return cls(centres, still, atoms.positions.copy(), apart_A)

    def lindemann(self, positions_A: np.ndarray) -> float:
        """Root mean square displacement of the centres over their distance at rest.

        Parameters
        ----------
        positions_A : (n_atoms, 3), of the same atoms, not wrapped back into the cell
        """
        moved_A = positions_A - self.home_A
        moved_A = moved_A[self.centres] - self.still @ moved_A / self.still.sum()
        return float(np.sqrt((moved_A**2).sum(axis=1).mean())) / self.apart_A


def _ligands(atoms: Atoms, *, mobile: str) -> np.ndarray:
    """Framework atoms that may turn around another one to which they are bonded."""
    from pymatgen.core import Element

    # Hydrogen is never a centre, though nitrogen draws its electrons.
    attraction = np.array([99.0 if s == "H" else float(Element(s).X) for s in atoms.symbols])
    bonds = FrameworkBonds.of(atoms, mobile=mobile)
    ligands = np.zeros(len(atoms), dtype=bool)
    for one, other in ((bonds.first, bonds.second), (bonds.second, bonds.first)):
        ligands[one[attraction[one] > attraction[other]]] = True
    return ligands


def _nearest_A(centres: Atoms) -> float | None:
    """Mean distance to the nearest neighbour, images included; None without neighbours."""
    from ase.neighborlist import neighbor_list

    first, distances_A = neighbor_list("id", centres, _SEARCH_A)
    nearest = np.full(len(centres), np.inf)
    np.minimum.at(nearest, first, distances_A)
    return float(nearest.mean()) if np.isfinite(nearest).all() else None
