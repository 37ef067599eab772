"""Errors against training epochs."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from mlipsse.errors import MlipsseError
from mlipsse.report.style import DOUBLE_COLUMN_IN, colour, dress, marker, new_figure, place_legend


def learning_plot(
    axes: Axes,
    epochs: Sequence[int] | np.ndarray,
    series: Mapping[str, Sequence[float] | np.ndarray],
    *,
    unit: str,
    quantity: str = "RMSE",
    title: str | None = None,
) -> Axes:
    """Draw each series against the epoch, on a logarithmic axis when all values are positive.

    Parameters
    ----------
    axes : drawn on and returned
    epochs : (n,) epoch numbers
    series : name to (n,) values, e.g. validation and replay RMSE; NaN leaves a gap
    quantity, unit : for the label, e.g. «RMSE of forces», «meV/Å»
    """
    epochs = np.asarray(epochs)
    positive = True
    for index, (name, values) in enumerate(series.items()):
        values = np.asarray(values, dtype=float)
        if values.shape != epochs.shape:
            raise MlipsseError(
                f"Series {name!r} has {values.size} values for {epochs.size} epochs."
            )
        positive = positive and bool(np.all(values[np.isfinite(values)] > 0))
        axes.plot(
            epochs,
            values,
            color=colour(index),
            marker=marker(index),
            markersize=2.5,
            linewidth=0.9,
            label=name,
        )
    if positive and series:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"{quantity} ({unit})")
    if title:
        axes.set_title(title)
    dress(axes)
    place_legend(axes)
    return axes


def learning_figure(
    *,
    epoch: Sequence[int],
    force_rmse_meV_A: Sequence[float],
    energy_rmse_meV_atom: Sequence[float],
    **_: object,
) -> Figure:
    """Force and energy errors on the validation set against the epoch (a `LearningCurve`)."""
    figure, (left, right) = new_figure(width_in=DOUBLE_COLUMN_IN, columns=2)
    name = "validation trajectories"
    learning_plot(left, epoch, {name: force_rmse_meV_A}, unit="meV/Å", quantity="force RMSE")
    learning_plot(
        right, epoch, {name: energy_rmse_meV_atom}, unit="meV/atom", quantity="energy RMSE"
    )
    return figure
