"""Predictions against labels."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlipsse.errors import MlipsseError
from mlipsse.report.figures.style import COLOURS, DOUBLE_COLUMN_IN, dress, new_figure


def parity_plot(
    axes: Axes,
    reference: np.ndarray,
    predicted: np.ndarray,
    *,
    quantity: str,
    unit: str,
    reference_name: str = "label",
    predicted_name: str = "model",
    title: str | None = None,
) -> Axes:
    """Draw predicted against reference values with the diagonal, and state their RMSE and MAE.

    Parameters
    ----------
    axes : drawn on and returned
    reference, predicted : arrays of the same size, any shape
    quantity, unit : for the labels, e.g. «force component», «meV/Å»
    reference_name, predicted_name : what they are, e.g. «teacher label» and «model»
    """
    reference, predicted = np.ravel(reference), np.ravel(predicted)
    if reference.size != predicted.size or not reference.size:
        raise MlipsseError(
            f"A parity figure needs as many predictions as references and at least one, got "
            f"{predicted.size} and {reference.size}."
        )
    if not (np.isfinite(reference).all() and np.isfinite(predicted).all()):
        raise MlipsseError(f"A {quantity} to draw is not finite (NaN or infinite).")
    low = float(min(reference.min(), predicted.min()))
    high = float(max(reference.max(), predicted.max()))
    margin = 0.04 * (high - low) or 1.0
    limits = (low - margin, high + margin)
    axes.plot(limits, limits, color="0.5", linewidth=0.7)
    axes.plot(
        reference,
        predicted,
        ".",
        color=COLOURS[0],
        markersize=2.5,
        alpha=0.5 if reference.size > 300 else 0.9,
        markeredgewidth=0,
        rasterized=True,  # an SVG of a hundred thousand points is of no use
    )
    error = predicted - reference
    axes.text(
        0.05,
        0.95,
        f"RMSE {np.sqrt(np.mean(error**2)):.3g} {unit}\nMAE {np.mean(np.abs(error)):.3g} {unit}\n"
        f"{reference.size} values",
        transform=axes.transAxes,
        va="top",
        fontsize=6.5,
    )
    axes.set_xlim(*limits)
    axes.set_ylim(*limits)
    axes.set_aspect("equal", adjustable="box")
    axes.set_xlabel(f"{quantity}, {reference_name} ({unit})")
    axes.set_ylabel(f"{quantity}, {predicted_name} ({unit})")
    if title:
        axes.set_title(title)
    dress(axes)
    return axes


def parity_figure(pairs: Mapping[str, Sequence[Sequence[float]]]) -> Figure:
    """One panel per quantity.

    Parameters
    ----------
    pairs : «quantity (unit)» -> (2, n) labels and predictions
    """
    figure, panels = new_figure(width_in=DOUBLE_COLUMN_IN, columns=len(pairs))
    for axes, (name, pair) in zip(panels, pairs.items(), strict=True):
        quantity, unit = name.removesuffix(")").split(" (")
        reference, predicted = np.array(pair)
        parity_plot(axes, reference, predicted, quantity=quantity, unit=unit)
    return figure
