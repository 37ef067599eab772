"""The range of lags in which an ion diffuses, or the reason why there is none."""

from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.diffusion.displacement.msd import MeanSquaredDisplacement
from mlipsse.transport.diffusion.displacement.status import RunKind

SEARCH_SPAN = 3.0
"""Last lag over first lag that a window keeps when its start is moved to later lags."""


@dataclass(frozen=True)
class WindowSettings:
    """How the fit window is chosen and what it must satisfy.

    Attributes
    ----------
    hop_length_A : least distance between sites, Å; a longer one is taken from the data (see
        `measured_hop_length_A`). There is no window below half its square (4.5 Å² at
        3 Å), after He, Zhu, Epstein and Mo, npj Comput. Mater. 4, 18 (2018),
        doi:10.1038/s41524-018-0074-y
    settled_hops2 : the window starts where the MSD reaches this many hop lengths squared, or at a
        third of its end where that is earlier. Hops that are often taken back bend the MSD before:
        of walks whose every hop is taken back with a probability of 0.2, D is 16 % too high from
        half a square on and 1 % from 2.5 on
    start_A2 : Å², MSD below which there is no window; None takes half the hop length squared
    minimum_lag_ps : the window never starts earlier, ps (ballistic motion and vibrations)
    maximum_lag_fraction : the window ends at this fraction of the trajectory's duration
    minimum_span : last lag over first lag; in less the exponent means nothing
    minimum_exponent : d ln MSD / d ln lag below which the motion is not called diffusion; of the
        MSD less what vibrations and a first hop back and forth give (see `cage_A2`)
    maximum_exponent : above it, and where the MSD bends upwards beyond chance, the motion is not
        called diffusion either
    minimum_hops : independent hops of all ions together, MSD over hop length squared times
        ions times the run's length over the lag
    window_ps : (first, last) lag in ps; overrides the rules of where it starts and ends
    judged : whether the motion in the window is tested at all; not for parts and sums of ions that
        have been tested
    """

    hop_length_A: float = 3.0
    settled_hops2: float = 2.5
    start_A2: float | None = None
    minimum_lag_ps: float = 1.0
    maximum_lag_fraction: float = 0.5
    minimum_span: float = 1.5
    minimum_exponent: float = 0.8
    maximum_exponent: float = 1.25
    minimum_hops: float = 20.0
    window_ps: tuple[float, float] | None = None
    judged: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.maximum_lag_fraction <= 1:
            raise MlipsseError(
                "maximum_lag_fraction must be above 0 and at most 1, but is "
                f"{self.maximum_lag_fraction}."
            )
        if self.hop_length_A <= 0 or self.minimum_lag_ps < 0:
            raise MlipsseError(
                f"hop_length_A must be above 0 Å and minimum_lag_ps at least 0 ps, but they are "
                f"{self.hop_length_A} and {self.minimum_lag_ps}."
            )
        if self.window_ps is not None and not 0 < self.window_ps[0] < self.window_ps[1]:
            raise MlipsseError(
                f"window_ps must be two rising lags above 0 ps, but is {self.window_ps}."
            )


@dataclass(frozen=True)
class Window:
    """The window of a fit, and whether the motion in it diffuses.

    Attributes
    ----------
    first, last : lags in frames; None when the rules give no window at all
    exponent : d ln MSD / d ln lag in the window; None without one
    reason : why the window is refused, else None; a window in which the motion is not diffusive
        keeps its bounds and exponent
    kind : of the refusal
    """

    first: int | None
    last: int | None
    exponent: float | None
    reason: str | None
    kind: RunKind = RunKind.USABLE


def choose_window(msd: MeanSquaredDisplacement, settings: WindowSettings | None = None) -> Window:
    """Choose the window of the fit (rules: `WindowSettings`) and test the motion in it."""
    settings = settings or WindowSettings()
    spacing = msd.frame_spacing_ps
    if settings.window_ps is None:
        bounds = _automatic(msd, settings)
        if isinstance(bounds, str):
            return Window(None, None, None, bounds, RunKind.TOO_LITTLE_MOTION)
        first, last = bounds
    else:
        first = max(1, round(settings.window_ps[0] / spacing))
        last = round(settings.window_ps[1] / spacing)
        if last > msd.n_frames - 1:
            raise MlipsseError(
                f"The window ends at {settings.window_ps[1]:g} ps, but the trajectory lasts "
                f"{msd.lag_ps[-1]:g} ps: choose a window inside it."
            )
    if last - first < 4 or last < settings.minimum_span * first:
        return Window(
            None,
            None,
            None,
            f"the run is too short: the window from {first * spacing:.3g} ps to "
            f"{last * spacing:.3g} ps must hold 5 lags and span a factor "
            f"{settings.minimum_span:g}; run longer",
            RunKind.TOO_SHORT,
        )
    window = _judged(msd, settings, first, last)
    if window.reason is not None and settings.window_ps is None:
        return later_window(msd, settings, window) or window
    return window


def later_window(
    msd: MeanSquaredDisplacement, settings: WindowSettings, window: Window
) -> Window | None:
    """The next later start at which the motion passes the exponent's test; None without one.

    Hops that are often taken back leave the MSD bent beyond half a hop squared; it straightens
    later. A later window must still span `SEARCH_SPAN` and rise by half a hop squared (He et
    al.'s own test), or the noise of a caged ion would be searched for a slope.
    """
    if window.first is None or window.last is None:
        return None
    rise = 0.5 * settings.hop_length_A**2
    start, last = window.first, window.last
    while True:
        start = max(start + 1, round(1.2 * start))
        if last < SEARCH_SPAN * start or msd.total_A2[last] - msd.total_A2[start] < rise:
            return None
        later = _judged(msd, settings, start, last)
        if later.reason is None:
            return later


def _judged(
    msd: MeanSquaredDisplacement, settings: WindowSettings, first: int, last: int
) -> Window:
    offset_A2 = cage_A2(msd, first, last, settings.hop_length_A)
    exponent = window_exponent(msd, first, last, offset_A2=offset_A2)
    spacing = msd.frame_spacing_ps
    if not settings.judged:
        return Window(first, last, exponent, None)
    hops = independent_hops(msd, last, settings.hop_length_A)
    if exponent >= settings.minimum_exponent and hops < settings.minimum_hops:
        return Window(
            first,
            last,
            exponent,
            f"too few hops: {msd.n_ions} ions make about {hops:.2g} independent hops of "
            f"{settings.hop_length_A:.3g} Å, and at least {settings.minimum_hops:g} are asked; run "
            "longer or hotter",
            RunKind.TOO_FEW_HOPS,
        )
    if exponent >= settings.minimum_exponent:
        return Window(first, last, exponent, None)
    return Window(
        first,
        last,
        exponent,
        f"not diffusive: d ln MSD / d ln lag is {exponent:.2f} between {first * spacing:.3g} "
        f"and {last * spacing:.3g} ps, below {settings.minimum_exponent:g} (1 is diffusion, 0 a "
        "cage)",
        RunKind.NOT_DIFFUSIVE,
    )


def _automatic(msd: MeanSquaredDisplacement, settings: WindowSettings) -> tuple[int, int] | str:
    spacing, total = msd.frame_spacing_ps, msd.total_A2
    last = int(settings.maximum_lag_fraction * (msd.n_frames - 1))
    threshold = settings.start_A2 or 0.5 * settings.hop_length_A**2
    reached = np.flatnonzero(total[: last + 1] > threshold)
    if not len(reached):
        return (
            f"too little motion: the MSD stays at or below {total[: last + 1].max():.2f} Å² up "
            f"to {last * spacing:.3g} ps ({settings.maximum_lag_fraction:g} of the run), and a "
            f"window starts above {threshold:.3g} Å²; run longer or hotter"
        )
    earliest = int(np.ceil(settings.minimum_lag_ps / spacing - 1e-9))
    settled = np.flatnonzero(total[: last + 1] > settings.settled_hops2 * settings.hop_length_A**2)
    wanted = min(int(settled[0]) if len(settled) else last, last // 3)
    return max(int(reached[0]), wanted, earliest, 1), last


def independent_hops(msd: MeanSquaredDisplacement, lag: int, hop_length_A: float) -> float:
    """Hops of `hop_length_A` that would give the MSD at `lag`, all ions and the whole run."""
    per_ion = float(msd.total_A2[lag]) / hop_length_A**2 * (msd.n_frames - 1) / lag
    return per_ion * msd.n_ions


def cage_A2(msd: MeanSquaredDisplacement, first: int, last: int, hop_length_A: float) -> float:
    """What the MSD holds beside diffusion, Å²: its intercept, from 0 to half a hop squared.

    Vibrations and hops that are taken back at once lift the MSD of an ion that diffuses by that
    much at most, and hide the exponent 1 of the rest; a cage lifts it by more. Never more than half
    of the MSD where the window starts.
    """
    lags = np.unique(np.round(np.linspace(first, last, 100)).astype(int))
    values = msd.total_A2[lags]
    _, intercept = np.polyfit(lags, values, 1)
    most = min(0.5 * hop_length_A**2, 0.5 * max(float(values.min()), 0.0))
    return float(np.clip(intercept, 0.0, most))


def window_exponent(
    msd: MeanSquaredDisplacement, first: int, last: int, *, offset_A2: float = 0.0
) -> float:
    """d ln (MSD - offset) / d ln lag by least squares over lags spaced evenly in log.

    NaN when the MSD less the offset is not positive in the window.
    """
    lags = np.unique(np.round(np.geomspace(first, last, 100)).astype(int))
    values = msd.total_A2[lags] - offset_A2
    if not np.all(values > 0):
        return float("nan")
    return float(np.polyfit(np.log(lags), np.log(values), 1)[0])
