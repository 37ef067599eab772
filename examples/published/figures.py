"""Draw the published study's results beside the published numbers.

    python figures.py liybc FOLDER

FOLDER gets PNG and SVG files: hull and map over the triangle, Arrhenius lines, and ours against the
published numbers. It draws the compositions that have a result.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from run import FAMILIES, GROUND_STATES, HERE, productions, result_of

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.table import read_csv
from mlipsse.report.figures.style import (
    DOUBLE_COLUMN_IN,
    colour,
    dress,
    formula_label,
    marker,
    new_figure,
    save_figure,
)
from mlipsse.report.figures.ternary import ternary_plot
from mlipsse.report.page.estimate import conductivity_at
from mlipsse.report.page.published import (
    GRID_TEMPERATURE_K,
    Quantity,
    our_estimate,
    published_of,
)
from mlipsse.report.transport_figures.map import spans_a_map, transport_map_plot
from mlipsse.units import BOLTZMANN_EV_K

CORNERS: Mapping[str, tuple[str, str, str]] = {"liybc": ("Li3InCl6", "Li3InBr6", "Li3YBr6")}
"""End members at the lower left, lower right and top."""
PLANES = ("ab", "ac")
TWICE = np.array([0.5, 2.0])

Entry = Mapping[str, Any]


def main() -> None:
    """Draw the figures of a family."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=sorted(CORNERS))
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    family, folder = HERE / arguments.family, arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    phases = read_csv(family / GROUND_STATES / paths.Export.reranked_compositions.name)
    entries = dict(transport_entries(family))
    triangle(phases, entries, CORNERS[family.name], folder / f"{family.name}-triangle")
    if entries:
        arrhenius(entries, folder / f"{family.name}-arrhenius")
        parity(entries, folder / f"{family.name}-parity")


def transport_entries(family: Path) -> Iterator[tuple[str, Entry]]:
    """(composition, its part of the summary), of those that have a result."""
    for name, _ in productions(family):
        if name not in FAMILIES[family.name].checks and (summary := result_of(family, name)):
            (entry,) = summary["compositions"]
            yield name, entry


def triangle(
    phases: Sequence[Mapping[str, str]],
    entries: Mapping[str, Entry],
    corners: tuple[str, str, str],
    path: Path,
) -> None:
    """Energies above hull and, where three compositions span it, activation energies."""
    fractions = {
        row["composition"]: [float(row[f"x_{corner}"]) for corner in corners] for row in phases
    }
    known = np.array([fractions[name] for name in entries])
    mapped = len(known) > 0 and spans_a_map(known)
    figure, axes = new_figure(
        width_in=DOUBLE_COLUMN_IN if mapped else DOUBLE_COLUMN_IN / 2,
        height_in=3.0,
        columns=2 if mapped else 1,
    )
    ternary_plot(
        axes[0],
        np.array(list(fractions.values())),
        np.array([1000 * float(row["energy_above_hull_eV_atom"]) for row in phases]),
        np.array([row["stable"] == "yes" for row in phases]),
        corners=corners,
    )
    if mapped:
        found = [conductivity_at(entry, GRID_TEMPERATURE_K) for entry in entries.values()]
        transport_map_plot(
            axes[1],
            known,
            np.array([entry["activation_energy_eV"] for entry in entries.values()], float),
            np.array([np.nan if one is None else one.value for one in found]),
            corners=corners,
            temperature_K=GRID_TEMPERATURE_K,
        )
    save_figure(figure, path)


def arrhenius(entries: Mapping[str, Entry], path: Path) -> None:
    """A panel for each composition: our runs, and the line that the publication implies.

    Published are D at 800 K in two planes and the activation energy; the line goes through the mean
    of the planes.
    """
    columns = min(4, len(entries))
    rows = -(-len(entries) // columns)
    figure, axes = new_figure(
        width_in=DOUBLE_COLUMN_IN, height_in=1.9 * rows, columns=columns, rows=rows
    )
    for unused in axes[len(entries) :]:
        unused.remove()
    panels = axes[: len(entries)]
    for place, (panel, (name, entry)) in enumerate(zip(panels, entries.items(), strict=True)):
        kelvin, value, std = (
            np.array(entry[key])
            for key in ("temperature_K", "diffusivity_cm2_s", "diffusivity_std_cm2_s")
        )
        down = np.minimum(std, 0.95 * value)
        style = {"fmt": "o", "color": colour(0), "markersize": 3.5, "capsize": 2, "linewidth": 0.9}
        panel.errorbar(1000 / kelvin, value, yerr=[down, std], label="ours", **style)
        line = np.linspace(kelvin.min(), kelvin.max(), 30)
        if entry["activation_energy_eV"] is not None:
            fitted = entry["prefactor_cm2_s"] * np.exp(
                -entry["activation_energy_eV"] / (BOLTZMANN_EV_K * line)
            )
            panel.plot(1000 / line, fitted, color=colour(0), linewidth=0.9)
        published = {one.quantity: one.value for one in published_of(name) if not one.of}
        if {"Ea", "D_ab", "D_ac"} <= published.keys():
            inverse = 1 / line - 1 / GRID_TEMPERATURE_K
            there = (published["D_ab"] + published["D_ac"]) / 2
            values = there * np.exp(-published["Ea"] / BOLTZMANN_EV_K * inverse)
            panel.plot(1000 / line, values, "--", color=colour(1), linewidth=1.1, label="published")
        panel.set_yscale("log")
        panel.set_title(formula_label(name))
        dress(panel)
        panel.title.set_fontsize(6.5)
        if place % columns == 0:
            panel.set_ylabel("D (cm²/s)")
        if place + columns >= len(entries):
            panel.set_xlabel("1000 / T (1/K)")
    low, high = np.array([panel.get_ylim() for panel in panels]).T
    for panel in panels:
        panel.set_ylim(low.min() / 1.5, high.max())
    panels[0].legend(fontsize=6.5, frameon=False, loc="lower left")
    save_figure(figure, path)


def parity(entries: Mapping[str, Entry], path: Path) -> None:
    """Ours against the published: activation energies, and diffusivities in planes at 800 K."""
    figure, (left, right) = new_figure(width_in=DOUBLE_COLUMN_IN, columns=2, height_in=3.2)
    draw_parity(left, entries, ("Ea", "Ea_ab", "Ea_ac"), "activation energy (eV)")
    draw_parity(right, entries, ("D_ab", "D_ac"), "D at 800 K (cm²/s)")
    right.set_xscale("log")
    right.set_yscale("log")
    for axes in (left, right):
        limits = np.array([*axes.get_xlim(), *axes.get_ylim()])
        both = np.array([limits.min(), limits.max()])
        axes.plot(both, both, color="0.4", linewidth=0.8, zorder=0)
        if axes is right:
            axes.fill_between(both, *(both * factor for factor in TWICE), color="0.92", zorder=-1)
        axes.set_xlim(*both)
        axes.set_ylim(*both)
        axes.set_aspect("equal")
        axes.legend(fontsize=6.5, frameon=False, loc="lower right")
    save_figure(figure, path)


def draw_parity(
    axes: Axes, entries: Mapping[str, Entry], quantities: Sequence[Quantity], what: str
) -> None:
    """A series of points for each quantity."""
    names = {"": "all directions", "ab": "ab plane", "ac": "ac plane"}
    for quantity in quantities:
        plane = quantity.partition("_")[2]
        index = ("", *PLANES).index(plane)
        pairs = [
            (one.value, ours.value, ours.std or 0.0)
            for name, entry in entries.items()
            for one in published_of(name)
            if one.quantity == quantity and not one.of and (ours := our_estimate(entry, one))
        ]
        if pairs:
            theirs, value, std = np.array(pairs).T
            axes.errorbar(
                theirs,
                value,
                yerr=[np.minimum(std, 0.95 * value), std],
                fmt=marker(index),
                color=colour(index),
                markersize=4,
                linewidth=0.8,
                capsize=2,
                label=names[plane],
            )
    axes.set_xlabel(f"published {what}")
    axes.set_ylabel(f"our {what}")
    dress(axes)


if __name__ == "__main__":
    main()
