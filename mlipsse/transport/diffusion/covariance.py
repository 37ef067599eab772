"""Covariance of mean squared displacements at different lags of the same trajectory."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class OverlapSums:
    """Sums over all pairs of time origins, divided by the numbers of origins.

    For an origin s of lag n and an origin t of lag m, the overlap is the number of steps that
    the two windows share, and the ends count their coinciding end points (start with start and
    end with end +1, start with end -1): the covariance of two displacements of a random walk
    with white noise on top is linear in the two.

    Attributes
    ----------
    overlap, overlap_squared : (k, k) of the overlap and of its square
    overlap_ends : (k, k) of overlap times ends
    ends_squared : (k, k) of the square of the ends
    """

    overlap: np.ndarray
    overlap_squared: np.ndarray
    overlap_ends: np.ndarray
    ends_squared: np.ndarray


def overlap_sums(lags: np.ndarray, n_frames: int) -> OverlapSums:
    """Sum over all pairs of windows of the given lags in a trajectory of `n_frames`, exactly.

    With m <= n the longer lag, windows overlap by v = 0 ... m as the shorter one enters the
    longer one and again as it leaves it, in (n_frames - n - m + v) places each, and by m at all
    n - m shifts between; sums of powers of v are closed.

    Parameters
    ----------
    lags : (k,) int, in frames, each from 1 to n_frames - 1
    """
    lags = np.asarray(lags, dtype=float)
    n = np.maximum(lags[:, None], lags)
    m = np.minimum(lags[:, None], lags)
    origins = n_frames - n  # of the longer lag
    spare = n_frames - n - m
    first = np.maximum(0.0, -spare)  # smaller overlaps do not fit into the trajectory

    def passing(power: int) -> np.ndarray:
        """Sum of v^power (spare + v), entering (v to m) and leaving (v to m - 1)."""
        both = np.zeros_like(n)
        for last in (m, m - 1):
            for factor, exponent in ((spare, power), (1.0, power + 1)):
                both += factor * (_power_sum(last, exponent) - _power_sum(first - 1, exponent))
        return both

    scale = 1.0 / ((n_frames - n) * (n_frames - m))
    return OverlapSums(
        overlap=scale * (passing(1) + (n - m) * origins * m),
        overlap_squared=scale * (passing(2) + (n - m) * origins * m**2),
        overlap_ends=scale * 2 * m * origins,
        ends_squared=scale * (origins * np.where(n == m, 4, 2) + 2 * np.maximum(spare, 0.0)),
    )


def _power_sum(last: np.ndarray, power: int) -> np.ndarray:
    """1^power + 2^power + ... + last^power for powers 1 to 3 (Faulhaber); 0 for last = -1."""
    if power == 1:
        return last * (last + 1) / 2
    if power == 2:
        return last * (last + 1) * (2 * last + 1) / 6
    return (last * (last + 1) / 2) ** 2


def msd_covariance(
    sums: OverlapSums,
    *,
    step_tensor_A2: np.ndarray,
    noise_A2: float,
    excess_per_step_A4: float,
    n_ions: float,
) -> np.ndarray:
    """Covariance of total MSDs of independent ions that walk and vibrate.

    Two displacements have the covariance C_ab = S_ab overlap + (noise/3) delta_ab ends, and
    their squares 2 sum_ab C_ab² (Gaussian, exact by Wick's theorem; for noise 0 it is the
    covariance of overlapping-origin Brownian MSDs), to which hops of finite length add their
    fourth cumulant, proportional to the overlap.

    Parameters
    ----------
    sums : of the lags
    step_tensor_A2 : (3, 3), Å², covariance of one step between frames, 2 D_ab x spacing
    noise_A2 : Å², variance <u²> of a vibration that is forgotten between frames
    excess_per_step_A4 : Å⁴, fourth cumulant of r² per step (0 for a Gaussian walk)
    n_ions : number of independent ions, not necessarily whole

    Returns
    -------
    (k, k) float64, Å⁴
    """
    gaussian = 2 * (
        np.sum(step_tensor_A2**2) * sums.overlap_squared
        + 2 * np.trace(step_tensor_A2) * (noise_A2 / 3) * sums.overlap_ends
        + 3 * (noise_A2 / 3) ** 2 * sums.ends_squared
    )
    return (gaussian + excess_per_step_A4 * sums.overlap) / n_ions
