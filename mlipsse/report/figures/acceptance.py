"""What a model showed of itself before its release, in four panels."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlipsse.report.figures.style import (
    DOUBLE_COLUMN_IN,
    colour,
    dress,
    marker,
    new_figure,
    place_legend,
)

_LOWEST_EV, _HIGHEST_EV = -2.0, 12.0
"""What of a wall is drawn: holes show, and thousands of eV would flatten them."""


def acceptance_figure(curves: Mapping[str, Any]) -> Figure:
    """Equation of state, energy at constant energy, g(r) and walls of one crystal.

    Parameters
    ----------
    curves : of `mlipsse.potential.acceptance.AcceptanceReport`; a panel without any states it
    """
    figure, panels = new_figure(width_in=DOUBLE_COLUMN_IN, columns=2, rows=2)
    draw_equations_of_state(panels[0], curves)
    draw_constant_energy(panels[1], curves)
    draw_distributions(panels[2], curves)
    draw_walls(panels[3], curves)
    for axes in panels:
        dress(axes)
        place_legend(axes)
        if not axes.has_data():
            axes.text(0.5, 0.5, "not run", transform=axes.transAxes, ha="center", color="0.4")
    return figure


def draw_equations_of_state(axes: Axes, curves: Mapping[str, Any]) -> Axes:
    """Energy against volume, of the model and of what its volume is compared with."""
    names = {"equation_of_state": "model", "reference_equation_of_state": "reference"}
    for index, (key, name) in enumerate(names.items()):
        if scan := curves.get(key):
            axes.plot(
                scan["volume_A3_atom"],
                scan["energy_meV_atom"],
                color=colour(index),
                marker=marker(index),
                markersize=3,
                linewidth=1,
                label=name,
            )
    axes.set_xlabel("volume (Å³/atom)")
    axes.set_ylabel("energy above lowest (meV/atom)")
    return axes


def draw_constant_energy(axes: Axes, curves: Mapping[str, Any]) -> Axes:
    """Total energy of the run without a thermostat."""
    if run := curves.get("constant_energy"):
        axes.plot(run["time_ps"], run["energy_meV_atom"], color=colour(0), linewidth=0.7)
    axes.set_xlabel("time at constant energy (ps)")
    axes.set_ylabel("total energy, change (meV/atom)")
    return axes


def draw_distributions(axes: Axes, curves: Mapping[str, Any]) -> Axes:
    """g(r) of each pair of elements, one above the other: model in colour, reference in black."""
    raised = 0.0
    for index, pair in enumerate(curves.get("distributions", ())):
        highest = max([*pair["model"], *pair["reference"]]) or 1.0
        for key, look in (("reference", "k"), ("model", colour(index % 6))):
            axes.plot(
                pair["r_A"],
                [raised + value / highest for value in pair[key]],
                color=look,
                linewidth=0.7 if key == "reference" else 1.1,
                linestyle="--" if key == "reference" else "-",
            )
        axes.text(pair["r_A"][0], raised + 0.15, pair["pair"], fontsize=6, color=colour(index % 6))
        raised += 1.0
    axes.set_yticks([])
    axes.set_xlabel("r (Å)")
    axes.set_ylabel("g(r), scaled (dashed: reference)")
    return axes


def draw_walls(axes: Axes, curves: Mapping[str, Any]) -> Axes:
    """Energy against the distance of two atoms pushed together, for every pair of elements."""
    for index, wall in enumerate(curves.get("walls", ())):
        axes.plot(
            wall["distance_A"],
            wall["energy_eV"],
            color=colour(index),
            linestyle=("-", "--", ":")[index // 7 % 3],
            linewidth=1,
            label=wall["pair"],
        )
    axes.set_ylim(_LOWEST_EV, _HIGHEST_EV)
    axes.set_xlabel("distance (Å)")
    axes.set_ylabel("energy (eV)")
    return axes
