"""Mean squared displacements of all elements of one trajectory."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from mlipsse.report.figures.style import colour, dress, place_legend
from mlipsse.transport.diffusion.displacement.msd import MeanSquaredDisplacement

DRAWN_LAGS = 400


def displacement_plot(
    axes: Axes,
    curves: Mapping[str, MeanSquaredDisplacement],
    *,
    mobile: str,
    collective: MeanSquaredDisplacement | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the MSD of every element, log-log, the mobile one in bold, and the collective one.

    Lags beyond half the run are not drawn: few independent origins are left there.

    Parameters
    ----------
    axes : drawn on and returned
    curves : element -> its MSD
    collective : of the mobile ions together, per ion
    """
    drawn = {symbol: (curve, "-") for symbol, curve in curves.items()}
    if collective is not None:
        drawn[f"{mobile}, collective"] = (collective, "--")
    for index, (label, (curve, style)) in enumerate(drawn.items()):
        half = max(1, (curve.n_frames - 1) // 2)
        lags = np.unique(np.geomspace(1, half, DRAWN_LAGS).astype(int))
        first = label.startswith(mobile) and style == "--"
        axes.plot(
            curve.lag_ps[lags],
            curve.total_A2[lags],
            style,
            color=colour(0 if first else index),
            linewidth=1.6 if label == mobile else 0.9,
            label=label,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("lag (ps)")
    axes.set_ylabel("MSD (Å²)")
    if title:
        axes.set_title(title)
    dress(axes)
    place_legend(axes, loc="upper left")
    return axes
