"""Mean squared displacement against lag, per temperature."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from mlipsse.report.figures.style import dress, place_legend, sequential_colours
from mlipsse.transport.runs.analysis import RunTransport

DRAWN_LAGS = 400


def msd_plot(axes: Axes, runs: Sequence[RunTransport], *, title: str | None = None) -> Axes:
    """Draw the mobile ion's MSD of each run, log-log, with the fit windows in bold.

    Runs that were left out are dashed; a grey line of slope one shows diffusion. Lags beyond
    half a run are not drawn: few independent origins are left there.

    Parameters
    ----------
    axes : drawn on and returned
    runs : of one composition
    """
    ordered = sorted(runs, key=lambda run: (run.temperature_K, run.name))
    temperatures = sorted({run.temperature_K for run in ordered})
    shades = dict(zip(temperatures, sequential_colours(len(temperatures)), strict=True))
    named = set()
    for run in ordered:
        half = max(1, (run.msd.n_frames - 1) // 2)
        lags = np.unique(np.geomspace(1, half, DRAWN_LAGS).astype(int))
        shade = shades[run.temperature_K]
        label = f"{run.temperature_K:g} K" + (" (left out)" if not run.status.usable else "")
        axes.plot(
            run.msd.lag_ps[lags],
            run.msd.total_A2[lags],
            color=shade,
            linewidth=0.9,
            linestyle="-" if run.status.usable else "--",
            label=None if label in named else label,
        )
        named.add(label)
        window = run.diffusivity.window_ps
        if window is not None and run.status.usable:
            inside = (run.msd.lag_ps >= window[0]) & (run.msd.lag_ps <= window[1])
            axes.plot(
                run.msd.lag_ps[inside],
                run.msd.total_A2[inside],
                color=shade,
                linewidth=3.2,
                alpha=0.45,
                solid_capstyle="butt",
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    _draw_unit_slope(axes)
    axes.set_xlabel("lag (ps)")
    mobile = ordered[0].mobile if ordered else "mobile ion"
    axes.set_ylabel(f"MSD of {mobile} (Å²)")
    if title:
        axes.set_title(title)
    dress(axes)
    place_legend(axes, loc="upper left")
    return axes


def _draw_unit_slope(axes: Axes) -> None:
    """A short line of slope one in the lower right corner, without moving the limits."""
    if not axes.lines:
        return
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    start = (left * (right / left) ** 0.68, low * (high / low) ** 0.08)
    factor = min((right / left) ** 0.22, (high / low) ** 0.3)
    axes.plot(
        [start[0], start[0] * factor], [start[1], start[1] * factor], color="0.5", linewidth=0.8
    )
    axes.annotate(
        "slope 1", (start[0] * factor**0.55, start[1] * factor**0.3), color="0.4", fontsize=6.5
    )
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)
