"""Errors against the number of training frames."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from mlipsse.report.figures.style import (
    DOUBLE_COLUMN_IN,
    colour,
    dress,
    marker,
    new_figure,
    place_legend,
)

NAMES = {"multihead": "multi-head with replay", "naive": "naive", "scratch": "from scratch"}
PANELS = (
    ("energy_rmse_meV_atom", "energy RMSE (meV/atom)"),
    ("force_rmse_meV_A", "force RMSE (meV/Å)"),
    ("stress_rmse_meV_A3", "stress RMSE (meV/Å³)"),
)


def size_figure(rows: Sequence[Mapping[str, Any]], *, foundation: Mapping[str, float]) -> Figure:
    """Test errors of energy, forces and stress, one line per strategy, both axes logarithmic.

    Parameters
    ----------
    rows : with `frames`, `strategy`, and `test_` before the names of the errors; of several of one
        size and strategy the mean is drawn, with their standard deviation
    foundation : errors of the foundation model on the test set; its energies, which are of another
        functional, are not drawn
    """
    figure, panels = new_figure(width_in=DOUBLE_COLUMN_IN, columns=len(PANELS))
    strategies = list(dict.fromkeys(str(row["strategy"]) for row in rows))
    for axes, (name, title) in zip(panels, PANELS, strict=True):
        for index, strategy in enumerate(strategies):
            own = [row for row in rows if row["strategy"] == strategy]
            sizes = sorted({row["frames"] for row in own})
            several = [
                np.array([row[f"test_{name}"] for row in own if row["frames"] == size])
                for size in sizes
            ]
            axes.plot(
                sizes,
                [values.mean() for values in several],
                color=colour(index),
                marker=marker(index),
                markersize=3.5,
                linewidth=0.9,
                label=NAMES.get(strategy, strategy),
            )
            if max(map(len, several)) > 1:
                axes.vlines(
                    sizes,
                    [values.mean() - _spread(values) for values in several],
                    [values.mean() + _spread(values) for values in several],
                    color=colour(index),
                    linewidth=0.9,
                )
        if name != "energy_rmse_meV_atom":
            axes.axhline(
                foundation[name], color="0.5", linewidth=0.7, linestyle="--", label="foundation"
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("training frames")
        axes.set_ylabel(title)
        dress(axes)
    place_legend(panels[1])
    return figure


def _spread(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
