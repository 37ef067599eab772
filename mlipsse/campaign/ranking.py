"""Relaxed orderings with their energies above the hull, and the table of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlipsse.campaign.config import EnumerateConfig
from mlipsse.campaign.database import Row
from mlipsse.energetics.hull import energy_above_hull, formation_energy
from mlipsse.errors import MlipsseError


@dataclass(frozen=True)
class Ranked:
    """A relaxed ordering with what the ranking says of it; energies None when left out."""

    row: Row
    steps: int
    reason: str | None
    above_hull_eV_atom: float | None = None
    formation_eV_atom: float | None = None


def relaxed_row(row: Row, answer: dict[str, Any]) -> Ranked:
    """An ordering with what its relaxation came to."""
    values = {**row.values, "energy_eV": answer["energy_eV"]}
    return Ranked(Row(answer["atoms"], values), answer["steps"], answer["reason"])


def with_hull(relaxed: Sequence[Ranked], config: EnumerateConfig) -> list[Ranked]:
    """The hull of all converged structures; all energies come from the one potential.

    Raises
    ------
    MlipsseError
        when no ordering of a composition was relaxed.
    """
    good = [entry for entry in relaxed if entry.reason is None]
    lowest = {
        formula: _one_of(formula, good, relaxed).row.atoms.symbols.formula.count()
        for formula in config.formulas
    }
    counts = [entry.row.atoms.symbols.formula.count() for entry in good]
    energies = np.array([entry.row.values["energy_eV"] for entry in good])
    above = energy_above_hull(counts, energies)
    corners = [lowest[formula] for formula in config.end_members]
    formed = formation_energy(counts, energies, end_members=corners) if corners else None
    place = {entry.row.name: index for index, entry in enumerate(good)}
    result = []
    for entry in relaxed:
        index = place.get(entry.row.name)
        if index is not None:
            hull = float(above[index])
            values = {**entry.row.values, "energy_above_hull_eV_atom": hull}
            formation = None if formed is None else float(formed[index])
            entry = Ranked(Row(entry.row.atoms, values), entry.steps, None, hull, formation)
        result.append(entry)
    return result


def _one_of(formula: str, good: Sequence[Ranked], tried: Sequence[Ranked]) -> Ranked:
    for entry in good:
        if entry.row.composition == formula:
            return entry
    reasons = [entry.reason for entry in tried if entry.row.composition == formula]
    raise MlipsseError(
        f"No ordering of {formula} could be relaxed ({len(reasons)} tried; the first: "
        f"{reasons[0]}). Raise rank.max_steps or rank.max_force_eV_A, or take another "
        "rank.foundation."
    )


def hull_row(entry: Ranked, coordinates: Mapping[str, float]) -> dict[str, Any]:
    """Row of `hull.csv`; `coordinates` are columns that say where the composition lies."""
    values = entry.row.values
    energy = values["energy_eV"]
    return {
        "composition": entry.row.composition,
        **coordinates,
        "ordering": entry.row.name,
        "energy_eV_atom": None if energy is None else energy / len(entry.row.atoms),
        "energy_above_hull_eV_atom": entry.above_hull_eV_atom,
        "formation_energy_eV_atom": entry.formation_eV_atom,
        "ewald_energy_eV": values["ewald_energy_eV"],
        "steps": entry.steps,
        "left_out": entry.reason or "",
    }
