"""The diffusivity of a table of mean squared displacements, with an error where it is known."""

from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.diffusion.caging import LARGEST_CAGE_HOPS2
from mlipsse.transport.diffusion.covariance import msd_covariance, overlap_sums
from mlipsse.transport.diffusion.displacement.window import WindowSettings
from mlipsse.transport.diffusion.table.reading import MsdTable
from mlipsse.units import A2_PS_TO_CM2_S

FIT_LAGS = 60
"""Lags of the window that enter the fit, as of a trajectory (`msd_line`)."""

STEEPEST = 1.25
"""d ln MSD / d ln lag above which a table shows drift or flight and no diffusion."""

ITERATIONS = 4
"""Rounds of a covariance by the last line, and a line by that covariance."""


@dataclass(frozen=True)
class TableFit:
    """D of a table, or the reason why there is none.

    Attributes
    ----------
    diffusivity_cm2_s : None with a `reason`
    diffusivity_std_cm2_s : None where nothing in the table or beside it shows it
    basis : what the error rests on, or why there is none, in a sentence
    window_ps : first and last lag of the fit, ps
    exponent : d ln MSD / d ln lag there
    reason : why there is no D
    cautions : sentences on what the table does not bear out
    """

    diffusivity_cm2_s: float | None
    diffusivity_std_cm2_s: float | None
    basis: str
    window_ps: tuple[float, float] | None
    exponent: float | None
    reason: str | None
    cautions: tuple[str, ...] = ()


def fit_table(
    table: MsdTable,
    *,
    settings: WindowSettings | None = None,
    dimensions: int = 3,
    n_ions: int | None = None,
    duration_ps: float | None = None,
) -> TableFit:
    """Fit MSD = 2 d D lag + c in a window of the table.

    A table without ions and run has no error of D: MSDs at neighbouring lags are of one run, and
    the scatter of a line shows nothing of it. With the number of ions and the run's length the
    error is that of independent ions that hop at random (`msd_covariance`, lags over all time
    origins). With errors of the MSDs it is the largest that they allow, whatever their correlation:
    sum |w_i| std_i over the weights w of the slope. An MSD that ions in cages reach too comes with
    a caution.

    Parameters
    ----------
    settings : rules of the window
    dimensions : that the MSD adds up
    n_ions, duration_ps : of the run behind the table, both or none

    Raises
    ------
    MlipsseError
        for dimensions beyond 1 to 3, or other than the columns name, one of ions and duration
        without the other, a run shorter than the table, and a window beyond it.
    """
    settings = settings or WindowSettings()
    if dimensions not in (1, 2, 3):
        raise MlipsseError(f"An MSD adds up 1, 2 or 3 dimensions, not {dimensions}.")
    if table.directions and len(table.directions) != dimensions:
        raise MlipsseError(
            f"The columns {', '.join(table.columns[1:])} hold {len(table.directions)} of the "
            f"three directions ({', '.join(sorted(table.directions))}), but --dimensions is "
            f"{dimensions}. Give --dimensions {len(table.directions)}, or the columns of the "
            "others."
        )
    if (n_ions is None) != (duration_ps is None):
        raise MlipsseError(
            "The number of ions and the length of the run require each other. Give both, or none."
        )
    lags, values = table.lag_ps, table.msd_A2
    if n_ions is not None and duration_ps is not None:
        enough = n_ions >= 1 and duration_ps >= lags[-1] * (1 - 1e-9)
        if not enough:
            raise MlipsseError(
                "The run must hold 1 ion at least and last as long as the table's last lag "
                f"({lags[-1]:g} ps), but {n_ions} ions and {duration_ps:g} ps are given."
            )
    window = _window(table, settings, duration_ps)
    if isinstance(window, str):
        return TableFit(None, None, "", None, None, window)
    inside = np.flatnonzero((lags >= window[0] * (1 - 1e-9)) & (lags <= window[1] * (1 + 1e-9)))
    chosen = inside[np.unique(np.linspace(0, len(inside) - 1, FIT_LAGS).round().astype(int))]
    x, y = lags[chosen], values[chosen]
    bounds = (float(x[0]), float(x[-1]))
    exponent = _exponent(x, y, settings.hop_length_A)
    if not settings.minimum_exponent <= exponent <= STEEPEST:
        return TableFit(
            None, None, "", bounds, exponent if np.isfinite(exponent) else None,
            f"not diffusive: d ln MSD / d ln lag is {exponent:.2f} between {bounds[0]:.3g} and "
            f"{bounds[1]:.3g} ps (allowed {settings.minimum_exponent:g} to {STEEPEST:g}; 1 is "
            "diffusion, 0 a cage, 2 drift)",
        )  # fmt: skip
    spacing = float(np.diff(lags, prepend=0.0).min())
    design = np.stack([x, np.ones(len(x))], axis=1)
    weights = np.linalg.pinv(design)
    per_cm2_s = A2_PS_TO_CM2_S / (2 * dimensions)
    std: float | None = None
    basis = (
        "without an error: the table holds neither errors of its MSDs nor the number of ions and "
        "the length of the run (--ions, --duration)"
    )
    if table.std_A2 is not None and n_ions is None:
        std = float(np.abs(weights[0]) @ table.std_A2[chosen]) * per_cm2_s
        basis = "the error is the largest that the errors of the MSDs allow"
    else:  # of a run that is not known, the weights of one ion over as long as the table
        walkers, length_ps = n_ions or 1, duration_ps or float(lags[-1])
        for _ in range(ITERATIONS):
            slope, intercept = weights @ y
            if not slope > 0:
                break
            line = _Line(slope, intercept, settings.hop_length_A, dimensions, walkers, spacing)
            covariance = (
                _one_origin(x, line) if table.one_origin else _covariance(x, line, length_ps)
            )
            whitened = np.linalg.solve(covariance, design)
            information = design.T @ whitened
            weights = np.linalg.solve(information, whitened.T)
            if n_ions is not None:
                std = float(np.sqrt(np.linalg.inv(information)[0, 0])) * per_cm2_s
        if n_ions is not None:
            basis = (
                f"the error is that of {n_ions} independent ions over {duration_ps:g} ps"
                + (" and one time origin" if table.one_origin else "")
                + "; ions that move together have a larger one"
            )
    slope = float(weights[0] @ y)
    if not slope > 0:
        return TableFit(
            None, None, "", bounds, exponent,
            f"not diffusive: the MSD's slope is {slope:.2g} Å²/ps between {bounds[0]:.3g} and "
            f"{bounds[1]:.3g} ps",
        )  # fmt: skip
    cautions = _cautions(float(y[-1]), settings.hop_length_A)
    return TableFit(slope * per_cm2_s, std, basis, bounds, exponent, None, cautions)


def _cautions(reached_A2: float, hop_length_A: float) -> tuple[str, ...]:
    """What an MSD that reaches so far in the window leaves open without positions and a cell."""
    largest_A2 = LARGEST_CAGE_HOPS2 * hop_length_A**2
    if reached_A2 >= largest_A2:
        return ()
    return (
        f"judged by the MSD alone, cages cannot be excluded: the MSD reaches {reached_A2:.3g} Å² "
        f"in the window, and ions in cages reach up to {largest_A2:.3g} Å²; run longer, or give "
        "the trajectory to `mlipsse transport diffusivity`, which looks for ways across the cell",
    )


def _window(
    table: MsdTable, settings: WindowSettings, duration_ps: float | None
) -> tuple[float, float] | str:
    """First and last lag, ps, by the rules of `WindowSettings`, or why there is none."""
    lags, values = table.lag_ps, table.msd_A2
    if settings.window_ps is not None:
        first, last = settings.window_ps
        if last > lags[-1] * (1 + 1e-9):
            raise MlipsseError(
                f"The window ends at {last:g} ps, but the table's last lag is {lags[-1]:g} ps."
            )
    else:
        length = lags[-1] if duration_ps is None else duration_ps
        last = min(float(lags[-1]), settings.maximum_lag_fraction * float(length))
        inside = lags <= last * (1 + 1e-9)
        if not inside.any():
            return (
                f"the table is too short: its lags begin at {lags[0]:.3g} ps, beyond {last:.3g} "
                "ps, where a window must end; give the times since the start of a run"
            )
        a2 = settings.hop_length_A**2
        reached = np.flatnonzero(inside & (values > 0.5 * a2))
        if not len(reached):
            return (
                f"too little motion: the MSD stays at or below {values[inside].max(initial=0):.2f} "
                f"Å² up to {last:.3g} ps, and a window starts above {0.5 * a2:.3g} Å²"
            )
        settled = np.flatnonzero(inside & (values > settings.settled_hops2 * a2))
        wanted = min(float(lags[settled[0]]) if len(settled) else last, last / 3)
        first = max(float(lags[reached[0]]), wanted, settings.minimum_lag_ps)
    held = np.count_nonzero((lags >= first * (1 - 1e-9)) & (lags <= last * (1 + 1e-9)))
    if held < 5 or last < settings.minimum_span * first:
        return (
            f"the table is too short: the window from {first:.3g} to {last:.3g} ps holds {held} "
            f"lags, and needs 5 that span a factor {settings.minimum_span:g}"
        )
    return first, last


def _exponent(lags: np.ndarray, values: np.ndarray, hop_length_A: float) -> float:
    """d ln (MSD - offset) / d ln lag; the offset is a vibration's, as in `cage_A2`."""
    intercept = float(np.polyfit(lags, values, 1)[1])
    most = min(0.5 * hop_length_A**2, 0.5 * max(float(values.min()), 0.0))
    lifted = values - np.clip(intercept, 0.0, most)
    if not (lifted > 0).all():
        return float("nan")
    return float(np.polyfit(np.log(lags), np.log(lifted), 1)[0])


@dataclass(frozen=True)
class _Line:
    """A straight line of an MSD.

    Attributes
    ----------
    slope, intercept : Å²/ps and Å²
    hop_length_A : of the ions, Å
    dimensions : that the MSD sums over
    n_ions : that the MSD averages over
    spacing_ps : all lags are multiples of it, ps
    """

    slope: float
    intercept: float
    hop_length_A: float
    dimensions: int
    n_ions: int
    spacing_ps: float


def _covariance(lags: np.ndarray, line: _Line, duration_ps: float) -> np.ndarray:
    """Covariance of MSDs of independent walkers over all time origins, in steps of `spacing_ps`."""
    spacing = line.spacing_ps
    counts = np.maximum(1, np.round(lags / spacing)).astype(int)
    sums = overlap_sums(counts, round(duration_ps / spacing) + 1)
    kept = [1.0] * line.dimensions + [0.0] * (3 - line.dimensions)
    covariance = msd_covariance(
        sums,
        step_tensor_A2=line.slope * spacing / line.dimensions * np.diag(kept),
        noise_A2=max(line.intercept, 0.0) / 2,
        excess_per_step_A4=line.slope * spacing * line.hop_length_A**2,
        n_ions=line.n_ions,
    )
    covariance[np.diag_indices(len(lags))] *= 1 + 1e-9
    return covariance


def _one_origin(lags: np.ndarray, line: _Line) -> np.ndarray:
    """Covariance of MSDs since one time: squared Gaussian steps, and hops of finite length."""
    shared = line.slope * np.minimum(lags[:, None], lags)
    covariance = 2 / line.dimensions * shared**2 + line.hop_length_A**2 * shared
    covariance[np.diag_indices(len(lags))] += (max(line.intercept, 0.0) + 1e-6) ** 2
    return np.asarray(covariance / line.n_ions)
