"""Tracer diffusivity with a standard error that holds, or the reason why there is none."""

from dataclasses import dataclass

import numpy as np

from mlipsse.transport.covariance import msd_covariance, overlap_sums
from mlipsse.transport.msd import COMPONENTS, MeanSquaredDisplacement
from mlipsse.transport.window import WindowSettings, choose_window, later_window
from mlipsse.units import A2_PS_TO_CM2_S

FIT_LAGS = 60
"""Lags of the window that enter the fit: more of them carry the same information."""

BEND_LIMIT = -2.0
"""Standard errors by which the MSD may bend below a straight line before its window starts
later. Straight walks stray there one time in forty."""

TAKEN_BACK = 0.3
"""Of a hop length squared: by how much hops that are taken back may lift the MSD for good. Walks
that take back each hop with probability p have 2p / (1 + p)²: 0.28 for 0.2 and 0.41 for 0.4."""

SETTLING = 2.0
"""The rest of that lift which is still to come falls as exp(-SETTLING x MSD / hop length²): as
(1 + p)² / (1 - p) in the same walks, 1.8 and 3.3."""

SETTLING_FORM = 0.1
"""By how much of itself that rest may be another at each lag. Taken for exact, its form is what the
fit subtracts, by weights that turn a straight MSD of a few hops into any slope."""


@dataclass(frozen=True, eq=False)
class Diffusivity:
    """Tracer diffusivity of one run, or the reason why there is none.

    diffusive : whether a diffusivity is stated
    ion_correlation : by how much the variance is larger than that of independent ions
    reason : why not (None when diffusive)
    diffusivity_cm2_s, diffusivity_std_cm2_s : cm²/s; None when not diffusive
    tensor_cm2_s : (3, 3), cm²/s, in the trajectory's Cartesian axes; None when not diffusive
    window_ps : first and last lag of the fit, ps; None when there was no window
    exponent : d ln MSD / d ln lag in the window
    intercept_A2 : MSD of the fitted line at lag 0, Å² (vibrations)
    bend : how far the MSD in the window departs from a straight line, in standard errors; well
        below -1.5 the ion's hops are still being taken back, and D is an upper bound
    """

    diffusive: bool
    reason: str | None
    diffusivity_cm2_s: float | None
    diffusivity_std_cm2_s: float | None
    tensor_cm2_s: np.ndarray | None
    window_ps: tuple[float, float] | None
    exponent: float | None
    intercept_A2: float | None
    bend: float | None
    ion_correlation: float | None = None


def fit_diffusivity(
    msd: MeanSquaredDisplacement, settings: WindowSettings | None = None
) -> Diffusivity:
    """Fit MSD = 6 D lag + c in the window, by generalised least squares.

    A window that was chosen by rule starts later for as long as the MSD bends below the line
    by more than chance (`BEND_LIMIT`) and a later window is to be had.

    The covariance of the MSDs is that of overlapping windows of a random walk with vibrations
    and hops of finite length (see `msd_covariance`); its D, c and fourth cumulant are taken
    from the data and iterated, never from the sample variance of each lag, which makes the
    matrix near singular. Ions that move together count as fewer ions, by how much more the mean
    of their r² fluctuates in time than that of independent ones would (`ion_correlation`). That
    the MSD may not be straight yet, because hops are taken back, is part of the covariance too,
    with the size that random walks with memory have (`TAKEN_BACK`, `SETTLING`), unless the window
    was given. Over the walks of `benchmarks/coverage.py` the stated error holds in two of three.

    Parameters
    ----------
    msd : of the mobile ions, framework drift removed
    settings : rules of the window

    Examples
    --------
    >>> fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=0.1))
    >>> fit.diffusivity_cm2_s, fit.diffusivity_std_cm2_s, fit.window_ps
    """
    settings = settings or WindowSettings()
    window = choose_window(msd, settings)
    spacing = msd.frame_spacing_ps
    if window.first is None or window.last is None:
        return _refused(window.reason or "", None, None)
    if window.reason is not None:
        window_ps = (window.first * spacing, window.last * spacing)
        return _refused(window.reason, window_ps, window.exponent)
    taken_back = TAKEN_BACK if settings.window_ps is None else 0.0
    line = _fit_line(msd, window.first, window.last, settings.hop_length_A, taken_back)
    while settings.window_ps is None and line.bend < BEND_LIMIT:
        later = later_window(msd, settings, window)
        if later is None or later.first is None or later.last is None:
            break
        window = later
        line = _fit_line(msd, later.first, later.last, settings.hop_length_A, taken_back)
    window_ps = (line.first * spacing, line.last * spacing)
    slope = float(np.trace(line.tensor_A2))  # Å² per frame, all three directions
    if not slope > 0:
        return _refused(
            f"not diffusive: the MSD's slope is {slope / spacing:.2g} Å²/ps between "
            f"{window_ps[0]:.3g} and {window_ps[1]:.3g} ps",
            window_ps,
            window.exponent,
        )
    to_cm2_s = A2_PS_TO_CM2_S / spacing
    return Diffusivity(
        diffusive=True,
        reason=None,
        diffusivity_cm2_s=slope / 6 * to_cm2_s,
        diffusivity_std_cm2_s=float(np.sqrt(line.variance_A4)) / 6 * to_cm2_s,
        tensor_cm2_s=line.tensor_A2 / 2 * to_cm2_s,
        window_ps=window_ps,
        exponent=window.exponent,
        intercept_A2=line.intercept_A2,
        bend=line.bend,
        ion_correlation=line.ion_correlation,
    )


def _refused(
    reason: str, window_ps: tuple[float, float] | None, exponent: float | None
) -> Diffusivity:
    finite = exponent if exponent is not None and np.isfinite(exponent) else None
    return Diffusivity(False, reason, None, None, None, window_ps, finite, None, None)


@dataclass(frozen=True, eq=False)
class _Line:
    """Straight line through the total MSD from lag `first` to `last` (in frames).

    tensor_A2 : (3, 3), slopes per frame; variance_A4 : of their trace
    """

    first: int
    last: int
    tensor_A2: np.ndarray
    variance_A4: float
    intercept_A2: float
    bend: float
    ion_correlation: float


def _fit_line(
    msd: MeanSquaredDisplacement,
    first: int,
    last: int,
    hop_length_A: float,
    taken_back: float,
    *,
    iterations: int = 3,
) -> _Line:
    from scipy import linalg

    lags = np.unique(np.round(np.linspace(first, last, FIT_LAGS)).astype(int))
    columns = msd.tensor_A2[lags]
    total = columns[:, :3].sum(axis=1)
    # The third column has no part in the line; its coefficient tells of a bend that dies away.
    design = np.stack([lags, np.ones(len(lags)), lags[0] / lags], axis=1).astype(float)
    sums = overlap_sums(lags, msd.n_frames)
    excess = _excess_per_step(msd, first)
    correlation = _ion_correlation(msd, first, hop_length_A)
    unsettled = taken_back * hop_length_A**2 * np.exp(-SETTLING * total / hop_length_A**2)
    weights = np.linalg.pinv(design[:, :2])  # the first pass is ordinary least squares
    variance, bend = 0.0, 0.0
    for _ in range(iterations):
        step = _tensor(weights[0] @ columns)
        if not np.trace(step) > 0:
            break
        covariance = msd_covariance(
            sums,
            step_tensor_A2=step,
            noise_A2=max(float(weights[1] @ total), 0.0) / 2,
            excess_per_step_A4=excess,
            n_ions=msd.n_ions / correlation,
        )
        covariance += np.outer(unsettled, unsettled) + np.diag((SETTLING_FORM * unsettled) ** 2)
        # Neighbouring lags of a long window differ by less than rounding can tell.
        covariance[np.diag_indices(len(lags))] *= 1 + 1e-10
        whitened = linalg.cho_solve(linalg.cho_factor(covariance), design)
        information = design.T @ whitened
        weights = np.linalg.solve(information[:2, :2], whitened[:, :2].T)
        variance = float(np.linalg.inv(information[:2, :2])[0, 0])
        bent = np.linalg.inv(information)[2]
        bend = float(bent @ whitened.T @ total / np.sqrt(bent[2]))
    return _Line(
        first,
        last,
        _tensor(weights[0] @ columns),
        variance,
        float(weights[1] @ total),
        bend,
        correlation,
    )


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


def _excess_per_step(msd: MeanSquaredDisplacement, first_lag: int) -> float:
    """Fourth cumulant of r² per frame, measured where the window starts; never negative."""
    nearest = int(np.argmin(np.abs(np.log(msd.excess_lags / first_lag))))
    return max(0.0, float(msd.excess_A4[nearest] / msd.excess_lags[nearest]))
