"""Radial distribution functions of a trajectory, and the closest pairs in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.structures.pair_histogram import pair_histogram

CLOSEST_MOBILE_A = 1.0
"""Mobile ions never come closer: below it potentials have failed, as models trained from scratch
did in Deng et al. 2025 (doi 10.1039/d5ta05321h), whose Li-Li distances peaked near 0.7 Å."""


@dataclass(frozen=True, eq=False)
class RadialDistribution:
    """Partial radial distribution functions.

    Attributes
    ----------
    radii_A : (n_bins,) float64, middles of the bins
    g : pair of elements, in alphabetical order -> (n_bins,) float64, 1 where there is no structure
    coordination : the same pairs, and those the other way round -> (n_bins,) float64, atoms of the
        second element around one of the first, up to the end of the bin
    closest_A : the same pairs as g -> shortest distance in any frame; the reach where none is below
    n_frames : frames that were averaged over
    """

    radii_A: np.ndarray
    g: dict[tuple[str, str], np.ndarray]
    coordination: dict[tuple[str, str], np.ndarray]
    closest_A: dict[tuple[str, str], float]
    n_frames: int

    def sanity(self, mobile: str) -> str | None:
        """A sentence when two mobile ions come closer than `CLOSEST_MOBILE_A`, else None."""
        closest = self.closest_A.get((mobile, mobile), np.inf)
        if closest >= CLOSEST_MOBILE_A:
            return None
        return (
            f"{mobile}-{mobile} pairs come as close as {closest:.2f} Å, below "
            f"{CLOSEST_MOBILE_A:g} Å: the potential fails at such distances, and no result of "
            "this trajectory is reliable"
        )


def radial_distribution(
    positions: np.ndarray,
    species: Sequence[str],
    cell: np.ndarray,
    *,
    frames: int = 200,
    reach_A: float = 8.0,
    bin_A: float = 0.05,
) -> RadialDistribution:
    """g(r) of all pairs of elements, averaged over evenly spaced frames.

    g_ab(r) = V n_ab(r) / (N_a N_b 4 pi r² dr), n_ab the number of ordered pairs in the shell per
    frame, images of the cell included: beyond half a small cell it shows the cell's periodicity.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3), Å, wrapped or not; an array, or what is sliced like one
    species : element of each atom
    cell : (3, 3), Å, rows are lattice vectors
    frames : so many evenly spaced ones are taken, or all if there are fewer
    reach_A, bin_A : range and width of the bins, Å

    Raises
    ------
    MlipsseError
        without frames or atoms, for species that are not as many as atoms, or a bin wider than the
        reach.
    """
    n_frames, n_atoms = positions.shape[:2]
    if n_frames < 1 or n_atoms < 1 or len(species) != n_atoms or frames < 1:
        raise MlipsseError(
            f"g(r) needs at least one frame, and a species for each atom; got {n_frames} frames of "
            f"{n_atoms} atoms, {len(species)} species, and {frames} frames asked for."
        )
    if not 0 < bin_A <= reach_A or not np.isfinite(reach_A):
        raise MlipsseError(
            f"Bins of {bin_A:g} Å do not divide a range of {reach_A:g} Å: give a bin above 0 and "
            "at most the range."
        )
    elements = sorted(set(species))
    kinds = np.array([elements.index(symbol) for symbol in species])
    n_bins = max(1, round(reach_A / bin_A))
    counts = np.zeros((len(elements), len(elements), n_bins), dtype=np.int64)
    closest_A = np.full((len(elements), len(elements)), float(reach_A))
    chosen = np.unique(np.linspace(0, n_frames - 1, min(frames, n_frames)).round().astype(int))
    lattice = np.ascontiguousarray(cell, dtype=float)
    for frame in chosen:
        pair_histogram(
            np.asarray(positions[int(frame)]),
            lattice,
            kinds,
            float(reach_A),
            counts,
            closest_A,
        )
    numbers = np.bincount(kinds)
    edges = np.linspace(0.0, reach_A, n_bins + 1)
    shells_A3 = 4 / 3 * np.pi * np.diff(edges**3)
    volume_A3 = abs(float(np.linalg.det(lattice)))
    g: dict[tuple[str, str], np.ndarray] = {}
    coordination: dict[tuple[str, str], np.ndarray] = {}
    closest: dict[tuple[str, str], float] = {}
    for a, one in enumerate(elements):
        for b, two in enumerate(elements):
            per_frame = counts[a, b] / len(chosen)
            coordination[one, two] = np.cumsum(per_frame) / numbers[a]
            if b >= a:
                g[one, two] = per_frame * volume_A3 / (numbers[a] * numbers[b] * shells_A3)
                closest[one, two] = float(closest_A[a, b])
    return RadialDistribution(
        radii_A=(edges[:-1] + edges[1:]) / 2,
        g=g,
        coordination=coordination,
        closest_A=closest,
        n_frames=len(chosen),
    )
