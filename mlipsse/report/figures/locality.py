"""The spread of a force against the radius up to which all is fixed."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mlipsse.potential.locality.measure import LocalityPoint
from mlipsse.report.figures.style import (
    DOUBLE_COLUMN_IN,
    colour,
    dress,
    marker,
    new_figure,
    place_legend,
)

_HEIGHT_IN = 3.2
_FLOOR_EV_A = 1e-7
"""Smaller spreads, of rounding, are drawn here."""


def locality_figure(
    points: Sequence[LocalityPoint], labelled: Sequence[LocalityPoint], reach_A: float | None
) -> Figure:
    """One line per element, the root mean square over its atoms; labels dashed.

    Bars are standard errors.

    Parameters
    ----------
    points, labelled : of a potential, and of labels
    reach_A : drawn as a line, where there is one
    """
    figure, (axes,) = new_figure(width_in=DOUBLE_COLUMN_IN, height_in=_HEIGHT_IN)
    elements = list(dict.fromkeys(point.element for point in points))
    for source, style in ((points, "-"), (labelled, "--")):
        for index, element in enumerate(elements):
            own = [point for point in source if point.element == element]
            radii_A = sorted({point.radius_A for point in own})
            found = [_mean([p for p in own if p.radius_A == radius]) for radius in radii_A]
            if radii_A:
                mean, std = np.array(found).T
                mean = np.maximum(mean, _FLOOR_EV_A)
                axes.errorbar(
                    radii_A,
                    mean,
                    # A bar that reached zero would leave a logarithmic axis.
                    yerr=[np.minimum(std, 0.95 * mean), std],
                    linestyle=style,
                    color=colour(index),
                    marker=marker(index),
                    markersize=3.5,
                    linewidth=0.9,
                    capsize=2,
                    label=element if style == "-" else f"{element}, labels",
                )
    if reach_A is not None and reach_A <= 1.2 * max(point.radius_A for point in points):
        axes.axvline(reach_A, color="0.5", linewidth=0.7, linestyle=":", label="reach of the model")
    axes.set_yscale("log")
    axes.set_xlabel("radius up to which all is fixed (Å)")
    axes.set_ylabel("spread of the force (eV/Å)")
    dress(axes)
    place_legend(axes)
    return figure


def _mean(points: Sequence[LocalityPoint]) -> tuple[float, float]:
    """Root mean square of the spreads of several atoms, and its standard error, eV/Å."""
    spreads = np.array([point.spread_eV_A for point in points])
    stds = np.array([point.spread_std_eV_A for point in points])
    mean = float(np.sqrt(np.mean(spreads**2)))
    error = np.sqrt(((spreads * stds) ** 2).sum()) / len(points)
    return mean, float(error / mean) if mean > 0 else 0.0
