"""Diffusivities of several models in one figure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlipsse.report.figures.style import (
    DOUBLE_COLUMN_IN,
    colour,
    dress,
    formula_label,
    marker,
    new_figure,
    sequential_colours,
)
from mlipsse.report.transport_figures.arrhenius import arrhenius_plot
from mlipsse.report.transport_figures.left_out import left_out_lines
from mlipsse.transport.runs.composition import CompositionTransport

_PANEL_IN = 2.7
_NAME_IN = 0.14
_LINE_IN = 0.12


def compared_transport_figure(
    models: Sequence[tuple[str, CompositionTransport]],
    rows: Sequence[Mapping[str, Any]],
    *,
    force_rmse_meV_A: Mapping[str, float] | None = None,
) -> Figure:
    """A row of panels per composition: D against temperature, and D against the force error.

    Without force errors the second panel is the conductivity. Below the panels stands what was
    left out.

    Parameters
    ----------
    models : name of a model, and its transport of one composition
    rows : of the table, with `model` beside its columns
    force_rmse_meV_A : of the models, on one set of labels
    """
    formulas = list(dict.fromkeys(transport.formula for _, transport in models))
    lines = left_out_lines(rows, lambda row: str(row["model"]))
    figure, axes = new_figure(
        width_in=DOUBLE_COLUMN_IN,
        height_in=_PANEL_IN * len(formulas) + _NAME_IN * len(models) + _LINE_IN * len(lines),
        columns=2,
        rows=len(formulas),
    )
    for number, formula in enumerate(formulas):
        own = [(name, one) for name, one in models if one.formula == formula]
        first, second = axes[2 * number : 2 * number + 2]
        names = [name for name, _ in own]
        transports = [one for _, one in own]
        title = formula_label(formula)
        arrhenius_plot(first, transports, names=names, title=title, legend=False)
        # Below, where long names cover no point.
        first.legend(loc="upper left", bbox_to_anchor=(-0.2, -0.17), fontsize=6.5, frameon=False)
        if force_rmse_meV_A is None:
            arrhenius_plot(second, transports, quantity="conductivity", legend=False)
        else:
            _draw_against_error(second, own, force_rmse_meV_A)
    if lines:
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=6)
    return figure


def _draw_against_error(
    axes: Axes, models: Sequence[tuple[str, CompositionTransport]], errors: Mapping[str, float]
) -> None:
    """A line per temperature through all models, by rising force error."""
    kelvins = sorted({point.temperature_K for _, one in models for point in one.points})
    for kelvin, shade in zip(kelvins, sequential_colours(len(kelvins)), strict=True):
        found = sorted(
            (errors[name], point.diffusivity_cm2_s, point.diffusivity_std_cm2_s, index)
            for index, (name, one) in enumerate(models)
            for point in one.points
            if point.temperature_K == kelvin
        )
        error, value, std, indices = (np.array(column) for column in zip(*found, strict=True))
        axes.plot(error, value, color=shade, linewidth=0.8, label=f"{kelvin:g} K", zorder=1)
        axes.errorbar(
            error,
            value,
            yerr=[np.minimum(std, 0.95 * value), std],
            fmt="none",
            ecolor=shade,
            elinewidth=0.8,
            capsize=2,
            zorder=1,
        )
        for x, y, index in zip(error, value, indices, strict=True):
            axes.plot(x, y, marker(int(index)), color=colour(int(index)), markersize=4, zorder=2)
    axes.set_xlabel("force RMSE (meV/Å)")
    axes.set_ylabel("D (cm²/s)")
    if kelvins:
        axes.set_yscale("log")
        axes.margins(0.15)
        axes.legend(fontsize=6.5, frameon=False)
    else:  # nothing was usable: the scales would be made up
        axes.set_xticks([])
        axes.set_yticks([])
    dress(axes)
