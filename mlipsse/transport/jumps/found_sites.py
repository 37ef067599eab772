"""Sites found in the trajectory itself, where the ions' density peaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from mlipsse.errors import MlipsseError
from mlipsse.transport.jumps.sites import Sites, SiteSize, close_pairs, make_sites

MERGE_A = 1.2
"""Peaks nearer than this are one site: the halves of a split position."""

INTERSTITIAL_OCCUPANCY = 0.2
"""Sites that hold fewer ions than this on average are called interstitial."""

LEAST_OCCUPANCY = 0.05
"""Sites that hold fewer than this are places that ions pass through."""

_VOXEL_A, _SMOOTHING_A = 0.3, 0.3


@dataclass(frozen=True, kw_only=True)
class SiteSearch:
    """How peaks of the density become sites; see `find_sites`.

    Attributes
    ----------
    repeats : of the crystal's cell along the run's own vectors, whose densities are laid together
    merge_A : peaks nearer than this to a higher one belong to it, Å
    interstitial_occupancy : mean number of ions below which a site is interstitial
    least_occupancy : mean number of ions below which a peak is no site

    Raises
    ------
    MlipsseError
        when repeats are below 1.
    """

    repeats: Sequence[int] = (1, 1, 1)
    merge_A: float = MERGE_A
    interstitial_occupancy: float = INTERSTITIAL_OCCUPANCY
    least_occupancy: float = LEAST_OCCUPANCY

    def __post_init__(self) -> None:
        if len(self.repeats) != 3 or min(self.repeats) < 1:
            raise MlipsseError(
                f"Repeats {tuple(self.repeats)} must be three whole numbers, 1 or above."
            )


def find_sites(
    positions: np.ndarray,
    cell: np.ndarray,
    size: SiteSize,
    *,
    lattice: np.ndarray | None = None,
    known: Sites | None = None,
    search: SiteSearch | None = None,
) -> Sites:
    """Sites at the peaks of the ions' density.

    The density, on a periodic grid of 0.3 Å and smoothed by a Gaussian of 0.3 Å, has peaks; those
    nearer than `merge_A` to a higher one belong to it, and the mean position of the ions within
    half of `merge_A` is the site. Then occupancies decide: below `least_occupancy` a peak is
    dropped, below `interstitial_occupancy` it is interstitial. Host sites are called h0, h1, ...
    and interstitial ones i0, i1, ..., the fullest first.

    With `repeats`, the density of all repeated cells is laid together before peaks are sought:
    fewer frames suffice, and sites that are images of each other share their label.

    Parameters
    ----------
    positions : (n_frames, n_ions, 3) float64, Å, drift removed
    cell : (3, 3) float64, Å, rows are lattice vectors
    size : of all sites; radii per label are refused, as found sites have no labels yet
    lattice : (3, 3) whole numbers, of `Trajectory`: the run's own vectors are this times `cell`;
        the unit matrix by default
    known : sites that are given; peaks further than `merge_A` from them are added as interstitial
    search : how peaks become sites

    Raises
    ------
    MlipsseError
        when no peak is a site, for radii per label, and as `make_sites`.
    """
    from mlipsse.transport.jumps.states import NO_SITE, site_states

    if isinstance(size.radius_A, Mapping):
        raise MlipsseError("Found sites have no labels yet. Give one radius for all.")
    search = search or SiteSearch()
    merge_A = search.merge_A
    cell = np.asarray(cell, dtype=float)
    lattice = np.eye(3) if lattice is None else np.asarray(lattice, dtype=float)
    times = np.array(search.repeats, dtype=int)
    own = lattice @ cell
    unit = own / times[:, None]
    counts, grid = _histogram(positions, unit)
    peaks = _merged(_refined(_peaks(counts, unit), counts, grid, unit, merge_A), unit, merge_A)
    images = np.stack(np.meshgrid(*[np.arange(n) for n in times], indexing="ij"), -1).reshape(-1, 3)
    fractional = ((peaks[:, None] + images) / times).reshape(-1, 3) @ lattice
    kind = np.repeat(np.arange(len(peaks)), len(images))
    n_known = 0 if known is None else len(known)
    if known is not None:
        near = _near(fractional, known.fractional, cell, merge_A)
        kept = np.isin(kind, np.unique(kind[near]), invert=True)
        fractional, kind = fractional[kept], kind[kept]
    while True:  # a site that is dropped leaves room for larger spheres
        if not len(kind):
            if known is not None:
                return known
            raise MlipsseError(
                f"No place is occupied for {search.least_occupancy:.0%} of the time: the ions flow "
                "like a liquid, or the run is too short. Give the sites."
            )
        together = fractional if known is None else np.vstack([known.fractional, fractional])
        together = together - np.floor(together)
        sites = make_sites(
            together,
            cell,
            [*(() if known is None else known.labels), *map(str, kind)],
            size,
        )
        states = site_states(positions, sites).site
        filled = np.bincount(states[states != NO_SITE], minlength=len(sites)) / len(positions)
        members = np.bincount(kind)
        occupancy = np.bincount(kind, weights=filled[n_known:]) / np.maximum(members, 1)
        empty = (occupancy < search.least_occupancy)[kind]
        if not empty.any():
            break
        fractional, kind = fractional[~empty], kind[~empty]
    rare = np.ones(len(occupancy), bool)
    if known is None:
        rare = occupancy < search.interstitial_occupancy
    order = [k for k in np.argsort(-occupancy, kind="stable") if members[k]]
    names: dict[int, str] = {}
    for prefix, mark in (("h", False), ("i", True)):
        for number, k in enumerate(k for k in order if rare[k] == mark):
            names[int(k)] = f"{prefix}{number}"
    ranks = {k: rank for rank, k in enumerate(names)}
    rows = np.array(sorted(range(len(kind)), key=lambda row: ranks[int(kind[row])]), dtype=int)
    given = () if known is None else known.labels
    marks = np.zeros(0, bool) if known is None else known.interstitial
    return Sites(
        fractional=np.concatenate([together[:n_known], together[n_known:][rows]]),
        cell=cell,
        labels=(*given, *(names[int(kind[row])] for row in rows)),
        radius_A=sites.radius_A,
        interstitial=np.concatenate([marks, rare[kind[rows]]]),
    )


def _histogram(
    positions: np.ndarray, unit: np.ndarray, *, block: int = 500
) -> tuple[np.ndarray, np.ndarray]:
    """Ions per voxel of the unit cell, and the voxels per axis."""
    grid = np.maximum(1, np.ceil(np.linalg.norm(unit, axis=1) / _VOXEL_A)).astype(int)
    inverse = np.linalg.inv(unit)
    counts = np.zeros(grid.prod())
    for start in range(0, len(positions), block):
        part = positions[start : start + block].reshape(-1, 3) @ inverse
        voxel = np.minimum(((part - np.floor(part)) * grid).astype(int), grid - 1)
        flat = (voxel[:, 0] * grid[1] + voxel[:, 1]) * grid[2] + voxel[:, 2]
        counts += np.bincount(flat, minlength=len(counts))
    return counts.reshape(grid), grid


def _peaks(counts: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Fractional positions of the smoothed density's peaks, the highest first."""
    waves = [fft.fftfreq(n, 1 / n) for n in counts.shape]
    vectors = np.stack(np.meshgrid(*waves, indexing="ij"), axis=-1) @ np.linalg.inv(unit).T
    damping = np.exp(-2 * (np.pi * _SMOOTHING_A) ** 2 * (vectors**2).sum(axis=-1))
    smooth = fft.ifftn(fft.fftn(counts) * damping).real
    highest = smooth == ndimage.maximum_filter(smooth, size=3, mode="wrap")
    # The transform leaves ripples of rounding where no ion has been.
    voxels = np.argwhere(highest & (smooth > 1e-6 * smooth.max()))
    order = np.argsort(-smooth[tuple(voxels.T)], kind="stable")
    return (voxels[order] + 0.5) / counts.shape


def _refined(
    peaks: np.ndarray, counts: np.ndarray, grid: np.ndarray, unit: np.ndarray, merge_A: float
) -> np.ndarray:
    """Each peak moved to the mean position of the ions within half of `merge_A`."""
    reach = (
        np.ceil(merge_A / 2 * np.linalg.norm(np.linalg.inv(unit), axis=0) * grid).astype(int) + 1
    )
    box = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), axis=-1)
    box = box.reshape(-1, 3)
    moved = peaks.copy()
    for number in range(len(moved)):
        for _ in range(5):
            voxels = np.floor(moved[number] * grid).astype(int) + box
            away = (voxels + 0.5) / grid - moved[number]
            near = ((away @ unit) ** 2).sum(axis=1) <= (merge_A / 2) ** 2
            weight = counts[tuple((voxels[near] % grid).T)]
            if not weight.sum() > 0:
                break
            moved[number] += weight @ away[near] / weight.sum()
    return moved - np.floor(moved)


def _merged(peaks: np.ndarray, unit: np.ndarray, merge_A: float) -> np.ndarray:
    """Peaks of which none is nearer than `merge_A` to a higher one, or to itself."""
    first, second, _ = close_pairs(peaks, unit, merge_A)
    kept = np.ones(len(peaks), dtype=bool)
    for number in range(len(peaks)):
        higher = second[(first == number) & (second < number)]
        kept[number] = not kept[higher].any()
    return peaks[kept]


def _near(
    fractional: np.ndarray, others: np.ndarray, cell: np.ndarray, cutoff_A: float
) -> np.ndarray:
    """Indices of sites nearer than the cutoff to any of the others."""
    first, second, _ = close_pairs(np.vstack([fractional, others]), cell, cutoff_A)
    count = len(fractional)
    return np.unique(first[(first < count) & (second >= count)])
