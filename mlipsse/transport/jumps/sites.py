"""Places of the mobile ions: where they are, what they are called, how far each one reaches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlipsse.errors import MlipsseError

SMALLEST_RADIUS_A = 0.25
_GAP_A = 0.005
"""Half of what stays free between two spheres that were shrunk."""


@dataclass(frozen=True, eq=False)
class Sites:
    """Sites of the mobile ions in the simulation's cell.

    Attributes
    ----------
    fractional : (n_sites, 3) float64, of `cell`, in [0, 1)
    cell : (3, 3) float64, Å, rows are lattice vectors in the trajectory's Cartesian axes
    labels : name per site; sites of one name are of one kind, e.g. `Li1/4g`
    radius_A : (n_sites,) float64, Å; an ion within it is on the site
    interstitial : (n_sites,) bool, of sites that the crystal does not name or that are mostly empty

    Raises
    ------
    MlipsseError
        without sites, when the lengths disagree, a radius is not above 0, or reaches half-way
        across the cell.
    """

    fractional: np.ndarray
    cell: np.ndarray
    labels: tuple[str, ...]
    radius_A: np.ndarray
    interstitial: np.ndarray

    def __post_init__(self) -> None:
        count = len(self.labels)
        if not count:
            raise MlipsseError("There are no sites. Give a structure with sites of the mobile ion.")
        if self.fractional.shape != (count, 3) or not (
            len(self.radius_A) == len(self.interstitial) == count
        ):
            raise MlipsseError(
                f"{count} labels, but fractional positions {self.fractional.shape}, "
                f"{len(self.radius_A)} radii and {len(self.interstitial)} marks of interstitials."
            )
        height_A = float(1 / np.linalg.norm(np.linalg.inv(self.cell), axis=0).max())
        if not (np.min(self.radius_A) > 0 and 2 * np.max(self.radius_A) < height_A):
            raise MlipsseError(
                f"Site radii of {np.min(self.radius_A):.3g} to {np.max(self.radius_A):.3g} Å: they "
                f"must be above 0 and below half the cell's shortest height ({height_A:.3g} Å)."
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The labels, each once, in order of their first sites."""
        return tuple(dict.fromkeys(self.labels))

    @property
    def kind_index(self) -> np.ndarray:
        """(n_sites,) index into `kinds`."""
        numbers = {label: number for number, label in enumerate(self.kinds)}
        return np.array([numbers[label] for label in self.labels])

    @property
    def interstitial_kinds(self) -> tuple[str, ...]:
        """Labels of the interstitial sites."""
        marked = zip(self.labels, self.interstitial, strict=True)
        return tuple(dict.fromkeys(label for label, mark in marked if mark))

    def with_radius(self, radius_A: float | Mapping[str, float]) -> "Sites":
        """The same sites with given radii, Å: one for all, or one per label.

        Where spheres overlap, an ion belongs to the nearer site.

        Raises
        ------
        MlipsseError
            when a label has no radius.
        """
        if not isinstance(radius_A, Mapping):
            return replace(self, radius_A=np.full(len(self), float(radius_A)))
        missing = [kind for kind in self.kinds if kind not in radius_A]
        if missing:
            raise MlipsseError(
                f"No radius for sites {', '.join(missing)}; radii are given for "
                f"{', '.join(radius_A)}."
            )
        return replace(self, radius_A=np.array([radius_A[label] for label in self.labels], float))


@dataclass(frozen=True)
class SiteSize:
    """How far sites reach: a radius that is given, or that of `site_radius`.

    Attributes
    ----------
    radius_A : for all sites, or per label, Å; goes before the amplitude
    amplitude_A : vibration amplitude of the ions, Å, for `site_radius`

    Raises
    ------
    MlipsseError
        when neither is given.
    """

    radius_A: float | Mapping[str, float] | None = None
    amplitude_A: float | None = None

    def __post_init__(self) -> None:
        if self.radius_A is None and self.amplitude_A is None:
            raise MlipsseError("Give the radius of the sites, or the vibration amplitude.")

    def of(self, fractional: np.ndarray, cell: np.ndarray) -> float | Mapping[str, float]:
        """Radius of sites at these places, Å, for all or per label; see `site_radius`."""
        if self.radius_A is not None:
            return self.radius_A
        return site_radius(fractional, cell, amplitude_A=self.amplitude_A or 0.0)


def make_sites(
    fractional: np.ndarray,
    cell: np.ndarray,
    labels: Sequence[str],
    size: SiteSize,
    *,
    interstitial: np.ndarray | None = None,
) -> Sites:
    """Sites at given places.

    Parameters
    ----------
    fractional : (n_sites, 3), of `cell`
    cell : (3, 3) float64, Å, rows are lattice vectors
    labels : per site
    size : of all sites, or per label
    interstitial : (n_sites,) bool; none by default

    Raises
    ------
    MlipsseError
        as `Sites`, `site_radius` and `Sites.with_radius`.
    """
    fractional = fractional - np.floor(fractional)
    radius_A = size.of(fractional, cell)
    sites = Sites(
        fractional=fractional,
        cell=np.asarray(cell, dtype=float),
        labels=tuple(map(str, labels)),
        radius_A=np.full(len(labels), 0.01),  # of a size that any cell has room for
        interstitial=np.zeros(len(labels), bool) if interstitial is None else interstitial,
    )
    return sites.with_radius(radius_A)


def site_radius(fractional: np.ndarray, cell: np.ndarray, *, amplitude_A: float) -> float:
    """Radius of all sites: twice the vibration amplitude, or less where spheres would overlap.

    Spheres that overlap are shrunk to half the least distance between two sites (or a site and its
    own image) less 0.005 Å. The rule is GEMDAT's (doi 10.5281/zenodo.8401669).

    Parameters
    ----------
    fractional : (n_sites, 3), of `cell`
    cell : (3, 3) float64, Å, rows are lattice vectors
    amplitude_A : of `mlipsse.transport.structure.vibration.vibration`

    Raises
    ------
    MlipsseError
        when the spheres would be smaller than 0.25 Å: two sites are one, written twice.
    """
    radius_A = 2 * amplitude_A
    first, second, distance_A = close_pairs(fractional, cell, 2 * radius_A)
    if len(distance_A):
        nearest = int(np.argmin(distance_A))
        radius_A = 0.5 * float(distance_A[nearest]) - _GAP_A
        if radius_A < SMALLEST_RADIUS_A:
            raise MlipsseError(
                f"Sites {first[nearest]} and {second[nearest]} are {distance_A[nearest]:.2f} Å "
                f"apart, which leaves spheres of {radius_A:.2f} Å (at least {SMALLEST_RADIUS_A} "
                "Å). Merge them into one site."
            )
    if radius_A < SMALLEST_RADIUS_A:
        raise MlipsseError(
            f"Ions vibrate by {amplitude_A:.3f} Å, which gives sites of {radius_A:.2f} Å (at "
            f"least {SMALLEST_RADIUS_A} Å). Give the radius."
        )
    return radius_A


def close_pairs(
    fractional: np.ndarray, cell: np.ndarray, cutoff_A: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of sites, images too, nearer than `cutoff_A`: two indices and the distance of each."""
    from ase import Atoms
    from matscipy.neighbours import neighbour_list

    atoms = Atoms(f"X{len(fractional)}", scaled_positions=fractional, cell=cell, pbc=True)
    first, second, distance_A = neighbour_list("ijd", atoms, cutoff_A)
    return first, second, distance_A


def label_kinds(names: Sequence[str], orbits: Sequence[int]) -> tuple[str, ...]:
    """Labels that differ between orbits: where two orbits share a name, `.1`, `.2` follow it.

    Parameters
    ----------
    names, orbits : per site, a name and the number of its orbit
    """
    owners: dict[str, list[int]] = {}
    for name, orbit in zip(names, orbits, strict=True):
        if orbit not in owners.setdefault(name, []):
            owners[name].append(orbit)
    return tuple(
        name if len(owners[name]) == 1 else f"{name}.{owners[name].index(orbit) + 1}"
        for name, orbit in zip(names, orbits, strict=True)
    )
