"""Figures of the ranking: energies above hull, and the diagram that the end members allow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mlipsse.campaign.config.campaign import EnumerateConfig
from mlipsse.campaign.crystals.system import System, atoms_per_unit
from mlipsse.campaign.engine import paths
from mlipsse.campaign.stages.rank.ranking import Ranked
from mlipsse.energetics.hull.simplex import tie_lines
from mlipsse.report.figures.formation import formation_plot
from mlipsse.report.figures.hull import hull_plot
from mlipsse.report.figures.style import (
    DOUBLE_COLUMN_IN,
    SINGLE_COLUMN_IN,
    formula_label,
    new_figure,
    save_figure,
)
from mlipsse.report.figures.ternary import ternary_plot

_MANY = 6  # compositions that a column's width has room for

Table = Sequence[Mapping[str, Any]]


def save_hull_figures(
    ranked: Sequence[Ranked], table: Table, config: EnumerateConfig, system: System, folder: Path
) -> list[Path]:
    """Write `hull`, and `formation` or `ternary` where the system has that diagram.

    A diagram of other end members than these, from a run before, is removed.

    Parameters
    ----------
    table : rows of `compositions.csv`
    """
    good = [entry for entry in ranked if entry.reason is None]
    figures = {paths.Rank.hull_figure: _hull(good, config)}
    if system.diagram == "formation":
        figures[paths.Rank.formation_figure] = _formation(good, table, system)
    if system.diagram == "ternary":
        figures[paths.Rank.ternary_figure] = _ternary(table, system)
    for diagram in (paths.Rank.formation_figure, paths.Rank.ternary_figure):
        for stale in diagram.names if diagram not in figures else ():
            (folder / stale).unlink(missing_ok=True)
    return [
        path
        for place, figure in figures.items()
        for path in save_figure(figure, folder / place.name)
    ]


def _hull(good: Sequence[Ranked], config: EnumerateConfig) -> Figure:
    formulas = config.formulas
    energies_meV_atom: dict[str, list[float]] = {formula: [] for formula in formulas}
    for entry in good:
        energies_meV_atom[entry.row.composition].append(1000 * (entry.above_hull_eV_atom or 0.0))
    many = len(formulas) > _MANY
    figure, (axes,) = new_figure(
        width_in=DOUBLE_COLUMN_IN if many else SINGLE_COLUMN_IN, height_in=3.0 if many else None
    )
    labels = [formula_label(formula) for formula in formulas]
    hull_plot(axes, labels, list(energies_meV_atom.values()))
    return figure


def _formation(good: Sequence[Ranked], table: Table, system: System) -> Figure:
    stable = {row["lowest_ordering"] for row in table if row["stable"] == "yes"}
    first, second = system.end_members
    figure, (axes,) = new_figure()
    formation_plot(
        axes,
        np.array([float(system.coordinates[entry.row.composition][1]) for entry in good]),
        1000 * np.array([entry.formation_eV_atom for entry in good], dtype=float),
        np.array([entry.row.name in stable for entry in good]),
        end_members=(first, second),
        atoms_per_unit=(atoms_per_unit(first), atoms_per_unit(second)),
    )
    return figure


def _ternary(table: Table, system: System) -> Figure:
    fractions = np.array(
        [[float(part) for part in system.coordinates[row["composition"]]] for row in table]
    )
    first, second, third = system.end_members
    sizes = np.array([atoms_per_unit(name) for name in system.end_members])
    formed_eV_atom = np.array([row["formation_energy_eV_atom"] for row in table], dtype=float)
    stable = np.array([row["stable"] == "yes" for row in table])
    on_hull = np.flatnonzero(stable)
    lines = tie_lines(fractions[stable], (formed_eV_atom * (fractions @ sizes))[stable])
    figure, (axes,) = new_figure(height_in=2.75)
    ternary_plot(
        axes,
        fractions,
        1000 * np.array([row["energy_above_hull_eV_atom"] for row in table], dtype=float),
        stable,
        corners=(first, second, third),
        tie_lines=on_hull[lines],
    )
    return figure
