"""A pseudo-ternary: which compositions are stable, and how far the others are above the hull.

The numbers along an edge are mole fractions of the corner towards which they rise.
"""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patheffects import withStroke

from mlipsse.errors import MlipsseError
from mlipsse.report.figures.style import formula_label

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]])
"""Corners of the triangle: lower left, lower right, top; `fractions @ CORNERS` are places in it."""
_STEPS = 4  # of the grid along an edge
_MOST_NUMBERS = 40  # points whose energies are written beside them

# Without viridis' brightest end, which vanishes on white paper.
_SCALE = LinearSegmentedColormap.from_list("above_hull", colormaps["viridis"](np.arange(235)))


def ternary_plot(
    axes: Axes,
    fractions: np.ndarray,
    energies_above_hull_meV_atom: np.ndarray,
    stable: np.ndarray,
    *,
    corners: tuple[str, str, str],
    tie_lines: np.ndarray | None = None,
    title: str | None = None,
) -> Axes:
    """Draw one point per composition in the triangle of its end members, with a colour bar.

    Stable ones are circles, others diamonds with their energy above hull beside them; colour shows
    the same, dark to light.

    Parameters
    ----------
    axes : drawn on and returned; the colour bar takes room beside it
    fractions : (n, 3) mole fractions of the corners' formula units, sum 1
    energies_above_hull_meV_atom : (n,) of the lowest ordering of each composition, meV/atom
    stable : (n,) bool
    corners : formulas at the lower left, lower right and top
    tie_lines : (m, 2) int, pairs of points at equilibrium with each other

    Raises
    ------
    MlipsseError
        when the arrays do not belong together, or hold a value that is not finite or no fraction.
    """
    fractions = np.asarray(fractions, float)
    energies = np.asarray(energies_above_hull_meV_atom, float)
    stable = np.asarray(stable, bool)
    n = len(energies)
    if n == 0 or fractions.shape != (n, 3) or stable.shape != (n,):
        raise MlipsseError(
            f"The ternary figure got fractions of shape {fractions.shape}, {energies.shape} "
            f"energies and {stable.shape} marks of stable ones; it needs (n, 3), (n,) and (n,)."
        )
    off = np.abs(fractions.sum(axis=1) - 1).max()
    if not (np.isfinite(energies).all() and (fractions >= -1e-9).all() and off < 1e-6):
        raise MlipsseError(
            "An energy to draw is not finite, or three fractions are negative or do not add up to "
            "1."
        )
    draw_triangle(axes, corners)
    places = fractions @ CORNERS
    for pair in () if tie_lines is None else np.asarray(tie_lines, int):
        axes.plot(places[pair, 0], places[pair, 1], color="0.15", linewidth=1.0, zorder=2)
    highest = max(float(energies.max()), 1.0)
    drawn = []
    for mask, name, shape, size in (
        (stable, "stable", "o", 46),
        (~stable, "metastable", "D", 30),
    ):
        if mask.any():
            drawn.append(
                axes.scatter(
                    places[mask, 0],
                    places[mask, 1],
                    c=energies[mask],
                    cmap=_SCALE,
                    vmin=0.0,
                    vmax=highest,
                    marker=shape,
                    s=size,
                    edgecolors="black",
                    linewidths=0.7,
                    zorder=3,
                    label=name,
                    clip_on=False,
                )
            )
    if n <= _MOST_NUMBERS:
        _write_numbers(axes, places[~stable], energies[~stable])
    axes.legend(
        fontsize=6.5,
        frameon=False,
        handletextpad=0.2,
        borderaxespad=0.0,
        ncols=2,
        loc="lower center",
    )
    bar = axes.figure.colorbar(drawn[0], ax=axes, shrink=0.75, aspect=18, pad=0.02)
    bar.set_label("energy above hull (meV/atom)", fontsize=8)
    bar.ax.tick_params(labelsize=7, direction="in")
    bar.outline.set_linewidth(0.7)
    if title:
        axes.set_title(title, fontsize=8)
    return axes


def draw_triangle(axes: Axes, corners: tuple[str, str, str]) -> None:
    """Triangle, grid, mole fractions along the edges, and the corners' formulas."""
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(-0.1, 1.1)
    axes.set_ylim(-0.26, np.sqrt(3) / 2 + 0.09)  # the legend stands below
    axes.plot(*CORNERS[[0, 1, 2, 0]].T, color="0.3", linewidth=0.8, zorder=1)
    centre = CORNERS.mean(axis=0)
    for k in range(3):
        start, end, third = (CORNERS[(k + shift) % 3] for shift in range(3))
        outward = (start + end) / 2 - centre
        outward = outward / np.linalg.norm(outward)
        for step in range(1, _STEPS):
            # Along the edge the fraction of `end` rises; the line of this fraction runs inwards,
            # parallel to the edge from `start` to `third`.
            share = step / _STEPS
            place = start + share * (end - start)
            inner = third + share * (end - third)
            axes.plot(*np.array([place, inner]).T, color="0.82", linewidth=0.5, zorder=0)
            x, y = place + 0.06 * outward
            axes.text(
                x,
                y,
                f"{share:g}",
                ha="center",
                va="center",
                fontsize=6,
                color="0.35",
            )
    for corner, name, offset, alignment in zip(
        CORNERS, corners, ((-2, -12), (2, -12), (0, 7)), ("top", "top", "bottom"), strict=True
    ):
        axes.annotate(
            formula_label(name),
            corner,
            xytext=offset,
            textcoords="offset points",
            ha="center",
            va=alignment,
            fontsize=8,
        )


def _write_numbers(axes: Axes, places: np.ndarray, energies: np.ndarray) -> None:
    """Energies beside their points, on the side of the centre: the edges have numbers outside."""
    for place, energy in zip(places, energies, strict=True):
        inward = CORNERS.mean(axis=0) - place
        far = float(np.linalg.norm(inward))
        x, y = 8.5 * inward / far if far > 0.05 else (0.0, 8.5)
        axes.annotate(
            f"{energy:.1f}" if energy < 10 else f"{energy:.0f}",
            tuple(place),
            xytext=(x, y),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=6.5,
            zorder=4,
            path_effects=[withStroke(linewidth=1.6, foreground="white")],
        )
