"""What landscapes say about conduction: percolation energies, free volumes, and the rank Xi.

Definitions are those of Maevskiy et al. (arXiv:2411.06804) and of their code, in which levels rise
in waves of at least 0.1 eV. Here they are exact, so that energies are up to 0.1 eV lower.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.screening.landscape.levels import grid_steps, level_map
from mlipsse.screening.landscape.percolation import percolation_levels

THRESHOLDS_EV = (*(round(0.1 * k, 1) for k in range(1, 11)), 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
SMEARING_EV = (-0.04, -0.02, 0.0, 0.02, 0.04)
QUANTILES = (0.03, 0.05, 0.10)
MOST_EV = 6.0
"""The search for levels ends so far above the lowest point."""
MASK_A = 1.5
HIGH_EV = 0.2
"""An ion whose site lies so far above the grid's lowest point is a warning."""
FAR_A = 0.5
"""A lowest point so far from the ion's site is a warning."""

_XI_THRESHOLD_EV = 0.5
_XI_SLOPE = 10.0
_XI_CONNECTED, _XI_DISCONNECTED = -2.0, -1.15
"""Centres of the two logistic functions, log10 of the free volume."""


@dataclass(frozen=True, eq=False)
class IonLandscape:
    """Energies of one mobile ion over the cell, all other atoms frozen.

    Attributes
    ----------
    energies_eV : (n1, n2, n3) float64; points that are closed have the largest computed value
    cell : (3, 3), Å
    site_eV : energy with the ion on its own site, on the scale of `energies_eV`
    site : (3,) fractional coordinates of the ion's own site
    """

    energies_eV: np.ndarray
    cell: np.ndarray
    site_eV: float
    site: np.ndarray

    @property
    def lowest(self) -> tuple[int, int, int]:
        """The point of lowest energy, the first in C order."""
        i, j, k = np.unravel_index(int(np.argmin(self.energies_eV)), self.energies_eV.shape)
        return int(i), int(j), int(k)

    @property
    def relative_eV(self) -> np.ndarray:
        """Energies above the lowest, (n1, n2, n3)."""
        return np.asarray(self.energies_eV - self.energies_eV.min())

    @property
    def warnings(self) -> list[str]:
        """Sentences about a site that is no minimum of its landscape."""
        found = []
        above_eV = self.site_eV - float(self.energies_eV.min())
        if above_eV > HIGH_EV:
            found.append(
                f"The ion's site lies {above_eV:.2f} eV above the lowest point of its landscape "
                f"(expected: below {HIGH_EV:g} eV). Relax the crystal with this potential first."
            )
        apart = np.array(self.lowest) / self.energies_eV.shape - self.site
        apart_A = float(np.linalg.norm((apart - np.rint(apart)) @ self.cell))
        if apart_A > FAR_A:
            found.append(
                f"The lowest point of the landscape lies {apart_A:.2f} Å from the ion's site "
                f"(expected: below {FAR_A:g} Å)."
            )
        return found


@dataclass(frozen=True, eq=False)
class Descriptors:
    """What is reported of a crystal.

    Attributes
    ----------
    mpe_eV : minimum percolation energy, the lowest level of any ion on any face of the tile, which
        is one lattice vector from the ion's lowest point; the energy of percolation in one
        dimension by the published definition
    mpe_by_axis_eV : the same over the two faces that cross a, b and c
    robust_mpe_eV : quantile -> lowest quantile of any ion's levels on a face
    percolation_eV : (3,), exact levels at which ways that begin at an ion's lowest point wind
        around the crystal in one, two and three dimensions, of any length
    percolation_by_axis_eV : (3,), the same along a, b and c
    connected, disconnected : threshold in eV -> fraction of the volume that any ion reaches below
        it, and that lies below it; smeared
    summed_connected, summed_disconnected : the sum over ions in place of the union
    masked_connected, masked_disconnected : of the union, points nearer than 1.5 Å to the ion's own
        lowest point left out
    xi : rank of the crystal, 0 to 1
    """

    mpe_eV: float
    mpe_by_axis_eV: np.ndarray
    robust_mpe_eV: Mapping[float, float]
    percolation_eV: np.ndarray
    percolation_by_axis_eV: np.ndarray
    connected: Mapping[float, float]
    disconnected: Mapping[float, float]
    summed_connected: Mapping[float, float]
    summed_disconnected: Mapping[float, float]
    masked_connected: Mapping[float, float]
    masked_disconnected: Mapping[float, float]
    xi: float


def describe(ions: Sequence[IonLandscape], *, most_eV: float = MOST_EV) -> Descriptors:
    """Descriptors of a crystal from the landscapes of all its mobile ions, alike ones included.

    Parameters
    ----------
    ions : of one cell and grid
    most_eV : where the search for levels ends

    Raises
    ------
    MlipsseError
        for no ions, ions of different grids, and energies that are not finite.
    """
    if not ions:
        raise MlipsseError("A landscape needs at least one mobile ion.")
    shape, cell = ions[0].energies_eV.shape, ions[0].cell
    if any(ion.energies_eV.shape != shape or (ion.cell != cell).any() for ion in ions):
        raise MlipsseError("The landscapes of a crystal's ions must be of one cell and grid.")
    if not all(np.isfinite(ion.energies_eV).all() for ion in ions):
        raise MlipsseError("A landscape holds energies that are not finite numbers.")
    steps = grid_steps(cell, (shape[0], shape[1], shape[2]))
    faces, winding = [], []
    volumes = _Volumes(shape)
    for ion in ions:
        levels = level_map(ion.energies_eV, ion.lowest, steps, most_eV=most_eV)
        faces.append(_faces(levels))
        winding.append(percolation_levels(ion.energies_eV, ion.lowest, steps))
        volumes.add(ion, levels)
    connected, disconnected = volumes.union(volumes.connected), volumes.union(volumes.open)
    return Descriptors(
        mpe_eV=_lowest(faces, range(6)),
        mpe_by_axis_eV=np.array([_lowest(faces, [2 * x, 2 * x + 1]) for x in range(3)]),
        robust_mpe_eV={
            q: min(float(_quantile(face, q)) for one in faces for face in one) for q in QUANTILES
        },
        percolation_eV=np.min([by_dimension for by_dimension, _ in winding], axis=0),
        percolation_by_axis_eV=np.min([by_axis for _, by_axis in winding], axis=0),
        connected=connected,
        disconnected=disconnected,
        summed_connected=volumes.sums(volumes.summed_connected),
        summed_disconnected=volumes.sums(volumes.summed_open),
        masked_connected=volumes.union(volumes.masked_connected),
        masked_disconnected=volumes.union(volumes.masked_open),
        xi=xi(connected[_XI_THRESHOLD_EV], disconnected[_XI_THRESHOLD_EV]),
    )


def xi(connected: float, disconnected: float) -> float:
    """The published rank: two logistic functions of the free volumes at 0.5 eV, multiplied.

    Parameters
    ----------
    connected, disconnected : fractions of the volume, of the union over ions
    """
    product = 1.0
    for volume, centre in ((connected, _XI_CONNECTED), (disconnected, _XI_DISCONNECTED)):
        if volume <= 0:
            return 0.0
        product /= 1.0 + np.exp(-_XI_SLOPE * (np.log10(volume) - centre))
    return float(product)


def _lowest(faces: Sequence[Sequence[np.ndarray]], which: Iterable[int]) -> float:
    """The lowest level of any ion on some of the faces."""
    return min(float(one[face].min()) for one in faces for face in which)


def _faces(levels: np.ndarray) -> list[np.ndarray]:
    """The six outer planes: two across a, two across b, two across c."""
    return [np.take(levels, end, axis=axis) for axis in range(3) for end in (0, -1)]


def _quantile(face: np.ndarray, q: float) -> float:
    """Linear between order statistics, infinite where these are."""
    values = np.sort(face.ravel().astype(np.float64))
    place = q * (len(values) - 1)
    below = int(np.floor(place))
    above = min(below + 1, len(values) - 1)
    if place == below or values[below] == values[above]:
        return float(values[below])
    return float(values[below] + (place - below) * (values[above] - values[below]))


class _Volumes:
    """Free volumes over ions, all in the frame of the crystal."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._cells = np.array(shape)
        self._tile = tuple(2 * n for n in shape)
        self._levels_eV = [
            (threshold, [threshold + shift for shift in SMEARING_EV]) for threshold in THRESHOLDS_EV
        ]
        cuts = [cut for _, shifted in self._levels_eV for cut in shifted]
        self.cuts = np.array(cuts)
        # The lowest value that any ion has at every point: below a cut it is in the union.
        self.connected = np.full(self._tile, np.inf, dtype=np.float32)
        self.open = np.full(self._tile, np.inf, dtype=np.float32)
        self.masked_connected = self.connected.copy()
        self.masked_open = self.open.copy()
        self.summed_connected = np.zeros(len(cuts))
        self.summed_open = np.zeros(len(cuts))

    def add(self, ion: IonLandscape, levels: np.ndarray) -> None:
        """One ion: its levels around its lowest point, brought to the crystal's frame."""
        periodic = levels
        for axis in range(3):  # equivalent faces: the lower level of the two
            first, last = np.take(periodic, 0, axis=axis), np.take(periodic, -1, axis=axis)
            periodic = np.take(periodic, np.arange(periodic.shape[axis] - 1), axis=axis)
            place: list[slice | int] = [slice(None)] * 3
            place[axis] = 0
            periodic[tuple(place)] = np.minimum(first, last)
        # The lowest point stands at (n1, n2, n3) of the tile and at `lowest` of the first cell.
        shift = np.array(ion.lowest) - self._cells
        reached = np.roll(periodic, shift, axis=(0, 1, 2))
        relative = np.tile(ion.relative_eV.astype(np.float32), (2, 2, 2))
        near = self._near(ion)
        np.minimum(self.connected, reached, out=self.connected)
        np.minimum(self.open, relative, out=self.open)
        np.minimum(
            self.masked_connected, np.where(near, np.inf, reached), out=self.masked_connected
        )
        np.minimum(self.masked_open, np.where(near, np.inf, relative), out=self.masked_open)
        self.summed_connected += _below(reached, self.cuts)
        self.summed_open += _below(relative, self.cuts)

    def union(self, lowest: np.ndarray) -> dict[float, float]:
        """Threshold -> smeared fraction of the tile."""
        return self.sums(_below(lowest, self.cuts))

    def sums(self, fractions: np.ndarray) -> dict[float, float]:
        """Threshold -> mean over the smearing of fractions by cut."""
        rows = fractions.reshape(len(self._levels_eV), len(SMEARING_EV))
        return {
            threshold: float(row.mean())
            for (threshold, _), row in zip(self._levels_eV, rows, strict=True)
        }

    def _near(self, ion: IonLandscape) -> np.ndarray:
        """Points of the tile nearer than `MASK_A` to the ion's lowest point in the first cell."""
        tile_cell = 2 * ion.cell
        axes = [np.arange(n) / n for n in self._tile]
        apart = (
            np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) - np.array(ion.lowest) / self._tile
        )
        apart -= np.rint(apart)
        return np.asarray((np.einsum("ijkx,xy->ijky", apart, tile_cell) ** 2).sum(-1) < MASK_A**2)


def _below(values: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Fraction of the points below every cut."""
    ordered = np.sort(values, axis=None)
    return np.searchsorted(ordered, cuts.astype(ordered.dtype), side="left") / ordered.size
