"""Errors of several potentials on one set of labels, and their cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mlipsse.report.figures.style import DOUBLE_COLUMN_IN, colour, dress, marker, new_figure


def models_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Relative errors of energy and force as bars, and force error against cost.

    Parameters
    ----------
    rows : with `potential`, `energy_relative`, `force_relative`, `force_rmse_meV_A`, `us_per_atom`
    """
    figure, (bars, cost) = new_figure(width_in=DOUBLE_COLUMN_IN, columns=2)
    places = np.arange(len(rows))
    for shift, name in enumerate(("energy", "force")):
        values = [row[f"{name}_relative"] or 0.0 for row in rows]
        bars.barh(places + 0.2 - 0.4 * shift, values, height=0.36, color=colour(shift), label=name)
    bars.set_yticks(places, [str(row["potential"]) for row in rows])
    bars.invert_yaxis()
    bars.set_xlabel("RMSE over standard deviation of labels")
    dress(bars)
    bars.legend(fontsize=6.5, frameon=False)
    for index, row in enumerate(rows):
        cost.plot(
            [row["us_per_atom"]],
            [row["force_rmse_meV_A"]],
            linestyle="none",
            color=colour(index),
            marker=marker(index),
            markersize=4.5,
            label=str(row["potential"]),
        )
    cost.set_xscale("log")
    cost.margins(0.2)
    cost.set_ylim(bottom=0)
    cost.set_xlabel("time of an evaluation (µs per atom)")
    cost.set_ylabel("force RMSE (meV/Å)")
    dress(cost)
    cost.legend(fontsize=6.5, frameon=False)
    return figure
