"""Errors against training epochs."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from mlipsse.errors import MlipsseError
from mlipsse.report.figures.style import (
    DOUBLE_COLUMN_IN,
    colour,
    dress,
    marker,
    new_figure,
    place_legend,
)


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
    curve: Mapping[str, Sequence[float]], replay: Mapping[str, Sequence[float]] | None = None
) -> Figure:
    """Force and energy errors against the epoch, on validation trajectories and watched replay.

    Parameters
    ----------
    curve, replay : fields of a `mlipsse.training.learning_curve.LearningCurve`; without replay
        head, `replay` is empty
    """
    figure, panels = new_figure(width_in=DOUBLE_COLUMN_IN, columns=2)
    epochs = curve["epoch"]
    known = dict(zip(replay["epoch"], range(len(replay["epoch"])), strict=True)) if replay else {}
    for axes, key, unit, quantity in zip(
        panels,
        ("force_rmse_meV_A", "energy_rmse_meV_atom"),
        ("meV/Å", "meV/atom"),
        ("force RMSE", "energy RMSE"),
        strict=True,
    ):
        series = {"validation trajectories": curve[key]}
        if replay and known:
            series["replay"] = [
                replay[key][known[epoch]] if epoch in known else np.nan for epoch in epochs
            ]
        learning_plot(axes, [int(epoch) for epoch in epochs], series, unit=unit, quantity=quantity)
    return figure
