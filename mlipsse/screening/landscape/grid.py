"""The grid that a landscape is computed on, and which of its points are alike by symmetry."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import spglib
from ase import Atoms

from mlipsse.errors import MlipsseError

SPACING_A = 0.25
"""Published."""
CLOSEST_A = 1.2
"""Published: points nearer to another atom are not computed."""
SYMMETRY_A = 1e-3
"""Tolerance of symmetries, Å. An energy is not the same at places that are alike only roughly."""

_MOST_MULTIPLE = 24
_CHUNK = 2_000_000


@dataclass(frozen=True, eq=False)
class LandscapeGrid:
    """Places of one mobile ion in a crystal whose other atoms are frozen.

    Attributes
    ----------
    crystal : all atoms, periodic
    ion : number of the mobile ion
    shape : points along a, b and c, at the fractions j/n
    closest_A : points nearer to another atom, or an image of one, are left out
    """

    crystal: Atoms
    ion: int
    shape: tuple[int, int, int]
    closest_A: float = CLOSEST_A

    @cached_property
    def framework(self) -> Atoms:
        """All atoms but the ion."""
        frozen = self.crystal.copy()
        del frozen[self.ion]
        return frozen

    @cached_property
    def representative(self) -> np.ndarray:
        """(n1 n2 n3,) int64, the first point in C order that is alike by the framework's symmetry.

        Of its space group those operations count that bring every point of the grid to another one.
        """
        points = np.arange(np.prod(self.shape))
        lowest = points.copy()
        for rotation, translation in grid_operations(self.framework, self.shape):
            for first in range(0, len(points), _CHUNK):
                part = points[first : first + _CHUNK]
                index = np.stack(np.unravel_index(part, self.shape), axis=1)
                moved = (index @ rotation.T + translation) % self.shape
                place = np.ravel_multi_index(tuple(moved.T), self.shape)
                known = lowest[first : first + _CHUNK]
                np.minimum(known, place, out=known)
        return lowest

    @cached_property
    def open(self) -> np.ndarray:
        """(n1 n2 n3,) bool, no other atom nearer than `closest_A`."""
        return clearance_A(self.framework, self.shape, most_A=self.closest_A) >= self.closest_A

    @cached_property
    def wanted(self) -> np.ndarray:
        """Numbers of the points to compute: open ones, one of those that are alike."""
        points = np.arange(len(self.open))
        return points[(self.representative == points) & self.open]

    def fractions(self, points: np.ndarray) -> np.ndarray:
        """Fractional coordinates (n, 3) of points."""
        return np.stack(np.unravel_index(points, self.shape), axis=1) / self.shape

    @property
    def home(self) -> tuple[int, int, int]:
        """The point next to the ion's own site, by fractions."""
        fractions = self.crystal.get_scaled_positions(wrap=False)[self.ion]
        found = np.rint(fractions * self.shape).astype(int) % self.shape
        return int(found[0]), int(found[1]), int(found[2])


def published_shape(cell: np.ndarray, spacing_A: float = SPACING_A) -> tuple[int, int, int]:
    """Points along the axes of a cell (3, 3), Å: the fewest no further apart than the spacing.

    Raises
    ------
    MlipsseError
        for a spacing that is not above 0.
    """
    if not (np.isfinite(spacing_A) and spacing_A > 0):
        raise MlipsseError(f"The spacing of a grid must be above 0 Å, but is {spacing_A}.")
    lengths_A = np.linalg.norm(cell, axis=1)
    a, b, c = (max(1, int(np.ceil(length / spacing_A - 1e-9))) for length in lengths_A)
    return a, b, c


def symmetric_shape(crystal: Atoms, spacing_A: float = SPACING_A) -> tuple[int, int, int]:
    """As `published_shape`, with the few points more that all symmetries of the crystal ask for.

    A translation by 1/2 or 1/3 of an axis leads from point to point only where 2 or 3 divide their
    number; axes that a rotation swaps must have equally many.
    """
    shape = np.array(published_shape(crystal.cell.array, spacing_A))
    rotations, translations = _operations(crystal)
    # Axes that rotations mix are of one length: they get one number.
    mixed = (rotations != 0).any(axis=0)
    mixed = mixed | mixed.T
    for _ in range(3):
        mixed = mixed | (mixed.astype(int) @ mixed.astype(int) > 0)
    for axis in range(3):
        alike = mixed[axis]
        multiple = _multiple(translations[:, alike])
        shape[alike] = int(np.ceil(shape[alike].max() / multiple)) * multiple
    return int(shape[0]), int(shape[1]), int(shape[2])


def grid_operations(
    crystal: Atoms, shape: tuple[int, int, int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rotation (3, 3) and translation (3,) of point numbers, of symmetries that keep the grid."""
    size = np.array(shape)
    for rotation, translation in zip(*_operations(crystal), strict=True):
        turned = rotation * size[:, None] / size[None, :]
        moved = translation * size
        if np.abs(turned - np.rint(turned)).max() > 1e-6:
            continue
        # What the symmetry tolerance allows, no more: the translation of a site is not exact.
        slack = SYMMETRY_A / np.linalg.norm(crystal.cell.array / size[:, None], axis=1)
        if (np.abs(moved - np.rint(moved)) > np.maximum(slack, 1e-6)).any():
            continue
        yield np.rint(turned).astype(np.int64), np.rint(moved).astype(np.int64)


def site_images(
    crystal: Atoms,
    operations: Sequence[tuple[np.ndarray, np.ndarray]],
    shape: tuple[int, int, int],
) -> list[np.ndarray]:
    """Number of the atom that each operation of `grid_operations` brings every atom to (n_atoms,);
    -1 for none of the same element within the tolerance."""
    fractions = crystal.get_scaled_positions(wrap=True)
    size, cell = np.array(shape), crystal.cell.array
    found = []
    for rotation, translation in operations:
        moved = (fractions * size) @ rotation.T / size + translation / size
        apart = moved[:, None] - fractions[None]
        apart_A = np.linalg.norm((apart - np.rint(apart)) @ cell, axis=-1)
        apart_A[crystal.numbers[:, None] != crystal.numbers[None]] = np.inf
        nearest = apart_A.argmin(axis=1)
        close = apart_A[np.arange(len(crystal)), nearest] < 10 * SYMMETRY_A
        found.append(np.where(close, nearest, -1))
    return found


def clearance_A(framework: Atoms, shape: tuple[int, int, int], *, most_A: float) -> np.ndarray:
    """Distance of every grid point from the nearest atom or image, Å, up to `most_A` (n,)."""
    from scipy.spatial import cKDTree

    cell = framework.cell.array
    n_points = int(np.prod(shape))
    if not len(framework):
        return np.full(n_points, most_A)
    widths_A = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    reach = np.ceil(most_A / widths_A).astype(int)
    images = np.stack(
        np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), axis=-1
    ).reshape(-1, 3)
    fractions = framework.get_scaled_positions(wrap=True)
    atoms = ((fractions[:, None] + images[None]).reshape(-1, 3)) @ cell
    tree = cKDTree(atoms)
    found = np.empty(n_points)
    for first in range(0, n_points, _CHUNK):
        points = np.arange(first, min(first + _CHUNK, n_points))
        places = np.stack(np.unravel_index(points, shape), axis=1) / shape @ cell
        distance_A, _ = tree.query(places, distance_upper_bound=most_A * 1.0001)
        found[points] = np.minimum(distance_A, most_A)
    return found


def _operations(crystal: Atoms) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (n, 3, 3) and translations (n, 3) of the crystal's space group, in its own cell."""
    if not len(crystal):
        return np.eye(3, dtype=int)[None], np.zeros((1, 3))
    cell = (crystal.cell.array, crystal.get_scaled_positions(), crystal.numbers)
    try:
        found = spglib.get_symmetry(cell, symprec=SYMMETRY_A)
    except Exception:  # spglib's own exception class differs between its versions
        found = None
    if found is None:
        return np.eye(3, dtype=int)[None], np.zeros((1, 3))
    return np.asarray(found["rotations"]), np.asarray(found["translations"])


def _multiple(translations: np.ndarray) -> int:
    """The smallest number by which all translations become whole; 1 where none small does."""
    for multiple in range(1, _MOST_MULTIPLE + 1):
        moved = translations * multiple
        if np.abs(moved - np.rint(moved)).max() < 1e-3 * multiple:
            return multiple
    return 1
