"""The spread of a force against the radius up to which all is fixed."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mlipsse.potential.locality.measure import LocalityPoint
from mlipsse.report.figures.style import colour, dress, marker, new_figure, place_legend

_FLOOR_EV_A = 1e-7
"""Smaller spreads, of rounding, are drawn here."""


def locality_figure(
    points: Sequence[LocalityPoint], labelled: Sequence[LocalityPoint], reach_A: float | None
) -> Figure:
    """One line per element, the root mean square over its atoms; labels dashed.

    Parameters
    ----------
    points, labelled : of a potential, and of labels
    reach_A : drawn as a line, where there is one
    """
    figure, (axes,) = new_figure()
    elements = list(dict.fromkeys(point.element for point in points))
    for source, style in ((points, "-"), (labelled, "--")):
        for index, element in enumerate(elements):
            own = [point for point in source if point.element == element]
            radii_A = sorted({point.radius_A for point in own})
            means = [
                np.sqrt(np.mean([p.spread_eV_A**2 for p in own if p.radius_A == radius]))
                for radius in radii_A
            ]
            if radii_A:
                axes.plot(
                    radii_A,
                    np.maximum(means, _FLOOR_EV_A),
                    style,
                    color=colour(index),
                    marker=marker(index),
                    markersize=3.5,
                    linewidth=0.9,
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
