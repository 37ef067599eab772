"""Straight line through a mean squared displacement, by generalised least squares."""

from dataclasses import dataclass

import numpy as np

from mlipsse.transport.diffusion.covariance import msd_covariance, overlap_sums
from mlipsse.transport.diffusion.displacement.msd import COMPONENTS, MeanSquaredDisplacement
from mlipsse.transport.diffusion.judgement.evenness import FEWEST_IONS

FIT_LAGS = 60
"""Lags of the window that enter the fit: more of them carry the same information."""

TAKEN_BACK = 0.3
"""Share of a hop length squared by which reversed hops may lift the MSD permanently. Walks
that reverse each hop with probability p have 2p / (1 + p)²: 0.28 for 0.2 and 0.41 for 0.4."""

SETTLING = 2.0
"""The rest of that lift which is still to come falls as exp(-SETTLING x MSD / hop length²): as
(1 + p)² / (1 - p) in the same walks, 1.8 and 3.3."""

SETTLING_FORM = 0.1
"""By how much of itself that rest may be another at each lag. Taken for exact, its form is what the
fit subtracts, by weights that turn a straight MSD of a few hops into any slope."""

_ITERATIONS = 3
"""Rounds of a covariance by the last line, and a line by that covariance."""


@dataclass(frozen=True, eq=False)
class Line:
    """Straight line through the total MSD from lag `first` to `last` (in frames).

    Attributes
    ----------
    tensor_A2 : (3, 3), slopes per frame
    variance_A4 : of their trace
    intercept_A2 : MSD at lag 0, Å²
    bend : how far the MSD departs from the line, in standard errors: below 0 where it flattens
    ion_correlation : by how much the variance is larger than that of independent ions
    dispersion : variance of the slope among the ions, over that of ions that are alike
    """

    first: int
    last: int
    tensor_A2: np.ndarray
    variance_A4: float
    intercept_A2: float
    bend: float
    ion_correlation: float
    dispersion: float


def fit_line(
    msd: MeanSquaredDisplacement,
    first: int,
    last: int,
    hop_length_A: float,
    taken_back: float,
) -> Line:
    """Fit the line, with the covariance of overlapping windows of a walk with vibrations and hops.

    D, c and the fourth cumulant of the covariance (`msd_covariance`) are taken from the data and
    iterated. Where the `dispersion` of the ions makes its random part the larger one, that is the
    variance: ions that rest for long, or have rates of their own, are fewer than their number.

    Parameters
    ----------
    msd : of the mobile ions
    first, last : lags, frames
    hop_length_A : Å
    taken_back : part of its square by which hops taken back may lift the MSD; 0 takes the line as
        straight
    """
    from scipy import linalg

    lags = np.unique(np.round(np.linspace(first, last, FIT_LAGS)).astype(int))
    columns = msd.tensor_A2[lags]
    total = columns[:, :3].sum(axis=1)
    # The third column has no part in the line; its coefficient measures a bend that dies away.
    design = np.stack([lags, np.ones(len(lags)), lags[0] / lags], axis=1).astype(float)
    sums = overlap_sums(lags, msd.n_frames)
    excess = _excess_per_step(msd, first)
    correlation = _ion_correlation(msd, first, hop_length_A)
    unsettled = taken_back * hop_length_A**2 * np.exp(-SETTLING * total / hop_length_A**2)
    weights = np.linalg.pinv(design[:, :2])  # the first pass is ordinary least squares
    variance, bend, dispersion = 0.0, 0.0, 1.0
    for _ in range(_ITERATIONS):
        step = _tensor(weights[0] @ columns)
        if not np.trace(step) > 0:
            break
        noise_A2 = max(float(weights[1] @ total), 0.0) / 2
        covariance = msd_covariance(
            sums,
            step_tensor_A2=step,
            noise_A2=noise_A2,
            excess_per_step_A4=excess,
            n_ions=msd.n_ions / correlation,
        )
        random = covariance.copy()
        covariance += np.outer(unsettled, unsettled) + np.diag((SETTLING_FORM * unsettled) ** 2)
        # Neighbouring lags of a long window differ by less than rounding.
        covariance[np.diag_indices(len(lags))] *= 1 + 1e-10
        whitened = linalg.cho_solve(linalg.cho_factor(covariance), design)
        information = design.T @ whitened
        weights = np.linalg.solve(information[:2, :2], whitened[:, :2].T)
        variance = float(np.linalg.inv(information[:2, :2])[0, 0])
        dispersion = _dispersion(msd, lags, step, noise_A2, excess)
        variance = max(variance, dispersion * float(weights[0] @ random @ weights[0]))
        bent = np.linalg.inv(information)[2]
        bend = float(bent @ whitened.T @ total / np.sqrt(bent[2]))
    return Line(
        first,
        last,
        _tensor(weights[0] @ columns),
        variance,
        float(weights[1] @ total),
        bend,
        correlation,
        dispersion,
    )


def walk_covariance(
    msd: MeanSquaredDisplacement, lags: np.ndarray, *, hop_length_A: float
) -> np.ndarray:
    """Covariance of the MSDs of ions that go from the first of the lags to the last at one rate.

    Ions move together by the larger of two measured values: over whole hops, of which a short run
    shows few, so that its ions seem independent by chance, and at the lag of single hops.

    Parameters
    ----------
    msd : of the mobile ions
    lags : (k,) int, rising, frames
    hop_length_A : Å

    Returns
    -------
    (k, k) float64, Å⁴
    """
    first, last = int(lags[0]), int(lags[-1])
    step = _tensor((msd.tensor_A2[last] - msd.tensor_A2[first]) / (last - first))
    middle = (first + last) // 2
    correlation = max(_ion_correlation(msd, middle, hop_length_A), _hop_correlation(msd))
    return msd_covariance(
        overlap_sums(lags, msd.n_frames),
        step_tensor_A2=step,
        noise_A2=max(float(msd.total_A2[first] - np.trace(step) * first), 0.0) / 2,
        excess_per_step_A4=_excess_per_step(msd, middle),
        n_ions=msd.n_ions / correlation,
    )


def _dispersion(
    msd: MeanSquaredDisplacement,
    window: np.ndarray,
    step_tensor_A2: np.ndarray,
    noise_A2: float,
    excess_per_step_A4: float,
) -> float:
    """Variance of the slope among the ions, over that of ions that walk alike; 1 where unknown."""
    if msd.part_A2 is None or msd.n_ions < FEWEST_IONS:
        return 1.0
    inside = np.flatnonzero((msd.excess_lags >= window[0]) & (msd.excess_lags <= window[-1]))
    if len(inside) < 2:
        return 1.0
    lags = msd.excess_lags[inside]
    design = np.stack([lags, np.ones(len(lags))], axis=1).astype(float)
    covariance = msd_covariance(
        overlap_sums(lags, msd.n_frames),
        step_tensor_A2=step_tensor_A2,
        noise_A2=noise_A2,
        excess_per_step_A4=excess_per_step_A4,
        n_ions=1,
    )
    # By ordinary least squares: the best weights lean on the shortest lags, where hops back and
    # forth make noise that the sampled time origins do not average away.
    weights = np.linalg.pinv(design)[0]
    slopes = weights @ np.nanmean(msd.part_A2[inside], axis=1)
    ratio = float(slopes.var(ddof=1) / (weights @ covariance @ weights))
    # What its own standard error may add is taken off: the variance of few ions is uncertain.
    scaled = (slopes - slopes.mean()) ** 2 / slopes.var()
    chance = (float(np.mean(scaled**2)) - 1) / msd.n_ions * ratio**2
    beyond = ratio - 1
    return 1 + beyond * beyond**2 / (beyond**2 + chance)


def _tensor(slopes: np.ndarray) -> np.ndarray:
    tensor = np.zeros((3, 3))
    for value, (a, b) in zip(slopes, COMPONENTS, strict=True):
        tensor[a, b] = tensor[b, a] = value
    return tensor


def _ion_correlation(msd: MeanSquaredDisplacement, first_lag: int, hop_length_A: float) -> float:
    """Measured where the MSD is half a hop squared, or where the window starts; never below 1.

    There are as many independent measurements of it as such lags fit into the run.
    """
    reached = np.flatnonzero(msd.total_A2 > 0.5 * hop_length_A**2)
    lag = min(first_lag, int(reached[0])) if len(reached) else first_lag
    nearest = int(np.argmin(np.abs(np.log(msd.excess_lags / max(lag, 1)))))
    return max(1.0, float(msd.ion_correlation[nearest]))


def _hop_correlation(msd: MeanSquaredDisplacement) -> float:
    """Measured at the shortest lag at which hops make most of the variance of r²; never below 1.

    Of a short run this is better known than the correlation over whole hops, and misses ions that
    follow each other later.
    """
    second = msd.tensor_A2[msd.excess_lags]
    gaussian = 2 * (second[:, :3] ** 2).sum(axis=1) + 4 * (second[:, 3:] ** 2).sum(axis=1)
    seen = np.flatnonzero(msd.excess_A4 > gaussian)
    return max(1.0, float(msd.ion_correlation[seen[0]])) if len(seen) else 1.0


def _excess_per_step(msd: MeanSquaredDisplacement, first_lag: int) -> float:
    """Fourth cumulant of r² per frame, measured where the window starts; never negative."""
    nearest = int(np.argmin(np.abs(np.log(msd.excess_lags / first_lag))))
    return max(0.0, float(msd.excess_A4[nearest] / msd.excess_lags[nearest]))
