"""Energies above the hull of the orderings of each composition."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from mlipsse.errors import MlipsseError
from mlipsse.report.figures.style import COLOURS, dress


def hull_plot(
    axes: Axes,
    labels: Sequence[str],
    energies_above_hull_meV_atom: Sequence[Sequence[float] | np.ndarray],
    *,
    title: str | None = None,
) -> Axes:
    """Draw one column per composition: each ordering a dash, the lowest marked.

    Parameters
    ----------
    axes : drawn on and returned
    labels : formula of each column
    energies_above_hull_meV_atom : per column, the orderings' energies above hull, meV/atom
    """
    if len(labels) != len(energies_above_hull_meV_atom):
        raise MlipsseError(
            f"The hull figure got {len(labels)} labels for {len(energies_above_hull_meV_atom)} "
            "columns of energies."
        )
    for column, energies in enumerate(energies_above_hull_meV_atom):
        values = np.asarray(energies, dtype=float)
        if not len(values):
            continue
        axes.hlines(values, column - 0.25, column + 0.25, color=COLOURS[0], linewidth=0.7)
        axes.plot(column, values.min(), "D", color=COLOURS[1], markersize=3.5)
        axes.annotate(
            f"{len(values)}",
            (column, values.max()),
            textcoords="offset points",
            xytext=(0, 4.5),
            ha="center",
            fontsize=6.5,
        )
    axes.axhline(0.0, color="0.5", linewidth=0.7, linestyle="--")
    axes.margins(y=0.12)
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.set_xlabel("composition (number above: orderings)")
    axes.set_ylabel("energy above hull (meV/atom)")
    if title:
        axes.set_title(title)
    dress(axes)
    axes.tick_params(axis="x", which="both", top=False, bottom=False)
    many = len(labels) > 3
    axes.set_xticks(
        range(len(labels)), labels, rotation=30 if many else 0, ha="right" if many else "center"
    )
    return axes
