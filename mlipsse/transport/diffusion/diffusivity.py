"""Tracer diffusivity with a standard error that holds, or the reason why there is none."""

from dataclasses import dataclass, field, replace

import numpy as np

from mlipsse.transport.diffusion.caging import caged_reason, slowing_caution
from mlipsse.transport.diffusion.displacement.msd import MeanSquaredDisplacement
from mlipsse.transport.diffusion.displacement.status import RunKind, RunStatus
from mlipsse.transport.diffusion.displacement.window import (
    Window,
    WindowSettings,
    choose_window,
    later_window,
)
from mlipsse.transport.diffusion.judgement.evenness import Evenness, judge_evenness
from mlipsse.transport.diffusion.judgement.hop_length import measured_hop_length_A
from mlipsse.transport.diffusion.msd_line import TAKEN_BACK, Line, fit_line
from mlipsse.units import A2_PS_TO_CM2_S

BEND_LIMIT = 2.0
"""Standard errors by which the MSD may bend away from a straight line before its window starts
later. Straight walks stray there one time in twenty."""

UPWARD_LIMIT = 2.0
"""Standard errors by which the MSD from the first settled lag on may bend upwards before it is
called a motion that goes on in one direction."""

DISPERSION_LIMIT = 4.0
"""Variance of D among the ions, over that of ions that are alike, above which they differ."""

MAY_BE_CAGED = (RunKind.USABLE, RunKind.TOO_SHORT, RunKind.NOT_DIFFUSIVE)
"""Windows whose ions have moved far enough to find them in cages."""


@dataclass(frozen=True, eq=False)
class Diffusivity:
    """Tracer diffusivity of one run, or the reason why there is none.

    Attributes
    ----------
    diffusive : whether a diffusivity is stated
    reason : why not (None when diffusive)
    diffusivity_cm2_s, diffusivity_std_cm2_s : cm²/s; None when not diffusive
    tensor_cm2_s : (3, 3), cm²/s, in the trajectory's Cartesian axes; None when not diffusive
    window_ps : first and last lag of the fit, ps; None when there was no window
    exponent : d ln MSD / d ln lag in the window
    intercept_A2 : MSD of the fitted line at lag 0, Å² (vibrations)
    bend : how far the MSD in the window departs from a straight line, in standard errors
    ion_correlation : by how much the variance is larger than that of independent ions
    hop_length_A : that the window was chosen for, Å
    evenness : whether ions are alike and rates last
    kind : of the run; why there is no diffusivity, in a word
    cautions : sentences on what the diffusivity and its error take for granted and the run does not
        bear out
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
    hop_length_A: float | None = None
    evenness: Evenness = field(default_factory=Evenness)
    kind: RunKind | None = None
    cautions: tuple[str, ...] = ()

    @property
    def status(self) -> RunStatus:
        """Usable, or refused for the reason."""
        if self.diffusive:
            return RunStatus()
        return RunStatus(self.kind or RunKind.NOT_DIFFUSIVE, self.reason)

    def refused(self, status: RunStatus) -> "Diffusivity":
        """The same motion without a diffusivity, for a reason that the MSD does not know."""
        return replace(
            self,
            diffusive=False,
            reason=status.reason,
            kind=status.kind,
            diffusivity_cm2_s=None,
            diffusivity_std_cm2_s=None,
            tensor_cm2_s=None,
        )


def fit_diffusivity(
    msd: MeanSquaredDisplacement, settings: WindowSettings | None = None
) -> Diffusivity:
    """Fit MSD = 6 D lag + c in the window, by generalised least squares (see `fit_line`).

    The hop length is that of the data where it is longer than that of the settings. A window that
    was chosen by rule starts later for as long as the MSD bends away from the line by more than
    chance (`BEND_LIMIT`) and a later window is to be had. That the MSD may not be straight yet,
    because hops are taken back, is part of the error, unless the window was given.

    Refused are ions that the MSD shows to be caged (see `caged_reason`), and motion whose MSD bends
    upwards with an exponent above `maximum_exponent`. Of ions alone in a cage an MSD below
    `LARGEST_CAGE_HOPS2` shows little: `analyse_trajectory` looks at their places. Where ions differ
    or rates change during the run (see `judge_evenness`), the error grows and a caution states it.
    Over the walks of `benchmarks/coverage.py` the stated error holds in two of three.

    Parameters
    ----------
    msd : of the mobile ions, framework drift removed
    settings : rules of the window

    Examples
    --------
    >>> fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=0.1))
    >>> fit.diffusivity_cm2_s, fit.diffusivity_std_cm2_s, fit.window_ps
    """
    settings = _with_hop_length(msd, settings or WindowSettings())
    window = choose_window(msd, settings)
    spacing = msd.frame_spacing_ps
    status = _caged(msd, settings, window)
    if window.first is None or window.last is None:
        return _refused(status, None, None)
    bounds = (window.first * spacing, window.last * spacing)
    if not status.usable:
        return _refused(status, bounds, window.exponent)
    line, window = _settled_line(msd, settings, window)
    bounds = (line.first * spacing, line.last * spacing)
    slope = float(np.trace(line.tensor_A2))  # Å² per frame, all three directions
    if not slope > 0:
        reason = (
            f"not diffusive: the MSD's slope is {slope / spacing:.2g} Å²/ps between "
            f"{bounds[0]:.3g} and {bounds[1]:.3g} ps"
        )
        return _refused(RunStatus(RunKind.NOT_DIFFUSIVE, reason), bounds, window.exponent)
    upward = _upward_bend(msd, settings, line) if settings.judged else 0.0
    exponent = window.exponent or 0.0
    if upward > UPWARD_LIMIT and exponent > settings.maximum_exponent:
        reason = (
            f"not diffusive: d ln MSD / d ln lag is {exponent:.2f} between {bounds[0]:.3g} and "
            f"{bounds[1]:.3g} ps, above {settings.maximum_exponent:g} (1 is diffusion, 2 straight "
            "flight), and the MSD bends upwards: a drift is left in it, or the run is too short"
        )
        return _refused(RunStatus(RunKind.SUPERDIFFUSIVE, reason), bounds, exponent)
    evenness = (
        judge_evenness(msd, rise_A2=0.5 * settings.hop_length_A**2)
        if settings.judged
        else Evenness()
    )
    cautions = _cautions(line, evenness, upward) if settings.judged else ()
    slowing = (
        slowing_caution(
            msd,
            window.last or line.last,
            earliest_ps=settings.minimum_lag_ps,
            hop_length_A=settings.hop_length_A,
        )
        if settings.judged
        else None
    )
    to_cm2_s = A2_PS_TO_CM2_S / spacing
    return Diffusivity(
        diffusive=True,
        reason=None,
        diffusivity_cm2_s=slope / 6 * to_cm2_s,
        diffusivity_std_cm2_s=slope / 6 * to_cm2_s * _relative_error(line, evenness),
        tensor_cm2_s=line.tensor_A2 / 2 * to_cm2_s,
        window_ps=bounds,
        exponent=window.exponent,
        intercept_A2=line.intercept_A2,
        bend=line.bend,
        ion_correlation=line.ion_correlation,
        hop_length_A=settings.hop_length_A,
        evenness=evenness,
        kind=RunKind.USABLE,
        cautions=cautions if slowing is None else (*cautions, slowing),
    )


def _with_hop_length(msd: MeanSquaredDisplacement, settings: WindowSettings) -> WindowSettings:
    found = measured_hop_length_A(msd, earliest_ps=settings.minimum_lag_ps)
    if not settings.judged or found is None or found <= settings.hop_length_A:
        return settings
    # Ions of different rates seem to hop far: that must not put off the window of a short run.
    return replace(settings, hop_length_A=found, start_A2=0.5 * settings.hop_length_A**2)


def _caged(msd: MeanSquaredDisplacement, settings: WindowSettings, window: Window) -> RunStatus:
    """The window's status, or caged where that is why it has none or a flat MSD."""
    status = RunStatus(window.kind, window.reason)
    if not settings.judged or window.kind not in MAY_BE_CAGED:
        return status
    last = window.last or int(settings.maximum_lag_fraction * (msd.n_frames - 1))
    reason = caged_reason(
        msd, last, earliest_ps=settings.minimum_lag_ps, hop_length_A=settings.hop_length_A
    )
    return status if reason is None else RunStatus(RunKind.CAGED, reason)


def _settled_line(
    msd: MeanSquaredDisplacement, settings: WindowSettings, window: Window
) -> tuple[Line, Window]:
    """The line in the first window in which the MSD is straight, or in the last there is."""
    first, last = window.first or 1, window.last or 1
    taken_back = TAKEN_BACK if settings.window_ps is None else 0.0
    line = fit_line(msd, first, last, settings.hop_length_A, taken_back)
    while settings.window_ps is None and abs(line.bend) > BEND_LIMIT:
        later = later_window(msd, settings, window)
        if later is None or later.first is None or later.last is None:
            break
        window = later
        line = fit_line(msd, later.first, later.last, settings.hop_length_A, taken_back)
    return line, window


def _upward_bend(msd: MeanSquaredDisplacement, settings: WindowSettings, line: Line) -> float:
    """Bend of the MSD from where vibrations have settled to the end of the window."""
    first = max(1, int(np.ceil(settings.minimum_lag_ps / msd.frame_spacing_ps - 1e-9)))
    if first >= line.first:
        return line.bend
    return fit_line(msd, first, line.last, settings.hop_length_A, 0.0).bend


def _relative_error(line: Line, evenness: Evenness) -> float:
    """Standard error of the slope, and half the difference between rates that change."""
    error = float(np.sqrt(line.variance_A4) / np.trace(line.tensor_A2))
    if evenness.rates_change and evenness.late_to_early is not None:
        ratio = evenness.late_to_early
        change = abs(ratio - 1) / (ratio + 1)
        error = float(np.hypot(error, change))
    return error


def _cautions(line: Line, evenness: Evenness, upward: float) -> tuple[str, ...]:
    found = []
    if upward > UPWARD_LIMIT:
        found.append(
            f"the MSD bends upwards by {upward:.1f} standard errors: hops continue in one "
            "direction, or a drift is left, so the diffusivity is a lower bound; run longer"
        )
    if line.bend < -BEND_LIMIT:
        found.append(
            f"the MSD flattens by {-line.bend:.1f} standard errors within the window: hops are "
            "still reversed, so the diffusivity is an upper bound; run longer"
        )
    if evenness.ions_differ or line.dispersion > DISPERSION_LIMIT:
        known = evenness.ion_correlation
        kept = "" if known is None else f", correlation {known:.2f} between quarters of the run"
        found.append(
            f"ions differ in how far they move (variance {line.dispersion:.1f} times that of "
            f"equal ions{kept}): the diffusivity is a mean over fast and slow ions, and their "
            "shares may differ in another run"
        )
    if evenness.rates_change and evenness.late_to_early is not None:
        found.append(
            f"rates change during the run: after {evenness.changed_at:.0%} of it the ions move "
            f"{evenness.late_to_early:.2g} times as much as before; the error includes the "
            "change; drop the equilibration, or find what changes"
        )
    return tuple(found)


def _refused(
    status: RunStatus, window_ps: tuple[float, float] | None, exponent: float | None
) -> Diffusivity:
    finite = exponent if exponent is not None and np.isfinite(exponent) else None
    return Diffusivity(
        False, status.reason, None, None, None, window_ps, finite, None, None, kind=status.kind
    )
