"""Which special position a site lies on, when its coordinates are rounded or noisy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.structures.cif.rows import AtomRow
from mlipsse.structures.cif.settings import Setting

_SAME_A = 1e-3
"""Images nearer than this are one position."""

_MARGIN = 1e-4
"""In units of the last digit."""

_FARTHEST_A = 0.6
"""Farther from a special position no coordinate is taken for it."""

_FORCED_A, _CROWDED, _ALONE = 0.3, 1.5, 0.7
"""Images of a site that lie this near to a special position and would hold more than 1.5 atoms are
one site, if it is filled to 0.7 or more; else something is wrong in the file. Below 1.5 it is a
split site, whose occupancies may add up to a little more than 1."""


@dataclass(frozen=True, eq=False)
class Place:
    """A position that a site may be meant to have.

    Attributes
    ----------
    position : (3,) float64, fractional
    order : number of operations that leave it where it is
    moved_A : distance from the written position, Å
    """

    position: np.ndarray
    order: int
    moved_A: float


def possible_places(setting: Setting, position: np.ndarray, cell: np.ndarray) -> list[Place]:
    """The written position, then the special positions near it, by rising order.

    Special positions are means over the images of the written one that lie near it; a mean counts
    when the operations that made it leave it fixed.
    """
    apart, away_A = _images(setting, position, cell)
    found: dict[int, Place] = {}
    for reach_A in np.unique(np.round(away_A[away_A < 2 * _FARTHEST_A], 6)):
        near = away_A <= reach_A + 1e-5
        mean = position + apart[near].mean(axis=0)
        fixed = _images(setting, mean, cell)[1] < _SAME_A
        if not fixed[near].all():
            continue
        mean = mean + _images(setting, mean, cell)[0][fixed].mean(axis=0)
        moved_A = float(np.linalg.norm((mean - position) @ cell))
        order = int(np.count_nonzero(fixed))
        if moved_A <= _FARTHEST_A and order not in found:
            found[order] = Place(mean, order, moved_A)
    return [found[order] for order in sorted(found)]


def orbit(setting: Setting, position: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """(n, 3) float64: all images of a position in the cell, the position itself first."""
    images = np.einsum("gij,j->gi", setting.rotations, position) + setting.translations
    images = images - np.floor(images + 1e-9)
    apart = images[:, None] - images
    same = np.linalg.norm((apart - np.rint(apart)) @ cell, axis=2) < 2 * _SAME_A
    return np.abs(images[np.argmax(same, axis=1) == np.arange(len(images))])


def distance_A(one: np.ndarray, other: np.ndarray, cell: np.ndarray) -> float:
    """Distance of the nearest images of two positions, Å; right for distances below a few Å."""
    apart = one - other
    return float(np.linalg.norm((apart - np.rint(apart)) @ cell))


def is_rounded(
    place: Place, setting: Setting, position: np.ndarray, decimals: Sequence[int | None]
) -> bool:
    """Whether some point of a special position, rounded or cut to the decimals, is as written.

    0.33 or 0.333 is 1/3 and 0.66 or 0.67 is 2/3; 0.01 is not 0, and 0.12, 0.13 not x, x.

    Parameters
    ----------
    place : on the special position
    setting : of the space group
    position : (3,) as written
    decimals : of each coordinate as written; with one or none a coordinate counts as exact
    """
    units = np.array([10.0**-one if one is not None and one >= 2 else 1e-6 for one in decimals])
    if (np.abs(place.position - position) > units).any():
        return False
    fixed = _images(setting, place.position, np.eye(3))[1] < 1e-6
    free = setting.rotations[fixed].mean(axis=0)
    half, sign = np.full(3, 0.5), np.sign(position)
    boxes = [(-half, half), (np.minimum(sign, 0.0) - 1e-3, np.maximum(sign, 0.0) + 1e-3)]
    off = (place.position - position) / units
    return any(_meets(off, free / units[:, None], low, high) for low, high in boxes)


def _meets(off: np.ndarray, free: np.ndarray, low: np.ndarray, high: np.ndarray) -> bool:
    """Whether `off + free @ s` lies well inside a box for some s."""
    from scipy.optimize import linprog

    # The last variable is the margin to every face, which is made as large as it can be.
    rows = np.vstack([np.hstack([free, np.ones((3, 1))]), np.hstack([-free, np.ones((3, 1))])])
    limits = np.concatenate([high - off, off - low])
    found = linprog(
        [0, 0, 0, -1], A_ub=rows, b_ub=limits, bounds=[(None, None)] * 3 + [(None, 0.5)]
    )
    return bool(found.success and -found.fun > _MARGIN)


def _images(
    setting: Setting, position: np.ndarray, cell: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors to the nearest image under every operation, fractional, and their lengths, Å."""
    images = np.einsum("gij,j->gi", setting.rotations, position) + setting.translations
    apart = images - position
    apart = apart - np.rint(apart)
    return apart, np.linalg.norm(apart @ cell, axis=1)


@dataclass(frozen=True)
class PlaceChooser:
    """Chooses between the written position and the special ones near it.

    Attributes
    ----------
    setting : symmetry that makes positions special
    cell : (3, 3) float64, Å, rows are lattice vectors
    special_A : distance of a special position from which it is left out without a reason, Å
    """

    setting: Setting
    cell: np.ndarray
    special_A: float

    def places(self, position: np.ndarray) -> list[Place]:
        """See `possible_places`."""
        return possible_places(self.setting, position, self.cell)

    def with_multiplicity(self, places: Sequence[Place], stated: int | None) -> Place | None:
        """The place that has the stated multiplicity; None without one."""
        size = len(self.setting.triplets)
        return next((place for place in places if place.order * (stated or 0) == size), None)

    def choose(self, places: Sequence[Place], row: AtomRow, filled: float) -> tuple[Place, bool]:
        """The place of the highest order that there is a reason for; whether it is overlap."""
        written, chosen, forced = places[0], places[0], False
        for place in places[1:]:
            near = place.moved_A <= self.special_A
            held = filled * place.order / written.order
            if near or is_rounded(place, self.setting, row.position, row.decimals):
                chosen = place
            elif held > _CROWDED and place.moved_A <= _FORCED_A:
                if filled < _ALONE:
                    raise MlipsseError(
                        f"images of its site {row.label} lie {place.moved_A:.2f} Å from one "
                        f"special position and hold {held:.3g} atoms together. Correct the "
                        "occupancy or the coordinates, or state the multiplicity "
                        "(`_atom_site_symmetry_multiplicity`)"
                    )
                chosen, forced = place, True
        return chosen, forced
