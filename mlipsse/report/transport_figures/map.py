"""Activation energies over the triangle of three end members, with contours of conductivity."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from matplotlib.tri import TriAnalyzer, Triangulation

from mlipsse.errors import MlipsseError
from mlipsse.report.figures.ternary import CORNERS, draw_triangle

MOST_LEVELS = 6
"""Contours of conductivity, at round numbers between the lowest and the highest."""

_FLATTEST = 0.01  # ratio of the circles in and around a triangle: points of an edge in one line
_SMALLEST_AREA = 1e-4  # of the drawn triangle's unit: below it points lie on a line

# Without viridis' brightest end, which vanishes on white paper.
_SCALE = LinearSegmentedColormap.from_list("activation", colormaps["viridis"](np.arange(235)))


def spans_a_map(fractions: np.ndarray) -> bool:
    """Whether three of the compositions, (n, 3) mole fractions, lie on no line."""
    places = np.asarray(fractions, float).reshape(-1, 3) @ CORNERS
    if len(places) < 3:
        return False
    spread = np.linalg.svd(places - places.mean(axis=0), compute_uv=False)
    return bool(spread[0] * spread[1] > _SMALLEST_AREA)


def transport_map_plot(
    axes: Axes,
    fractions: np.ndarray,
    activation_energies_eV: np.ndarray,
    conductivities_mS_cm: np.ndarray,
    *,
    corners: tuple[str, str, str],
    temperature_K: float,
    title: str | None = None,
) -> Axes:
    """Draw compositions coloured by Ea over contours of conductivity, with a colour bar.

    Between compositions the conductivity is interpolated linearly over their Delaunay
    triangulation; beyond the outermost ones there are no contours. Compositions without an
    activation energy are open circles.

    Parameters
    ----------
    axes : drawn on and returned; the colour bar takes room beside it
    fractions : (n, 3) mole fractions of the corners' formula units, sum 1
    activation_energies_eV : (n,) eV; NaN where there is none
    conductivities_mS_cm : (n,) mS/cm at `temperature_K`; NaN where there is none
    corners : formulas at the lower left, lower right and top

    Raises
    ------
    MlipsseError
        when the arrays do not belong together, fractions do not add up to 1, or the compositions
        that have an activation energy lie on a line.
    """
    fractions = np.asarray(fractions, float)
    energies = np.asarray(activation_energies_eV, float)
    conductivities = np.asarray(conductivities_mS_cm, float)
    n = len(energies)
    if fractions.shape != (n, 3) or conductivities.shape != (n,):
        raise MlipsseError(
            f"The map got fractions of shape {fractions.shape}, {energies.shape} activation "
            f"energies and {conductivities.shape} conductivities; it needs (n, 3), (n,) and (n,)."
        )
    if n and np.abs(fractions.sum(axis=1) - 1).max() > 1e-6:
        raise MlipsseError("Three mole fractions of a composition do not add up to 1.")
    known = np.isfinite(energies)
    if not spans_a_map(fractions[known]):
        raise MlipsseError(
            f"A map needs three compositions with an activation energy that lie on no line; "
            f"{int(known.sum())} have one."
        )
    draw_triangle(axes, corners)
    places = fractions @ CORNERS
    _draw_contours(axes, places, conductivities, temperature_K)
    drawn = axes.scatter(
        places[known, 0],
        places[known, 1],
        c=energies[known],
        cmap=_SCALE,
        s=52,
        edgecolors="black",
        linewidths=0.7,
        zorder=4,
        clip_on=False,
    )
    if not known.all():
        axes.scatter(
            places[~known, 0],
            places[~known, 1],
            s=52,
            facecolors="white",
            edgecolors="0.4",
            linewidths=0.7,
            zorder=4,
            clip_on=False,
        )
    bar = axes.figure.colorbar(drawn, ax=axes, shrink=0.75, aspect=18, pad=0.02)
    bar.set_label("activation energy (eV)", fontsize=8)
    bar.ax.tick_params(labelsize=7, direction="in")
    bar.outline.set_linewidth(0.7)
    if title:
        axes.set_title(title, fontsize=8)
    return axes


def _draw_contours(
    axes: Axes, places: np.ndarray, conductivities: np.ndarray, temperature_K: float
) -> None:
    usable = np.isfinite(conductivities)
    values = conductivities[usable]
    if usable.sum() < 3 or np.ptp(values) <= 1e-9 * values.max():
        return
    x, y = places[usable].T
    triangles = Triangulation(x, y)
    triangles.set_mask(TriAnalyzer(triangles).get_flat_tri_mask(_FLATTEST))
    ticks = MaxNLocator(nbins=MOST_LEVELS, steps=[1, 2, 5, 10]).tick_values(
        values.min(), values.max()
    )
    levels = ticks[(ticks > values.min()) & (ticks < values.max())]
    lines = axes.tricontour(
        triangles, values, levels=levels, colors="0.25", linewidths=0.8, zorder=2
    )
    texts = axes.clabel(lines, fmt=lambda value: f"{value:.4g}", fontsize=6, inline_spacing=2)
    for text in texts:
        text.set_path_effects([withStroke(linewidth=1.8, foreground="white")])
    axes.text(
        0.5,
        -0.23,
        f"contours: conductivity at {temperature_K:g} K (mS/cm)",
        ha="center",
        va="center",
        fontsize=6.5,
    )
