"""Diffusivity or conductivity against inverse temperature."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter
from numpy.typing import ArrayLike

from mlipsse.report.figures.style import colour, dress, formula_label, marker, place_legend
from mlipsse.transport.runs.composition import CompositionTransport

_LEGEND_ROW = 0.075  # of the height of a panel half a page wide


def arrhenius_plot(
    axes: Axes,
    compositions: Sequence[CompositionTransport],
    *,
    quantity: Literal["diffusivity", "conductivity"] = "diffusivity",
    title: str | None = None,
    names: Sequence[str] | None = None,
    legend: bool = True,
) -> Axes:
    """Draw every composition's points with standard errors, and the fitted lines of D.

    Temperatures stand along the top. Lines are drawn for the diffusivity, which is what was
    fitted. A composition without a usable temperature stays in the legend, which states it.

    Parameters
    ----------
    axes : drawn on and returned
    quantity : diffusivity in cm²/s or conductivity in mS/cm
    names : of the series, e.g. of models of one composition; their formulas when not given
    legend : inside; without it the caller names the series elsewhere
    """
    named = names or [formula_label(composition.formula) for composition in compositions]
    temperatures: set[float] = set()
    for index, composition in enumerate(compositions):
        points = composition.points
        kelvin = np.array([point.temperature_K for point in points])
        temperatures.update(kelvin.tolist())
        if quantity == "diffusivity":
            values = np.array([point.diffusivity_cm2_s for point in points])
            errors = np.array([point.diffusivity_std_cm2_s for point in points])
        else:
            values = np.array([point.conductivity_mS_cm for point in points])
            errors = np.array([point.conductivity_std_mS_cm for point in points])
        axes.errorbar(
            1000 / kelvin,
            values,
            # A bar that reached zero would leave a logarithmic axis.
            yerr=[np.minimum(errors, 0.95 * values), errors],
            fmt=marker(index),
            color=colour(index),
            markersize=4,
            linewidth=0.9,
            capsize=2,
            label=_label(named[index], composition),
        )
        if quantity == "diffusivity" and len(points) > 1:
            line = np.linspace(kelvin.min(), kelvin.max(), 50)
            fitted = [composition.arrhenius.diffusivity_cm2_s(float(t)) or np.nan for t in line]
            axes.plot(1000 / line, fitted, color=colour(index), linewidth=0.9)
    axes.set_yscale("log")
    axes.set_xlabel("1000 / T (1/K)")
    axes.set_ylabel("D (cm²/s)" if quantity == "diffusivity" else "conductivity (mS/cm)")
    if title:
        axes.set_title(title)
    dress(axes)
    if temperatures:
        axes.tick_params(which="both", top=False)
        axes.set_xlim(1000 / max(temperatures) - 0.05, 1000 / min(temperatures) + 0.05)
        _temperatures_on_top(axes, sorted(temperatures))
        if legend:
            _room_below(axes, rows=len(compositions))
    else:  # nothing was usable: the scales would be made up
        axes.set_xticks([])
        axes.set_yticks([], [])
        axes.minorticks_off()
    if legend:
        place_legend(axes, loc="lower left")
    return axes


def _room_below(axes: Axes, *, rows: int) -> None:
    """Stretch the scale downwards so that a legend of `rows` lies under every error bar."""
    low, high = np.log10(axes.get_ylim())
    share = min(0.7, 0.04 + _LEGEND_ROW * rows)
    axes.set_ylim(bottom=10 ** (high - (high - low) / (1 - share)))


def _label(name: str, composition: CompositionTransport) -> str:
    energy = composition.arrhenius.activation_energy_eV
    std = composition.arrhenius.activation_energy_std_eV
    if not composition.points:
        return f"{name}: no usable temperature"
    if energy is None:
        return name
    error = "" if std is None else f" ± {std:.3f}"
    return f"{name}: {energy:.3f}{error} eV"


def _temperatures_on_top(axes: Axes, temperatures: Sequence[float]) -> None:
    top = axes.secondary_xaxis("top", functions=(_inverse, _inverse))
    top.xaxis.set_major_locator(FixedLocator(list(temperatures)))
    top.xaxis.set_minor_locator(FixedLocator([]))
    top.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    top.set_xlabel("T (K)", fontsize=8)
    top.tick_params(direction="in", labelsize=7)


def _inverse(value: ArrayLike) -> ArrayLike:
    """1000/x, and zero at zero: matplotlib asks for it while it finds its limits."""
    value = np.asarray(value, dtype=float)
    return np.divide(1000.0, value, out=np.zeros_like(value), where=value != 0)
