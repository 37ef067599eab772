"""Van Hove functions: how far ions are from where they, and others, were some time ago."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.structures.pair_histogram import pair_histogram
from mlipsse.transport.ions.drift import RestingPositions

SELF_ORIGINS = 400
"""Time origins of the self part; of the distinct part, which costs pairs, there are fewer."""
DISTINCT_ORIGINS = 40


@dataclass(frozen=True, eq=False)
class VanHove:
    """Both parts at some lags.

    Attributes
    ----------
    radii_A : (n_bins,) float64, middles of the bins
    lag_ps : (k,) lags
    self_per_A : (k, n_bins), 4 pi r² G_s(r, lag), 1/Å: the distribution of displacements, whose
        integral is 1 as far as it lies within the range
    distinct : (k, n_bins), G_d(r, lag) over the density, 1 where there is no structure; None when
        there is one ion
    """

    radii_A: np.ndarray
    lag_ps: np.ndarray
    self_per_A: np.ndarray
    distinct: np.ndarray | None


def van_hove(
    positions: np.ndarray | RestingPositions,
    cell: np.ndarray,
    *,
    frame_spacing_ps: float,
    lags_ps: Sequence[float],
    reach_A: float | None = None,
    bin_A: float = 0.1,
) -> VanHove:
    """Self and distinct part of the van Hove function (Phys. Rev. 95, 249 (1954)).

    doi 10.1103/PhysRev.95.249. G_s counts where an ion is after the lag, seen from where it was; a
    second peak at the distance of sites is hopping, a single one that widens is not. G_d counts the
    other ions: a peak at r = 0 after some time means that ions follow each other into their sites.

    Parameters
    ----------
    positions : (n_frames, n_ions, 3), Å, unwrapped, drift removed: an array, or `RestingPositions`
    cell : (3, 3), Å, constant
    frame_spacing_ps : time between frames, ps
    lags_ps : lags, each at least one frame and shorter than the run
    reach_A : range, Å; half the shortest height of the cell if not given, and at most that
    bin_A : width of the bins, Å

    Raises
    ------
    MlipsseError
        for lags outside of the run, a range beyond half the cell, or bins wider than the range.
    """
    n_frames, n_ions = positions.shape[:2]
    lattice = np.ascontiguousarray(cell, dtype=float)
    half_A = float(0.5 / np.linalg.norm(np.linalg.inv(lattice), axis=0).max())
    reach = half_A if reach_A is None else float(reach_A)
    if not 0 < bin_A <= reach or reach > half_A * (1 + 1e-9):
        raise MlipsseError(
            f"A range of {reach:g} Å in bins of {bin_A:g} Å: the range must be at most half the "
            f"cell's shortest height ({half_A:.3g} Å), and a bin at most the range."
        )
    lags = [round(lag / frame_spacing_ps) for lag in lags_ps]
    wrong = [lag for lag, n in zip(lags_ps, lags, strict=True) if not 1 <= n < n_frames]
    if wrong or not lags:
        raise MlipsseError(
            f"Lags must lie between {frame_spacing_ps:g} and "
            f"{(n_frames - 1) * frame_spacing_ps:g} ps, but are {list(lags_ps)}."
        )
    n_bins = max(1, round(reach / bin_A))
    edges = np.linspace(0.0, reach, n_bins + 1)
    shells_A3 = 4 / 3 * np.pi * np.diff(edges**3)
    density = (n_ions - 1) / abs(float(np.linalg.det(lattice)))

    def at(frame: int) -> np.ndarray:
        return np.asarray(positions[int(frame) : int(frame) + 1][0], dtype=float)

    own = np.zeros((len(lags), n_bins))
    others = np.zeros((len(lags), n_bins))
    for row, lag in enumerate(lags):
        origins = np.arange(0, n_frames - lag, max(1, (n_frames - lag) // SELF_ORIGINS))
        for start in origins:
            step = np.linalg.norm(at(start + lag) - at(start), axis=1)
            own[row] += np.histogram(step, edges)[0]
        own[row] /= len(origins) * n_ions * (edges[1] - edges[0])
        if n_ions > 1:
            few = origins[:: max(1, len(origins) // DISTINCT_ORIGINS)]
            for start in few:
                others[row] += _distinct(at(start), at(start + lag), lattice, reach, n_bins)
            others[row] /= len(few) * n_ions * shells_A3 * density
    return VanHove(
        radii_A=(edges[:-1] + edges[1:]) / 2,
        lag_ps=np.array(lags) * frame_spacing_ps,
        self_per_A=own,
        distinct=others if n_ions > 1 else None,
    )


def _distinct(
    early: np.ndarray, late: np.ndarray, cell: np.ndarray, reach_A: float, n_bins: int
) -> np.ndarray:
    """Pairs of an ion at the early time and another at the late one, by distance."""
    n = len(early)
    counts = np.zeros((2, 2, n_bins), dtype=np.int64)
    pair_histogram(
        np.concatenate([early, late]),
        cell,
        np.repeat(np.arange(2), n),
        reach_A,
        counts,
        np.full((2, 2), reach_A),
    )
    # Each ion's own late image is among them: within half the cell it is there once at most.
    own = np.zeros((2, 2, n_bins), dtype=np.int64)
    for first, second in zip(early, late, strict=True):
        pair_histogram(
            np.stack([first, second]),
            cell,
            np.arange(2),
            reach_A,
            own,
            np.full((2, 2), reach_A),
        )
    return np.asarray(counts[0, 1] - own[0, 1], dtype=float)
