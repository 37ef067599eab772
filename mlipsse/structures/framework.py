"""Has the framework of a crystal melted? The one answer of sampling, decks, health and transport.

The framework is all that does not conduct. What is watched of it are centres: an atom bonded to a
centre as part of a small group (the sulphurs of PS4, the oxygens of PO4) may turn around it and is
not watched. A centre is displaced when its position, averaged over `AVERAGE_PS`, lies farther than
`DISPLACED` x the spacing of the centres from where it was. A framework has melted when more than
`MAX_DISPLACED` of its centres are displaced at one time, or of those of one element, when there are
`MIN_CENTRES` of it.

The average removes vibrations, so that a hot crystal is near 0 and not near the limit:
instantaneous displacements reach Lindemann's 0.15 to 0.2 of the neighbour distance before any
crystal melts. A fraction, not a mean square, is taken because a few atoms that changed places do
not make a melt.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from mlipsse.structures.contacts import FrameworkBonds, still_atoms

AVERAGE_PS = 1.0
"""Time over which positions are averaged, ps."""

DISPLACED = 1 / 3
"""A centre that is farther than this from its place, in units of the centres' spacing, left it."""

MAX_DISPLACED = 0.5
"""Fraction of displaced centres above which a framework has melted."""

MIN_CENTRES = 4
"""Fewer centres of an element are judged only together with all others."""

ALL = "all"
"""Name of the group of all centres."""

TURNING_MSD_A2 = 3.0
"""Mean squared displacement of a framework, Å², that vibrations alone do not reach: twice their
mean square, which near melting is 0.15 to 0.2 of a distance of some 3.6 Å, squared, is at most 1.
A framework beyond it that has not melted has groups that turn, or atoms that changed places."""

_MAX_LIGANDS = 4.5
"""A centre with more bonded neighbours (InCl6, ZrO6) is held by others and does not turn."""


@dataclass(frozen=True, eq=False)
class Framework:
    """Centres of a framework, and where they were.

    Attributes
    ----------
    centres : (n_centres,) int64, atoms that are watched, ascending
    elements : (n_centres,) str
    home_A : (n_centres, 3) float64, their places
    spacing_A : cube root of the volume per centre
    """

    centres: np.ndarray
    elements: np.ndarray
    home_A: np.ndarray
    spacing_A: float

    @classmethod
    def of(cls, atoms: Atoms, *, mobile: str | Collection[str]) -> "Framework | None":
        """The framework of a crystal: all but the `mobile` elements; None below two centres.

        Bonds are those of `FrameworkBonds`, electronegativities Pauling's. With one centre alone
        nothing remains once the drift of the framework is removed.
        """
        symbols = np.array(atoms.get_chemical_symbols())
        centres = np.flatnonzero(still_atoms(atoms, mobile) & ~_turning(atoms, mobile))
        if len(centres) < 2:
            return None
        spacing_A = float(np.cbrt(abs(atoms.cell.volume) / len(centres)))
        return cls(centres, symbols[centres], atoms.positions[centres].copy(), spacing_A)

    @property
    def limit_A(self) -> float:
        """A centre that is farther than this from its place is displaced, Å."""
        return DISPLACED * self.spacing_A

    @property
    def groups(self) -> dict[str, np.ndarray]:
        """What is judged: name -> (n_centres,) bool; all centres, and those of one element."""
        found = {ALL: np.ones(len(self.centres), dtype=bool)}
        for element in np.unique(self.elements):
            of_it = self.elements == element
            if MIN_CENTRES <= of_it.sum() < len(of_it):
                found[str(element)] = of_it
        return found

    def displaced(self, places_A: np.ndarray) -> "Displaced":
        """How much of the framework is displaced, its drift removed.

        Parameters
        ----------
        places_A : (n_centres, 3) positions of the centres, averaged over `AVERAGE_PS`, not wrapped
            back into the cell
        """
        moved_A = places_A - self.home_A
        moved_A = moved_A - moved_A.mean(axis=0)
        away = (moved_A**2).sum(axis=1) > self.limit_A**2
        fractions = {name: float(away[group].mean()) for name, group in self.groups.items()}
        return Displaced(fractions, tuple(map(str, np.unique(self.elements))))


@dataclass(frozen=True)
class Displaced:
    """How much of a framework is displaced at one time.

    Attributes
    ----------
    fractions : group of `Framework.groups` -> fraction of its centres that are displaced
    elements : of all centres
    """

    fractions: dict[str, float]
    elements: tuple[str, ...]

    @property
    def fraction(self) -> float:
        """The largest of the groups, which is compared with `MAX_DISPLACED`."""
        return max(self.fractions.values())

    @property
    def moving(self) -> tuple[str, ...]:
        """Elements of which more than `MAX_DISPLACED` are displaced, when another one stays."""
        found = tuple(
            name
            for name, fraction in self.fractions.items()
            if name != ALL and fraction > MAX_DISPLACED
        )
        return found if set(found) < set(self.elements) else ()

    @property
    def melted(self) -> str | None:
        """The reason, without full stop, when the framework has melted; else None."""
        if not self.fraction > MAX_DISPLACED:
            return None
        return melted_reason(max(self.fractions, key=self.fractions.__getitem__), self.fraction)


def melted_reason(group: str, fraction: float) -> str:
    """Why a framework has melted, without full stop; «melted» is for the caller to state."""
    whose = "the framework's centres" + ("" if group == ALL else f" of {group}")
    return (
        f"{100 * fraction:.0f} % of {whose} are displaced by more than a third of their spacing, "
        f"averaged over {AVERAGE_PS:g} ps (limit {100 * MAX_DISPLACED:.0f} %)"
    )


def _turning(atoms: Atoms, mobile: str | Collection[str]) -> np.ndarray:
    """(n_atoms,) bool, atoms that may turn around a centre to which they are bonded.

    A kind of group is judged by the mean number of its ligands, so that a bond that is stretched
    at the moment does not make a centre of one atom.
    """
    from pymatgen.core import Element

    # Hydrogen is never a centre, though nitrogen draws its electrons.
    symbols = np.array(atoms.get_chemical_symbols())
    attraction = np.array([99.0 if s == "H" else float(Element(s).X) for s in symbols])
    bonds = FrameworkBonds.of(atoms, mobile=mobile)
    one = np.concatenate([bonds.first, bonds.second])
    other = np.concatenate([bonds.second, bonds.first])
    drawn = attraction[one] > attraction[other]
    ligand, centre = one[drawn], other[drawn]
    turning = np.zeros(len(atoms), dtype=bool)
    for kind in np.unique(symbols[centre]):
        of_kind = symbols[centre] == kind
        if of_kind.sum() <= _MAX_LIGANDS * len(np.unique(centre[of_kind])):
            turning[ligand[of_kind]] = True
    return turning
